"""What every answer of the app has, whoever gives it: request ids, one shape of errors, bare paths, safe headers."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from sheda.core import errors, health, problems, views
from sheda.core.actor import request_id
from sheda.core.cookies import LeanCookies
from sheda.core.db import undo_open
from sheda.core.errors import Refusal

log = logging.getLogger(__name__)

API_PREFIX = "/api/v1"

PLAIN_TYPES = frozenset(("Content-Type", kind) for kind in views.PLAIN)

PLAIN_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
"""Of answers that no browser shows as a page."""

FAULTS: dict[int, type[Refusal]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.NotAllowed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMedia,
    429: errors.TooMany,
    503: errors.Unavailable,
}


class Porch:
    """What comes before the app: bare paths of the API get their prefix, and plain answers their constant headers.

    So there is never a second set of handlers, and no header is looked at twice.
    """

    def __init__(self, app: Flask) -> None:
        self._wsgi = app.wsgi_app
        self._app = app
        self._segments: frozenset[str] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Put the prefix before a bare path of the API, and pass the request on."""
        path = environ.get("PATH_INFO", "")
        if self._segments is None:
            rules = (str(rule) for rule in self._app.url_map.iter_rules())
            self._segments = frozenset(rule.split("/")[3] for rule in rules if rule.startswith(f"{API_PREFIX}/"))
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        if first and first in self._segments:
            environ = {**environ, "PATH_INFO": API_PREFIX + path}
        found: Iterable[bytes] = self._wsgi(environ, partial(_start, start_response))
        return found


def _start(start_response: Callable[..., Any], status: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
    plain = not PLAIN_TYPES.isdisjoint(headers)
    return start_response(status, [*headers, *PLAIN_HEADERS] if plain else headers, *fault)


def install(app: Flask) -> None:
    """Install error handlers, headers, bare paths and the way with cookies."""
    app.session_interface = LeanCookies()
    views.install(app)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_fault)
    app.register_error_handler(Exception, _broken)
    app.before_request(_begin)
    app.after_request(_finish)
    app.wsgi_app = Porch(app)  # type: ignore[method-assign]


def _begin() -> None:
    g.began = time.monotonic()


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id() or ""
    route = str(request.url_rule) if request.url_rule else "none"
    answered, seconds = health.counters(request.method if request.url_rule else "any", route, response.status_code)
    answered.inc()
    seconds.observe(time.monotonic() - g.get("began", time.monotonic()))
    return response


def _refused(refusal: Refusal) -> Response:
    undo_open()
    return views.error_page(refusal) if views.is_page() else problems.problem(refusal, request_id())


def _http_fault(fault: HTTPException) -> Any:
    if fault.code is None or fault.code < 400 or fault.response is not None:
        return fault
    refusal = FAULTS.get(fault.code, errors.BadRequest)()
    if fault.code == 405:
        refusal.headers.update({name: value for name, value in fault.get_headers() if name == "Allow"})
    return _refused(refusal)


class Broken(Refusal):
    """Say that Sheda failed, without saying how."""

    status = 500
    code = "internal_error"
    detail = "Something went wrong on our side. Nothing was changed; try again, or report the request id."


def _broken(fault: Exception) -> Response:
    log.error("request %s %s %s failed", request_id(), request.method, request.path, exc_info=fault)
    return _refused(Broken())
