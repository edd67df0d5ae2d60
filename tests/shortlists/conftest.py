from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from sheda.accounts.models import User
from sheda.core.actor import SYSTEM
from sheda.core.db import db
from sheda.properties import services as listings
from sheda.properties.models import Property
from tests.conftest import Clock
from tests.factories import actor_of, make_user

TERMS: dict[str, Any] = {
    "title": "Two bedroom flat in Yaba",
    "description": "Bright, dry and quiet.",
    "price": Decimal("2500000.00"),
    "listing_type": "rent",
    "period": "year",
    "property_type": "apartment",
    "location": "Herbert Macaulay Way, Yaba",
    "city": "Yaba",
    "bedroom": 2,
    "bathroom": 2,
}


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user(first_name="Ada", last_name="Obi")


@pytest.fixture
def moved_clock(frozen_clock: Clock, excused_invariants: set[str]) -> Iterator[Clock]:
    """Move the clock in a test that sends no mail."""
    excused_invariants.add("I8")
    return frozen_clock


def publish(agent: User, **over: Any) -> Property:
    """Put a listing on the market as its agent does, and commit."""
    subject = listings.create(actor_of(agent), **{**TERMS, **over})
    db.session.commit()
    return subject


def set_price(subject: Property, price: str) -> None:
    """Change a price as its agent does, and commit."""
    owner = db.session.get_one(User, subject.agent_id)
    listings.update(actor_of(owner), subject.id, price=Decimal(price))
    db.session.commit()


def pause(subject: Property) -> None:
    """Take a listing out of the search, and commit."""
    listings.pause(SYSTEM, subject.id)
    db.session.commit()
