"""What people are told: in-app notices, how each person wants to hear of each kind, when, and on which devices."""

from datetime import time
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Id, Model, Stamp, UserId

CHANNELS = ("app", "mail", "digest", "push", "sms", "whatsapp")
"""The ways to hear of news; `digest` is not one of its own: it gathers the mails of a kind into one a day."""


class Notification(Model):
    """One notice to one person about one event; the key makes a second one impossible. No foreign key, as in Outbox."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id", "user_id", "id"),
        Index("ix_notifications_unread", "user_id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(300))
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[Stamp]
    read_at: Mapped[Stamp | None]


class Preference(Model):
    """A person's wish for one kind of notice on one channel; without a row the channel is as it is for everybody."""

    __tablename__ = "notification_preferences"
    __table_args__ = (
        CheckConstraint("channel IN ('app', 'mail', 'digest', 'push', 'sms', 'whatsapp')", name="channel"),
        Index("uq_notification_preferences_kind", "user_id", "kind", "channel", unique=True),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    kind: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(10))
    is_on: Mapped[bool]


class QuietHours(Model):
    """When a person's devices are left alone, by his own clock; without a row as for everybody, without times never."""

    __tablename__ = "quiet_hours"
    __table_args__ = (
        CheckConstraint("(begins IS NULL) = (ends IS NULL)", name="both"),
        Index("uq_quiet_hours_user_id", "user_id", unique=True),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    begins: Mapped[time | None]
    ends: Mapped[time | None]


class PushDevice(Model):
    """A browser or an app that takes pushes (RFC 8030); whoever signs in there last is the one it belongs to."""

    __tablename__ = "push_devices"
    __table_args__ = (Index("ix_push_devices_user_id", "user_id"),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    endpoint: Mapped[str] = mapped_column(Text)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)
    p256dh: Mapped[str] = mapped_column(String(100))
    auth: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[Stamp]


class DigestLine(Model):
    """One piece of news that waits for its reader's daily mail."""

    __tablename__ = "digest_lines"
    __table_args__ = (Index("ix_digest_lines_due", "due_at", "user_id", postgresql_where=text("told_at IS NULL")),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(300))
    path: Mapped[str] = mapped_column(String(200), server_default="")
    created_at: Mapped[Stamp]
    due_at: Mapped[Stamp]
    told_at: Mapped[Stamp | None]
