"""Refusals on the wire: one shape, `application/problem+json` (RFC 9457), for every kind of fault."""

import json
from typing import Any

from flask import Response

from sheda.core.errors import Refusal


def problem(refusal: Refusal, request_id: str | None) -> Response:
    """Write a refusal as a problem; `message` repeats `detail` for Flask-AppBuilder's clients."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "message": refusal.detail,
        "code": refusal.code,
        "errors": refusal.errors,
        "request_id": request_id,
        **refusal.extra,
    }
    response = Response(json.dumps(body), status=refusal.status, content_type="application/problem+json")
    response.headers.update(refusal.headers)
    return response


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "message"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "message": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "message": {"type": "string"}}},
        },
        "request_id": {"type": "string", "nullable": True},
    },
}
"""The OpenAPI schema of a problem."""
