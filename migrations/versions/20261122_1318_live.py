"""What happened, noted by triggers for those whom it concerns; tickets to open a socket; marks of delivery.

Revision ID: 20261122_1318
Revises: 20261122_1317
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1318"
down_revision = "20261122_1317"
branch_labels = None
depends_on = None

# By triggers, so that nothing that writes a row can forget to tell of it: neither a job nor a statement by hand.
# Those of many rows are told of by one statement.
NOTE = """
CREATE FUNCTION note_new_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events (kind, ref_id, one_id, other_id)
  SELECT 'message', id, receiver_id, sender_id FROM fresh ORDER BY id;
  RETURN NULL;
END $$;
CREATE TRIGGER messages_are_noted AFTER INSERT ON messages
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_new_messages();

CREATE FUNCTION note_read_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events (kind, ref_id, one_id, other_id)
  SELECT 'read', max(f.id), f.sender_id, f.receiver_id FROM fresh f JOIN stale s ON s.id = f.id
  WHERE s.read_at IS NULL AND f.read_at IS NOT NULL GROUP BY f.conversation_id, f.sender_id, f.receiver_id;
  RETURN NULL;
END $$;
CREATE TRIGGER reading_is_noted AFTER UPDATE ON messages
REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_read_messages();

CREATE FUNCTION note_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events (kind, ref_id, one_id) SELECT 'notice', id, user_id FROM fresh ORDER BY id;
  RETURN NULL;
END $$;
CREATE TRIGGER notices_are_noted AFTER INSERT ON notifications
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_notices();

CREATE FUNCTION note_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events (kind, ref_id, one_id, other_id)
  SELECT 'move', h.id, p.client_id, p.agent_id FROM fresh h JOIN LATERAL (
    SELECT client_id, agent_id FROM appointments WHERE h.subject_type = 'appointments' AND id = h.subject_id
    UNION ALL SELECT client_id, agent_id FROM payments WHERE h.subject_type = 'payments' AND id = h.subject_id
    UNION ALL SELECT client_id, agent_id FROM contracts WHERE h.subject_type = 'contracts' AND id = h.subject_id
  ) p ON true WHERE h.from_state IS DISTINCT FROM h.to_state ORDER BY h.id;
  RETURN NULL;
END $$;
CREATE TRIGGER moves_are_noted AFTER INSERT ON history
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_moves();

CREATE FUNCTION note_ended_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events (kind, one_id) VALUES ('session', (to_jsonb(NEW) ->> TG_ARGV[0])::bigint);
  RETURN NULL;
END $$;
CREATE TRIGGER ended_families_are_noted AFTER UPDATE OF revoked_at ON refresh_families
FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION note_ended_session('user_id');
CREATE TRIGGER ended_sessions_are_noted AFTER UPDATE OF active, session_version ON ab_user
FOR EACH ROW WHEN (OLD.session_version <> NEW.session_version OR (OLD.active AND NOT NEW.active))
EXECUTE FUNCTION note_ended_session('id');
"""

TRIGGERS = (
    ("messages_are_noted", "messages"),
    ("reading_is_noted", "messages"),
    ("notices_are_noted", "notifications"),
    ("moves_are_noted", "history"),
    ("ended_families_are_noted", "refresh_families"),
    ("ended_sessions_are_noted", "ab_user"),
)
FUNCTIONS = ("note_new_messages", "note_read_messages", "note_notices", "note_moves", "note_ended_session")


def upgrade() -> None:
    op.create_table(
        "live_events",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False),
        sa.Column(
            "horizon",
            sa.BigInteger(),
            server_default=sa.text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("ref_id", sa.BigInteger(), nullable=True),
        sa.Column("one_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_events")),
    )
    op.create_index("ix_live_events_xid", "live_events", ["xid"])
    op.create_index("ix_live_events_one_id", "live_events", ["one_id", "xid"])
    op.create_index(
        "ix_live_events_other_id",
        "live_events",
        ["other_id", "xid"],
        postgresql_where=sa.text("other_id IS NOT NULL"),
    )
    op.create_table(
        "live_tickets",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["family_id"],
            ["refresh_families.id"],
            name=op.f("fk_live_tickets_family_id_refresh_families"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_live_tickets_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_live_tickets")),
    )
    op.create_index("ix_live_tickets_expires_at", "live_tickets", ["expires_at"])
    op.create_table(
        "live_deliveries",
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_live_deliveries_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_live_deliveries_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name=op.f("pk_live_deliveries")),
    )
    op.execute(NOTE)


def downgrade() -> None:
    for trigger, table in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
    op.drop_table("live_deliveries")
    op.drop_table("live_tickets")
    op.drop_table("live_events")
