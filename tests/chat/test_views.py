import io
import re
from typing import Any

import pytest
from flask import Flask

from sheda.chat import reads, services
from sheda.chat.models import Message, Report
from sheda.core.actor import Role
from sheda.core.db import db
from tests import factories
from tests.chat.test_attachments import document, picture
from tests.pages import Browser, browser_of


@pytest.fixture
def client_user(agent: Any) -> Any:
    person = factories.make_user(first_name="Funke", last_name="Adeyemi")
    services.send(factories.actor_of(person), agent.id, "Is the <b>water</b> treated?")
    db.session.commit()
    return person


def unread(agent: Any) -> int:
    db.session.expire_all()
    return reads.unread_count(factories.actor_of(agent))


class TestInbox:
    def test_a_message_waits_at_home_and_in_the_list(self, browser: Browser, client_user: Any) -> None:
        for path in ("/admin/", "/admin/chats/list/"):
            page = browser.get(path).text
            assert "Funke Adeyemi" in page
            assert "Is the &lt;b&gt;water&lt;/b&gt; treated?" in page

    def test_an_empty_one_says_what_will_come(self, browser: Browser) -> None:
        assert "No message yet" in browser.get("/admin/chats/list/").text

    def test_reading_marks_nothing_until_it_is_sent(self, browser: Browser, agent: Any, client_user: Any) -> None:
        page = browser.get(f"/admin/chats/with/{client_user.id}").text
        assert "Is the &lt;b&gt;water&lt;/b&gt; treated?" in page
        assert unread(agent) == 1
        browser.send(f"/admin/chats/with/{client_user.id}/read")
        assert unread(agent) == 0
        assert "Mark as read" not in browser.get(f"/admin/chats/with/{client_user.id}").text

    def test_others_conversations_are_not_there(self, app: Flask, client_user: Any) -> None:
        other = browser_of(app, factories.make_user(Role.STAFF))
        assert "water" not in other.get(f"/admin/chats/with/{client_user.id}").text
        assert other.get("/admin/chats/with/2147483647").status_code == 404
        assert other.get("/admin/chats/with/x").status_code == 404


class TestSending:
    def test_an_answer_is_sent_once_however_often_its_form_is(self, browser: Browser, client_user: Any) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        found = re.search(r'name="client_msg_id" value="([^"]+)"', browser.get(path).text)
        assert found is not None
        for _ in range(2):
            browser.send(f"{path}/send", message="Yes, daily.", client_msg_id=found[1])
        sent = db.session.scalars(db.select(Message).where(Message.receiver_id == client_user.id)).all()
        assert [one.message for one in sent] == ["Yes, daily."]
        assert "Yes, daily." in browser.get(path).text

    @pytest.mark.parametrize("text", ["", "   ", "x" * 4001, "a\x00b"])
    def test_what_is_no_message_is_refused_in_words(self, browser: Browser, client_user: Any, text: str) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        browser.get(path)
        answer = browser.send(f"{path}/send", message=text)
        browser.at = answer.text
        assert answer.status_code == 422
        assert len(browser.notices()) == 1
        assert db.session.scalars(db.select(Message).where(Message.receiver_id == client_user.id)).all() == []


class TestFiles:
    def upload(self, browser: Browser, path: str, *files: tuple[bytes, str], message: str = "") -> Any:
        browser.get(path)
        form = {"message": message, "files": [(io.BytesIO(data), name) for data, name in files]}
        return browser.send(f"{path}/send", **form)

    def test_they_go_with_an_answer_and_stand_in_the_thread(self, browser: Browser, client_user: Any) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        self.upload(browser, path, (picture(), "hall.jpg"), (document(), "lease.pdf"), message="Look")
        page = browser.get(path).text
        shown = re.findall(r'href="(/admin/chats/file/\d+)"', page)
        assert len(shown) == 2
        assert 'alt="Picture: hall.jpg"' in page
        assert "PDF · 1 KB" in page
        kinds = [browser.get(address).content_type for address in shown]
        assert kinds == ["image/jpeg", "application/pdf"]
        assert browser.get(f"{shown[0]}/thumb").content_type == "image/webp"

    def test_nobody_else_opens_them(self, app: Flask, browser: Browser, client_user: Any) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        self.upload(browser, path, (picture(), "hall.jpg"))
        address = re.findall(r'href="(/admin/chats/file/\d+)"', browser.get(path).text)[0]
        for role in (Role.AGENT, Role.STAFF, Role.ADMIN):
            other = browser_of(app, factories.make_user(role))
            assert other.get(address).status_code == 404
            assert other.get(f"{address}/thumb").status_code == 404

    def test_a_refusal_keeps_what_was_written_and_sends_nothing(self, browser: Browser, client_user: Any) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        answer = self.upload(browser, path, (b"MZ a program", "a.exe"), message="My <draft>")
        browser.at = answer.text
        assert answer.status_code == 422
        assert "must be a JPEG, PNG or WebP picture or a PDF document" in browser.notices()[0]
        assert "My &lt;draft&gt;</textarea>" in answer.text
        assert db.session.scalars(db.select(Message).where(Message.receiver_id == client_user.id)).all() == []

    def test_six_are_too_many(self, browser: Browser, client_user: Any) -> None:
        answer = self.upload(
            browser, f"/admin/chats/with/{client_user.id}", *[(picture(), f"{number}.jpg") for number in range(6)]
        )
        assert "at most 5 files" in answer.text


class TestThread:
    def test_earlier_messages_come_by_keyset(self, browser: Browser, agent: Any, client_user: Any) -> None:
        actor = factories.actor_of(client_user)
        for number in range(130):
            services.send(actor, agent.id, f"Line {number:03}")
        db.session.commit()
        path, seen = f"/admin/chats/with/{client_user.id}", set()
        while True:
            page = browser.get(path).text
            seen |= set(re.findall(r"Line \d{3}", page.split('id="thread"')[1]))
            found = re.search(r'href="([^"]+before=\d+)"', page)
            if found is None:
                break
            path = found[1]
        assert len(seen) == 130

    def test_the_first_unread_one_is_marked(self, browser: Browser, agent: Any, client_user: Any) -> None:
        path = f"/admin/chats/with/{client_user.id}"
        assert "1 new" in browser.get(path).text
        services.mark_read(factories.actor_of(agent), client_user.id)
        services.send(factories.actor_of(client_user), agent.id, "One")
        services.send(factories.actor_of(client_user), agent.id, "Two")
        db.session.commit()
        page = browser.get(path).text
        assert page.index("treated?", page.index('id="thread"')) < page.index("2 new") < page.index(">One<")

    def test_fragments_hold_what_is_new_and_what_came_before(
        self, browser: Browser, agent: Any, client_user: Any
    ) -> None:
        first = db.session.scalars(db.select(Message.id)).one()
        second = services.send(factories.actor_of(client_user), agent.id, "Second").id
        db.session.commit()
        path = f"/admin/chats/with/{client_user.id}/messages"
        fresh = browser.http.get(f"{path}?after={first}").text
        assert re.findall(r'data-message-id="(\d+)"', fresh) == [str(second)]
        assert "<html" not in fresh
        assert re.findall(r'data-message-id="(\d+)"', browser.http.get(f"{path}?before={second}").text) == [str(first)]
        assert browser.http.get(f"{path}?after={second}").text.strip() == ""
        stranger = factories.make_user()
        assert browser.http.get(f"/admin/chats/with/{stranger.id}/messages").status_code == 404
        assert "Funke Adeyemi" in browser.http.get("/admin/chats/list/rows").text

    def test_a_strangers_link_is_text_and_a_known_ones_a_link(
        self, browser: Browser, agent: Any, client_user: Any
    ) -> None:
        actor, path = factories.actor_of(client_user), f"/admin/chats/with/{client_user.id}"
        services.send(actor, agent.id, "See https://evil.example/one")
        services.send(factories.actor_of(agent), client_user.id, "What is it?")
        db.session.commit()
        assert 'href="https://evil.example' not in browser.get(path).text
        factories.make_appointment(factories.make_property(agent), client_user, status="confirmed")
        services.send(actor, agent.id, "See https://map.example/two")
        db.session.commit()
        page = browser.get(path).text
        assert 'href="https://evil.example' not in page
        assert '<a href="https://map.example/two" target="_blank" rel="noopener noreferrer nofollow">' in page

    def test_the_list_is_searched(self, browser: Browser, client_user: Any) -> None:
        assert "Funke Adeyemi" in browser.get("/admin/chats/list/?search=water").text
        assert "Nothing found" in browser.get("/admin/chats/list/?search=quagga").text
        assert browser.get("/admin/chats/list/?cursor=x").status_code == 400

    def test_a_message_is_reported_by_a_form(self, browser: Browser, client_user: Any) -> None:
        message = db.session.scalars(db.select(Message)).one()
        path = f"/admin/chats/with/{client_user.id}/report/{message.id}"
        assert "nothing else of your conversation" in browser.get(path).text
        browser.send(path, reason="spam", note="Again and again", block="y")
        found = db.session.scalars(db.select(Report)).one()
        assert (found.reason, found.note, found.message_id) == ("spam", "Again and again", message.id)
        assert "You have blocked Funke Adeyemi" in browser.get(f"/admin/chats/with/{client_user.id}").text
