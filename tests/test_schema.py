"""Whatever is sent, by whomever, nothing is a fault of ours: requests are made from our own description."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from sheda.core import clock, health
from sheda.core.actor import Role
from tests import factories

PER_OPERATION = 40
"""Requests made for each operation and role: with about 80 operations more than 2 000 a role."""


@pytest.fixture(params=["Public", "Client", "Agent", "Staff", "Admin"])
def role(request: pytest.FixtureRequest) -> str:
    """Walk through the roles."""
    found: str = request.param
    return found


class TestDescription:
    def test_it_names_every_route(self, app: Flask) -> None:
        described = schemathesis.openapi.from_wsgi("/api/v1/_openapi", app).raw_schema["paths"]
        routed = {
            str(rule).replace("<", "{").replace(">", "}").rstrip("/")
            for rule in app.url_map.iter_rules()
            if str(rule).startswith("/api/v1/")
        }
        assert set(described) == routed

    def test_every_operation_says_how_it_refuses(self, app: Flask) -> None:
        schema = schemathesis.openapi.from_wsgi("/api/v1/_openapi", app).raw_schema
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                refusals = {status for status in operation["responses"] if status >= "400"}
                assert refusals >= {"400", "422"}, (path, method)
                assert operation["summary"], (path, method)


class TestGeneratedRequests:
    def test_no_request_is_a_fault(self, app: Flask, live_db: Any, role: str) -> None:
        """Send requests from the description, every second one with ids that exist, as one role."""
        people, rows = make_world()
        headers = {} if role == "Public" else factories.auth(people[role])
        sent = itertools.count()

        def send(case: Any) -> None:
            if next(sent) % 2:
                real = rows.get(case.path.split("/")[3])
                case.path_parameters = dict.fromkeys(case.path_parameters or {}, real or 1)
            case.headers = {**(case.headers or {}), **headers}
            case.call_and_validate(checks=(not_a_server_error,))

        for operation in schemathesis.openapi.from_wsgi("/api/v1/_openapi", app).get_all_operations():
            health.beat()
            drawn = given(case=operation.ok().as_strategy())(send)
            RUN(drawn)()
        assert next(sent) >= 2000


RUN = settings(
    max_examples=PER_OPERATION,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def make_world() -> tuple[dict[str, Any], dict[str, int]]:
    """Make a person of each role, and deals in the middle of their lives; the people, and an id of each kind of row."""
    people = {role.value: factories.make_user(role) for role in Role if role not in {Role.PUBLIC, Role.SYSTEM}}
    agent, tenant = people["Agent"], people["Client"]
    asked = factories.make_appointment(factories.make_property(agent), tenant)
    past = {"status": "completed", "starts_at": clock.now() - timedelta(days=2)}
    seen = factories.make_appointment(factories.make_property(agent), tenant, **past)
    payment = factories.make_payment(seen)
    past["starts_at"] -= timedelta(days=1)
    let = factories.make_appointment(factories.make_property(agent), tenant, **past)
    contract = factories.make_contract(factories.make_payment(let, status="accepted"))
    return people, {
        "properties": asked.property_id,
        "appointments": asked.id,
        "payments": payment.id,
        "contracts": contract.id,
        "agents": agent.id,
        "chats": agent.id,
        "saved-searches": factories.make_saved_search(tenant).id,
    }
