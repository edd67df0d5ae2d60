"""Contracts in the admin UI: what runs, what ends soon, and the papers."""

from datetime import timedelta
from typing import Any

from flask import Response
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy.orm import joinedload
from wtforms import IntegerField, validators

from sheda.contracts import services
from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.core import clock, widgets
from sheda.core.access import select_visible
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.states import Move
from sheda.core.views import deal_href, view_of, waits
from sheda.core.widgets import Card, Link, Section

SHOWN_AT_HOME = 10
ENDING_WITHIN = timedelta(days=30)

WORDS = {
    "pending": "Waits for the payment",
    "scheduled": "Starts later",
    "active": "Active",
    "renewed": "Renewed",
    "completed": "Handed over",
    "terminated": "Ended early",
    "expired": "Ended",
    "canceled": "Cancelled",
}


RENEW = Move(
    "renew",
    ("active",),
    "active",
    "AS",
    "Renew",
    reason="office",
    confirm="The other side is asked, and pays before it begins.",
)
"""Proposing and accepting a renewal is one act, which changes no state until it is paid."""


class ContractView(RoomView):
    """Tenancies and sales; their terms never change."""

    datamodel = RoomInterface(Contract)
    class_permission_name = "Contract"
    route_base = "/admin/contracts"
    method_permission_name = {**RoomView.method_permission_name, "document": "read"}
    nouns = ("contract", "contracts")
    icon = "doc"
    machine = CONTRACT
    words = WORDS
    moves = {
        "renew": lambda actor, number, *, periods, reason: services.renew(
            actor, number, periods=periods, reason=reason
        ),
        "complete": services.complete,
        "expire": services.expire,
        "terminate": services.terminate,
    }
    move_fields = {
        "renew": {
            "periods": IntegerField(
                "For how many more",
                [validators.InputRequired("Say for how many."), validators.NumberRange(1, 60, "Choose 1 to 60.")],
                default=1,
                description="Of the listing’s years, months, weeks or nights.",
            ),
        },
    }
    weighty = frozenset({"complete"})
    done = {
        "renew": "Noted. The other side has been told.",
        "complete": "Handed over. The property stays sold.",
        "expire": "Ended. The home is on the market again.",
        "terminate": "Noted. Both sides have been told.",
    }
    list_columns = ["client", "property", "amount", "start_date", "end_date", "status"]
    show_columns = [
        "reference",
        "client",
        "agent",
        "property",
        "contract_type",
        "amount",
        "start_date",
        "end_date",
        "ends_early_on",
        "activated_at",
        "ended_at",
    ]
    order_columns = ["start_date", "end_date", "amount"]
    base_order = ("id", "desc")
    search_columns = ["status", "contract_type", "end_date", "amount"]
    find_columns = (Contract.reference,)
    find_label = "Reference"
    choices = {"status": tuple(WORDS.items()), "contract_type": (("rent", "Rent"), ("sale", "Sale"))}
    label_columns = {
        "contract_type": "Kind",
        "start_date": "From",
        "end_date": "Until",
        "status": "State",
        "activated_at": "Began",
        "ended_at": "Ended",
        "ends_early_on": "Ends early on",
    }
    looks = {"amount": "s-num", "start_date": "s-p3", "property": "is-long s-p2"}
    list_options = (joinedload(Contract.client), joinedload(Contract.agent), joinedload(Contract.subject))
    empty = Empty("No contract yet", "A contract begins when you say that the money has reached you.")
    tabs = {
        "active": ("Active", lambda _actor: Contract.status == "active"),
        "ending": ("Ending in 30 days", lambda _actor: _ending()),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "client": lambda row: row.client.get_full_name(),
        "agent": lambda row: row.agent.get_full_name(),
        "property": lambda row: row.subject.title,
        "reference": lambda row: widgets.reference(row.reference),
        "amount": lambda row: widgets.money(row.amount, row.currency),
    }

    def own_routes(self) -> tuple[str, ...]:
        """Add the document."""
        return ("document",)

    def title_of(self, row: Contract) -> str:
        """Name a contract by its client and home."""
        return f"{row.client.get_full_name()}, {row.subject.title}"

    def links(self, _actor: Actor, row: Contract) -> list[Link]:
        """Lead to the document and the deal."""
        paper = Link("Read (PDF)", f"{self.route_base}/document/{row.id}", "doc")
        return [Link("Whole deal", deal_href(row), "deal"), paper]

    def rule(self, name: str) -> Move | None:
        """Know renewing beside the machine's own moves."""
        return RENEW if name == RENEW.name else super().rule(name)

    def possible(self, actor: Actor, row: Contract) -> list[Move]:
        """Offer a tenancy's moves for tenancies and a sale's for sales."""
        fitting = {"complete"} if row.contract_type == "sale" else {"expire", "terminate"}
        found = [move for move in super().possible(actor, row) if move.name in fitting]
        can_renew = row.contract_type == "rent" and row.status in RENEW.source and row.ends_early_on is None
        return [RENEW, *found] if can_renew else found

    @expose("/document/<pk>")
    @has_access
    def document(self, pk: str) -> Response:
        """Send the contract on paper, with the receipt of its payment."""
        row = self.row(pk)
        headers = {
            "Content-Disposition": f'inline; filename="{row.reference}.pdf"',
            "Cache-Control": "private, no-store",
        }
        return Response(services.document_of(row), content_type="application/pdf", headers=headers)


def _ending() -> Any:
    return (Contract.status == "active") & (Contract.end_date <= clock.today() + ENDING_WITHIN)


def _ending_words(row: Contract) -> str:
    end = row.end_date or clock.today()
    verb = "ran out" if end <= clock.today() else "ends"
    return f"{row.client.get_full_name()}’s contract {verb} on {widgets.day_words(end)}"


@waits
def contracts_ending(actor: Actor) -> Section | None:
    """Show the contracts that end within thirty days."""
    rows = db.session.scalars(
        select_visible(actor, Contract)
        .where(_ending())
        .options(joinedload(Contract.client), joinedload(Contract.subject))
        .order_by(Contract.end_date)
        .limit(SHOWN_AT_HOME)
    )
    view = view_of(ContractView)
    cards = [
        Card(
            "contract",
            _ending_words(row),
            deal_href(row),
            widgets.joined(
                row.subject.title,
                widgets.money(row.amount, row.currency),
                f"renewal asked by the {row.renewal_by}" if row.renewal_by else "nobody has asked for a renewal",
            ),
            clock=widgets.days_left(row.end_date),
            buttons=tuple(view.buttons(actor, row)),
        )
        for row in rows
    ]
    return Section("Contracts ending", cards, view.list_href("ending"), rank=40)
