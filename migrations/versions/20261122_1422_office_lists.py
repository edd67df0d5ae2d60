"""Lists of the office at any size: listings in every state by their traits, and towns by any part of their name.

Revision ID: 20261122_1422
Revises: 20261122_1402
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1422"
down_revision = "20261122_1402"
branch_labels = None
depends_on = None

TRAITS = (
    "property_type", "listing_type", "period", "furnished", "bedroom", "bathroom", "listing_state", "currency", "price",
    "id", "created_at", "latitude", "longitude", "lower(lga)", "lower(city)", "lower(state)", "air_condition",
    "pop_ceiling", "floor_tiles", "running_water", "prepaid_meter", "wifi",
)  # fmt: skip
PERIODS = (
    "currency", "period", "price", "id", "listing_state", "listing_type", "property_type", "bedroom", "furnished",
    "bathroom", "latitude", "longitude", "lower(lga)", "lower(city)", "lower(state)", "air_condition", "pop_ceiling",
    "floor_tiles", "running_water", "prepaid_meter", "wifi",
)  # fmt: skip
ON_OFFER = {"postgresql_where": sa.text("status = 'available'")}


def upgrade() -> None:
    """Take every state into the index by traits; few ask for a period and no kind of home."""
    op.execute("SET LOCAL statement_timeout = 0")
    op.drop_index("ix_properties_period_price", table_name="properties")
    op.drop_index("ix_properties_traits", table_name="properties")
    op.create_index("ix_properties_traits", "properties", [sa.text(one) for one in ("status", *TRAITS)])
    op.create_index(
        "ix_properties_city_part",
        "properties",
        ["city"],
        postgresql_using="gin",
        postgresql_ops={"city": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Make them as they were."""
    op.execute("SET LOCAL statement_timeout = 0")
    op.drop_index("ix_properties_city_part", table_name="properties")
    op.drop_index("ix_properties_traits", table_name="properties")
    op.create_index("ix_properties_traits", "properties", [sa.text(one) for one in TRAITS], **ON_OFFER)
    op.create_index("ix_properties_period_price", "properties", [sa.text(one) for one in PERIODS], **ON_OFFER)
