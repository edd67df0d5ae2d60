"""What many rows pay for at once: live notes read their transaction once a statement, the rule of I1 asks once a row.

Revision ID: 20261122_1634
Revises: 20261122_1422
"""

from alembic import op

revision = "20261122_1634"
down_revision = "20261122_1422"
branch_labels = None
depends_on = None

# Statement by statement, as before. Whoever has written a row has a transaction id; who has not is given none for it.
NOTES = {
    "note_new_messages": (
        "kind, ref_id, one_id, other_id",
        "'message', id, receiver_id, sender_id FROM fresh ORDER BY id",
    ),
    "note_read_messages": (
        "kind, ref_id, one_id, other_id",
        """'read', max(f.id), f.sender_id, f.receiver_id FROM fresh f JOIN stale s ON s.id = f.id
  WHERE s.read_at IS NULL AND f.read_at IS NOT NULL GROUP BY f.conversation_id, f.sender_id, f.receiver_id""",
    ),
    "note_notices": ("kind, ref_id, one_id", "'notice', id, user_id FROM fresh ORDER BY id"),
    "note_moves": (
        "kind, ref_id, one_id, other_id",
        """'move', h.id, p.client_id, p.agent_id FROM fresh h JOIN LATERAL (
    SELECT client_id, agent_id FROM appointments WHERE h.subject_type = 'appointments' AND id = h.subject_id
    UNION ALL SELECT client_id, agent_id FROM payments WHERE h.subject_type = 'payments' AND id = h.subject_id
    UNION ALL SELECT client_id, agent_id FROM contracts WHERE h.subject_type = 'contracts' AND id = h.subject_id
  ) p ON true WHERE h.from_state IS DISTINCT FROM h.to_state ORDER BY h.id""",
    ),
}

NOTE_ONCE = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  present bigint := pg_current_xact_id_if_assigned()::text::bigint;
  oldest bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
BEGIN
  INSERT INTO live_events (xid, horizon, {columns}) SELECT present, oldest, {rows};
  RETURN NULL;
END $$"""
NOTE_EACH = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO live_events ({columns}) SELECT {rows};
  RETURN NULL;
END $$"""

# I1: at commit, a property is rented or sold exactly when it has one live contract.
RULES = {"check_contracts_property": "property_id", "check_property_status": "id"}
RULE_ONCE = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE taken boolean; live bigint;
BEGIN
  SELECT p.status IN ('rented', 'sold'),
    (SELECT count(*) FROM contracts c WHERE c.property_id = p.id AND c.status IN ('active', 'completed'))
  INTO taken, live FROM properties p WHERE p.id = NEW.{column};
  IF taken <> (live = 1) THEN
    RAISE EXCEPTION 'property % is % with % live contracts', NEW.{column},
      CASE WHEN taken THEN 'taken' ELSE 'available' END, live
      USING ERRCODE = 'check_violation', CONSTRAINT = 'property_status_matches_contract';
  END IF;
  RETURN NULL;
END $$"""
RULE_BEFORE = """
CREATE FUNCTION check_property_contract(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE taken boolean; live bigint;
BEGIN
  SELECT status IN ('rented', 'sold') INTO taken FROM properties WHERE id = checked;
  SELECT count(*) INTO live FROM contracts WHERE property_id = checked AND status IN ('active', 'completed');
  IF taken IS NOT NULL AND taken <> (live = 1) THEN
    RAISE EXCEPTION 'property % is % with % live contracts', checked,
      CASE WHEN taken THEN 'taken' ELSE 'available' END, live
      USING ERRCODE = 'check_violation', CONSTRAINT = 'property_status_matches_contract';
  END IF;
END $$"""
RULE_TWICE = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM check_property_contract(NEW.{column}); RETURN NULL; END $$"""


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    # Rows are found by their transaction and erased by it; nobody looks for one by its id alone.
    op.drop_index("ix_live_events_xid", table_name="live_events")
    op.drop_constraint("pk_live_events", "live_events", type_="primary")
    op.create_primary_key("pk_live_events", "live_events", ["xid", "id"])
    for name, (columns, rows) in NOTES.items():
        op.execute(NOTE_ONCE.format(name=name, columns=columns, rows=rows))
    for name, column in RULES.items():
        op.execute(RULE_ONCE.format(name=name, column=column))
    op.execute("DROP FUNCTION check_property_contract(bigint)")
    # News are written by a SELECT of the listings themselves, which are never deleted, and erased within minutes.
    op.drop_constraint("fk_listing_news_property_id_properties", "listing_news", type_="foreignkey")


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    op.create_foreign_key(
        "fk_listing_news_property_id_properties",
        "listing_news",
        "properties",
        ["property_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.execute(RULE_BEFORE)
    for name, column in RULES.items():
        op.execute(RULE_TWICE.format(name=name, column=column))
    for name, (columns, rows) in NOTES.items():
        op.execute(NOTE_EACH.format(name=name, columns=columns, rows=rows))
    op.drop_constraint("pk_live_events", "live_events", type_="primary")
    op.create_primary_key("pk_live_events", "live_events", ["id"])
    op.create_index("ix_live_events_xid", "live_events", ["xid"])
