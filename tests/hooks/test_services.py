"""What becomes a delivery, for whom, and which addresses are taken."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.appointments import services as appointments
from sheda.contracts import services as contracts
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput, NotFound
from sheda.hooks import jobs, services
from sheda.hooks.catalogue import EVENTS, FIELDS, NAMES
from sheda.hooks.models import HookDelivery, HookEndpoint
from sheda.payments import services as payments
from sheda.properties import services as properties
from tests.factories import actor_of, make_appointment, make_contract, make_hook, make_payment, make_property, make_user
from tests.notifications.deals import Deal

ADDRESS = "https://hooks.agency.example/sheda"


@pytest.fixture
def office(db_session: Any) -> HookEndpoint:
    return make_hook(make_user(Role.STAFF))


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Say where names lead; this machine knows none."""
    found = {"hooks.agency.example": "93.184.216.34"}

    def look(host: str, port: int, **_options: Any) -> list[Any]:
        if host not in found:
            raise OSError("no such name")
        family = 10 if ":" in found[host] else 2
        return [(family, 1, 6, "", (found[host], port))]

    monkeypatch.setattr("socket.getaddrinfo", look)
    return found


def noted(endpoint: HookEndpoint | None = None) -> list[str]:
    rows = select(HookDelivery).order_by(HookDelivery.id)
    if endpoint is not None:
        rows = rows.where(HookDelivery.endpoint_id == endpoint.id)
    return [row.event for row in db.session.scalars(rows)]


class TestNoting:
    def test_a_letting_is_told_from_the_request_to_the_contract(self, office: HookEndpoint, db_session: Any) -> None:
        deal = Deal()
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        viewing = appointments.book(deal.client, deal.home.id, requested_time=start)
        appointments.confirm(deal.agent, viewing.id)
        appointments.complete(deal.agent, viewing.id)
        payment = payments.initiate(deal.client, viewing.id)
        contract = contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        contracts.confirm_payment(deal.agent, contract.id)
        db.session.commit()
        assert sorted(noted()) == sorted([
            "appointment.booked", "appointment.confirmed", "appointment.completed", "payment.initiated",
            "payment.declared", "property.rented", "contract.active", "payment.accepted",
        ])  # fmt: skip
        last = db.session.scalars(select(HookDelivery).where(HookDelivery.event == "payment.accepted")).one()
        said = json.loads(last.payload)["data"]
        assert (said["status"], said["amount"], said["currency"]) == ("accepted", "2500000.00", "NGN")
        assert "account" not in last.payload

    def test_a_moved_viewing_says_what_it_replaces(self, office: HookEndpoint) -> None:
        deal = Deal()
        viewing = deal.viewing()
        later = appointments.reschedule(deal.client, viewing.id, requested_time=viewing.starts_at + timedelta(days=1))
        db.session.commit()
        row = db.session.scalars(select(HookDelivery)).one()
        assert row.event == "appointment.rescheduled"
        assert json.loads(row.payload)["data"]["replaces_id"] == viewing.id
        assert row.subject_id == later.id

    def test_an_agent_hears_of_his_own_deals_alone(self, office: HookEndpoint) -> None:
        mine, other = Deal(), Deal()
        own = make_hook(mine.agent_user)
        for deal in (mine, other):
            appointments.confirm(deal.agent, deal.viewing().id)
        db.session.commit()
        assert len(noted(own)) == 1
        assert len(noted(office)) == 2

    def test_only_what_was_asked_for_is_noted(self, office: HookEndpoint) -> None:
        office.events = ["payment.accepted"]
        db.session.commit()
        deal = Deal()
        appointments.confirm(deal.agent, deal.viewing().id)
        db.session.commit()
        assert noted() == []

    def test_an_event_that_comes_twice_in_a_transaction_is_one_delivery(self, office: HookEndpoint) -> None:
        home = make_property()
        for _ in range(2):
            services.note("property.published", "properties", [home.id])
        assert noted() == ["property.published"]

    def test_what_is_undone_is_not_told(self, office: HookEndpoint) -> None:
        deal = Deal()
        viewing_id = deal.viewing().id
        with pytest.raises(ZeroDivisionError):
            in_transaction(lambda: appointments.confirm(deal.agent, viewing_id) and 1 / 0)
        assert noted() == []

    def test_many_moves_at_once_are_noted_by_one_statement(self, office: HookEndpoint, count_statements: Any) -> None:
        ids = [make_property().id for _ in range(5)]
        with count_statements() as seen:
            services.note("property.available", "properties", ids)
        assert (len(seen), len(noted())) == (1, 5)

    def test_a_listings_life_is_told(self, office: HookEndpoint) -> None:
        agent = make_user(Role.AGENT)
        home = make_property(agent)
        actor = actor_of(agent)
        properties.pause(actor, home.id)
        properties.update(actor, home.id, price=home.price - 1)
        properties.archive(actor, home.id)
        db.session.commit()
        assert noted() == ["property.paused", "property.price_lowered", "property.archived"]

    def test_an_endpoint_that_is_off_or_whose_owner_is_gone_hears_nothing(self, office: HookEndpoint) -> None:
        services.switch_off(actor_of(office.owner), office.id)
        gone = make_hook(make_user(Role.STAFF))
        gone.owner.active = False
        db.session.commit()
        deal = Deal()
        appointments.confirm(deal.agent, deal.viewing().id)
        assert noted() == []

    def test_every_event_has_a_cause(self) -> None:
        others = {
            "appointment.booked", "appointment.rescheduled", "property.price_lowered",
            "payment.refunded", "payment.disputed",
        }  # fmt: skip
        assert set(NAMES.values()) | others == set(EVENTS)

    def test_every_statement_runs(self, office: HookEndpoint) -> None:
        make_contract()
        payment = make_payment()
        for table in FIELDS:
            assert services.note("payment.accepted", table, [1, payment.id]) >= 0


class TestAddress:
    def test_a_public_address_is_taken(self, db_session: Any, resolves: dict[str, str]) -> None:
        made = services.add(actor_of(make_user(Role.STAFF)), url=ADDRESS, events=["payment.accepted"])
        assert (made.url, made.agent_id, made.secret_shown_at) == (ADDRESS, None, None)

    def test_an_agents_is_of_his_own_affairs(self, db_session: Any, resolves: dict[str, str]) -> None:
        agent = make_user(Role.AGENT)
        assert services.add(actor_of(agent), url=ADDRESS, events=["payment.accepted"]).agent_id == agent.id

    @pytest.mark.parametrize(
        "leads_to",
        [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:192.168.0.1", "64:ff9b::7f00:1",
        ],
    )  # fmt: skip
    def test_a_name_that_leads_inside_is_refused(
        self, db_session: Any, resolves: dict[str, str], leads_to: str
    ) -> None:
        resolves["hooks.agency.example"] = leads_to
        with pytest.raises(InvalidInput) as refused:
            services.add(actor_of(make_user(Role.STAFF)), url=ADDRESS, events=["payment.accepted"])
        assert refused.value.errors == [{"field": "url", "message": "The address leads into a private network."}]

    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.agency.example/", "https://nobody.example/", "https://10.0.0.1/", "https://localhost/",
            "https://user@hooks.agency.example/", "file:///etc/passwd", "gopher://hooks.agency.example/", "", "x",
            "https://hooks.agency.example/#x", "https://hooks.agency.example:port/", "https://[::1]/", "https://é.example/",
            "https://hooks.agency.example/" + "x" * 2000,
        ],
    )  # fmt: skip
    def test_what_is_no_public_https_address_is_refused(
        self, db_session: Any, resolves: dict[str, str], url: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            services.add(actor_of(make_user(Role.STAFF)), url=url, events=["payment.accepted"])
        assert [one["field"] for one in refused.value.errors] == ["url"]

    @pytest.mark.parametrize("events", [[], ["payment.imagined"], ["ping"]])
    def test_events_that_there_are_none_are_refused(
        self, db_session: Any, resolves: dict[str, str], events: list[str]
    ) -> None:
        with pytest.raises(InvalidInput):
            services.add(actor_of(make_user(Role.STAFF)), url=ADDRESS, events=events)

    def test_one_person_has_so_many(
        self, app: Flask, db_session: Any, resolves: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "MOST_HOOKS", 1)
        actor = actor_of(make_user(Role.STAFF))
        services.add(actor, url=ADDRESS, events=["payment.accepted"])
        with pytest.raises(services.TooManyHooks):
            services.add(actor, url=ADDRESS, events=["payment.accepted"])


class TestOwners:
    def test_another_agents_endpoint_is_missing(self, db_session: Any) -> None:
        hook, other = make_hook(make_user(Role.AGENT)), actor_of(make_user(Role.AGENT))
        for work in (services.ping, services.renew_secret, services.switch_off, services.remove):
            with pytest.raises(NotFound):
                work(other, hook.id)

    def test_clients_have_none(self, db_session: Any) -> None:
        hook = make_hook(make_user(Role.AGENT))
        with pytest.raises(NotFound):
            services.ping(actor_of(make_user()), hook.id)

    def test_the_office_sees_them_all(self, db_session: Any) -> None:
        hook = make_hook(make_user(Role.AGENT))
        assert services.ping(actor_of(make_user(Role.STAFF)), hook.id).endpoint_id == hook.id

    def test_whoever_leaves_takes_his_with_him(self, db_session: Any) -> None:
        agent = make_user(Role.AGENT)
        make_hook(agent)
        services.forget_person(agent.id)
        assert db.session.scalars(select(HookEndpoint)).all() == []


class TestKeeping:
    def test_deliveries_are_forgotten_after_a_month_but_not_what_waits(self, office: HookEndpoint) -> None:
        done, waiting = (services.ping(actor_of(office.owner), office.id) for _ in range(2))
        done.delivered_at = clock.now()
        db.session.commit()
        assert jobs.forget() == {"forgotten": 0}
        with clock.travel(clock.now() + timedelta(days=31)):
            assert jobs.forget() == {"forgotten": 1}
        assert db.session.scalars(select(HookDelivery.id)).all() == [waiting.id]

    def test_no_secret_is_kept(self, office: HookEndpoint) -> None:
        secret = services.renew_secret(actor_of(office.owner), office.id)
        kept = [str(value) for value in vars(office).values()]
        assert not any(secret.removeprefix("whsec_") in value for value in kept)

    def test_a_viewing_outside_of_any_endpoint_costs_one_statement(
        self, db_session: Any, count_statements: Any
    ) -> None:
        viewing_id = make_appointment().id
        with count_statements() as seen:
            services.note("appointment.confirmed", "appointments", [viewing_id])
        assert len(seen) == 1
