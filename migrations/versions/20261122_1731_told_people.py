"""Messages and notices are written for people whom other rows hold: they need not be looked up once more for each.

Revision ID: 20261122_1731
Revises: 20261122_1717
"""

from alembic import op

revision = "20261122_1731"
down_revision = "20261122_1717"
branch_labels = None
depends_on = None

TABLES = ("outbox", "notifications")


def upgrade() -> None:
    for table in TABLES:
        op.drop_constraint(f"fk_{table}_user_id_ab_user", table, type_="foreignkey")


def downgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    for table in TABLES:
        op.create_foreign_key(f"fk_{table}_user_id_ab_user", table, "ab_user", ["user_id"], ["id"], ondelete="RESTRICT")
