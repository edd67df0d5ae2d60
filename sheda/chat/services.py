"""Send and mark read: the verbs of chat."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, select, update

from sheda.accounts.events import AccountClosing
from sheda.accounts.models import User
from sheda.chat import attachments
from sheda.chat.attachments import check_number
from sheda.chat.blocks import has_blocked
from sheda.chat.events import MessageSent, MessagesRead
from sheda.chat.models import Block, Conversation, Message, QuickReply
from sheda.chat.wire import ATTACHMENT, MESSAGE
from sheda.core import clock
from sheda.core.access import visible_to
from sheda.core.actor import Actor
from sheda.core.db import db, repeat_on, write_whole
from sheda.core.errors import InvalidInput, NotFound
from sheda.core.events import emit
from sheda.properties.models import Property


class NoReceiver(NotFound):
    """Refuse a receiver who is unknown, disabled, or has blocked the sender: all read the same."""

    detail = "There is nobody here to write to."


class Blocked(NoReceiver):
    """Refuse to write to somebody whom the sender has blocked himself: only to him it says so."""

    code = "blocked_by_you"
    detail = "You have blocked this person. Unblock them before you write."


class NoSuchProperty(NotFound):
    """Refuse a message about a property that is not there for its sender."""

    detail = "There is no such property. It may have been taken off the market."


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is stored: its id, what the API says of it, and whether it was stored just now."""

    id: int
    body: str
    is_new: bool


repeat_on("uq_messages_client_msg_id")

# The conversation's lock comes before the id is drawn, so that ids grow in the order of commits.
_EARLIER = """WITH earlier AS (
 SELECT m.* FROM messages m WHERE m.sender_id = :sender AND m.client_msg_id = CAST(:client_msg_id AS uuid)
), """

_RECEIVER = """receiver AS (
 SELECT u.id FROM ab_user u WHERE u.id = :receiver AND u.active AND :is_possible AND NOT EXISTS (SELECT FROM earlier)
 AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.blocker_id = u.id AND b.blocked_id = :sender)
 AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.blocker_id = :sender AND b.blocked_id = u.id)"""

_CONVERSATION = """), conversation AS (
 INSERT INTO conversations AS c (low_id, high_id, last_message_id, last_at, low_unread, high_unread)
 SELECT least(:sender, r.id), greatest(:sender, r.id), nextval('messages_id_seq'), CAST(:now AS timestamptz),
  (r.id < :sender)::int, (r.id > :sender)::int FROM receiver r
 ON CONFLICT (low_id, high_id) DO UPDATE SET last_message_id = nextval('messages_id_seq'), last_at = excluded.last_at,
  low_unread = c.low_unread + excluded.low_unread, high_unread = c.high_unread + excluded.high_unread
 RETURNING c.id, c.last_message_id, c.last_at
), """

_COLUMNS = "id, conversation_id, sender_id, receiver_id, property_id, message, client_msg_id, created_at"

_VALUES = """SELECT c.last_message_id, c.id, :sender, :receiver, CAST(:property_id AS int), CAST(:message AS text),
  CAST(:client_msg_id AS uuid), c.last_at"""

_ANSWER = f"""
SELECT m.id, {MESSAGE}, true FROM sent m UNION ALL SELECT m.id, {MESSAGE}, false FROM earlier m"""

_SEND = f"""{_EARLIER}{_RECEIVER}{_CONVERSATION}sent AS (
 INSERT INTO messages ({_COLUMNS}) {_VALUES} FROM conversation c RETURNING *
){_ANSWER}"""

# The files are locked before they are counted: of two messages that take the same one, the second finds it gone.
_SEND_FILES = f"""{_EARLIER}carried AS (
 SELECT f.* FROM chat_attachments f
 WHERE f.id = ANY(:files) AND f.owner_id = :sender AND f.message_id IS NULL ORDER BY f.id FOR UPDATE
), {_RECEIVER} AND (SELECT count(*) FROM carried) = cardinality(CAST(:files AS bigint[])){_CONVERSATION}sent AS (
 INSERT INTO messages ({_COLUMNS}, attachments) {_VALUES},
  (SELECT jsonb_agg({ATTACHMENT} ORDER BY array_position(CAST(:files AS bigint[]), f.id)) FROM carried f)
 FROM conversation c RETURNING *
), given AS (
 UPDATE chat_attachments f SET message_id = c.last_message_id, receiver_id = :receiver
 FROM conversation c WHERE f.id = ANY(:files)
){_ANSWER}"""


def check_receiver(actor: Actor, receiver_id: int) -> None:
    """Refuse a receiver who cannot be written to, as sending does; NoReceiver."""
    if receiver_id != actor.user_id and not _is_reachable(actor, receiver_id):
        raise NoReceiver


def check_property(actor: Actor, property_id: int) -> None:
    """Refuse a property that is not there for the actor, as sending does; NoSuchProperty."""
    if not _is_there(actor, property_id):
        raise NoSuchProperty


def send(
    actor: Actor,
    receiver_id: int,
    message: str,
    *,
    property_id: int | None = None,
    client_msg_id: uuid.UUID | None = None,
    attachment_ids: Sequence[int] = (),
) -> Sent:
    """Send a message of up to 4000 characters and five files; one that was sent before is returned as it was.

    Raises InvalidInput to oneself, for a message without words and files, and for files that are not one's own and
    unsent; NoReceiver, Blocked, NoSuchProperty.
    """
    if receiver_id == actor.user_id:
        raise InvalidInput.on("receiver_id", "Write to somebody else than yourself.")
    files = list(attachment_ids)
    if not (message or files):
        raise InvalidInput.on("message", "Write at least 1 character, or send a file.")
    check_number(files)
    is_there = property_id is None or _is_there(actor, property_id)
    carried = {"files": files} if files else {}
    found = write_whole(
        _SEND_FILES if files else _SEND, sender=actor.user_id, receiver=receiver_id, message=message,
        property_id=property_id, client_msg_id=client_msg_id, now=clock.now(), is_possible=is_there, **carried,
    )  # fmt: skip
    if found:
        sent = Sent(*found[0])
        if sent.is_new:
            emit(MessageSent(sent.id))
        return sent
    check_receiver(actor, receiver_id)
    if not is_there:
        raise NoSuchProperty
    if has_blocked(actor, receiver_id):
        raise Blocked
    if files:
        raise InvalidInput.on("attachment_ids", "Send files of your own that are not sent yet.")
    raise NoReceiver


def _is_there(actor: Actor, property_id: int) -> bool:
    there = select(Property.id).where(Property.id == property_id, visible_to(actor, Property))
    return db.session.scalar(there) is not None


def _is_reachable(actor: Actor, receiver_id: int) -> bool:
    blocked = exists().where(Block.blocker_id == receiver_id, Block.blocked_id == actor.user_id)
    return db.session.scalar(select(User.id).where(User.id == receiver_id, User.active, ~blocked)) is not None


def pair(one: int, other: int) -> tuple[int, int]:
    """Return two people's ids as a conversation holds them, the smaller first."""
    return min(one, other), max(one, other)


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
        emit(MessagesRead(actor.user_id, user_id))
        unread = Conversation.low_unread if low == actor.user_id else Conversation.high_unread
        db.session.execute(
            update(Conversation).where(Conversation.id == conversation).values({unread.key: unread - marked}),
            execution_options=unsynchronised,
        )
    return int(marked)


def forget_person(event: AccountClosing) -> None:
    """Remove what somebody who leaves kept for himself: quick replies, blocks, files that he has not sent."""
    db.session.execute(delete(QuickReply).where(QuickReply.user_id == event.user.id))
    db.session.execute(delete(Block).where(Block.blocker_id == event.user.id))
    attachments.forget_unsent(timedelta(0), owner_id=event.user.id)
