"""The reads of chat, each one statement that writes its rows as JSON: messages, conversations, the unread count."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select

from sheda.accounts.models import User
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation, Message
from sheda.chat.services import NoSuchProperty, mark_read, pair
from sheda.chat.wire import MESSAGE, PERSON, PUBLIC
from sheda.core import files
from sheda.core.access import visible_to
from sheda.core.actor import Actor
from sheda.core.db import db, read
from sheda.core.errors import NotFound
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


def conversations(actor: Actor, *, limit: int, cursor: str | None = None, count: bool = False, **_rest: Any) -> str:
    """Return a page of the actor's conversations, the newest first, as JSON text."""
    total, exact = None, True
    if count:
        mine = select(Conversation.id).where(own_conversations(actor), Conversation.last_message_id.is_not(None))
        total, exact = capped_count(mine)
    behind, values = "", dict[str, Any]()
    if cursor is not None:
        behind, values = _BEHIND, dict(zip(("last_at", "last_id"), read_cursor(cursor, [moment, int]), strict=True))
    statement = _CONVERSATIONS.replace("{behind}", behind)
    media = files.url(PUBLIC)
    rows = read(statement, me=actor.user_id, fetched=limit + 1, media=media, **values)
    shown = rows[:limit]
    next_cursor = write_cursor(shown[-1][:2]) if len(rows) > limit else None
    return json_page([row[2] for row in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)


def unread_messages(actor: Actor) -> ColumnElement[int]:
    """Return the number of messages that wait for the actor, as an expression for a statement that asks for more."""
    low = select(func.sum(Conversation.low_unread)).where(Conversation.low_id == actor.user_id).scalar_subquery()
    high = select(func.sum(Conversation.high_unread)).where(Conversation.high_id == actor.user_id).scalar_subquery()
    return func.coalesce(low, 0) + func.coalesce(high, 0)


def unread_count(actor: Actor) -> int:
    """Count the messages that wait for the actor."""
    return int(db.session.scalar(select(unread_messages(actor))) or 0)
