import re
from typing import Any

import pytest
from flask import Flask

from sheda.chat import reads, services
from sheda.chat.models import Message
from sheda.core.actor import Role
from sheda.core.db import db
from tests import factories
from tests.pages import Browser, browser_of


@pytest.fixture
def agent(db_session: Any) -> Any:
    return factories.make_user(Role.AGENT)


@pytest.fixture
def client_user(agent: Any) -> Any:
    person = factories.make_user(first_name="Funke", last_name="Adeyemi")
    services.send(factories.actor_of(person), agent.id, "Is the <b>water</b> treated?")
    db.session.commit()
    return person


@pytest.fixture
def browser(app: Flask, agent: Any) -> Browser:
    return browser_of(app, agent)


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
