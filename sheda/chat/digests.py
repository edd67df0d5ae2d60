"""Who is told by other ways that messages wait for him: once for each message, and not while he reads."""

import re
from typing import Any

from flask import current_app

from sheda.chat.events import MessagesWait
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import write
from sheda.core.events import emit

BATCH = 50
"""Conversations of one transaction: their senders and readers wait no longer than it takes."""

LINES, LONGEST_LINE = 5, 200

# A conversation is due when one of its messages has waited long enough; then everything in it that is unread and
# untold goes along. While its reader has not come since he was told, he is not told again before the pause is over.
_TELL = """WITH due AS MATERIALIZED (
 SELECT DISTINCT m.conversation_id, m.receiver_id FROM messages m
 WHERE m.read_at IS NULL AND m.told_at IS NULL AND m.created_at <= :waited AND m.conversation_id > :after
 AND NOT EXISTS (SELECT FROM messages t WHERE t.receiver_id = m.receiver_id AND t.conversation_id = m.conversation_id
  AND t.read_at IS NULL AND t.told_at > :paused)
 ORDER BY m.conversation_id, m.receiver_id LIMIT :batch
), told AS (
 UPDATE messages m SET told_at = :now FROM due d
 WHERE m.receiver_id = d.receiver_id AND m.conversation_id = d.conversation_id
 AND m.read_at IS NULL AND m.told_at IS NULL
 RETURNING m.id, m.conversation_id, m.sender_id, m.receiver_id, m.attachments -> 0 ->> 'name' AS file,
  left(m.message, :longest) AS line
), waiting AS (
 SELECT conversation_id, sender_id, receiver_id, count(*) AS number, max(id) AS last_id,
  (array_agg(coalesce(nullif(line, ''), file, '') ORDER BY id DESC))[1:CAST(:lines AS int)] AS lines
 FROM told GROUP BY conversation_id, sender_id, receiver_id
)
SELECT w.conversation_id, w.receiver_id, w.sender_id,
 coalesce(nullif(btrim(concat_ws(' ', s.first_name, s.last_name)), ''), s.username), w.number, w.last_id, w.lines,
 r.active AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.blocker_id = r.id AND b.blocked_id = s.id),
 EXISTS (SELECT FROM ab_user_role g JOIN ab_role o ON o.id = g.role_id
  WHERE g.user_id = r.id AND o.name <> :client)
FROM waiting w JOIN ab_user s ON s.id = w.sender_id JOIN ab_user r ON r.id = w.receiver_id
ORDER BY w.conversation_id, w.receiver_id"""


def tell_next(after: int) -> tuple[int, int]:
    """Tell the readers of a batch of conversations above an id; the last id, 0 when none is left, and how many."""
    now = clock.now()
    rows = write(
        _TELL, now=now, after=after, waited=now - current_app.config["CHAT_TELL_AFTER"],
        paused=now - current_app.config["CHAT_TELL_PAUSE"],
        batch=BATCH, lines=LINES, longest=2 * LONGEST_LINE, client=Role.CLIENT.value,
    )  # fmt: skip
    wanted = [row for row in rows if row[7]]
    for row in wanted:
        emit(_news(*row[:7], has_desk=row[8]))
    return (rows[-1][0] if rows else 0), len(wanted)


def _news(
    conversation: int, reader: int, sender: int, name: str, number: int, last: int, lines: Any, *, has_desk: bool
) -> MessagesWait:
    shown = tuple(_line(line) for line in reversed(lines))
    path = f"/admin/chats/with/{sender}" if has_desk else f"/chats/{sender}"
    return MessagesWait(conversation, reader, sender, name, number, last, shown, path)


def _line(text: str) -> str:
    plain = re.sub(r"\s+", " ", text).strip()
    return plain if len(plain) <= LONGEST_LINE else f"{plain[: LONGEST_LINE - 1]}…"
