"""Contracts and payments of a state, latest first.

Revision ID: 20261122_1150
Revises: 20261122_1145
"""

from alembic import op

revision = "20261122_1150"
down_revision = "20261122_1145"
branch_labels = None
depends_on = None

TABLES = ("contracts", "payments")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_status", table, ["status", "id"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_status", table)
