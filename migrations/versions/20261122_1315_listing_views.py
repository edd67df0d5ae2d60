"""Listings that are begun without a price, and how often listings are looked at.

Revision ID: 20261122_1315
Revises: 20261122_1316
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1315"
down_revision = "20261122_1316"
branch_labels = None
depends_on = None

ALWAYS = "price > 0 AND price <= 1000000000000"
ONCE_SHOWN = "(price > 0 OR price = 0 AND listing_state IN ('draft', 'archived')) AND price <= 1000000000000"


def upgrade() -> None:
    _price(ONCE_SHOWN)
    op.create_table(
        "listing_views",
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.CheckConstraint("views > 0", name=op.f("ck_listing_views_views")),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_listing_views_property_id_properties"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("property_id", "day", name=op.f("pk_listing_views")),
    )
    op.create_table(
        "agent_views",
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.CheckConstraint("views > 0", name=op.f("ck_agent_views_views")),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_agent_views_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("agent_id", "day", name=op.f("pk_agent_views")),
    )
    op.create_index("ix_agent_views_day", "agent_views", ["day"])


def downgrade() -> None:
    op.drop_table("agent_views")
    op.drop_table("listing_views")
    op.execute("UPDATE properties SET price = 1 WHERE price = 0")
    _price(ALWAYS)


def _price(rule: str) -> None:
    """Put a rule in the place of the one before; it is checked without keeping writers out."""
    op.drop_constraint(op.f("ck_properties_price"), "properties")
    op.execute(f"ALTER TABLE properties ADD CONSTRAINT ck_properties_price CHECK ({rule}) NOT VALID")
    op.execute("ALTER TABLE properties VALIDATE CONSTRAINT ck_properties_price")
