"""Who may do what: every route of the API against every role, and own, foreign and missing rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda import rooms
from sheda.accounts.models import User
from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.chat import services as chat
from sheda.chat.models import Attachment, Message, QuickReply
from sheda.contracts.models import Contract
from sheda.core import clock, files
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.endpoints import Endpoint
from sheda.core.roles import GRANTS, ROLES
from sheda.notifications.models import Notification, PushDevice
from sheda.payments.models import File, Payment
from sheda.profiles.models import BankAccount
from sheda.properties.models import Property, PropertyImage
from sheda.shortlists.models import Favourite, SavedSearch
from tests import factories

MISSING = 2**31 - 1


@dataclass(frozen=True)
class Route:
    """One declared endpoint under its API."""

    api: type[Any]
    spec: Endpoint

    @property
    def resource(self) -> str:
        found: str = self.api.class_permission_name
        return found

    def __str__(self) -> str:
        return f"{self.spec.methods[0]} {self.api.resource_name}{self.spec.path} ({self.resource}.{self.spec.may})"

    def path(self, *ids: int) -> str:
        """Return the address, with ids in the order of its places."""
        rest = list(ids)
        names = self.spec.path.split("/")
        parts = [str(rest.pop(0) if rest else MISSING) if part.startswith("<") else part for part in names]
        return f"{self.base}{'/'.join(parts)}".rstrip("/")

    @property
    def base(self) -> str:
        return self.api.route_base or f"/api/v1/{self.api.resource_name}"

    @property
    def ids(self) -> int:
        return self.spec.path.count("<")


def declared() -> Iterator[Route]:
    for api in rooms.APIS:
        for name in sorted(dir(api)):
            spec = getattr(getattr(api, name), "declared", None)
            if spec is not None:
                yield Route(api, spec)


ROUTES = sorted(declared(), key=str)
ROWS = [route for route in ROUTES if route.spec.subject is not None]


def ask(http: FlaskClient, route: Route, headers: dict[str, str], *ids: int) -> Any:
    """Send the route's emptiest request."""
    method, options = route.spec.methods[0], {}
    if route.spec.upload:
        options = {"data": {}, "content_type": "multipart/form-data"}
    elif method != "GET" and route.spec.body is not None:
        options = {"json": {}}
    return http.open(route.path(*ids), method=method, headers=headers, **options)


class TestKnocking:
    @pytest.mark.parametrize("role", ROLES, ids=str)
    @pytest.mark.parametrize("route", ROUTES, ids=str)
    def test_each_role_gets_as_far_as_the_table_says(self, client: FlaskClient, route: Route, role: Role) -> None:
        headers = {} if role is Role.PUBLIC else factories.auth(factories.make_user(role))
        answer = ask(client, route, headers)
        assert answer.status_code < 500 or route.api.resource_name == "readyz", answer.data
        if role.letter in GRANTS[route.resource][route.spec.may]:
            assert answer.status_code != 403, answer.data
            assert answer.status_code != 401 or route.resource == "Auth", answer.data
        else:
            assert answer.status_code == (401 if role is Role.PUBLIC else 403), answer.data
            assert answer.json["code"] == ("unauthorized" if role is Role.PUBLIC else "not_allowed")

    def test_every_route_of_the_api_is_declared(self, app: Flask) -> None:
        routed = {str(rule).rstrip("/") for rule in app.url_map.iter_rules() if str(rule).startswith("/api/v1/")}
        covered = {f"{route.base}{route.spec.path}".rstrip("/") for route in ROUTES}
        assert routed == covered

    def test_every_grant_of_an_api_has_letters_that_exist(self) -> None:
        letters = {letter for actions in GRANTS.values() for granted in actions.values() for letter in granted}
        assert letters == {"P", "C", "A", "S", "X"}

    def test_every_route_with_an_id_names_its_subject(self) -> None:
        """Chats are named by the other person, papers by kind, mails by token, contracts declared by the property,
        listings read in one statement, a calendar by its private address, a webhook by its gateway, whom one blocks
        by the person."""
        unnamed = {str(route) for route in ROUTES if route.ids and route.spec.subject is None}
        by_service = {
            "GET chats/<user_id> (Chat.read)", "POST chats/<user_id>/read (Chat.read)",
            "GET chats/<user_id>/about (Chat.read)", "POST chats/<user_id>/block (Chat.block)",
            "DELETE chats/<user_id>/block (Chat.block)",
            "POST contracts/<pk> (Contract.declare)", "GET properties/<pk> (Property.read)",
            "GET unsubscribe/<token> (Unsubscribe.use)", "POST unsubscribe/<token> (Unsubscribe.use)",
            "GET agents/<pk> (AgentCard.read)", "GET agents/<pk>/slots (Availability.slots)",
            "PUT users/me/verification/documents/<kind> (MyVerification.update)",
            "DELETE users/me/verification/documents/<kind> (MyVerification.update)",
            "GET users/me/verification/documents/<kind> (MyVerification.read)",
            "GET calendar/<token>.ics (CalendarFeed.subscribe)", "POST webhooks/<provider> (Webhook.post)",
        }  # fmt: skip
        assert unnamed - by_service == set()


@dataclass
class World:
    """One deal with everything around it, its people, and two who have nothing to do with it."""

    client: dict[str, str]
    agent: dict[str, str]
    other_client: dict[str, str]
    other_agent: dict[str, str]
    rows: dict[type[Any], int]

    def owner(self, role: Role) -> dict[str, str]:
        return self.client if role is Role.CLIENT else self.agent

    def stranger(self, role: Role) -> dict[str, str]:
        return self.other_client if role is Role.CLIENT else self.other_agent


def added(row: Any) -> int:
    """Add a row and return its id."""
    db.session.add(row)
    db.session.commit()
    found: int = row.id
    return found


def chat_rows(tenant: User, agent: User) -> dict[type[Any], int]:
    """Make a message of the agent to the tenant, a picture that the tenant has uploaded, and a reply of the agent's."""
    said = chat.send(factories.actor_of(agent), tenant.id, "Is Friday well for you?")
    kept = [files.put(files.Area.PRIVATE, b"RIFF", "webp") for _ in range(2)]
    picture = Attachment(
        owner_id=tenant.id, name="gate.webp", key=kept[0], thumb_key=kept[1], content_type="image/webp", size=4,
        created_at=clock.now(),
    )  # fmt: skip
    reply = QuickReply(user_id=agent.id, text="It is still to be had.", created_at=clock.now())
    return {Message: said.id, Attachment: added(picture), QuickReply: added(reply)}


@pytest.fixture
def world(client: FlaskClient) -> World:
    """Make the world."""
    people = [factories.make_user(role) for role in (Role.CLIENT, Role.AGENT, Role.CLIENT, Role.AGENT)]
    tenant, agent = people[:2]
    draft = factories.make_property(agent, listing_state="draft")
    lately = {"status": "completed", "starts_at": clock.now() - timedelta(days=2)}
    let = factories.make_appointment(factories.make_property(agent), tenant, **lately)
    contract = factories.make_contract(factories.make_payment(let, status="accepted"))
    seen = factories.make_appointment(
        factories.make_property(agent), tenant, **{**lately, "starts_at": clock.now() - timedelta(days=3)}
    )
    payment = factories.make_payment(seen)
    rows: dict[type[Any], int] = {
        Property: draft.id,
        PropertyImage: factories.make_image(draft).id,
        Appointment: payment.appointment_id,
        AvailabilityHours: factories.make_hours(agent).id,
        AvailabilityException: factories.make_exception(agent, clock.today()).id,
        BankAccount: payment.bank_account_id,
        Payment: payment.id,
        Contract: contract.id,
        File: added(
            File(
                owner_id=tenant.id,
                key=files.put(files.Area.PRIVATE, b"%PDF-", "pdf"),
                content_type="application/pdf",
                size=1,
                sha256="0" * 64,
                created_at=clock.now(),
            )
        ),
        Favourite: factories.make_favourite(tenant).id,
        SavedSearch: factories.make_saved_search(tenant).id,
        PushDevice: factories.make_device(tenant).id,
        Notification: added(
            Notification(user_id=tenant.id, key="n", kind="accepted", text="Yes.", created_at=clock.now())
        ),
    }
    rows |= chat_rows(tenant, agent)
    return World(*(factories.auth(person) for person in people), rows)


def granted_to(route: Route) -> list[Role]:
    letters = GRANTS[route.resource][route.spec.may]
    return [role for role in (Role.CLIENT, Role.AGENT) if role.letter in letters]


CASES = [(route, role) for route in ROWS for role in granted_to(route)]


class TestRows:
    @pytest.mark.parametrize(("route", "role"), CASES, ids=[f"{route} by {role}" for route, role in CASES])
    def test_a_foreign_row_reads_exactly_like_a_missing_one(
        self, client: FlaskClient, world: World, route: Route, role: Role
    ) -> None:
        foreign = ask(client, route, world.stranger(role), *([world.rows[route.spec.subject]] * route.ids))
        missing = ask(client, route, world.stranger(role), *([MISSING] * route.ids))
        assert (foreign.status_code, missing.status_code) == (404, 404), foreign.data
        assert {**foreign.json, "request_id": ""} == {**missing.json, "request_id": ""}

    @pytest.mark.parametrize("route", ROWS, ids=str)
    def test_an_own_row_is_there(self, client: FlaskClient, world: World, route: Route) -> None:
        personal = Role.CLIENT if route.spec.subject in {File, Notification, PushDevice, SavedSearch} else None
        for role in [personal] if personal else granted_to(route):
            if role is Role.CLIENT and route.spec.subject in {Property, PropertyImage}:
                continue
            answer = ask(client, route, world.owner(role), *self.own_ids(world, route))
            assert answer.status_code not in {401, 403, 404}, answer.data
            break

    def own_ids(self, world: World, route: Route) -> list[int]:
        if route.ids == 2:
            return [world.rows[Property], world.rows[PropertyImage]]
        return [world.rows[route.spec.subject]]

    @pytest.mark.parametrize(
        "route", [route for route in ROWS if route.spec.subject is Property and route.spec.move], ids=str
    )
    def test_a_published_listing_of_another_agent_is_seen_and_refused(
        self, client: FlaskClient, world: World, route: Route
    ) -> None:
        shown = factories.make_property(listing_state="published")
        ids = [shown.id, MISSING][: route.ids]
        assert ask(client, route, world.other_agent, *ids).status_code == 403

    @pytest.mark.parametrize("route", [route for route in ROUTES if route.spec.lists and not route.ids], ids=str)
    def test_a_list_shows_own_rows_only(self, client: FlaskClient, world: World, route: Route) -> None:
        for role in granted_to(route):
            answer = ask(client, route, world.stranger(role))
            assert answer.status_code == 200, answer.data
            shown = {row.get("id") for row in answer.json["result"]}
            model = getattr(getattr(route.api, "datamodel", None), "obj", None)
            assert world.rows.get(model) not in shown


class TestPages:
    def test_no_page_of_the_desk_opens_without_a_sign_in(self, app: Flask, client: FlaskClient) -> None:
        for rule in app.url_map.iter_rules():
            if not str(rule).startswith("/admin") or "GET" not in (rule.methods or set()):
                continue
            address = rule.build(dict.fromkeys(rule.arguments, "1")) or ("", "")
            answer = client.get(address[1])
            assert answer.status_code in {302, 404, 405}, address
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith("/login/"), address
