"""The ids of mails are random numbers of 122 bits: no index is needed to keep them apart.

Revision ID: 20261122_1320
Revises: 20261122_1318
"""

from alembic import op

revision = "20261122_1320"
down_revision = "20261122_1318"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index that every mail was entered in."""
    op.drop_constraint("uq_outbox_message_id", "outbox", type_="unique")


def downgrade() -> None:
    """Make it again."""
    op.create_unique_constraint("uq_outbox_message_id", "outbox", ["message_id"])
