"""The turns of bookings, and the ground that a booking claims.

Revision ID: 20261122_1706
Revises: 20261122_1634
"""

from alembic import op

revision = "20261122_1706"
down_revision = "20261122_1634"
branch_labels = None
depends_on = None

# The keys are those under which the house locks "agent" and "client" (core.db.lock_key). In plpgsql each statement has
# a snapshot of its own: what is asked behind the locks is asked of what was committed before they were had.
FUNCTIONS = """
CREATE FUNCTION take_turns(home bigint, client bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(-1500799843, agent_id::int), pg_advisory_xact_lock(1195639893, client::int)
  FROM properties WHERE id = home;
  PERFORM FROM properties WHERE id = home FOR NO KEY UPDATE;
END $$;

CREATE FUNCTION check_ground(home bigint, agent bigint, client bigint, most_open bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM take_turns(home, client);
  PERFORM FROM properties p JOIN ab_user u ON u.id = p.agent_id
  WHERE p.id = home AND p.agent_id = agent AND u.active
  AND p.listing_state = 'published' AND p.status = 'available' AND p.held_by_payment_id IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'property % takes no viewings', home
      USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_on_offer';
  END IF;
  IF (SELECT count(*) FROM appointments WHERE client_id = client AND status IN ('pending', 'confirmed')) >= most_open THEN
    RAISE EXCEPTION 'client % has % open viewings', client, most_open
      USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_most_open';
  END IF;
  RETURN true;
END $$
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP FUNCTION check_ground(bigint, bigint, bigint, bigint)")
    op.execute("DROP FUNCTION take_turns(bigint, bigint)")
