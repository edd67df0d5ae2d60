"""The admin UI's cookie: read where one came, written where it changed, and no work at all for the API."""

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin


class Blank(SecureCookieSession):
    """The session of a request that brought no cookie."""


class LeanCookies(SecureCookieSessionInterface):
    """Flask's signed cookies, whose signer is made only for requests that bring or get one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return an empty session at once when no cookie came."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else Blank()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write nothing for a session that came and stayed empty; its answer does not vary by cookies either."""
        if session or session.modified or not isinstance(session, Blank):
            super().save_session(app, session, response)
