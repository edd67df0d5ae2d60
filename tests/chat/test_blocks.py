"""Blocks: neither writes to the other, nobody is told, and bookings go on."""

from datetime import datetime, time, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from sheda.accounts import services as accounts
from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.chat.models import Block
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.notifications.models import Notification
from tests.chat.test_api import CHATS, send
from tests.factories import actor_of, auth, make_property, make_user
from tests.pages import browser_of


def block(client: FlaskClient, blocker: User, blocked: int) -> Any:
    return client.post(f"{CHATS}/{blocked}/block", headers=auth(blocker))


class TestBlock:
    def test_neither_writes_to_the_other(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ben, ada)
        answer = block(client, ada, ben.id)
        assert answer.status_code == 200
        assert answer.json["result"] == {"id": ben.id, "user_id": ben.id, "is_blocked": True}
        assert send(client, ben, ada).status_code == 404
        assert send(client, ada, ben).status_code == 404

    def test_the_blocked_one_learns_no_more_than_of_nobody(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ben, ada)
        block(client, ada, ben.id)
        refused = send(client, ben, ada).json
        gone = client.post(CHATS, json={"receiver_id": 2**31 - 1, "message": "Hello"}, headers=auth(ben)).json
        assert {**refused, "request_id": ""} == {**gone, "request_id": ""}
        about = client.get(f"{CHATS}/{ada.id}/about", headers=auth(ben)).json["result"]
        assert about["is_blocked"] is False
        assert client.get(f"{CHATS}/blocks", headers=auth(ben)).json["result"] == []

    def test_whoever_blocks_is_told_what_to_do(self, client: FlaskClient, ada: User, ben: User) -> None:
        block(client, ada, ben.id)
        refused = send(client, ada, ben).json
        assert refused["code"] == "blocked_by_you"
        assert "Unblock" in refused["detail"]
        assert client.get(f"{CHATS}/{ben.id}/about", headers=auth(ada)).json["result"]["is_blocked"] is True

    def test_it_is_made_once_and_taken_back(self, client: FlaskClient, ada: User, ben: User) -> None:
        for _ in range(2):
            assert block(client, ada, ben.id).status_code == 200
        listed = client.get(f"{CHATS}/blocks", headers=auth(ada)).json["result"]
        assert [(one["blocked_id"], one["name"]) for one in listed] == [(ben.id, "Ben Eze")]
        for _ in range(2):
            answer = client.delete(f"{CHATS}/{ben.id}/block", headers=auth(ada))
            assert (answer.status_code, answer.json["result"]["is_blocked"]) == (200, False)
        assert send(client, ben, ada).status_code == 201

    def test_what_was_written_stays(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ben, ada, "Before")
        block(client, ada, ben.id)
        for reader, other in ((ada, ben), (ben, ada)):
            shown = client.get(f"{CHATS}/{other.id}", headers=auth(reader)).json["result"]
            assert [one["message"] for one in shown] == ["Before"]

    def test_nobody_oneself_and_the_office_are_refused(self, client: FlaskClient, ada: User) -> None:
        assert block(client, ada, 2**31 - 1).status_code == 404
        assert block(client, ada, ada.id).status_code == 422
        for role in (Role.STAFF, Role.ADMIN):
            answer = block(client, ada, make_user(role).id)
            assert (answer.status_code, answer.json["code"]) == (409, "office_cannot_be_blocked")
        assert block(client, make_user(Role.STAFF), ada.id).status_code == 403

    def test_bookings_and_their_notices_go_on(self, client: FlaskClient, ada: User, ben: User) -> None:
        home = make_property(ben)
        block(client, ben, ada.id)
        at = datetime.combine(clock.today() + timedelta(days=3), time(12), clock.LAGOS)
        appointments.book(actor_of(ada), home.id, requested_time=at)
        db.session.commit()
        told = db.session.scalars(db.select(Notification.kind).where(Notification.user_id == ben.id)).all()
        assert told == ["appointment_booked"]

    def test_it_goes_with_the_account(self, client: FlaskClient, ada: User, ben: User) -> None:
        block(client, ada, ben.id)
        accounts.close(actor_of(ada))
        db.session.commit()
        assert db.session.scalars(db.select(Block)).all() == []


class TestPages:
    def test_it_is_asked_about_done_and_taken_back(self, app: Flask, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben)
        browser, path = browser_of(app, ben), f"/admin/chats/with/{ada.id}"
        assert "Neither of you can write" in browser.get(f"{path}/block").text
        assert db.session.scalars(db.select(Block)).all() == []
        browser.send(f"{path}/block")
        page = browser.get(path).text
        assert "You have blocked Ada Obi" in page
        assert 'name="message"' not in page
        assert "You have blocked" in browser.send(f"{path}/send", message="Hello").text
        browser.send(f"{path}/unblock")
        assert 'name="message"' in browser.get(path).text

    def test_strangers_have_no_name_there(self, app: Flask, ben: User) -> None:
        stranger = make_user(first_name="Zebra")
        assert browser_of(app, ben).get(f"/admin/chats/with/{stranger.id}/block").status_code == 404
