"""shortlists.

Revision ID: 20261122_1140
Revises: 20261122_1130
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_1140"
down_revision = "20261122_1130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "favourites",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_favourites_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_favourites_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_favourites")),
    )
    op.create_index("uq_favourites_pair", "favourites", ["user_id", "property_id"], unique=True)
    op.create_index("ix_favourites_user_id", "favourites", ["user_id", "id"])
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("alert", sa.String(length=10), nullable=False),
        sa.Column("watched_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("alert IN ('none', 'instant', 'daily', 'weekly')", name=op.f("ck_saved_searches_alert")),
        sa.CheckConstraint("alert <> 'none' OR due_at IS NULL", name=op.f("ck_saved_searches_quiet")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_saved_searches_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
    )
    op.create_index("ix_saved_searches_user_id", "saved_searches", ["user_id", "id"])
    op.create_index("ix_saved_searches_watching", "saved_searches", ["id"], postgresql_where=sa.text("alert <> 'none'"))
    op.create_index(
        "ix_saved_searches_due", "saved_searches", ["due_at", "id"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "listing_news",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("was", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("(reason = 'price_drop') = (was IS NOT NULL)", name=op.f("ck_listing_news_drop_has_price")),
        sa.CheckConstraint("reason IN ('new', 'price_drop')", name=op.f("ck_listing_news_reason")),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_listing_news_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_news")),
    )
    op.create_table(
        "search_hits",
        sa.Column("search_id", sa.BigInteger(), nullable=False),
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("was", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason IN ('new', 'price_drop')", name=op.f("ck_search_hits_reason")),
        sa.ForeignKeyConstraint(
            ["property_id"], ["properties.id"], name=op.f("fk_search_hits_property_id_properties"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["saved_searches.id"],
            name=op.f("fk_search_hits_search_id_saved_searches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "property_id", name=op.f("pk_search_hits")),
    )
    op.create_index("ix_search_hits_untold", "search_hits", ["search_id"], postgresql_where=sa.text("told_at IS NULL"))


def downgrade() -> None:
    for table in ("search_hits", "listing_news", "saved_searches", "favourites"):
        op.drop_table(table)
