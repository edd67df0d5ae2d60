from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.core import limits
from sheda.core.actor import Role
from tests.factories import make_user


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user(first_name="Ada", last_name="Obi")


@pytest.fixture
def ben(db_session: Any) -> User:
    return make_user(Role.AGENT, first_name="Ben", last_name="Eze")


@pytest.fixture
def limited_client(app: Flask, client: FlaskClient, redis: Any) -> Iterator[FlaskClient]:
    """Return a client of an app that counts."""
    before = app.extensions["limits"]
    app.extensions["limits"] = limits.init_limits({**app.config, "RATELIMIT_ENABLED": True})
    yield client
    app.extensions["limits"] = before
