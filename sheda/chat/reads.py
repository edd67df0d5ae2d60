"""The reads of chat, each one statement that writes its rows as JSON: messages, conversations, the unread count."""

import json
import re
import unicodedata
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select

from sheda.accounts.models import User
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation, Message
from sheda.chat.services import NoSuchProperty, mark_read, pair
from sheda.chat.wire import MESSAGE, PERSON, PUBLIC
from sheda.core import files
from sheda.core.access import visible_sql, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db, read
from sheda.core.errors import NotFound
from sheda.core.money import format_money
from sheda.core.paging import capped_count, json_page, moment, read_cursor, write_cursor
from sheda.properties.models import Property

NEWEST = 2**63 - 1
"""Behind the id of every message."""

# The conversation is named by a range and not by equality: so only the index of conversations gives the order, and an
# old conversation is never looked for backwards through everybody's messages.
_HISTORY = f"""SELECT m.id, {MESSAGE} FROM conversations c CROSS JOIN LATERAL (SELECT * FROM messages
 WHERE (conversation_id, id) < (c.id, :behind) AND conversation_id >= c.id{{about}}
 ORDER BY conversation_id DESC, id DESC LIMIT :fetched) m
 WHERE c.low_id = :low AND c.high_id = :high ORDER BY m.id DESC"""

_CATCHING_UP = f"""SELECT m.id, {MESSAGE} FROM conversations c CROSS JOIN LATERAL (SELECT * FROM messages
 WHERE (conversation_id, id) > (c.id, :behind) AND conversation_id <= c.id{{about}}
 ORDER BY conversation_id, id LIMIT :fetched) m
 WHERE c.low_id = :low AND c.high_id = :high ORDER BY m.id"""

_ABOUT = " AND property_id = :property_id"

_SIDE = """SELECT * FROM (SELECT id, last_at, last_message_id, {other} AS other_id, {unread} AS unread
 FROM conversations WHERE {mine} = :me AND last_message_id IS NOT NULL{{behind}}
 ORDER BY last_at DESC, id DESC LIMIT :fetched) s"""

_BEHIND = " AND (last_at, id) < (:last_at, :last_id)"

# A half for each side of the pair: either walks its own index, where one OR would read every conversation.
_CONVERSATIONS = f"""SELECT c.last_at, c.id, json_build_object('user', {PERSON}, 'property_id', m.property_id,
 'last_message', {MESSAGE}::json, 'unread_count', c.unread)::text
 FROM ({_SIDE.format(mine="low_id", other="high_id", unread="low_unread")}
 UNION ALL {_SIDE.format(mine="high_id", other="low_id", unread="high_unread")}) c
 JOIN messages m ON m.id = c.last_message_id JOIN ab_user u ON u.id = c.other_id
 LEFT JOIN profiles a ON a.user_id = u.id ORDER BY c.last_at DESC, c.id DESC LIMIT :fetched"""


# A search walks the searcher's own messages by one index, whose they are and what they say, and his own conversations.
_HITS = """SELECT conversation_id, max(id) AS message_id FROM messages
 WHERE ARRAY[sender_id, receiver_id] @> ARRAY[CAST(:me AS int)]
 AND to_tsvector('sheda', message) @@ to_tsquery('sheda', :asked) GROUP BY conversation_id"""

_OWN = """SELECT id, last_at, last_message_id, high_id AS other_id, low_unread AS unread
 FROM conversations WHERE low_id = :me AND last_message_id IS NOT NULL{behind}
 UNION ALL SELECT id, last_at, last_message_id, low_id, high_unread
 FROM conversations WHERE high_id = :me AND last_message_id IS NOT NULL{behind}"""

_SEARCHED = f"""SELECT c.last_at, c.id, concat('{{"user": ', {PERSON}, ', "property_id": ',
 coalesce(m.property_id::text, 'null'), ', "last_message": ', {MESSAGE}, ', "unread_count": ', c.unread, ', "found": ',
 coalesce((SELECT {MESSAGE} FROM messages m WHERE m.id = c.hit_id), 'null'), '}}')
 FROM (SELECT s.*, h.message_id AS hit_id FROM ({_OWN}) s
 LEFT JOIN ({_HITS}) h ON h.conversation_id = s.id JOIN ab_user o ON o.id = s.other_id
 WHERE h.message_id IS NOT NULL OR concat_ws(' ', o.first_name, o.last_name) ILIKE ALL(CAST(:names AS text[]))
 ORDER BY s.last_at DESC, s.id DESC LIMIT :fetched) c
 JOIN messages m ON m.id = c.last_message_id JOIN ab_user u ON u.id = c.other_id
 LEFT JOIN profiles a ON a.user_id = u.id ORDER BY c.last_at DESC, c.id DESC"""

_CARD = """SELECT json_build_object('id', p.id, 'reference', p.reference, 'title', p.title, 'location', p.location,
 'agent_id', p.agent_id, 'price', p.price::text, 'total_move_in_cost', (p.price + coalesce(
 (SELECT sum(f.amount) FROM property_fees f WHERE f.property_id = p.id), 0))::text, 'currency', p.currency,
 'period', p.period, 'status', p.status, 'listing_state', p.listing_state,
 'is_under_offer', p.held_by_payment_id IS NOT NULL, 'cover', CASE WHEN i.id IS NOT NULL
 THEN concat(CAST(:media AS text), substr(i.key, {prefix}), '{card}') END, 'url', concat('/api/v1/properties/', p.id))
 FROM (SELECT * FROM properties WHERE id = s.property_id AND {rule}) p
 LEFT JOIN property_images i ON i.property_id = p.id AND i.is_cover AND i.status = 'ready'"""

_ABOUT_THREAD = f"""SELECT json_build_object('id', u.id, 'user', {PERSON}, 'unread_count', coalesce(c.unread, 0),
 'is_blocked', EXISTS (SELECT FROM chat_blocks WHERE blocker_id = :me AND blocked_id = u.id),
 'property', ({{card}}))::text, u.phone, u.active
 FROM ab_user u LEFT JOIN profiles a ON a.user_id = u.id
 LEFT JOIN (SELECT id, CASE low_id WHEN :me THEN low_unread ELSE high_unread END AS unread FROM conversations
  WHERE low_id = :low AND high_id = :high) c ON true
 LEFT JOIN LATERAL (SELECT m.property_id FROM messages m WHERE m.conversation_id = c.id AND m.property_id IS NOT NULL
  ORDER BY m.conversation_id DESC, m.id DESC LIMIT 1) s ON true
 WHERE u.id = :other AND (u.active OR c.id IS NOT NULL)"""

WORDS, LONGEST_WORD, LEAST_PREFIX = 8, 40, 3


class NoSuchUser(NotFound):
    """Refuse a conversation with nobody."""

    detail = "There is no such person."


def history(
    actor: Actor,
    user_id: int,
    *,
    limit: int,
    cursor: str | None = None,
    count: bool = False,
    property_id: int | None = None,
    after_id: int | None = None,
    mark: bool = False,
) -> str:
    """Return a page of the actor's conversation with somebody, as JSON text.

    Newest first; with `after_id` what came after that message, oldest first. With `mark` everything up to the newest
    message of the page counts as read from now on; the page itself still shows what was unread. Raises NotFound for an
    unknown person or property.
    """
    low, high = pair(actor.user_id, user_id)
    total, exact = _count(low, high, property_id, after_id) if count else (None, True)
    rows = _page(low, high, property_id, after_id, cursor, limit)
    if not rows:
        _check_known(actor, user_id, property_id, low, high)
    shown = rows[:limit]
    if mark and shown:
        mark_read(actor, user_id, up_to=max(message_id for message_id, _ in shown))
    next_cursor = write_cursor([shown[-1][0]]) if len(rows) > limit else None
    return json_page([body for _, body in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)


def _count(low: int, high: int, property_id: int | None, after_id: int | None) -> tuple[int, bool]:
    conversation = select(Conversation.id).where(Conversation.low_id == low, Conversation.high_id == high)
    counted = select(Message.id).where(
        Message.conversation_id == conversation.scalar_subquery(), Message.id > (after_id or 0)
    )
    return capped_count(counted if property_id is None else counted.where(Message.property_id == property_id))


def _page(low: int, high: int, property_id: int | None, after_id: int | None, cursor: str | None, limit: int) -> Any:
    last = None if cursor is None else read_cursor(cursor, [int])[0]
    behind = (NEWEST if last is None else last) if after_id is None else max(after_id, last or 0)
    statement = _HISTORY if after_id is None else _CATCHING_UP
    about, values = ("", {}) if property_id is None else (_ABOUT, {"property_id": property_id})
    return read(statement.replace("{about}", about), low=low, high=high, behind=behind, fetched=limit + 1, **values)


def _check_known(actor: Actor, user_id: int, property_id: int | None, low: int, high: int) -> None:
    talked = exists().where(Conversation.low_id == low, Conversation.high_id == high)
    if not db.session.scalar(select(exists().where(User.id == user_id, or_(User.active, talked)))):
        raise NoSuchUser
    if property_id is None:
        return
    mine = exists().where(
        Message.property_id == property_id,
        Message.conversation_id == select(Conversation.id).where(
            Conversation.low_id == low, Conversation.high_id == high
        ).scalar_subquery(),
    )  # fmt: skip
    there = exists().where(Property.id == property_id, visible_to(actor, Property))
    if not db.session.scalar(select(or_(mine, there))):
        raise NoSuchProperty


def check_person(actor: Actor, user_id: int) -> None:
    """Refuse somebody who is unknown, or gone without ever having talked with the actor; NotFound."""
    _check_known(actor, user_id, None, *pair(actor.user_id, user_id))


def conversations(
    actor: Actor, *, limit: int, cursor: str | None = None, count: bool = False, search: str | None = None, **_rest: Any
) -> str:
    """Return a page of the actor's conversations, the newest first, as JSON text; of those that a search finds."""
    behind, values = "", dict[str, Any]()
    if cursor is not None:
        behind, values = _BEHIND, dict(zip(("last_at", "last_id"), read_cursor(cursor, [moment, int]), strict=True))
    statement = _CONVERSATIONS
    if search is not None:
        words = words_of(search)
        if not words:
            return json_page([])
        statement = _SEARCHED
        values |= {"asked": _asked(words), "names": [f"%{word}%" for word in words]}
    rows = read(
        statement.replace("{behind}", behind),
        me=actor.user_id, fetched=limit + 1, media=files.url(PUBLIC), **values,
    )  # fmt: skip
    shown = rows[:limit]
    next_cursor = write_cursor(shown[-1][:2]) if len(rows) > limit else None
    total, exact = _count_conversations(actor) if count and search is None else (None, True)
    return json_page([row[2] for row in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)


def _count_conversations(actor: Actor) -> tuple[int, bool]:
    return capped_count(
        select(Conversation.id).where(own_conversations(actor), Conversation.last_message_id.is_not(None))
    )


def words_of(search: str) -> list[str]:
    """Return the words that somebody looks for: letters and figures alone, so that no query has a grammar."""
    found = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", search))
    return [word[:LONGEST_WORD] for word in found[:WORDS]]


def _asked(words: list[str]) -> str:
    """Ask for all words, the longer ones also as beginnings of words: one may still be typing."""
    return " & ".join(f"{word}:*" if len(word) >= LEAST_PREFIX else word for word in words)


def about(actor: Actor, user_id: int) -> dict[str, Any]:
    """Return with whom and about which home the actor talks, in one statement; NoSuchUser."""
    return about_with_contact(actor, user_id)[0]


def about_with_contact(actor: Actor, user_id: int) -> tuple[dict[str, Any], str | None, bool]:
    """Return what `about` does, with the other's phone, which not everybody may see, and whether he is still here."""
    low, high = pair(actor.user_id, user_id)
    card = _CARD.format(
        prefix=len(PUBLIC) + 1, card=files.rendition_key("", "card"), rule=visible_sql(actor.role, Property)
    )
    rows = read(
        _ABOUT_THREAD.replace("{card}", card),
        me=actor.user_id, viewer=actor.user_id, other=user_id, low=low, high=high, media=files.url(PUBLIC),
    )  # fmt: skip
    if not rows or user_id == actor.user_id:
        raise NoSuchUser
    body, phone, active = rows[0]
    found: dict[str, Any] = json.loads(body)
    home = found["property"]
    if home is not None:
        price = format_money(Decimal(home["price"]), home["currency"])
        home["price_text"] = f"{price} / {home['period']}" if home["period"] else price
    return found, phone, active


def unread_messages(actor: Actor) -> ColumnElement[int]:
    """Return the number of messages that wait for the actor, as an expression for a statement that asks for more."""
    low = select(func.sum(Conversation.low_unread)).where(Conversation.low_id == actor.user_id).scalar_subquery()
    high = select(func.sum(Conversation.high_unread)).where(Conversation.high_id == actor.user_id).scalar_subquery()
    return func.coalesce(low, 0) + func.coalesce(high, 0)


def unread_count(actor: Actor) -> int:
    """Count the messages that wait for the actor."""
    return int(db.session.scalar(select(unread_messages(actor))) or 0)
