"""The admin UI's cookie: read where one came, written where it changed, and no work at all for the API."""

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin


class LeanCookies(SecureCookieSessionInterface):
    """Flask's signed cookies, whose signer is made only for requests that bring or get one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return an empty session at once when no cookie came."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write nothing for a session that stayed empty and that nobody looked into."""
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)
