"""Frames: what is sent of a happening, as JSON that PostgreSQL builds, the same as the API says of the same thing."""

import json
from collections.abc import Collection, Iterable

from sheda.chat.wire import MESSAGE
from sheda.core.db import read
from sheda.live.log import Batch, Happening
from sheda.notifications.wire import NOTICE

# Of a conversation's messages each names the one before it: ids grow in the order of commits, so a reader who has that
# one has missed nothing.
_MESSAGES = f"""SELECT m.id, m.sender_id, m.receiver_id, json_build_object('previous_id',
  (SELECT max(p.id) FROM messages p WHERE p.conversation_id = m.conversation_id AND p.id < m.id),
  'message', {MESSAGE}::json)::text
 FROM messages m WHERE m.id = ANY(:ids) ORDER BY m.id"""

_NOTICES = f"SELECT id, {NOTICE} FROM notifications WHERE id = ANY(:ids)"

_MOVES = """SELECT id, json_build_object('type', CASE subject_type WHEN 'appointments' THEN 'appointment'
  WHEN 'payments' THEN 'payment' ELSE 'contract' END, 'id', subject_id, 'move', move, 'from', from_state,
  'to', to_state, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
 FROM history WHERE id = ANY(:ids)"""

Told = tuple[Happening, str]
"""A happening, and its frame for one person: JSON text without its closing brace."""

_STATEMENTS = {"message": _MESSAGES, "notice": _NOTICES, "move": _MOVES}


def frames_for(happenings: Iterable[Happening], people: Collection[int]) -> dict[int, list[Told]]:
    """Return each person's frames in their order; `session` is no frame, it is for the process itself."""
    wanted = [one for one in happenings if any(person in people for person in one.people)]
    bodies: dict[str, dict[int, str]] = {}
    for kind, statement in _STATEMENTS.items():
        ids = [one.ref_id for one in wanted if one.kind == kind]
        bodies[kind] = {row[0]: row[-1] for row in read(statement, ids=ids)} if ids else {}
    found: dict[int, list[Told]] = {}
    for one in wanted:
        for person in one.people:
            if person in people and (frame := _frame(one, person, bodies)):
                found.setdefault(person, []).append((one, frame))
    return found


def _frame(one: Happening, person: int, bodies: dict[str, dict[int, str]]) -> str | None:
    if one.kind == "session":
        return None
    other = one.other_id if person == one.one_id else one.one_id
    if one.kind in {"read", "delivered"}:
        # `other_id` is whose reading or device it is; `one_id` wrote the messages.
        return f'{{"type": "{one.kind}", "with": {other}, "user_id": {one.other_id}, "up_to": {one.ref_id}'
    body = bodies[one.kind].get(one.ref_id or 0)
    if body is None:
        return None
    if one.kind == "message":
        return f'{{"type": "message", "with": {other}, {body[1:-1]}'
    return f'{{"type": "notification", "notification": {body}' if one.kind == "notice" else body[:-1]


def with_positions(told: list[Told], batch: Batch) -> list[str]:
    """Return one person's frames of a batch, each with the position of whoever has received it."""
    last = len(told) - 1
    positions = (batch.position if place == last else batch.position_after(one) for place, (one, _) in enumerate(told))
    return [
        f'{frame}, "position": {json.dumps(str(position))}}}'
        for (_, frame), position in zip(told, positions, strict=True)
    ]


def message_frames(ids: list[int], person: int) -> list[str]:
    """Return the frames of messages for one of their two people, without positions, in the order of ids."""
    return [
        f'{{"type": "message", "with": {receiver if person == sender else sender}, {body[1:-1]}}}'
        for _, sender, receiver, body in (read(_MESSAGES, ids=ids) if ids else [])
    ]


def as_event(frame: str) -> str:
    """Write a frame as a server-sent event, its position as the event's id."""
    position = json.loads(frame).get("position")
    return f"id: {position}\ndata: {frame}\n\n" if position else f"data: {frame}\n\n"
