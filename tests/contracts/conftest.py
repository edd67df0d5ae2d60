"""Contracts stand on deals: a home that a client has seen, and a payment."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from sheda.contracts import services
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.db import db
from sheda.payments import services as payments
from sheda.payments.models import Payment
from tests.factories import make_contract, make_payment
from tests.payments.conftest import Deal, deal, declared, make_deal, statements

__all__ = ["deal", "declared", "statements"]


def pending_of(payment: Payment) -> Contract:
    """Return the contract of a declared payment."""
    return services.contract_of(payment)


def make_tenancy(deal: Deal, **over: Any) -> Contract:
    """Make a running tenancy of a deal's client, by the listing's period."""
    return make_contract(make_payment(deal.viewing, status="accepted", decided_at=clock.now()), **over)


def make_ending(days: int = 0, **over: Any) -> tuple[Deal, Contract]:
    """Make a tenancy of a year that ends, or has ended, some days from today."""
    found = make_deal()
    end = clock.today() + timedelta(days=days)
    return found, make_tenancy(found, start_date=end - timedelta(days=365), end_date=end, **over)


def agree_renewal(deal: Deal, contract: Contract, periods: int = 1) -> Payment:
    """Let the client propose a renewal and the agent accept it; return its initiated payment."""
    services.propose_renewal(deal.by_client, contract.id, periods=periods)
    services.accept_renewal(deal.by_agent, contract.id)
    db.session.commit()
    assert contract.renewal_payment is not None
    return contract.renewal_payment


def declare_renewal(deal: Deal, contract: Contract, periods: int = 1) -> Contract:
    """Agree and declare a renewal; return the pending successor."""
    payment = agree_renewal(deal, contract, periods)
    successor = services.declare(
        deal.by_client, deal.home.id, payment_id=payment.id, amount_paid=payment.amount, paid_on=clock.today()
    )
    db.session.commit()
    return successor


def schedule_renewal(deal: Deal, contract: Contract, periods: int = 1) -> Contract:
    """Agree, declare and accept a renewal; return the successor."""
    successor = declare_renewal(deal, contract, periods)
    payments.accept(deal.by_agent, successor.payment_id)
    db.session.commit()
    return successor


def noon(day: date) -> datetime:
    """Return noon of a day in Lagos."""
    return datetime.combine(day, time(12), clock.LAGOS)


@pytest.fixture
def tenancy(deal: Deal) -> Contract:
    """Return the running tenancy, from today for a year, of the deal's client."""
    return make_tenancy(deal)
