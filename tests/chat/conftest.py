from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda.core import limits


@pytest.fixture
def limited_client(app: Flask, client: FlaskClient, redis: Any) -> Iterator[FlaskClient]:
    """Return a client of an app that counts."""
    before = app.extensions["limits"]
    app.extensions["limits"] = limits.init_limits({**app.config, "RATELIMIT_ENABLED": True})
    yield client
    app.extensions["limits"] = before
