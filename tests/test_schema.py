"""Whatever is sent, by whomever, nothing is answered with a fault of ours: requests are made from our own description."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

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
        """Send requests from the description, with real ids now and then, as one role."""
        world = make_world()
        headers = {} if role == "Public" else factories.auth(world[role])
        schema = schemathesis.openapi.from_wsgi("/api/v1/_openapi", app)
        sent = 0

        def send(case: Any) -> None:
            nonlocal sent
            sent += 1
            case.headers = {**(case.headers or {}), **headers}
            case.call_and_validate(checks=(not_a_server_error,))

        for operation in schema.get_all_operations():
            generated = operation.ok().as_strategy()
            run = settings(
                max_examples=PER_OPERATION,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            from hypothesis import given

            run(given(case=generated)(lambda case: send(case)))()
        assert sent >= 2000


def make_world() -> dict[str, Any]:
    """Make a person of each role, and a deal in the middle of its life."""
    people: dict[str, Any] = {role.value: factories.make_user(role) for role in Role if role not in {Role.PUBLIC, Role.SYSTEM}}
    home = factories.make_property(agent=people["Agent"])
    factories.make_bank_account(people["Agent"])
    factories.make_appointment(home, client=people["Client"])
    return people
