"""What a client says on a socket: checked, done by the rooms' own services, and answered."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from marshmallow import ValidationError

from sheda.chat import services as chat
from sheda.core import limits
from sheda.core.actor import Actor
from sheda.core.api import read_json
from sheda.core.db import in_transaction
from sheda.core.errors import InvalidInput, NotAllowed, NotFound, Refusal, Unauthorized
from sheda.core.fields import RequestSchema, flatten
from sheda.live import replays, services

log = logging.getLogger(__name__)

Schemas = Mapping[str, RequestSchema]


@dataclass(frozen=True)
class Outcome:
    """What follows from a frame: frames in answer, and what is for the process itself to do."""

    frames: tuple[str, ...] = ()
    delivered: int | None = None
    typing_to: int | None = None
    watched: frozenset[int] | None = None
    session_ended: bool = False


def answer(schemas: Schemas, user_id: int, family: str, text: str) -> Outcome:
    """Do what one frame asks for, on behalf of a session; whatever is wrong with it is answered, never raised."""
    ref: Any = None
    kind: Any = None
    try:
        sent = read_json(text.encode())
        kind, ref = sent.pop("type", None), sent.get("ref")
        values = _schema(schemas, kind).take(sent)
        ref = values.pop("ref")
        actor = services.actor_of(user_id, family)
        if actor is None:
            return Outcome(session_ended=True)
        return DOERS[kind](actor, ref, values)
    except ValidationError as fault:
        return _refused(ref, kind, InvalidInput(errors=flatten(fault.messages)))
    except Unauthorized:
        return Outcome(session_ended=True)
    except Refusal as refusal:
        return _refused(ref, kind, refusal)
    except Exception:
        log.exception("a frame of the kind %s failed", kind if kind in schemas else "unknown")
        return _refused(ref, kind, Broken())


def _schema(schemas: Schemas, kind: Any) -> RequestSchema:
    found = schemas.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise InvalidInput.on("type", f"Send one of: {', '.join(sorted(schemas))}.")
    return found


class Broken(Refusal):
    """Say that Sheda failed, without saying how."""

    status = 500
    code = "internal_error"
    detail = "Something went wrong on our side. Try again in a moment."


def _refused(ref: Any, kind: Any, refusal: Refusal) -> Outcome:
    frame = {
        "type": "refused",
        "ref": ref if isinstance(ref, str) and len(ref) <= 64 else None,  # noqa: PLR2004 - as the schema has it
        "of": kind if isinstance(kind, str) and kind in DOERS else None,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "errors": refusal.errors,
    }
    return Outcome((json.dumps(frame),))


def _done(ref: str | None, **more: Any) -> tuple[str, ...]:
    return (json.dumps({"type": "done", "ref": ref, **more}),) if ref is not None or more else ()


def _require(actor: Actor, action: str) -> None:
    granted = current_app.appbuilder.sm.grants_of(actor.role.value)  # type: ignore[attr-defined]
    if (f"can_{action}", "Chat") not in granted:
        raise NotAllowed


def _send(actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    _require(actor, "send")
    if values.pop("sender_id") not in {None, actor.id}:
        raise InvalidInput.on("sender_id", "The sender is whoever sends the frame; leave this out.")
    limits.hit("chat", str(actor.user_id))
    receiver, message = values.pop("receiver_id"), values.pop("message")
    sent = in_transaction(lambda: chat.send(actor, receiver, message, **values))
    return Outcome((json.dumps({"type": "sent", "ref": ref, "id": sent.id, "is_new": sent.is_new}),))


def _read(actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    _require(actor, "read")
    marked = in_transaction(lambda: chat.mark_read(actor, values["with_"], up_to=values["up_to"]))
    return Outcome(_done(ref, read=marked) if ref is not None else ())


def _delivered(_actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    return Outcome(_done(ref), delivered=values["message_id"])


def _typing(actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    other = values["with_"]
    if other not in services.acquainted(actor.user_id, [other]):
        raise NotFound("You have no conversation with this person.")
    return Outcome(_done(ref), typing_to=other)


def _watch(actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    known = services.acquainted(actor.user_id, set(values["with_"]))
    frames = []
    for other, delivered, seen in services.marks_of(actor.user_id, known):
        for kind, up_to in (("delivered", delivered), ("read", seen)):
            if up_to is not None:
                frames.append(json.dumps({"type": kind, "with": other, "user_id": other, "up_to": up_to}))
    return Outcome((*_done(ref), *frames), watched=frozenset(known))


def _replay(actor: Actor, ref: str | None, values: dict[str, Any]) -> Outcome:
    _require(actor, "read")
    return Outcome(tuple(replays.conversation(actor.user_id, values["with_"], values["after_id"], ref)))


def _ping(_actor: Actor, ref: str | None, _values: dict[str, Any]) -> Outcome:
    return Outcome((json.dumps({"type": "pong", "ref": ref}),))


DOERS: dict[str, Callable[[Actor, str | None, dict[str, Any]], Outcome]] = {
    "send": _send,
    "read": _read,
    "delivered": _delivered,
    "typing": _typing,
    "watch": _watch,
    "replay": _replay,
    "ping": _ping,
}
