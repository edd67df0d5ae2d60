"""Messages between two people, what they carry, and one row per conversation that its list is read from."""

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.chat.states import REPORT
from sheda.core.db import Id, Model, Stamp, UserId

REASONS = ("spam", "fraud", "harassment", "indecent", "other")
"""Why a message is reported."""


class Conversation(Model):
    """Two people's conversation; the smaller user id stands in `low_id`."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="order"),
        Index("uq_conversations_pair", "low_id", "high_id", unique=True),
        Index("ix_conversations_low", "low_id", "last_at"),
        Index("ix_conversations_high", "high_id", "last_at"),
    )

    id: Mapped[Id]
    low_id: Mapped[UserId]
    high_id: Mapped[UserId]
    last_message_id: Mapped[int | None]
    last_at: Mapped[Stamp]
    low_unread: Mapped[int] = mapped_column(server_default="0")
    high_unread: Mapped[int] = mapped_column(server_default="0")


class Message(Model):
    """One message, from one person to another.

    `attachments` says of its files what is shown with it: a file never changes once it is sent, so that a page of
    messages needs no second table. `told_at` is set when its reader was told by other ways that it waits.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("sender_id <> receiver_id", name="to_another"),
        CheckConstraint(
            "char_length(message) <= 4000 AND (char_length(message) > 0 OR attachments IS NOT NULL)", name="length"
        ),
        Index("ix_messages_conversation_id", "conversation_id", "id"),
        Index("uq_messages_client_msg_id", "sender_id", "client_msg_id", unique=True),
        Index("ix_messages_unread", "receiver_id", "conversation_id", postgresql_where=text("read_at IS NULL")),
        Index("ix_messages_untold", "created_at", postgresql_where=text("read_at IS NULL AND told_at IS NULL")),
        # Whose it is and what it says in one index: a search walks through the searcher's own messages only.
        Index(
            "ix_messages_words", text("(ARRAY[sender_id, receiver_id])"),
            text("to_tsvector('sheda'::regconfig, message)"), postgresql_using="gin",
        ),
    )  # fmt: skip

    id: Mapped[Id]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="RESTRICT"))
    sender_id: Mapped[UserId]
    receiver_id: Mapped[UserId]
    property_id: Mapped[int | None] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    message: Mapped[str] = mapped_column(Text)
    attachments: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    client_msg_id: Mapped[uuid.UUID | None]
    created_at: Mapped[Stamp]
    read_at: Mapped[Stamp | None]
    told_at: Mapped[Stamp | None]


class Attachment(Model):
    """A private file of a conversation: for whoever uploaded it, and once it is sent for its receiver too."""

    __tablename__ = "chat_attachments"
    __table_args__ = (
        CheckConstraint("(message_id IS NULL) = (receiver_id IS NULL)", name="sent"),
        Index("ix_chat_attachments_message_id", "message_id"),
        Index("ix_chat_attachments_unsent", "created_at", postgresql_where=text("message_id IS NULL")),
    )

    id: Mapped[Id]
    owner_id: Mapped[UserId]
    receiver_id: Mapped[UserId | None]
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(120))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    thumb_key: Mapped[str | None] = mapped_column(String(120))
    content_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[Stamp]


class Block(Model):
    """One person does not want to hear from another."""

    __tablename__ = "chat_blocks"
    __table_args__ = (Index("uq_chat_blocks_pair", "blocker_id", "blocked_id", unique=True),)

    id: Mapped[Id]
    blocker_id: Mapped[UserId]
    blocked_id: Mapped[UserId]
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[Stamp]

    blocked: Mapped[User] = relationship(foreign_keys="Block.blocked_id", viewonly=True)

    @property
    def name(self) -> str:
        """Return how the blocked one is called."""
        return str(self.blocked.get_full_name()).strip() or str(self.blocked.username)


class Report(Model):
    """A message that its receiver showed to the office."""

    __tablename__ = "chat_reports"
    __table_args__ = (
        REPORT.check_constraint(),
        CheckConstraint("reason IN ('spam', 'fraud', 'harassment', 'indecent', 'other')", name="reason"),
        CheckConstraint("reporter_id <> reported_id", name="of_another"),
        UniqueConstraint("message_id", "reporter_id", name="uq_chat_reports_message"),
        Index("ix_chat_reports_status", "status", "id"),
        Index("ix_chat_reports_reported_id", "reported_id"),
    )

    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="RESTRICT"))
    reporter_id: Mapped[UserId]
    reported_id: Mapped[UserId]
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(10), server_default="open")
    due_at: Mapped[Stamp]
    created_at: Mapped[Stamp]
    decided_at: Mapped[Stamp | None]

    reporter: Mapped[User] = relationship(foreign_keys="Report.reporter_id", viewonly=True)
    reported: Mapped[User] = relationship(foreign_keys="Report.reported_id", viewonly=True)


class QuickReply(Model):
    """A sentence that somebody answers with often; {name} and {home} stand for the other's first name and the home."""

    __tablename__ = "quick_replies"
    __table_args__ = (Index("ix_quick_replies_user_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    text: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[Stamp]
