"""Finding a conversation by its words and names, what it is about, and whose links may be followed."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from sheda.accounts.models import User
from sheda.chat import links, reads, services
from sheda.chat.models import Message
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from tests.chat.test_api import CHATS, send
from tests.factories import actor_of, auth, make_appointment, make_contract, make_payment, make_property, make_user


def search(client: FlaskClient, reader: User, words: str, **query: Any) -> Any:
    return client.get(CHATS, query_string={"search": words, **query}, headers=auth(reader))


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [one["user"]["name"] for one in answer.json["result"]]


class TestSearch:
    @pytest.mark.parametrize(
        "words",
        ["borehole", "BOREHOLE water", "bore", "waters", "treat", "Ikeja borehole", "ben eze", "ez", "Ọlá", "ola"],
    )
    def test_words_and_names_are_found(self, client: FlaskClient, ada: User, ben: User, words: str) -> None:
        send(client, ada, ben, "Is the borehole water in Ikẹja treated, Ọlá?")
        send(client, ada, make_user(first_name="Zoe", last_name="Zed"), "Something else")
        send(client, ada, ben, "Thank you")
        assert names(search(client, ada, words)) == ["Ben Eze"]

    def test_the_message_is_shown_that_has_the_words(self, client: FlaskClient, ada: User, ben: User) -> None:
        hit = send(client, ada, ben, "Is the borehole treated?").json["result"]
        last = send(client, ben, ada, "Yes").json["result"]
        (found,) = search(client, ada, "borehole").json["result"]
        assert (found["found"], found["last_message"], found["unread_count"]) == (hit, last, 1)
        assert search(client, ada, "ben").json["result"][0]["found"] is None
        assert "found" not in client.get(CHATS, headers=auth(ada)).json["result"][0]

    @pytest.mark.parametrize("words", ["", "!!!", "%", "_", "'", "quagga", "borehole quagga", "a:* | b", "\\"])
    def test_what_is_not_there_is_not_found(self, client: FlaskClient, ada: User, ben: User, words: str) -> None:
        send(client, ada, ben, "Is the borehole treated?")
        assert names(search(client, ada, words)) == []

    def test_others_conversations_are_found_by_nobody(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben, "zxcanaryzx borehole")
        for role in (Role.CLIENT, Role.AGENT, Role.STAFF, Role.ADMIN):
            stranger = make_user(role)
            send(client, stranger, ben, "Hello")
            for words in ("zxcanaryzx", "borehole", "ada", "obi"):
                assert names(search(client, stranger, words)) == []

    def test_pages_follow_each_other(self, client: FlaskClient, ada: User) -> None:
        for number in range(5):
            send(client, ada, make_user(first_name=f"Nr{number}"), "borehole")
        seen, cursor = [], None
        for _ in range(3):
            answer = search(client, ada, "borehole", limit=2, **({"cursor": cursor} if cursor else {}))
            seen += names(answer)
            cursor = answer.json["next_cursor"]
        assert cursor is None
        assert len(set(seen)) == 5

    def test_it_is_one_statement_on_the_index_of_words(
        self, ada: User, ben: User, count_statements: Any, db_session: Any
    ) -> None:
        actor = actor_of(ada)
        with count_statements() as seen:
            reads.conversations(actor, limit=20, search="borehole water")
        assert len(seen) == 1
        for way in ("seqscan", "indexscan"):
            db_session.execute(text(f"SET LOCAL enable_{way} = off"))
        asked = reads._HITS.replace(":me", str(ada.id)).replace(":asked", "'borehole'")
        plan = "\n".join(row[0] for row in db_session.execute(text(f"EXPLAIN {asked}")))
        assert "ix_messages_words" in plan

    def test_too_long_a_search_is_refused(self, client: FlaskClient, ada: User) -> None:
        assert search(client, ada, "x" * 101).status_code == 422


class TestAbout:
    def about(self, client: FlaskClient, reader: User, other: User) -> Any:
        return client.get(f"{CHATS}/{other.id}/about", headers=auth(reader))

    def test_the_last_home_that_was_named_is_shown(self, client: FlaskClient, ada: User, ben: User) -> None:
        first, home = make_property(ben), make_property(ben, title="Flat with a balcony")
        send(client, ada, ben, "This?", property_id=first.id)
        send(client, ada, ben, "Or this?", property_id=home.id)
        send(client, ada, ben, "Tell me")
        shown = self.about(client, ben, ada).json["result"]
        assert (shown["user"]["name"], shown["unread_count"], shown["is_blocked"]) == ("Ada Obi", 3, False)
        card = shown["property"]
        assert (card["id"], card["title"], card["price"]) == (home.id, "Flat with a balcony", "2500000.00")
        assert (card["price_text"], card["status"]) == ("₦2,500,000 / year", "available")
        assert card["url"] == f"/api/v1/properties/{home.id}"
        assert client.get(card["url"]).status_code == 200

    def test_a_home_that_is_gone_is_none(self, client: FlaskClient, ada: User, ben: User) -> None:
        home = make_property(ben)
        send(client, ada, ben, "This?", property_id=home.id)
        home.listing_state = "archived"
        db.session.commit()
        assert self.about(client, ada, ben).json["result"]["property"] is None
        assert self.about(client, ben, ada).json["result"]["property"]["listing_state"] == "archived"

    def test_nobody_is_404(self, client: FlaskClient, ada: User) -> None:
        assert client.get(f"{CHATS}/{2**31 - 1}/about", headers=auth(ada)).status_code == 404
        assert self.about(client, ada, make_user(active=False)).status_code == 404
        assert self.about(client, ada, ada).status_code == 404

    def test_it_names_no_phone_and_no_mail(self, client: FlaskClient, ada: User, ben: User) -> None:
        ben.phone = "+2348031112222"
        db.session.commit()
        send(client, ada, ben)
        body = self.about(client, ada, ben).get_data(as_text=True)
        assert "8031112222" not in body
        assert ben.email not in body


def viewing(ada: User, ben: User, status: str) -> None:
    make_appointment(make_property(ben), ada, status=status, starts_at=clock.now() - timedelta(days=1))


class TestLinks:
    def say(self, sender: User, receiver: User) -> int:
        return services.send(actor_of(sender), receiver.id, "See https://sheda.example/a?b=1.").id

    @pytest.mark.parametrize(
        ("status", "is_known"),
        [("pending", False), ("rejected", False), ("canceled", False), ("confirmed", True), ("completed", True)],
    )
    def test_a_stranger_has_agreed_on_nothing(self, ada: User, ben: User, status: str, is_known: bool) -> None:
        viewing(ada, ben, status)
        answered = self.say(ada, ben)
        expected = answered if is_known else None
        assert links.trusted_from(actor_of(ada), ben.id) == expected
        assert links.trusted_from(actor_of(ben), ada.id) is None

    def test_a_contract_makes_known(self, ada: User, ben: User) -> None:
        seen = make_appointment(make_property(ben), ada, status="completed", starts_at=clock.now() - timedelta(days=1))
        make_contract(make_payment(seen, status="accepted"))
        assert links.trusted_from(actor_of(ben), ada.id) is None
        answered = self.say(ben, ada)
        assert links.trusted_from(actor_of(ben), ada.id) == answered

    def test_what_came_before_the_answer_stays_text(self, client: FlaskClient, ada: User, ben: User) -> None:
        viewing(ada, ben, "confirmed")
        first, answer, later = self.say(ada, ben), self.say(ben, ada), self.say(ada, ben)
        db.session.commit()
        about = client.get(f"{CHATS}/{ada.id}/about", headers=auth(ben)).json["result"]
        assert first < about["links_from_id"] == answer < later

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
            ("https://a.example/<script>", '<a href="https://a.example/"'),
            (
                "(https://a.example/b).",
                '<a href="https://a.example/b" target="_blank" rel="noopener noreferrer nofollow">',
            ),
            ("https://a.example/?q=\"onmouseover='x'", '<a href="https://a.example/?q="'),
        ],
    )
    def test_nothing_of_a_message_is_markup(self, sent: str, shown: str) -> None:
        text = str(links.written(sent, with_links=True))
        assert shown in text
        assert "<script" not in text
        assert "onmouseover=" not in text.replace("onmouseover=&#39;", "")

    @pytest.mark.parametrize(
        "sent", ["javascript:alert(1)", "https://bank.example@evil.example/", "www.a.example", "data:text/html,x"]
    )
    def test_only_plain_addresses_are_links(self, sent: str) -> None:
        assert "<a " not in links.written(sent, with_links=True)

    def test_a_strangers_address_is_text(self) -> None:
        assert links.written("https://a.example/", with_links=False) == "https://a.example/"


def test_searching_marks_nothing_as_read(client: FlaskClient, ada: User, ben: User) -> None:
    send(client, ada, ben, "borehole")
    search(client, ben, "borehole")
    assert db.session.scalars(db.select(Message.read_at)).one() is None
