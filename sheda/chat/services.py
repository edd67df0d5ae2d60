"""Send and mark read: the verbs of chat."""

import uuid
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from sheda.accounts.models import User
from sheda.chat.models import Block, Conversation, Message
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotFound
from sheda.properties.models import Property


class NoReceiver(NotFound):
    """Refuse a receiver who is unknown, disabled, or has closed the door: all read the same."""

    detail = "There is nobody here to write to."


class NoSuchProperty(NotFound):
    """Refuse a message about a property that is not there for its sender."""

    detail = "There is no such property. It may have been taken off the market."


def send(
    actor: Actor,
    receiver_id: int,
    message: str,
    *,
    property_id: int | None = None,
    client_msg_id: uuid.UUID | None = None,
) -> tuple[Message, bool]:
    """Send a message of 1…4000 characters; the message, and False when it had been sent before.

    Raises InvalidInput to oneself, NoReceiver, NoSuchProperty.
    """
    if receiver_id == actor.user_id:
        raise InvalidInput.on("receiver_id", "Write to somebody else than yourself.")
    first = _sent_before(actor, client_msg_id)
    if first is not None:
        return first, False
    _check_receiver(actor, receiver_id)
    if property_id is not None:
        _check_property(actor, property_id)
    now = clock.now()
    conversation_id = _lock_or_open(actor.user_id, receiver_id, now)
    # The id is drawn under the conversation's lock, so that ids grow in the order of commits.
    row = {
        "conversation_id": conversation_id,
        "sender_id": actor.user_id,
        "receiver_id": receiver_id,
        "property_id": property_id,
        "message": message,
        "client_msg_id": client_msg_id,
        "created_at": now,
    }
    statement = insert(Message).values(row).on_conflict_do_nothing(index_elements=["sender_id", "client_msg_id"])
    sent = db.session.scalar(statement.returning(Message))
    if sent is None:
        first = _sent_before(actor, client_msg_id)
        if first is None:
            raise RuntimeError("a message was neither written nor there")
        return first, False
    unread = Conversation.low_unread if receiver_id < actor.user_id else Conversation.high_unread
    db.session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values({"last_message_id": sent.id, "last_at": now, unread.key: unread + 1})
        .execution_options(synchronize_session=False)
    )
    return sent, True


def _sent_before(actor: Actor, client_msg_id: uuid.UUID | None) -> Message | None:
    if client_msg_id is None:
        return None
    same = select(Message).where(Message.sender_id == actor.user_id, Message.client_msg_id == client_msg_id)
    return db.session.scalars(same).one_or_none()


def _check_receiver(actor: Actor, receiver_id: int) -> None:
    blocked = (
        select(Block.id)
        .where(
            or_(
                and_(Block.blocker_id == receiver_id, Block.blocked_id == actor.user_id),
                and_(Block.blocker_id == actor.user_id, Block.blocked_id == receiver_id),
            )
        )
        .exists()
    )
    if db.session.scalar(select(User.id).where(User.id == receiver_id, User.active, ~blocked)) is None:
        raise NoReceiver


def _check_property(actor: Actor, property_id: int) -> None:
    try:
        get_visible(actor, Property, property_id)
    except NotFound as fault:
        raise NoSuchProperty from fault


def pair(one: int, other: int) -> tuple[int, int]:
    """Return two people's ids as a conversation holds them, the smaller first."""
    return min(one, other), max(one, other)


def _lock_or_open(one: int, other: int, now: datetime) -> int:
    low, high = pair(one, other)
    # Setting a column to itself takes the row's lock as the plain upsert would not.
    opened = (
        insert(Conversation)
        .values(low_id=low, high_id=high, last_at=now)
        .on_conflict_do_update(index_elements=["low_id", "high_id"], set_={"low_id": Conversation.low_id})
        .returning(Conversation.id)
    )
    return db.session.execute(opened).scalar_one()


def mark_read(actor: Actor, user_id: int, *, up_to: int | None = None) -> int:
    """Mark what somebody has written to the actor as read, up to a message id where one is given; how many were not."""
    low, high = pair(actor.user_id, user_id)
    conversation = db.session.execute(
        select(Conversation.id).where(Conversation.low_id == low, Conversation.high_id == high)
    ).scalar_one_or_none()
    if conversation is None:
        return 0
    unread_ones = update(Message).where(
        Message.conversation_id == conversation, Message.receiver_id == actor.user_id, Message.read_at.is_(None)
    )
    if up_to is not None:
        unread_ones = unread_ones.where(Message.id <= up_to)
    unsynchronised = {"synchronize_session": False}
    marked = db.session.execute(unread_ones.values(read_at=clock.now()), execution_options=unsynchronised).rowcount  # type: ignore[attr-defined]
    if marked:
        unread = Conversation.low_unread if low == actor.user_id else Conversation.high_unread
        db.session.execute(
            update(Conversation).where(Conversation.id == conversation).values({unread.key: unread - marked}),
            execution_options=unsynchronised,
        )
    return int(marked)
