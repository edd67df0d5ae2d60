"""Payments by bank transfer, as both sides say they happened, and the private files that prove them."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.appointments.models import DEAL, Appointment
from sheda.core.db import CURRENCY_CHECK, Id, Model, MoneyColumn, Stamp, UserId
from sheda.payments.states import PAYMENT
from sheda.properties.models import Property

OPEN = "status IN ('initiated', 'declared', 'processing', 'verified')"
OPEN_STATES = ("initiated", "declared", "processing", "verified")
HOLDING_STATES = ("declared", "verified")

PRICED_DEAL = (*DEAL, "amount", "currency")
"""What a contract has from its payment; a foreign key holds them equal."""

MOST_PERIODS = 60
MONTHS = {"year": 12, "month": 1}
"""Calendar months of the periods that have some."""


class File(Model):
    """A private upload, such as a proof of payment: for its uploader, the parties of its payment, and staff."""

    __tablename__ = "files"
    __table_args__ = (Index("ix_files_owner_id", "owner_id"),)

    id: Mapped[Id]
    owner_id: Mapped[UserId]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    content_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Stamp]


class Payment(Model):
    """One payment for one property; amount, lines and account are frozen when it is initiated."""

    __tablename__ = "payments"
    __table_args__ = (
        PAYMENT.check_constraint(),
        CheckConstraint("kind IN ('rent', 'sale', 'renewal')", name="kind"),
        CheckConstraint("(kind = 'renewal') = (appointment_id IS NULL)", name="appointment"),
        CheckConstraint("(kind = 'renewal') = (renews_contract_id IS NOT NULL)", name="renewal"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(CURRENCY_CHECK, name="currency"),
        CheckConstraint("status NOT IN ('declared') OR (declared_at IS NOT NULL AND decide_by IS NOT NULL)", name="declared"),
        ForeignKeyConstraint(
            ["appointment_id", *DEAL], [f"appointments.{name}" for name in ("id", *DEAL)],
            name="fk_payments_deal", ondelete="RESTRICT",
        ),
        UniqueConstraint("id", *PRICED_DEAL, name="uq_payments_deal"),
        Index("uq_payments_open", "appointment_id", unique=True, postgresql_where=text(OPEN)),
        Index("uq_payments_open_renewal", "renews_contract_id", unique=True, postgresql_where=text(OPEN)),
        Index("uq_payments_holding", "property_id", unique=True, postgresql_where=text("status IN ('declared', 'verified') AND kind <> 'renewal'")),
        Index("ix_payments_client_id", "client_id", "id"),
        Index("ix_payments_agent_id", "agent_id", "id"),
        Index("ix_payments_property_id", "property_id"),
        Index("ix_payments_status", "status", "id"),
        Index("ix_payments_expires_at", "expires_at", postgresql_where=text("status = 'initiated'")),
        Index("ix_payments_decide_by", "decide_by", postgresql_where=text("status = 'declared'")),
    )  # fmt: skip

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointments.id", ondelete="RESTRICT"))
    renews_contract_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("contracts.id", ondelete="RESTRICT", use_alter=True)
    )
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    client_id: Mapped[UserId]
    agent_id: Mapped[UserId]
    period: Mapped[str | None] = mapped_column(String(10))
    periods: Mapped[int | None]
    start_date: Mapped[date | None]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    amount: Mapped[MoneyColumn]
    currency: Mapped[str] = mapped_column(String(3))
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_accounts.id", ondelete="RESTRICT"))
    account: Mapped[dict[str, str]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(12), server_default="initiated")
    expires_at: Mapped[Stamp]
    declared_at: Mapped[Stamp | None]
    decide_by: Mapped[Stamp | None]
    escalated_at: Mapped[Stamp | None]
    decided_at: Mapped[Stamp | None]
    amount_paid: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    paid_on: Mapped[date | None]
    payer_name: Mapped[str | None] = mapped_column(String(120))
    bank_reference: Mapped[str | None] = mapped_column(String(80))
    proof_file_id: Mapped[int | None] = mapped_column(ForeignKey("files.id", ondelete="RESTRICT"))
    refund_due: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]

    appointment: Mapped[Appointment | None] = relationship(foreign_keys="Payment.appointment_id", viewonly=True)
    subject: Mapped[Property] = relationship(foreign_keys="Payment.property_id", viewonly=True)
    client: Mapped[User] = relationship(foreign_keys="Payment.client_id", viewonly=True)
    agent: Mapped[User] = relationship(foreign_keys="Payment.agent_id", viewonly=True)
    proof: Mapped[File | None] = relationship(viewonly=True)

    @property
    def months(self) -> int | None:
        """Return the term in calendar months; None for one that is not made of months."""
        return MONTHS[self.period] * self.periods if self.period in MONTHS and self.periods else None


class Checkout(Model):
    """One try at paying through a gateway, under a reference that is used once."""

    __tablename__ = "checkouts"
    __table_args__ = (Index("ix_checkouts_payment_id", "payment_id"),)

    id: Mapped[Id]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"))
    provider: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(60), unique=True)
    url: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Stamp]
    paid_at: Mapped[Stamp | None]


class WebhookEvent(Model):
    """What a gateway has told, as it came, and what became of it."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_webhook_events_due", "due_at", postgresql_where=text("processed_at IS NULL AND dead_at IS NULL")),
        Index("ix_webhook_events_payment_id", "payment_id"),
    )

    id: Mapped[Id]
    provider: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(String(60))
    payload: Mapped[str] = mapped_column(Text)
    received_at: Mapped[Stamp]
    due_at: Mapped[Stamp]
    claimed_until: Mapped[Stamp | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    processed_at: Mapped[Stamp | None]
    dead_at: Mapped[Stamp | None]
    outcome: Mapped[str | None] = mapped_column(String(40))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"))
    last_error: Mapped[str | None] = mapped_column(String(80))
