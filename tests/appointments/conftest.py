"""A Monday morning on which nothing has happened yet, and the people of one viewing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import Actor, Role
from sheda.properties.models import Property
from tests.conftest import Clock
from tests.factories import actor_of, make_property, make_user


@dataclass
class Scene:
    """One agent with one home, one client, and a Monday at nine."""

    agent: User
    client: User
    home: Property
    monday: datetime

    @property
    def by_agent(self) -> Actor:
        return actor_of(self.agent)

    @property
    def by_client(self) -> Actor:
        return actor_of(self.client)

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> datetime:
        """Return a moment in Lagos, some days after the Monday."""
        return datetime.combine(self.monday.date() + timedelta(days=days), time(hour, minute), clock.LAGOS)


def coming_monday() -> datetime:
    """Return nine in the morning in Lagos of a Monday to come."""
    day = clock.today()
    return datetime.combine(day + timedelta(days=7 - day.weekday()), time(9), clock.LAGOS)


@pytest.fixture
def monday(frozen_clock: Clock) -> datetime:
    """Hold the clock at that Monday morning."""
    moment = coming_monday()
    frozen_clock.at(moment)
    return moment


@pytest.fixture
def scene(db_session: Any, monday: datetime) -> Scene:
    agent = make_user(Role.AGENT)
    return Scene(agent, make_user(), make_property(agent), monday)


@pytest.fixture
def statements(count_statements: Any) -> Callable[[Callable[[], Any]], int]:
    """Return a function that counts the statements of some work."""

    def count(work: Callable[[], Any]) -> int:
        with count_statements() as seen:
            work()
        return len(seen)

    return count
