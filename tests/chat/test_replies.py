"""Quick replies: one's own sentences, filled in when they are used."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda.accounts import services as accounts
from sheda.accounts.models import User
from sheda.chat import replies, services
from sheda.chat.models import QuickReply
from sheda.core.actor import Role
from sheda.core.db import db
from tests.factories import actor_of, auth, make_property, make_user
from tests.pages import browser_of

REPLIES = "/api/v1/quick-replies"


class TestGiven:
    def test_an_agent_begins_with_some_and_a_client_with_none(self, client: FlaskClient, db_session: Any) -> None:
        for role, number in (("agent", len(replies.GIVEN)), ("client", 0)):
            body = {"email": f"{role}@new.example", "password": "one quite long password", "role": role}
            answer = client.post("/api/v1/auth/register", json=body)
            assert answer.status_code == 201
            kept = db.session.scalars(db.select(QuickReply.text).where(QuickReply.user_id == answer.json["id"]))
            assert len(kept.all()) == number

    def test_they_go_with_the_account(self, ben: User) -> None:
        replies.give_to(ben.id)
        accounts.close(actor_of(ben))
        db.session.commit()
        assert db.session.scalars(db.select(QuickReply)).all() == []


class TestApi:
    def test_they_are_kept_changed_and_removed(self, client: FlaskClient, ben: User) -> None:
        mine = auth(ben)
        made = client.post(REPLIES, json={"text": " Hello {name} "}, headers=mine)
        assert (made.status_code, made.json["result"]["text"]) == (201, "Hello {name}")
        path = f"{REPLIES}/{made.json['id']}"
        assert client.patch(path, json={"text": "Hi"}, headers=mine).json["result"]["text"] == "Hi"
        assert [one["text"] for one in client.get(REPLIES, headers=mine).json["result"]] == ["Hi"]
        assert client.delete(path, headers=mine).status_code == 204
        assert client.delete(path, headers=mine).status_code == 404

    def test_others_are_not_there(self, client: FlaskClient, ben: User) -> None:
        made = client.post(REPLIES, json={"text": "Mine"}, headers=auth(ben)).json["id"]
        for role in (Role.AGENT, Role.STAFF, Role.ADMIN):
            other = auth(make_user(role))
            assert client.get(REPLIES, headers=other).json["result"] == []
            assert client.patch(f"{REPLIES}/{made}", json={"text": "No"}, headers=other).status_code == 404
            assert client.delete(f"{REPLIES}/{made}", headers=other).status_code == 404

    @pytest.mark.parametrize("text", ["", " ", "x" * 501, "Hi {you}", "Hi {name", "Hi }", "{{name}}", "{}"])
    def test_what_cannot_be_filled_in_is_refused(self, client: FlaskClient, ben: User, text: str) -> None:
        answer = client.post(REPLIES, json={"text": text}, headers=auth(ben))
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "text"

    def test_twenty_are_enough(self, client: FlaskClient, ben: User) -> None:
        for number in range(replies.MOST_REPLIES):
            replies.add(actor_of(ben), text=f"Reply {number}")
        answer = client.post(REPLIES, json={"text": "One more"}, headers=auth(ben))
        assert (answer.status_code, answer.json["code"]) == (409, "too_many_quick_replies")


class TestFilled:
    @pytest.mark.parametrize(
        ("name", "home", "filled"),
        [
            ("Ada", "Flat, Yaba", "Hello Ada, about Flat, Yaba"),
            ("", "", "Hello there, about the home"),
            ("{home}", "{name}", "Hello {home}, about {name}"),
        ],
    )
    def test_places_are_filled_in_once(self, name: str, home: str, filled: str) -> None:
        assert replies.filled("Hello {name}, about {home}", name=name, home=home) == filled


class TestPages:
    def test_they_stand_filled_in_above_the_line(self, app: Flask, ben: User) -> None:
        ada, home = make_user(first_name="Ada", last_name="<i>Obi"), make_property(ben, title="Flat & garden")
        services.send(actor_of(ada), ben.id, "Hello", property_id=home.id)
        replies.add(actor_of(ben), text="Hello {name}, see {home}?")
        db.session.commit()
        page = browser_of(app, ben).get(f"/admin/chats/with/{ada.id}").text
        assert 'value="Hello Ada, see Flat &amp; garden?"' in page

    def test_they_are_written_changed_and_removed_by_forms(self, app: Flask, ben: User) -> None:
        browser = browser_of(app, ben)
        assert "No quick reply" in browser.get("/admin/quick-replies/list/").text
        browser.get("/admin/quick-replies/add")
        assert browser.send("/admin/quick-replies/add", text="Hi {you}").status_code == 200
        assert "In braces stand" in browser.faults()[0]
        browser.send("/admin/quick-replies/add", text="Hi {name}")
        reply = db.session.scalars(db.select(QuickReply)).one()
        browser.get(f"/admin/quick-replies/edit/{reply.id}")
        browser.send(f"/admin/quick-replies/edit/{reply.id}", text="Good day")
        db.session.refresh(reply)
        assert reply.text == "Good day"
        browser.get(f"/admin/quick-replies/show/{reply.id}")
        browser.send(f"/admin/quick-replies/delete/{reply.id}")
        assert db.session.scalars(db.select(QuickReply)).all() == []
