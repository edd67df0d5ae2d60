"""Channels beside mail, quiet hours, digests, and webhooks going out.

Revision ID: 20261122_1317
Revises: 20261122_1315
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_1317"
down_revision = "20261122_1315"
branch_labels = None
depends_on = None

STAMP = sa.DateTime(timezone=True)
CHANNEL = "ck_notification_preferences_channel"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("channel", sa.String(length=10), server_default="mail", nullable=False))
    op.drop_constraint(op.f(CHANNEL), "notification_preferences", type_="check")
    op.create_check_constraint(
        op.f(CHANNEL), "notification_preferences", "channel IN ('app', 'mail', 'digest', 'push', 'sms', 'whatsapp')"
    )
    op.create_table(
        "quiet_hours",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=True),
        sa.Column("ends", sa.Time(), nullable=True),
        sa.CheckConstraint("(begins IS NULL) = (ends IS NULL)", name=op.f("ck_quiet_hours_both")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_quiet_hours_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiet_hours")),
    )
    op.create_index("uq_quiet_hours_user_id", "quiet_hours", ["user_id"], unique=True)
    op.create_table(
        "push_devices",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("endpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("p256dh", sa.String(length=100), nullable=False),
        sa.Column("auth", sa.String(length=40), nullable=False),
        sa.Column("created_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_push_devices_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_devices")),
        sa.UniqueConstraint("endpoint_hash", name=op.f("uq_push_devices_endpoint_hash")),
    )
    op.create_index("ix_push_devices_user_id", "push_devices", ["user_id"])
    op.create_table(
        "digest_lines",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("path", sa.String(length=200), server_default="", nullable=False),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("due_at", STAMP, nullable=False),
        sa.Column("told_at", STAMP, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_digest_lines_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_lines")),
        sa.UniqueConstraint("key", name=op.f("uq_digest_lines_key")),
    )
    op.create_index(
        "ix_digest_lines_due", "digest_lines", ["due_at", "user_id"], postgresql_where=sa.text("told_at IS NULL")
    )
    _make_hooks()


def _make_hooks() -> None:
    op.create_table(
        "hook_endpoints",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("note", sa.String(length=120), nullable=True),
        sa.Column("events", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("old_salt", sa.String(length=32), nullable=True),
        sa.Column("old_until", STAMP, nullable=True),
        sa.Column("secret_shown_at", STAMP, nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", STAMP, nullable=True),
        sa.Column("held_until", STAMP, nullable=True),
        sa.Column("stopped_at", STAMP, nullable=True),
        sa.Column("stopped_why", sa.String(length=120), nullable=True),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("updated_at", STAMP, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_hook_endpoints_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["ab_user.id"], name=op.f("fk_hook_endpoints_owner_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_endpoints")),
    )
    op.create_index("ix_hook_endpoints_owner_id", "hook_endpoints", ["owner_id"])
    op.create_index("ix_hook_endpoints_events", "hook_endpoints", ["events"], postgresql_using="gin")
    op.create_table(
        "hook_deliveries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", STAMP, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", STAMP, nullable=False),
        sa.Column("due_at", STAMP, nullable=False),
        sa.Column("claimed_until", STAMP, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replays", sa.Integer(), server_default="0", nullable=False),
        sa.Column("delivered_at", STAMP, nullable=True),
        sa.Column("dead_at", STAMP, nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["hook_endpoints.id"],
            name=op.f("fk_hook_deliveries_endpoint_id_hook_endpoints"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_deliveries")),
        sa.UniqueConstraint("message_id", name=op.f("uq_hook_deliveries_message_id")),
        sa.UniqueConstraint("endpoint_id", "event", "subject_id", "happened_at", name="uq_hook_deliveries_event"),
    )
    op.create_index(
        "ix_hook_deliveries_due",
        "hook_deliveries",
        ["due_at", "id"],
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.create_index("ix_hook_deliveries_endpoint_id", "hook_deliveries", ["endpoint_id", "id"])
    op.create_index("ix_hook_deliveries_created_at", "hook_deliveries", ["created_at"])


def downgrade() -> None:
    op.drop_table("hook_deliveries")
    op.drop_table("hook_endpoints")
    op.drop_table("digest_lines")
    op.drop_table("push_devices")
    op.drop_table("quiet_hours")
    op.execute("DELETE FROM notification_preferences WHERE channel NOT IN ('app', 'mail')")
    op.drop_constraint(op.f(CHANNEL), "notification_preferences", type_="check")
    op.create_check_constraint(op.f(CHANNEL), "notification_preferences", "channel IN ('app', 'mail')")
    op.execute("DELETE FROM outbox WHERE channel <> 'mail'")
    op.drop_column("outbox", "channel")
