"""Machines that hold sockets, and the people who talk over them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from sheda.core.actor import Role
from tests import factories
from tests.live.machine import Ear, Machine, Person, running


@pytest.fixture(scope="module")
def machine(app: Flask) -> Iterator[Machine]:
    """Run a machine for the tests of a file."""
    with running() as made:
        yield made


@pytest.fixture
def people(live_db: Any, machine: Machine) -> Iterator[Callable[..., Person]]:
    """Return a function that makes somebody; the sockets that he opens are closed at the end."""
    ears: list[Ear] = []

    class Tidy(Person):
        def listen(self, query: str = "", **more: Any) -> Ear:
            ears.append(super().listen(query, **more))
            return ears[-1]

    yield lambda role=Role.CLIENT, **over: Tidy(factories.make_user(role, **over), machine)
    for ear in ears:
        ear.close()


@pytest.fixture
def agent(people: Callable[..., Person]) -> Person:
    return people(Role.AGENT)


@pytest.fixture
def client_person(people: Callable[..., Person]) -> Person:
    return people()
