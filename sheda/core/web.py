"""What every answer of the app has, whoever gives it: request ids, one shape of errors, bare paths, safe headers."""

import logging
import time
from collections.abc import Callable, Iterable
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


class BarePaths:
    """Answer the API's paths without their prefix too, by putting it before them: never a second set of handlers."""

    def __init__(self, app: Flask) -> None:
        self._wsgi = app.wsgi_app
        self._app = app
        self._segments: frozenset[str] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Put the prefix before a bare path of the API."""
        path = environ.get("PATH_INFO", "")
        if self._segments is None:
            rules = (str(rule) for rule in self._app.url_map.iter_rules())
            self._segments = frozenset(rule.split("/")[3] for rule in rules if rule.startswith(f"{API_PREFIX}/"))
        first = path.split("/", 2)[1] if path.startswith("/") else ""
        if first and first in self._segments:
            environ = {**environ, "PATH_INFO": API_PREFIX + path}
        found: Iterable[bytes] = self._wsgi(environ, start_response)
        return found


def install(app: Flask) -> None:
    """Install error handlers, headers, bare paths and the way with cookies."""
    app.session_interface = LeanCookies()
    views.install(app)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_fault)
    app.register_error_handler(Exception, _broken)
    app.before_request(_begin)
    app.after_request(_finish)
    app.wsgi_app = BarePaths(app)  # type: ignore[method-assign]


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
