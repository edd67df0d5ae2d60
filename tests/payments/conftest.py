"""A home that a client has seen, and an agent who has said where to pay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.actor import Actor, Role
from sheda.core.db import db
from sheda.core.states import History
from sheda.payments.models import Payment
from sheda.properties.models import Property
from tests.factories import actor_of, make_appointment, make_bank_account, make_property, make_user


@dataclass
class Deal:
    """An agent with a bank account, a home of his, and a client who has viewed it."""

    agent: User
    client: User
    home: Property
    viewing: Appointment

    @property
    def by_agent(self) -> Actor:
        return actor_of(self.agent)

    @property
    def by_client(self) -> Actor:
        return actor_of(self.client)

    def rival(self) -> tuple[User, Appointment]:
        """Return another client who has viewed the same home."""
        client = make_user()
        return client, make_viewing(self.home, client)


def make_viewing(home: Property, client: User, **over: Any) -> Appointment:
    """Make a viewing that took place yesterday."""
    return make_appointment(
        home, client, **{"status": "completed", "starts_at": clock.now() - timedelta(days=1), **over}
    )


def make_deal(**home: Any) -> Deal:
    """Make all that comes before a payment; what is given describes the home."""
    agent, client = make_user(Role.AGENT), make_user()
    make_bank_account(agent)
    subject = make_property(agent, **home)
    return Deal(agent, client, subject, make_viewing(subject, client))


def moves_of(row: Any) -> list[str]:
    """Return the names of a row's history, oldest first."""
    found = sa.select(History.move).where(History.subject_type == row.__tablename__, History.subject_id == row.id)
    return list(db.session.scalars(found.order_by(History.id)))


@pytest.fixture
def deal(db_session: Any) -> Deal:
    return make_deal()


@pytest.fixture
def declared(deal: Deal) -> Payment:
    """Return that client's declared payment, which holds the home, with its pending contract."""
    from sheda.contracts import services as contracts
    from sheda.payments import services

    payment = services.initiate(deal.by_client, deal.viewing.id, periods=1)
    contracts.declare(deal.by_client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
    db.session.commit()
    return payment


@pytest.fixture
def statements(count_statements: Any) -> Callable[[Callable[[], Any]], int]:
    """Return a function that counts the statements in which some work reads payments and contracts."""

    def count(work: Callable[[], Any]) -> int:
        with count_statements() as seen:
            work()
        return sum("FROM payments" in one or "FROM contracts" in one for one in seen)

    return count
