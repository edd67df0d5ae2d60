"""Where agencies want to hear of what happens, and what was sent there."""

import uuid

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.core.db import Id, Model, Stamp, UserId


class HookEndpoint(Model):
    """An address that takes webhooks: of the whole agency's affairs, or of one agent's own (`agent_id`).

    Its secret is kept nowhere: it is made of the salt and the server's key whenever something is signed.
    """

    __tablename__ = "hook_endpoints"
    __table_args__ = (
        Index("ix_hook_endpoints_owner_id", "owner_id"),
        Index("ix_hook_endpoints_events", "events", postgresql_using="gin"),
    )

    id: Mapped[Id]
    owner_id: Mapped[UserId]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"))
    url: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(String(120))
    events: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    salt: Mapped[str] = mapped_column(String(32))
    old_salt: Mapped[str | None] = mapped_column(String(32))
    old_until: Mapped[Stamp | None]
    secret_shown_at: Mapped[Stamp | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[Stamp | None]
    held_until: Mapped[Stamp | None]
    stopped_at: Mapped[Stamp | None]
    stopped_why: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]

    owner: Mapped[User] = relationship(foreign_keys="HookEndpoint.owner_id", viewonly=True)


class HookDelivery(Model):
    """One message for one endpoint; events that come twice within a transaction are one."""

    __tablename__ = "hook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event", "subject_id", "happened_at", name="uq_hook_deliveries_event"),
        Index(
            "ix_hook_deliveries_due", "due_at", "id", postgresql_where=text("delivered_at IS NULL AND dead_at IS NULL")
        ),
        Index("ix_hook_deliveries_endpoint_id", "endpoint_id", "id"),
        Index("ix_hook_deliveries_created_at", "created_at"),
    )

    id: Mapped[Id]
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("hook_endpoints.id", ondelete="CASCADE"))
    message_id: Mapped[uuid.UUID] = mapped_column(unique=True, default=uuid.uuid4)
    event: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    happened_at: Mapped[Stamp]
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Stamp]
    due_at: Mapped[Stamp]
    claimed_until: Mapped[Stamp | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    replays: Mapped[int] = mapped_column(server_default="0")
    delivered_at: Mapped[Stamp | None]
    dead_at: Mapped[Stamp | None]
    status_code: Mapped[int | None]
    took_ms: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(120))

    endpoint: Mapped[HookEndpoint] = relationship(viewonly=True)
