"""Browser apps of other origins: exactly those that are configured, without cookies, preflights cached."""

from flask import Flask, Response, request

EXPOSED = (
    "ETag, Location, Retry-After, X-Request-ID, Idempotency-Replayed, "
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
)
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE"
PREFLIGHT_SECONDS = 86_400


def install(app: Flask) -> None:
    """Answer preflights and mark answers for the configured origins."""
    origins = frozenset(app.config["CORS_ORIGINS"])
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        return Response(status=204)

    @app.after_request
    def mark(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin not in origins or not request.path.startswith("/api/"):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response
