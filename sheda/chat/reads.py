"""The reads of chat, each one statement that writes its rows as JSON: messages, conversations, the unread count."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, case, cast, exists, func, literal, or_, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import array

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation, Message
from sheda.chat.services import NoSuchProperty, mark_read, pair
from sheda.core import files
from sheda.core.access import visible_to
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.paging import capped_count, json_page, moment, read_cursor, write_cursor
from sheda.profiles.models import Profile
from sheda.properties.models import Property

ROLE_ORDER = tuple(role.value for role in (ActorRole.ADMIN, ActorRole.STAFF, ActorRole.AGENT, ActorRole.CLIENT))

NEWEST = 2**63 - 1
"""Behind the id of every message."""


class NoSuchUser(NotFound):
    """Refuse a conversation with nobody."""

    detail = "There is no such person."


def wire_moment(column: Any) -> ColumnElement[str]:
    """Write a moment in UTC as the API does, within SQL."""
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


def wire_message() -> ColumnElement[Any]:
    """Write a message as the API does, within SQL."""
    pairs: dict[str, Any] = {
        "id": Message.id,
        "sender_id": Message.sender_id,
        "receiver_id": Message.receiver_id,
        "property_id": Message.property_id,
        "message": Message.message,
        "timestamp": wire_moment(Message.created_at),
        "is_read": Message.read_at.is_not(None),
    }
    return func.json_build_object(*[part for name, value in pairs.items() for part in (literal(name), value)])


def message_text(message_id: int) -> str:
    """Return one message as JSON text."""
    return db.session.execute(select(cast(wire_message(), Text)).where(Message.id == message_id)).scalar_one()


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
    conversation = (
        select(Conversation.id).where(Conversation.low_id == low, Conversation.high_id == high).scalar_subquery()
    )
    wanted = [Message.property_id == property_id] if property_id is not None else []
    total, exact = None, True
    if count:
        later = Message.id > (after_id or 0)
        total, exact = capped_count(select(Message.id).where(Message.conversation_id == conversation, later, *wanted))
    rows = db.session.execute(_page(conversation, after_id, cursor).where(*wanted).limit(limit + 1)).all()
    if not rows:
        _check_known(actor, user_id, property_id, low, high)
    shown = rows[:limit]
    if mark and shown:
        mark_read(actor, user_id, up_to=max(row.id for row in shown))
    next_cursor = write_cursor([shown[-1].id]) if len(rows) > limit else None
    return json_page([row.body for row in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)


def _page(conversation: Any, after_id: int | None, cursor: str | None) -> Select[int, str]:
    """Select messages behind a cursor.

    The conversation is named by a range and not by equality: so only the index of conversations gives the order, and
    an old conversation is never looked for backwards through everybody's messages.
    """
    last = None if cursor is None else read_cursor(cursor, [int])[0]
    page, place = select(Message.id, cast(wire_message(), Text).label("body")), (Message.conversation_id, Message.id)
    if after_id is None:
        behind = tuple_(*place) < tuple_(conversation, NEWEST if last is None else last)
        page = page.where(behind, Message.conversation_id >= conversation)
        return page.order_by(*[column.desc() for column in place])
    behind = tuple_(*place) > tuple_(conversation, max(after_id, last or 0))
    return page.where(behind, Message.conversation_id <= conversation).order_by(*place)


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
    last = read_cursor(cursor, [moment, int]) if cursor is not None else None
    rows = db.session.execute(_conversations(actor, limit, last)).all()
    shown = rows[:limit]
    next_cursor = write_cursor([shown[-1].last_at, shown[-1].id]) if len(rows) > limit else None
    return json_page([row.body for row in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)


def _conversations(actor: Actor, limit: int, last: list[Any] | None) -> Select[Any]:
    def side(mine: Any, other: Any, unread: Any) -> Select[Any]:
        half = select(
            Conversation.id, Conversation.last_at, Conversation.last_message_id,
            other.label("other_id"), unread.label("unread"),
        ).where(mine == actor.user_id, Conversation.last_message_id.is_not(None))  # fmt: skip
        if last is not None:
            half = half.where(tuple_(Conversation.last_at, Conversation.id) < tuple_(*last))
        return half.order_by(Conversation.last_at.desc(), Conversation.id.desc()).limit(limit + 1)

    # A half for each side of the pair: either walks its own index, where one OR would read every conversation.
    page = union_all(
        select(side(Conversation.low_id, Conversation.high_id, Conversation.low_unread).subquery()),
        select(side(Conversation.high_id, Conversation.low_id, Conversation.high_unread).subquery()),
    ).subquery()
    body = func.json_build_object(
        "user", _wire_person(),
        "property_id", Message.property_id,
        "last_message", wire_message(),
        "unread_count", page.c.unread,
    )  # fmt: skip
    return (
        select(page.c.id, page.c.last_at, cast(body, Text).label("body"))
        .join(Message, Message.id == page.c.last_message_id)
        .join(User, User.id == page.c.other_id)
        .outerjoin(Profile, Profile.user_id == User.id)
        .order_by(page.c.last_at.desc(), page.c.id.desc())
        .limit(limit + 1)
    )


def _wire_person() -> ColumnElement[Any]:
    role = (
        select(func.lower(Role.name))
        .join(assoc_user_role, assoc_user_role.c.role_id == Role.id)
        .where(assoc_user_role.c.user_id == User.id, Role.name.in_(ROLE_ORDER))
        .order_by(func.array_position(array(ROLE_ORDER), cast(Role.name, Text)))
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    full_name = func.btrim(func.concat_ws(" ", User.first_name, User.last_name))
    name = func.coalesce(func.nullif(full_name, ""), User.username)
    return func.json_build_object("id", User.id, "name", name, "picture", _wire_picture(), "role", role)


def _wire_picture() -> ColumnElement[Any]:
    # Every public key shares one prefix, so the address is the store's address of that prefix and the rest of the key.
    prefix = f"{files.Area.PUBLIC}/"
    stem = func.substr(Profile.picture_key, len(prefix) + 1)
    address = func.concat(files.url(prefix), stem, files.rendition_key("", "thumb"))
    return case((Profile.picture_key.is_not(None), address), else_=None)


def unread_messages(actor: Actor) -> ColumnElement[int]:
    """Return the number of messages that wait for the actor, as an expression for a statement that asks for more."""
    low = select(func.sum(Conversation.low_unread)).where(Conversation.low_id == actor.user_id).scalar_subquery()
    high = select(func.sum(Conversation.high_unread)).where(Conversation.high_id == actor.user_id).scalar_subquery()
    return func.coalesce(low, 0) + func.coalesce(high, 0)


def unread_count(actor: Actor) -> int:
    """Count the messages that wait for the actor."""
    return int(db.session.scalar(select(unread_messages(actor))) or 0)
