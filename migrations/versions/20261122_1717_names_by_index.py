"""The words of titles, places and kinds in an index of their own, for the lists of the office.

Revision ID: 20261122_1717
Revises: 20261122_1706
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1717"
down_revision = "20261122_1706"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    op.create_index(
        "ix_property_texts_names", "property_texts", [sa.text("ts_filter(words, '{a,b,c}')")], postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_index("ix_property_texts_names", table_name="property_texts")
