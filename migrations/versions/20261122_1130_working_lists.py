"""working lists: saved views, and the indexes of lists and of the global search.

Revision ID: 20261122_1130
Revises: 20261122_1110
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1130"
down_revision = "20261122_1110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_saved_views_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index("uq_saved_views_name", "saved_views", ["user_id", "page", "name"], unique=True)
    op.create_index("ix_properties_agent_id_updated_at", "properties", ["agent_id", "updated_at", "id"])
    op.create_index(
        "ix_ab_user_names",
        "ab_user",
        ["first_name", "last_name"],
        postgresql_using="gin",
        postgresql_ops={"first_name": "gin_trgm_ops", "last_name": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_ab_user_phone_part", "ab_user", ["phone"], postgresql_using="gin", postgresql_ops={"phone": "gin_trgm_ops"}
    )


def downgrade() -> None:
    op.drop_index("ix_ab_user_phone_part", table_name="ab_user")
    op.drop_index("ix_ab_user_names", table_name="ab_user")
    op.drop_index("ix_properties_agent_id_updated_at", table_name="properties")
    op.drop_table("saved_views")
