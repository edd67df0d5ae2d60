"""What the process that holds sockets is told of a connection, and what is told where there is no such process."""

import json
from typing import Any

from sheda.core import handover
from sheda.core.actor import Actor
from sheda.live import log, positions, replays
from sheda.live.frames import as_event, frames_for, with_positions
from sheda.live.positions import Position

MOST_ROUNDS = 4
"""Batches that one answer without a held connection carries; the next one carries on."""


def for_socket(actor: Actor, query: dict[str, Any]) -> dict[str, Any]:
    """Describe a WebSocket; InvalidInput for a position that is none."""
    return _whose(actor, query) | {
        "kind": "websocket",
        "handshake": handover.handshake(),
        "protocols": handover.knock().protocols,
    }


def for_events(actor: Actor, query: dict[str, Any]) -> dict[str, Any]:
    """Describe a stream of events, which goes on from `Last-Event-ID` where the client sends one."""
    if last := handover.knock().last_event_id:
        query = {**query, "after": last}
    origin = handover.cross_origin()
    readers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {}
    return _whose(actor, query) | {"kind": "events", "headers": readers}


def _whose(actor: Actor, query: dict[str, Any]) -> dict[str, Any]:
    if query["after"] is not None:
        positions.read_position(query["after"])
    return {
        "user_id": actor.user_id,
        "family": actor.session,
        "after": query["after"],
        "after_id": query["after_id"],
    }


def backlog(actor: Actor, whose: dict[str, Any]) -> str:
    """Return as events what somebody has missed, and the position from which he asks again."""
    frames: list[str] = []
    position: Position | None = positions.present()
    resync = False
    if whose["after"] is not None:
        position = positions.read_position(whose["after"])
        resync = position is None
        for _ in range(MOST_ROUNDS):
            if position is None:
                break
            batch = log.since(position, person=actor.user_id)
            frames += with_positions(frames_for(batch.happenings, {actor.user_id}).get(actor.user_id, []), batch)
            position = batch.position
            if not batch.has_more:
                break
    elif whose["after_id"] is not None and position is not None:
        found = replays.everything(actor.user_id, whose["after_id"], position)
        frames, resync = found or [], found is None
    ready = {"type": "ready", "resync": resync, "position": str(position or positions.present())}
    return "".join(["retry: 2000\n\n", *(as_event(frame) for frame in [*frames, json.dumps(ready)])])
