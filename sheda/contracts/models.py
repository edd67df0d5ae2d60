"""Contracts: tenancies and sales, with terms that never change once written."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from sheda.accounts.models import User
from sheda.contracts.states import CONTRACT
from sheda.core.db import CURRENCY_CHECK, Id, Model, MoneyColumn, Stamp, UserId
from sheda.payments.models import OPEN_STATES, PRICED_DEAL, Payment
from sheda.properties.models import Property

LIVE_STATES = ("active", "completed")
"""A property that is rented or sold has exactly one contract in these (I1); `completed` only as a sale."""


class Contract(Model):
    """One tenancy or sale; the end is exclusive, and a sale has none.

    `renewal_periods` and `renewal_by` (the side that asked) stand while a renewal is proposed and not yet accepted.
    """

    __tablename__ = "contracts"
    __table_args__ = (
        CONTRACT.check_constraint(),
        CheckConstraint("contract_type IN ('rent', 'sale')", name="contract_type"),
        CheckConstraint("(contract_type = 'rent') = (end_date IS NOT NULL)", name="rent_has_end"),
        CheckConstraint("end_date > start_date", name="period"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(CURRENCY_CHECK, name="currency"),
        CheckConstraint("(renewal_periods IS NULL) = (renewal_by IS NULL)", name="renewal"),
        CheckConstraint("renewal_by IN ('client', 'agent')", name="renewal_by"),
        ForeignKeyConstraint(
            ["payment_id", *PRICED_DEAL], [f"payments.{name}" for name in ("id", *PRICED_DEAL)],
            name="fk_contracts_deal", ondelete="RESTRICT",
        ),
        Index("uq_contracts_live", "property_id", unique=True, postgresql_where=text("status IN ('active', 'completed')")),
        Index("uq_contracts_successor", "replaces_id", unique=True, postgresql_where=text("status IN ('pending', 'scheduled', 'active')")),
        Index("ix_contracts_client_id", "client_id", "id"),
        Index("ix_contracts_agent_id", "agent_id", "id"),
        Index("ix_contracts_property_id", "property_id"),
        Index("ix_contracts_status", "status", "id"),
        Index("ix_contracts_due", "end_date", "id", postgresql_where=text("status = 'active' AND contract_type = 'rent'")),
    )  # fmt: skip

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    client_id: Mapped[UserId]
    agent_id: Mapped[UserId]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), unique=True)
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("contracts.id", ondelete="RESTRICT"))
    contract_type: Mapped[str] = mapped_column(String(10))
    amount: Mapped[MoneyColumn]
    currency: Mapped[str] = mapped_column(String(3))
    period: Mapped[str | None] = mapped_column(String(10))
    periods: Mapped[int | None]
    start_date: Mapped[date]
    end_date: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(12), server_default="pending")
    ends_early_on: Mapped[date | None]
    renewal_periods: Mapped[int | None]
    renewal_by: Mapped[str | None] = mapped_column(String(6))
    created_at: Mapped[Stamp]
    activated_at: Mapped[Stamp | None]
    ended_at: Mapped[Stamp | None]

    subject: Mapped[Property] = relationship(viewonly=True)
    payment: Mapped[Payment] = relationship(foreign_keys="Contract.payment_id", viewonly=True)
    client: Mapped[User] = relationship(foreign_keys="Contract.client_id", viewonly=True)
    agent: Mapped[User] = relationship(foreign_keys="Contract.agent_id", viewonly=True)
    renewal_payment: Mapped[Payment | None] = relationship(
        primaryjoin=lambda: (Contract.id == foreign(Payment.renews_contract_id)) & Payment.status.in_(OPEN_STATES),
        viewonly=True,
        uselist=False,
    )

    @property
    def is_active(self) -> bool:
        """Tell whether it runs now, as the wire calls it."""
        return self.status == "active"

    @property
    def renewal(self) -> dict[str, Any] | None:
        """Return what is proposed or being paid to renew it: periods, the side that proposed, the open payment."""
        if self.renewal_payment is not None:
            return {"periods": self.renewal_payment.periods, "proposed_by": None, "payment": self.renewal_payment}
        if self.renewal_periods is not None:
            return {"periods": self.renewal_periods, "proposed_by": self.renewal_by, "payment": None}
        return None
