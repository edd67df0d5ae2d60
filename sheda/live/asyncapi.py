"""What is said on a socket, as AsyncAPI 3 describes it: made from the schemas that frames are checked by."""

import json
from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import current_app
from marshmallow import Schema

from sheda.core.fields import Moment

CLOSE_CODES = {
    "1001": "The server goes away: connect again.",
    "1009": "A frame was larger than 64 KiB.",
    "1012": "The server starts again: connect again, from your last position.",
    "1013": "You read too slowly, or something went wrong: connect again, from your last position.",
    "4401": "The session has ended: sign in again.",
    "4429": "You went on sending after frames were refused for their number.",
}


def document(inbound: Mapping[str, type[Schema]], outbound: Mapping[str, type[Schema]]) -> str:
    """Return the AsyncAPI document as JSON text, made once per process."""
    kept: str | None = current_app.extensions.get("asyncapi")
    if kept is None:
        kept = current_app.extensions["asyncapi"] = json.dumps(_document(inbound, outbound))
    return kept


def _document(inbound: Mapping[str, type[Schema]], outbound: Mapping[str, type[Schema]]) -> dict[str, Any]:
    spec, shapes = _converter()
    said = {f"say_{kind}": _message(kind, schema, shapes) for kind, schema in inbound.items()}
    told = {f"tell_{kind}": _message(kind, schema, shapes) for kind, schema in outbound.items()}
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in {**said, **told}}
    events = {name: messages[name] for name in told if name not in NOT_IN_EVENTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sheda live",
            "version": "v1",
            "description": "Frames are JSON text, one object each. Close codes: "
            + " ".join(f"{code}: {words}" for code, words in CLOSE_CODES.items()),
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {"address": "/api/v1/ws", "messages": messages, "description": "A WebSocket (RFC 6455)."},
            "events": {"address": "/api/v1/events", "messages": events, "description": "Server-sent events."},
        },
        "operations": {
            "say": _operation("receive", "socket", said, "What a client may send."),
            "tell": _operation("send", "socket", told, "What a client is sent."),
            "stream": _operation("send", "events", events, "What a client without a WebSocket is sent."),
        },
        "components": {"messages": {**said, **told}, "schemas": spec.to_dict()["components"]["schemas"]},
    }


NOT_IN_EVENTS = frozenset(f"tell_{kind}" for kind in ("sent", "done", "replayed", "refused", "pong", "presence"))


def _converter() -> tuple[APISpec, Any]:
    plugin = MarshmallowPlugin()
    spec = APISpec(title="frames", version="v1", openapi_version="3.1.0", plugins=[plugin])
    converter: Any = plugin.converter
    converter.add_attribute_function(_moment)
    return spec, converter


def _moment(_converter: Any, field: Any, **_options: Any) -> dict[str, Any]:
    return {"type": "string", "format": "date-time"} if isinstance(field, Moment) else {}


def _message(kind: str, schema: type[Schema], shapes: Any) -> dict[str, Any]:
    shape = shapes.schema2jsonschema(schema())
    shape["properties"] = {"type": {"const": kind}, **shape.get("properties", {})}
    shape["required"] = ["type", *shape.get("required", [])]
    doc = " ".join((schema.__doc__ or "").split())
    return {"name": kind, "summary": doc, "payload": {"type": "object", "additionalProperties": False, **shape}}


def _operation(action: str, channel: str, messages: Mapping[str, Any], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }
