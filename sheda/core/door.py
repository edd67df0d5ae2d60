"""The door of the admin UI: sign in, in two steps where somebody has a second one, and out."""

from typing import Any

from flask import Response, flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.views import AuthDBView
from flask_appbuilder.utils.base import is_safe_redirect_url
from flask_login import login_user

from sheda.core.actor import Actor, client_address
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal
from sheda.core.views import DOOR, HOME, visitor

SECOND_STEP = "totp_required"
"""The code of the refusal that asks for the second step, and carries its challenge."""

CHALLENGE = "sheda_challenge"
"""Where the cookie keeps the challenge between the two steps."""

LONGEST_CODE = 40


class DoorView(AuthDBView):
    """Sign in and out with a cookie; a room on the right says who may enter and what his session is."""

    route_base = ""

    def admit(self, identifier: str, password: str, *, address: str) -> tuple[Any, dict[str, Any]]:
        """Return the user who may enter and what the cookie remembers of his session; a Refusal for everybody else."""
        raise NotImplementedError

    def admit_by_code(self, challenge: str, code: str, *, address: str) -> tuple[Any, dict[str, Any]]:
        """Return the user whose second step a code ends, as `admit` does; a Refusal for a wrong code."""
        raise NotImplementedError

    def dismiss(self, actor: Actor) -> None:
        """End the session that this cookie stands for, on the server."""
        raise NotImplementedError

    def create_blueprint(self, appbuilder: Any, *args: Any, **options: Any) -> Any:
        """Be the door that Flask-AppBuilder's own pages lead to."""
        appbuilder.sm.auth_view = self
        return super().create_blueprint(appbuilder, *args, **options)

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        """Show the door, or open it."""
        inside = self._inside()
        if visitor().id is not None:
            return redirect(inside)
        identifier, refused = request.form.get("username", "").strip(), None
        if request.method == "POST":
            try:
                return self._open(
                    self.admit(identifier, request.form.get("password", ""), address=client_address()), inside
                )
            except Refusal as refusal:
                refused = refusal
                db.session.rollback()
        if refused is not None and refused.code == SECOND_STEP:
            session.clear()
            session[CHALLENGE] = refused.extra["challenge"]
            return redirect(url_for(f"{self.endpoint}.second_step", next=request.args.get("next") or None))
        action = url_for(DOOR, next=request.args.get("next") or None)
        return self._page("admin/login.html", refused, action=action, identifier=identifier)

    @expose("/login/code", methods=["GET", "POST"])
    def second_step(self) -> Any:
        """Ask for the code of the second step, or open the door by it."""
        inside, challenge = self._inside(), session.get(CHALLENGE)
        if visitor().id is not None or not challenge:
            return redirect(inside if visitor().id is not None else url_for(DOOR))
        refused: Refusal | None = None
        if request.method == "POST":
            code = request.form.get("code", "")[:LONGEST_CODE]
            try:
                return self._open(self.admit_by_code(challenge, code, address=client_address()), inside)
            except Refusal as refusal:
                refused = refusal
                db.session.rollback()
        if refused is not None and refused.code == "challenge_invalid":
            session.clear()
            flash(refused.detail, "warning")
            return redirect(url_for(DOOR))
        action = url_for(f"{self.endpoint}.second_step", next=request.args.get("next") or None)
        return self._page("admin/second_step.html", refused, action=action)

    def _inside(self) -> str:
        wanted = request.args.get("next", "")
        return wanted if wanted.startswith("/admin") and is_safe_redirect_url(wanted) else url_for(HOME)

    def _open(self, admitted: tuple[Any, dict[str, Any]], inside: str) -> Any:
        user, marks = admitted
        session.clear()
        session.permanent = True
        session.update(marks)
        login_user(user)
        return redirect(inside)

    def _page(self, template: str, refused: Refusal | None, **values: Any) -> Response:
        page = self.render_template(template, error=refused.detail if refused else "", **values)
        return Response(
            page,
            refused.status if refused else 200,
            refused.headers if refused else {},
            content_type="text/html; charset=utf-8",
        )

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Any:
        """End the session on the server, and forget the cookie."""
        actor = visitor()
        if actor.id is not None:
            in_transaction(lambda: self.dismiss(actor))
        session.clear()
        return redirect(url_for(DOOR))
