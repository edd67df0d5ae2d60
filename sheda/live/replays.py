"""Replays of messages by their own ids, for clients that know no position."""

import json

from sheda.core.db import read
from sheda.live.frames import message_frames
from sheda.live.positions import Position

MOST = 200
"""Messages of one replay of a conversation; whoever needs more asks again."""

MOST_OF_ALL = 1000
"""Messages that a client without a position is told at once; whoever missed more reads the lists."""

_CONVERSATION = """SELECT m.id FROM conversations c JOIN messages m ON m.conversation_id = c.id
 WHERE c.low_id = least(CAST(:me AS bigint), :other) AND c.high_id = greatest(CAST(:me AS bigint), :other)
 AND m.id > :after ORDER BY m.id LIMIT :fetched"""

# Within a conversation ids grow in the order of commits; between two they need not. So beside what has a higher id
# comes what was still being written when that message was: the client may have been told of that one first.
_ALL = """SELECT DISTINCT id FROM (
 (SELECT m.id FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.id > :after
  WHERE (c.low_id = :me OR c.high_id = :me) AND c.last_message_id > :after)
 UNION ALL
 (SELECT l.ref_id FROM live_events l WHERE l.kind = 'message' AND (l.one_id = :me OR l.other_id = :me)
  AND l.ref_id < :after AND l.xid >= (SELECT min(n.horizon) FROM live_events n WHERE n.kind = 'message'
   AND n.ref_id = :after AND (n.one_id = :me OR n.other_id = :me))
  AND NOT EXISTS (SELECT FROM messages a JOIN messages b ON b.conversation_id = a.conversation_id
   WHERE a.id = :after AND b.id = l.ref_id))
) found WHERE id NOT IN (SELECT l.ref_id FROM live_events l WHERE l.kind = 'message' AND l.xid >= :floor
  AND NOT pg_visible_in_snapshot(l.xid::text::xid8, CAST(:bound AS pg_snapshot)))
 ORDER BY id LIMIT :fetched"""


def conversation(user_id: int, other: int, after_id: int, ref: str | None) -> list[str]:
    """Return the frames of a conversation's messages after one of them, and a last one: whether that was all."""
    found = [row[0] for row in read(_CONVERSATION, me=user_id, other=other, after=after_id, fetched=MOST + 1)]
    shown = found[:MOST]
    end = {
        "type": "replayed",
        "ref": ref,
        "with": other,
        "up_to": shown[-1] if shown else after_id,
        "has_more": len(found) > MOST,
    }
    return [*message_frames(shown, user_id), json.dumps(end)]


def everything(user_id: int, after_id: int, bound: Position) -> list[str] | None:
    """Return the frames of all of somebody's messages after one, up to a position; None when they are too many."""
    found = [
        row[0]
        for row in read(_ALL, me=user_id, after=after_id, floor=bound.floor, bound=bound.since, fetched=MOST_OF_ALL + 1)
    ]
    return message_frames(found, user_id) if len(found) <= MOST_OF_ALL else None
