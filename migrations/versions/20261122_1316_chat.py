"""chat: attachments, reports, quick replies, the search of messages, and who was told of what waits.

Revision ID: 20261122_1316
Revises: 20261122_1312
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_1316"
down_revision = "20261122_1312"
branch_labels = None
depends_on = None

REPLIES = (
    "Yes, it is still available.",
    "Hello {name}, when would you like to see {home}? Please choose a time in the app.",
    "I will check and write today.",
    "Thank you, {name}. I will call you shortly.",
)


def upgrade() -> None:
    upgrade_messages()
    create_attachments()
    create_reports()
    create_quick_replies()


def upgrade_messages() -> None:
    op.add_column("messages", sa.Column("attachments", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("messages", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_messages_length"), "messages", type_="check")
    op.create_check_constraint(
        op.f("ck_messages_length"),
        "messages",
        "char_length(message) <= 4000 AND (char_length(message) > 0 OR attachments IS NOT NULL)",
    )
    # What waits already is old news: nobody is told of it by mail.
    op.execute("UPDATE messages SET told_at = now() WHERE read_at IS NULL")
    op.create_index(
        "ix_messages_untold",
        "messages",
        ["created_at"],
        postgresql_where=sa.text("read_at IS NULL AND told_at IS NULL"),
    )
    op.create_index(
        "ix_messages_words",
        "messages",
        [sa.text("(ARRAY[sender_id, receiver_id])"), sa.text("to_tsvector('sheda'::regconfig, message)")],
        postgresql_using="gin",
    )


def create_attachments() -> None:
    op.create_table(
        "chat_attachments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("receiver_id", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("thumb_key", sa.String(length=120), nullable=True),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(message_id IS NULL) = (receiver_id IS NULL)", name=op.f("ck_chat_attachments_sent")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_chat_attachments_message_id_messages"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["ab_user.id"], name=op.f("fk_chat_attachments_owner_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["ab_user.id"], name=op.f("fk_chat_attachments_receiver_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_attachments")),
        sa.UniqueConstraint("key", name=op.f("uq_chat_attachments_key")),
    )
    op.create_index("ix_chat_attachments_message_id", "chat_attachments", ["message_id"])
    op.create_index(
        "ix_chat_attachments_unsent",
        "chat_attachments",
        ["created_at"],
        postgresql_where=sa.text("message_id IS NULL"),
    )


def create_reports() -> None:
    op.create_table(
        "chat_reports",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("reporter_id", sa.Integer(), nullable=False),
        sa.Column("reported_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("status", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reporter_id <> reported_id", name=op.f("ck_chat_reports_of_another")),
        sa.CheckConstraint(
            "reason IN ('spam', 'fraud', 'harassment', 'indecent', 'other')", name=op.f("ck_chat_reports_reason")
        ),
        sa.CheckConstraint("status IN ('open', 'resolved', 'dismissed')", name=op.f("ck_chat_reports_status")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_chat_reports_message_id_messages"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["reported_id"], ["ab_user.id"], name=op.f("fk_chat_reports_reported_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["ab_user.id"], name=op.f("fk_chat_reports_reporter_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_reports")),
        sa.UniqueConstraint("message_id", "reporter_id", name="uq_chat_reports_message"),
    )
    op.create_index("ix_chat_reports_status", "chat_reports", ["status", "id"])
    op.create_index("ix_chat_reports_reported_id", "chat_reports", ["reported_id"])


def create_quick_replies() -> None:
    op.create_table(
        "quick_replies",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_quick_replies_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quick_replies")),
    )
    op.create_index("ix_quick_replies_user_id", "quick_replies", ["user_id", "id"])
    op.get_bind().execute(
        sa.text(
            "INSERT INTO quick_replies (user_id, text, created_at) SELECT g.user_id, t.text, now()"
            " FROM ab_user_role g JOIN ab_role r ON r.id = g.role_id AND r.name = 'Agent'"
            " CROSS JOIN unnest(CAST(:replies AS text[])) WITH ORDINALITY t (text, place)"
            " ORDER BY g.user_id, t.place"
        ),
        {"replies": list(REPLIES)},
    )


def downgrade() -> None:
    for table in ("quick_replies", "chat_reports", "chat_attachments"):
        op.drop_table(table)
    op.drop_index("ix_messages_words", table_name="messages")
    op.drop_index("ix_messages_untold", table_name="messages")
    op.drop_constraint(op.f("ck_messages_length"), "messages", type_="check")
    op.execute("UPDATE messages SET message = '(file)' WHERE message = ''")
    op.create_check_constraint(op.f("ck_messages_length"), "messages", "char_length(message) BETWEEN 1 AND 4000")
    op.drop_column("messages", "told_at")
    op.drop_column("messages", "attachments")
