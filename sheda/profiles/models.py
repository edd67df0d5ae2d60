"""What a person tells about himself: one profile a user, polymorphic by role; an agent's bank accounts and papers."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.core.db import Id, Model, MoneyColumn, Stamp, UserId
from sheda.profiles.states import VERIFICATION


class Profile(Model):
    """The profile of one user; agents and clients have columns of their own."""

    __tablename__ = "profiles"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'client', 'agent')", name="kind"),
        CheckConstraint("kind = 'agent' OR (agency_name IS NULL AND licence_number IS NULL)", name="agent_columns"),
        CheckConstraint("kind = 'client' OR budget IS NULL", name="client_columns"),
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    time_zone: Mapped[str] = mapped_column(String(40), server_default="Africa/Lagos")
    picture_key: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]


class ClientProfile(Profile):
    """What a client looks for."""

    __mapper_args__ = {"polymorphic_identity": "client"}

    budget: Mapped[MoneyColumn | None]
    budget_currency: Mapped[str | None] = mapped_column(String(3))
    preferred_areas: Mapped[list[str] | None] = mapped_column(ARRAY(String(80)))


class AgentProfile(Profile):
    """What clients read of an agent."""

    __mapper_args__ = {"polymorphic_identity": "agent"}

    agency_name: Mapped[str | None] = mapped_column(String(120))
    bio: Mapped[str | None] = mapped_column(Text)
    licence_number: Mapped[str | None] = mapped_column(String(40))
    rating: Mapped[Decimal | None] = mapped_column(Numeric(2, 1))
    verified_at: Mapped[Stamp | None]


class BankAccount(Model):
    """An agent's account for payments, with a verified NUBAN; removed ones stay, for the payments that were frozen on them."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        CheckConstraint("account_number ~ '^[0-9]{10}$'", name="account_number"),
        CheckConstraint("bank_code ~ '^[0-9]{3}$'", name="bank_code"),
        Index(
            "uq_bank_accounts_default",
            "agent_id",
            unique=True,
            postgresql_where=text("is_default AND removed_at IS NULL"),
        ),
        Index(
            "uq_bank_accounts_number",
            "agent_id",
            "bank_code",
            "account_number",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    agent_id: Mapped[UserId]
    bank_code: Mapped[str] = mapped_column(String(3))
    account_name: Mapped[str] = mapped_column(String(120))
    account_number: Mapped[str] = mapped_column(String(10))
    is_default: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[Stamp]
    removed_at: Mapped[Stamp | None]


class AgentVerification(Model):
    """Whether the office has seen who an agent is: one a person, from the first paper he sends."""

    __tablename__ = "agent_verifications"
    __table_args__ = (
        VERIFICATION.check_constraint(),
        Index("ix_agent_verifications_waiting", "submitted_at", postgresql_where=text("status = 'submitted'")),
    )

    id: Mapped[Id]
    agent_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), unique=True)
    status: Mapped[str] = mapped_column(String(20), server_default="unverified")
    created_at: Mapped[Stamp]
    submitted_at: Mapped[Stamp | None]
    decide_by: Mapped[Stamp | None]
    decided_at: Mapped[Stamp | None]

    agent: Mapped[User] = relationship()
    profile: Mapped[AgentProfile] = relationship(
        primaryjoin="foreign(AgentVerification.agent_id) == AgentProfile.user_id", viewonly=True, uselist=False
    )


class VerificationDocument(Model):
    """One paper of an agent, in the private area; one that was replaced stays known, without its file."""

    __tablename__ = "verification_documents"
    __table_args__ = (
        CheckConstraint("kind IN ('identity', 'registration', 'licence')", name="kind"),
        Index(
            "uq_verification_documents_kind",
            "verification_id",
            "kind",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    verification_id: Mapped[int] = mapped_column(ForeignKey("agent_verifications.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(120))
    content_type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Stamp]
    removed_at: Mapped[Stamp | None]

    verification: Mapped[AgentVerification] = relationship()
