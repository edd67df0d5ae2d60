"""The API's description: open while developing, for staff in production."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda.core.actor import Role
from tests.factories import auth, make_user


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> FlaskClient:
    """Return a client of an application as it runs for an agency."""
    return make_app(ENVIRONMENT="production", RATELIMIT_ENABLED=True).test_client()


class TestDocument:
    def test_it_is_open_while_developing(self, client: FlaskClient) -> None:
        answer = client.get("/api/v1/_openapi")
        assert answer.json["openapi"].startswith("3.")
        assert answer.json["servers"] == [{"url": "/"}]

    def test_money_and_times_have_their_shapes(self, client: FlaskClient) -> None:
        text = client.get("/api/v1/_openapi").get_data(as_text=True)
        assert '"example": "2500000.00"' in text
        assert '"format": "date-time"' in text

    def test_in_production_it_is_for_staff(self, production: FlaskClient, live_db: Any) -> None:
        assert production.get("/api/v1/_openapi").status_code == 401
        client, staff = auth(make_user(Role.CLIENT)), auth(make_user(Role.STAFF))
        assert production.get("/api/v1/_openapi", headers=client).status_code == 403
        assert production.get("/api/v1/_openapi", headers=staff).status_code == 200

    def test_the_page_follows_the_same_rule(self, production: FlaskClient, client: FlaskClient) -> None:
        assert production.get("/swagger/v1").status_code == 401
        assert client.get("/swagger/v1").status_code == 200
