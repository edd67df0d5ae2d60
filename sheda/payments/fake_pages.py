"""The fake gateway's own page, to be clicked through offline: it ends as a real gateway does, with a webhook."""

from typing import Any

from flask import redirect, url_for
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import Headers

from sheda.core.api import Raw
from sheda.core.errors import NotFound
from sheda.core.money import format_money
from sheda.core.views import perform, sent
from sheda.payments import webhooks
from sheda.payments.gateways import fake
from sheda.payments.gateways.wire import from_minor

CHOICES: dict[str, tuple[str, int]] = {"pay": ("paid", 0), "short": ("paid", 1), "fail": ("failed", 0)}
"""What each button does: the state of the checkout, and how many kobo are missing."""


class FakeCheckoutView(BaseView):
    """A till without money; it is there only where the fake gateway is."""

    route_base = "/fake-checkout"
    default_view = "show"

    @expose("/<reference>")
    def show(self, reference: str) -> Any:
        """Show what is to be paid."""
        charge = self._charge(reference)
        page = {
            "amount": format_money(from_minor(charge["amount"]), charge["currency"]),
            "label": charge["label"],
            "status": charge["status"],
            "back": charge["back"],
            "action": url_for(f"{self.endpoint}.settle", reference=reference),
        }
        return self.render_template("admin/fake_checkout.html", title="Fake gateway", page=page)

    @expose("/<reference>", methods=["POST"])
    def settle(self, reference: str) -> Any:
        """Pay, pay one kobo less, or fail: Sheda hears of it by a signed webhook."""
        self._charge(reference)
        choice = CHOICES.get(sent("choice"))
        if choice is not None:
            body, headers = fake.settle(reference, choice[0], short_by=choice[1])
            perform(lambda: webhooks.take("fake", Raw(body, Headers(headers))), "The gateway has told Sheda.")
        return redirect(url_for(f"{self.endpoint}.show", reference=reference))

    def _charge(self, reference: str) -> dict[str, Any]:
        charge = fake.find_charge(reference) if fake.is_open() else None
        if charge is None:
            raise NotFound
        return charge
