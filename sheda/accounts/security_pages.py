"""The page on which somebody looks after his own sign-in: its second step, his sessions, his password."""

from typing import Any
from urllib.parse import quote

import segno
from flask import redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from markupsafe import Markup

from sheda.accounts import enrolment, services
from sheda.accounts.language import speak
from sheda.core import widgets
from sheda.core.actor import current_actor
from sheda.core.languages import LANGUAGES, REVIEWED, present
from sheda.core.views import DOOR, DeskView, perform, sent

LONGEST_CODE = 40


class SecurityView(DeskView):
    """One's own sign-in."""

    route_base = "/admin/security"
    class_permission_name = "TwoFactor"
    default_view = "show"
    method_permission_name = {
        "show": "read",
        "begin": "update",
        "confirm": "update",
        "renew": "update",
        "turn_off": "update",
        "sign_out": "update",
        "password": "update",
        "language": "update",
    }

    @expose("/")
    @has_access
    def show(self) -> Any:
        """Say how safe one's sign-in is, and what can be done about it."""
        return self._page([])

    @expose("/begin", methods=["POST"])
    @has_access
    def begin(self) -> Any:
        """Make a secret for one's app; the page then shows it."""
        perform(lambda: enrolment.begin(current_actor()))
        return redirect(url_for(f"{self.endpoint}.show", _anchor="two-step"))

    @expose("/confirm", methods=["POST"])
    @has_access
    def confirm(self) -> Any:
        """Turn the second step on by the app's first code, and show the recovery codes on this page alone."""
        codes = perform(
            lambda: enrolment.confirm(current_actor(), password=sent("password"), code=_code()),
            "Two-step sign-in is on.",
        )
        return self._page(codes) if codes else self._back()

    @expose("/codes", methods=["POST"])
    @has_access
    def renew(self) -> Any:
        """Make new recovery codes, and show them on this page alone."""
        codes = perform(
            lambda: enrolment.renew_codes(current_actor(), password=sent("password"), code=_code()),
            "The codes before open nothing any more.",
        )
        return self._page(codes) if codes else self._back()

    @expose("/off", methods=["POST"])
    @has_access
    def turn_off(self) -> Any:
        """Turn the second step off."""
        perform(
            lambda: enrolment.turn_off(current_actor(), password=sent("password"), code=_code()),
            "Two-step sign-in is off.",
        )
        return self._back()

    @expose("/sign-out", methods=["POST"])
    @has_access
    def sign_out(self) -> Any:
        """End every session of one's own, this one too."""
        perform(lambda: services.sign_out_oneself(current_actor()), "Signed out everywhere. Sign in again.")
        return redirect(url_for(DOOR))

    @expose("/password", methods=["POST"])
    @has_access
    def password(self) -> Any:
        """Change one's password; every session ends, this one too."""
        changed = perform(
            lambda: services.change_password(current_actor(), sent("current_password"), sent("new_password")),
            "Your password is changed. Sign in with the new one.",
        )
        return redirect(url_for(DOOR)) if changed else self._back()

    @expose("/language", methods=["POST"])
    @has_access
    def language(self) -> Any:
        """Choose the language of the menu and of mails."""
        chosen = sent("language")
        perform(lambda: speak(current_actor(), chosen), "Your language is changed.")
        return self._back()

    def _back(self) -> Any:
        return redirect(url_for(f"{self.endpoint}.show"))

    def _page(self, codes: list[str]) -> Any:
        actor = current_actor()
        standing = enrolment.standing(actor)
        kept = "\n".join(["Sheda recovery codes: each signs you in once, without your telephone.", *codes, ""])
        page = {
            "since": widgets.moment(standing.since) if standing.since else "",
            "left": standing.codes_left,
            "is_required": standing.is_required,
            "is_held": actor.is_held and not codes,
            "secret": " ".join(standing.secret[at : at + 4] for at in range(0, len(standing.secret), 4)),
            "uri": standing.uri,
            "picture": _picture(standing.uri) if standing.uri else "",
            "codes": codes,
            "download": f"data:text/plain;charset=utf-8,{quote(kept)}" if codes else "",
            "languages": [
                (code, name if code in REVIEWED else f"{name} (unreviewed translation)", code == present())
                for code, name in LANGUAGES.items()
            ],
            "sessions": [
                (widgets.moment(one.created_at), widgets.moment(one.expires_at), str(one.id) == actor.session)
                for one in enrolment.sessions_of(actor.user_id)
            ],
        }
        return self.render_template("admin/security.html", title="Security", page=page)


def _code() -> str:
    return sent("code")[:LONGEST_CODE]


def _picture(uri: str) -> Markup:
    """Draw what an app scans: black on white with its quiet zone, in either colour scheme."""
    drawn = segno.make(uri, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704  # drawn by the library from an address of ours, which it does not repeat as text
