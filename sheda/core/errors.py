"""Refusals: every answer that is not the wished one, with a status, a stable code and words on what to do next."""

from http import HTTPStatus
from typing import Any, ClassVar


class Refusal(Exception):
    """Refuse a request with a status, a code and a sentence."""

    status: ClassVar[int] = 400
    code: str = "refused"
    detail: str = "The request was refused."
    keeps_work: ClassVar[bool] = False
    """Whether what was written before stays: a wrong try is counted, a replayed token ends its family."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.detail = detail or self.detail
        self.code = code or self.code
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """Return the standard phrase of the status."""
        return HTTPStatus(self.status).phrase


class BadRequest(Refusal):
    """Refuse what cannot be read at all: malformed JSON, cursor or Rison."""

    status = 400
    code = "bad_request"
    detail = "The request could not be read."


class Unauthorized(Refusal):
    """Refuse a request without a usable token."""

    status = 401
    code = "unauthorized"
    detail = "Sign in first: the token is missing, expired or no longer valid."

    def __init__(self, detail: str | None = None, **details: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="Sheda"'}, **details)


class NotAllowed(Refusal):
    """Refuse the right person in the wrong role."""

    status = 403
    code = "not_allowed"
    detail = "Your role may not do this."


class NotFound(Refusal):
    """Refuse what does not exist, or is not there for this person: both read the same."""

    status = 404
    code = "not_found"
    detail = "There is nothing here. It may have been removed, or it is not yours to see."


class MethodNotAllowed(Refusal):
    """Refuse a method that the address does not know."""

    status = 405
    code = "method_not_allowed"
    detail = "This address does not take that method."


class Conflict(Refusal):
    """Refuse what the present state does not allow."""

    status = 409
    code = "conflict"
    detail = "Somebody was faster, or the state has changed. Look again and retry."


class Stale(Refusal):
    """Refuse a change to something that has changed since it was read."""

    status = 412
    code = "stale"
    detail = "This has changed since you read it. Read it again before you change it."


class TooLarge(Refusal):
    """Refuse a body or a file over its limit."""

    status = 413
    code = "too_large"
    detail = "The upload is too large."


class UnsupportedMedia(Refusal):
    """Refuse a body of a kind that the address does not take."""

    status = 415
    code = "unsupported_media_type"
    detail = "Send this as JSON, with the header Content-Type: application/json."


class InvalidInput(Refusal):
    """Refuse readable input with wrong values, all fields at once."""

    status = 422
    code = "invalid_input"
    detail = "Some values are not valid; see errors."

    @classmethod
    def on(cls, field: str, message: str, **details: Any) -> "InvalidInput":
        """Build the refusal of one field."""
        return cls(message, errors=[{"field": field, "message": message}], **details)


class UpgradeRequired(Refusal):
    """Refuse an ordinary request where a WebSocket begins."""

    status = 426
    code = "upgrade_required"
    detail = "This address speaks WebSocket: open it with a WebSocket client. GET /api/v1/events needs none."

    def __init__(self, detail: str | None = None, **details: Any) -> None:
        super().__init__(detail, headers={"Upgrade": "websocket", "Connection": "Upgrade"}, **details)


class TooMany(Refusal):
    """Refuse a request over its rate; `retry_after` in seconds."""

    status = 429
    code = "too_many_requests"
    detail = "Too many requests. Wait a little, then try again."

    def __init__(self, detail: str | None = None, *, retry_after: int = 60, **details: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, retry_after))}, **details)


class Unavailable(Refusal):
    """Refuse because something Sheda depends on is down; `retry_after` in seconds."""

    status = 503
    code = "unavailable"
    detail = "A part that this needs is not reachable just now. Try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 5, **details: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **details)
