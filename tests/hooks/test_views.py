"""Webhooks at the desk: made, given a secret, tried, looked at and sent again."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.hooks.jobs import deliver
from sheda.hooks.models import HookDelivery, HookEndpoint
from tests.factories import make_hook, make_user
from tests.pages import Browser, browser_of
from tests.receivers import Receiver

LIST = "/admin/webhooks"


@pytest.fixture
def staff(db_session: Any) -> User:
    return make_user(Role.STAFF)


def made(browser: Browser, receiver: Receiver, *events: str) -> HookEndpoint:
    browser.get(f"{LIST}/add")
    answer = browser.send(f"{LIST}/add", url=f"{receiver.url}/in", events=list(events), note="The CRM")
    assert answer.status_code == 302, browser.faults()
    return db.session.scalars(select(HookEndpoint).order_by(HookEndpoint.id.desc())).first()


class TestDesk:
    def test_one_is_made_given_its_secret_tried_and_sent_again(
        self, app: Flask, client: FlaskClient, staff: User, receiver: Receiver
    ) -> None:
        browser = browser_of(app, staff)
        hook = made(browser, receiver, "payment.accepted", "property.rented")
        page = browser.get(f"{LIST}/show/{hook.id}").text
        assert "Needs its secret" in page
        assert "Make the secret" in page
        shown = browser.send(f"{LIST}/secret/{hook.id}").text
        secret = re.search(r'value="(whsec_[^"]+)"', shown)
        assert secret is not None
        for path in (
            f"{LIST}/show/{hook.id}",
            f"{LIST}/list/",
            "/admin/webhook-deliveries/list/",
            "/admin/history/list/",
        ):
            assert "whsec_" not in browser.get(path).text
        browser.get(f"{LIST}/show/{hook.id}")
        browser.send(f"{LIST}/move/{hook.id}/ping")
        assert deliver()["delivered"] == 1
        assert Webhook(secret[1]).verify(receiver.taken[0].body, receiver.taken[0].headers)["type"] == "ping"
        row = db.session.scalars(select(HookDelivery)).one()
        page = browser.get(f"/admin/webhook-deliveries/show/{row.id}").text
        assert "204" in page
        assert "Send again" in page
        browser.send(f"/admin/webhook-deliveries/move/{row.id}/replay")
        assert deliver()["delivered"] == 1
        assert len({taken.headers["webhook-id"] for taken in receiver.taken}) == 1

    def test_it_is_switched_off_and_on(self, app: Flask, client: FlaskClient, staff: User, receiver: Receiver) -> None:
        browser, hook = browser_of(app, staff), make_hook(staff)
        browser.get(f"{LIST}/show/{hook.id}")
        browser.send(f"{LIST}/move/{hook.id}/switch_off")
        assert "somebody switched it off" in browser.get(f"{LIST}/show/{hook.id}").text
        browser.send(f"{LIST}/move/{hook.id}/switch_on")
        db.session.expire_all()
        assert hook.stopped_at is None

    def test_a_private_address_is_refused_at_its_field(self, app: Flask, client: FlaskClient, staff: User) -> None:
        browser = browser_of(app, staff)
        browser.get(f"{LIST}/add")
        browser.send(f"{LIST}/add", url="https://169.254.169.254/latest", events=["payment.accepted"])
        assert "private network" in browser.faults()[0]
        browser.send(f"{LIST}/add", url="https://10.0.0.1/")
        assert db.session.scalars(select(HookEndpoint)).all() == []

    def test_its_events_are_changed(self, app: Flask, client: FlaskClient, staff: User, receiver: Receiver) -> None:
        browser = browser_of(app, staff)
        hook = made(browser, receiver, "payment.accepted")
        browser.get(f"{LIST}/edit/{hook.id}")
        browser.send(f"{LIST}/edit/{hook.id}", url=hook.url, events=["property.sold"], note="")
        db.session.expire_all()
        assert (hook.events, hook.note) == (["property.sold"], None)
        browser.get(f"{LIST}/show/{hook.id}")
        browser.send(f"{LIST}/delete/{hook.id}")
        assert db.session.scalars(select(HookEndpoint)).all() == []


class TestOwners:
    def test_an_agent_sees_his_own_and_nobody_elses(self, app: Flask, client: FlaskClient, staff: User) -> None:
        own, other = make_hook(make_user(Role.AGENT), url="https://mine.example/"), make_hook(make_user(Role.AGENT))
        browser = browser_of(app, own.owner)
        page = browser.get(f"{LIST}/list/").text
        assert "mine.example" in page
        assert "hooks.agency.example" not in page
        assert browser.get(f"{LIST}/show/{own.id}").status_code == 200
        for path in (f"{LIST}/show/{other.id}", f"{LIST}/edit/{other.id}"):
            assert browser.get(path).status_code == 404
        for path in (f"{LIST}/secret/{other.id}", f"{LIST}/move/{other.id}/ping", f"{LIST}/delete/{other.id}"):
            browser.get(f"{LIST}/show/{own.id}")
            assert browser.send(path).status_code == 404

    def test_clients_and_strangers_see_none(self, app: Flask, client: FlaskClient) -> None:
        assert client.get(f"{LIST}/list/").status_code == 302
        hook = make_hook(make_user(Role.STAFF))
        assert client.post(f"{LIST}/secret/{hook.id}").status_code in {302, 400}
