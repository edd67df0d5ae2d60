"""Second factors, verification of agents, and the language of people.

Revision ID: 20261122_1312
Revises: 20261122_1155
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1312"
down_revision = "20261122_1155"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ab_user", sa.Column("language", sa.String(length=5), nullable=True))
    op.add_column("ab_user", sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("profiles", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    _create_second_factors()
    _create_verifications()


def _create_second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_second_factors_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_recovery_codes_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index("uq_recovery_codes_code", "recovery_codes", ["user_id", "code_hash"], unique=True)
    op.create_table(
        "sign_in_challenges",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_sign_in_challenges_tries")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_sign_in_challenges_user_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_challenges")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_challenges_token_hash")),
    )
    op.create_index("ix_sign_in_challenges_user_id", "sign_in_challenges", ["user_id"])


def _create_verifications() -> None:
    op.create_table(
        "agent_verifications",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="unverified", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('unverified', 'submitted', 'verified', 'rejected')",
            name=op.f("ck_agent_verifications_status"),
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["ab_user.id"], name=op.f("fk_agent_verifications_agent_id_ab_user"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_verifications")),
        sa.UniqueConstraint("agent_id", name=op.f("uq_agent_verifications_agent_id")),
    )
    op.create_index(
        "ix_agent_verifications_waiting",
        "agent_verifications",
        ["submitted_at"],
        postgresql_where=sa.text("status = 'submitted'"),
    )
    op.create_table(
        "verification_documents",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("verification_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("content_type", sa.String(length=60), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('identity', 'registration', 'licence')", name=op.f("ck_verification_documents_kind")
        ),
        sa.ForeignKeyConstraint(
            ["verification_id"],
            ["agent_verifications.id"],
            name=op.f("fk_verification_documents_verification_id_agent_verifications"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_documents")),
    )
    op.create_index(
        "uq_verification_documents_kind",
        "verification_documents",
        ["verification_id", "kind"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )


def downgrade() -> None:
    for table in (
        "verification_documents",
        "agent_verifications",
        "sign_in_challenges",
        "recovery_codes",
        "second_factors",
    ):
        op.drop_table(table)
    op.drop_column("profiles", "verified_at")
    op.drop_column("ab_user", "totp_since")
    op.drop_column("ab_user", "language")
