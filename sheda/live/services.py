"""Tickets to open a socket, who may still hold one, marks of delivery, and the bell after a commit."""

import hashlib
import json
import logging
import secrets
import time
import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError

from sheda.core import clock
from sheda.core.actor import Actor
from sheda.core.beside import soon
from sheda.core.db import read, when_committed, write_whole
from sheda.core.errors import Unauthorized

log = logging.getLogger(__name__)

TICKET_LIFE = timedelta(seconds=60)

BELL = "bell"
"""The channel that says no more than that there is something to read."""

MUTE_AFTER_FAULT = 5.0
"""Seconds for which the bell is not tried again after Redis did not answer: sockets look for news by themselves."""

_KEEP_TICKET = """INSERT INTO live_tickets (token_hash, user_id, family_id, expires_at)
 VALUES (:token_hash, :user_id, CAST(:family_id AS uuid), :expires_at)"""

_USE_TICKET = """DELETE FROM live_tickets WHERE token_hash = :token_hash AND expires_at > :now
 RETURNING user_id, family_id"""

_FORGET_TICKETS = """WITH gone AS (DELETE FROM live_tickets WHERE expires_at <= :now RETURNING 1)
 SELECT count(*) FROM gone"""

_LIVING = """SELECT f.id::text FROM refresh_families f JOIN ab_user u ON u.id = f.user_id
 WHERE f.id = ANY(CAST(:families AS uuid[])) AND f.revoked_at IS NULL AND f.expires_at > :now AND u.active"""

# Only what was sent to whoever says that he has it counts, and only the first time that it goes further.
_DELIVERED = """WITH named AS (
  SELECT m.conversation_id, m.receiver_id, m.sender_id, max(m.id) AS message_id
  FROM json_to_recordset(CAST(:marks AS json)) AS k (user_id bigint, message_id bigint)
  JOIN messages m ON m.id = k.message_id AND m.receiver_id = k.user_id
  GROUP BY m.conversation_id, m.receiver_id, m.sender_id
), marked AS (
  INSERT INTO live_deliveries AS d (conversation_id, user_id, message_id, at)
  SELECT conversation_id, receiver_id, message_id, :now FROM named ORDER BY conversation_id, receiver_id
  ON CONFLICT (conversation_id, user_id) DO UPDATE SET message_id = excluded.message_id, at = excluded.at
  WHERE d.message_id < excluded.message_id RETURNING conversation_id, user_id, message_id
), noted AS (
  INSERT INTO live_events (kind, ref_id, one_id, other_id)
  SELECT 'delivered', k.message_id, n.sender_id, k.user_id FROM marked k
  JOIN named n ON n.conversation_id = k.conversation_id AND n.receiver_id = k.user_id RETURNING 1
) SELECT count(*) FROM noted"""

_ACQUAINTED = """SELECT CASE WHEN c.low_id = :me THEN c.high_id ELSE c.low_id END FROM conversations c
 WHERE ((c.low_id = :me AND c.high_id = ANY(:others)) OR (c.high_id = :me AND c.low_id = ANY(:others)))
 AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.blocker_id = c.low_id AND b.blocked_id = c.high_id)
 AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.blocker_id = c.high_id AND b.blocked_id = c.low_id)"""

_MARKS = """SELECT o.id,
  (SELECT d.message_id FROM live_deliveries d WHERE d.conversation_id = c.id AND d.user_id = o.id),
  (SELECT max(m.id) FROM messages m WHERE m.conversation_id = c.id AND m.receiver_id = o.id AND m.read_at IS NOT NULL)
 FROM unnest(CAST(:others AS bigint[])) AS o (id)
 JOIN conversations c ON c.low_id = least(o.id, :me) AND c.high_id = greatest(o.id, :me)"""


def make_ticket(actor: Actor) -> str:
    """Return a new ticket for the actor's session: good for one socket, for a minute."""
    token = secrets.token_urlsafe(32)
    write_whole(
        _KEEP_TICKET, token_hash=_hash(token), user_id=actor.user_id, family_id=actor.session,
        expires_at=clock.now() + TICKET_LIFE,
    )  # fmt: skip
    return token


def use_ticket(token: str) -> Actor:
    """Use a ticket up and return whose it is; Unauthorized for one that is unknown, used or too old."""
    found = write_whole(_USE_TICKET, token_hash=_hash(token), now=clock.now())
    actor = actor_of(*found[0]) if found else None
    if actor is None:
        raise Unauthorized("This ticket is unknown, used or older than a minute. Ask for a new one.")
    return actor


def forget_tickets() -> int:
    """Erase tickets that nobody used in time; how many."""
    [(erased,)] = write_whole(_FORGET_TICKETS, now=clock.now())
    return int(erased)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def living(families: Collection[str]) -> set[str]:
    """Return which of some sign-ins still last."""
    return {found for (found,) in read(_LIVING, families=list(families), now=clock.now())}


def actor_of(user_id: int, family_id: uuid.UUID | str) -> Actor | None:
    """Return the person of a sign-in as he is now; None when it has ended."""
    actor: Actor | None = current_app.appbuilder.sm.actor_of_sign_in(user_id, family_id)  # type: ignore[attr-defined]
    return actor


def mark_delivered(marks: Collection[tuple[int, int]]) -> int:
    """Note which messages (person, message) have reached a device of their receiver; how many marks went further."""
    rows = json.dumps([{"user_id": person, "message_id": message} for person, message in marks])
    [(noted,)] = write_whole(_DELIVERED, marks=rows, now=clock.now())
    return int(noted)


def acquainted(user_id: int, others: Collection[int]) -> set[int]:
    """Return with which of the others a person has a conversation that neither has closed by a block."""
    return {found for (found,) in read(_ACQUAINTED, me=user_id, others=list(others))}


def marks_of(user_id: int, others: Collection[int]) -> list[tuple[int, int | None, int | None]]:
    """Return up to which of one's messages each of the others has received and read."""
    return [(other, delivered, seen) for other, delivered, seen in read(_MARKS, me=user_id, others=list(others))]


def channel(redis_url: str, name: str) -> str:
    """Return a channel's name on Redis, whose channels its numbered databases share."""
    return f"sheda:live:{urlsplit(redis_url).path.strip('/') or 0}:{name}"


class Bell:
    """One app's bell: a word to every process that holds sockets, which would find the news by itself soon after."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=0.5, socket_connect_timeout=0.5) if redis_url else None
        self._channel = channel(redis_url, BELL)
        self._mute_until = 0.0

    def ring(self) -> None:
        """Ring it once, or not at all while Redis does not answer."""
        if self._redis is None or time.monotonic() < self._mute_until:
            return
        try:
            self._redis.publish(self._channel, "")
        except RedisError as fault:
            self._mute_until = time.monotonic() + MUTE_AFTER_FAULT
            log.warning("the bell of live news does not ring (%s): they come a little later", type(fault).__name__)


def _ring() -> None:
    bell: Bell | None = current_app.extensions.get("live_bell")
    if bell is None:
        bell = current_app.extensions["live_bell"] = Bell(current_app.config["REDIS_URL"])
    soon(bell.ring)


def ring(_news: Any = None) -> None:
    """Ring the bell after the commit, once however much happens in one transaction."""
    when_committed(_ring)
