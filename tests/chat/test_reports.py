"""Reports: the only way by which staff read a conversation, and every reading is written down."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.chat import attachments, reports, services
from sheda.chat.models import Message, Report
from sheda.core import clock, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.states import History
from sheda.notifications.models import Notification
from tests.chat.test_api import CHATS
from tests.chat.test_attachments import picture
from tests.factories import actor_of, auth, make_user
from tests.pages import Browser, browser_of


@pytest.fixture
def staff(db_session: Any) -> User:
    return make_user(Role.STAFF)


@pytest.fixture
def desk(app: Flask, staff: User) -> Browser:
    return browser_of(app, staff)


def say(sender: User, receiver: User, text: str) -> int:
    sent = services.send(actor_of(sender), receiver.id, text).id
    db.session.commit()
    return sent


def reported(reporter: User, message_id: int, **more: Any) -> Report:
    found, _ = reports.report(actor_of(reporter), message_id, **{"reason": "fraud", **more})
    db.session.commit()
    return found


def report(client: FlaskClient, reporter: User, message_id: int, **body: Any) -> Any:
    return client.post(
        f"{CHATS}/messages/{message_id}/report", json={"reason": "fraud", **body}, headers=auth(reporter)
    )


class TestReport:
    def test_a_received_message_is_reported_once(self, client: FlaskClient, ada: User, ben: User, staff: User) -> None:
        sent = say(ben, ada, "Pay into my own account")
        first = report(client, ada, sent, note="He asked twice.")
        again = report(client, ada, sent, reason="spam")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json["id"] == again.json["id"]
        assert set(first.json["result"]) == {"id", "message_id", "reason", "note", "status", "created_at"}
        assert (first.json["result"]["status"], first.json["result"]["reason"]) == ("open", "fraud")
        told = db.session.scalars(db.select(Notification).where(Notification.user_id == staff.id)).one()
        assert (told.kind, told.subject_type) == ("message_reported", "report")
        assert "own account" not in told.text

    def test_ones_own_words_and_foreign_ones_are_not(self, client: FlaskClient, ada: User, ben: User) -> None:
        sent = say(ben, ada, "Hello")
        assert report(client, ben, sent).status_code == 422
        assert report(client, make_user(), sent).status_code == 404
        assert report(client, make_user(Role.AGENT), sent).status_code == 404
        assert report(client, ada, 2**31 - 1).status_code == 404
        assert db.session.scalars(db.select(Report)).all() == []

    @pytest.mark.parametrize("body", [{"reason": "because"}, {"note": "x" * 501}, {"more": 1}])
    def test_wrong_values_are_refused(self, client: FlaskClient, ada: User, ben: User, body: dict[str, Any]) -> None:
        assert report(client, ada, say(ben, ada, "Hello"), **body).status_code == 422

    def test_its_sender_is_blocked_where_that_is_asked(self, client: FlaskClient, ada: User, ben: User) -> None:
        report(client, ada, say(ben, ada, "Hello"), block=True)
        with pytest.raises(services.NoReceiver):
            say(ben, ada, "Hello again")


class TestReading:
    def test_staff_read_a_thread_through_its_report_alone(
        self, app: Flask, client: FlaskClient, desk: Browser, staff: User, ada: User, ben: User
    ) -> None:
        sent = say(ben, ada, "zebra quagga")
        assert client.get(f"{CHATS}/{ada.id}", headers=auth(staff)).json["result"] == []
        assert "zebra" not in desk.get(f"/admin/chats/with/{ben.id}").text
        found = reported(ada, sent)
        assert "zebra" not in desk.get("/admin/reports/list/").text
        assert "zebra" not in desk.get("/admin/").text
        assert "zebra quagga" in desk.get(f"/admin/reports/show/{found.id}").text
        for user in (ada, ben):
            if user is ben:
                browser = browser_of(app, user)
                assert browser.get(f"/admin/reports/show/{found.id}").status_code == 403
                assert browser.get("/admin/reports/list/").status_code == 403

    def test_every_reading_is_in_the_history(self, desk: Browser, staff: User, ada: User, ben: User) -> None:
        found = reported(ada, say(ben, ada, "Hello"))
        for _ in range(2):
            desk.get(f"/admin/reports/show/{found.id}")
        read = db.session.scalars(db.select(History).where(History.move == "read")).all()
        assert [(one.subject_type, one.subject_id, one.actor_id) for one in read] == [
            ("chat_reports", found.id, staff.id)
        ] * 2
        assert "read" in desk.get("/admin/history/list/").text

    def test_only_what_stands_around_it_and_nothing_younger_is_shown(
        self, ada: User, ben: User, staff: User, frozen_clock: Any
    ) -> None:
        frozen_clock.at(clock.now())
        for number in range(30):
            say(ben, ada, f"Line {number:02}")
            frozen_clock.advance(timedelta(seconds=1))
        ids = list(db.session.scalars(db.select(Message.id).order_by(Message.id)))
        found = reported(ada, ids[20])
        frozen_clock.advance(timedelta(seconds=1))
        say(ada, ben, "After the report")
        shown = [one.message for one in reports.read_thread(actor_of(staff), found)]
        assert shown == [f"Line {number:02}" for number in range(10, 26)]
        say(ben, ada, "Reported at once")
        last = reported(ada, db.session.scalars(db.select(Message.id).order_by(Message.id.desc())).first() or 0)
        frozen_clock.advance(timedelta(seconds=1))
        say(ada, ben, "Later still")
        shown = [one.message for one in reports.read_thread(actor_of(staff), last)]
        assert shown[-2:] == ["After the report", "Reported at once"]

    def test_files_of_the_thread_are_read_and_others_are_not(
        self, client: FlaskClient, desk: Browser, ada: User, ben: User
    ) -> None:
        actor = actor_of(ben)
        near = attachments.store(actor, picture(), "near.jpg").id
        sent = services.send(actor, ada.id, "", attachment_ids=[near]).id
        other = make_user()
        far = attachments.store(actor, picture(), "far.jpg").id
        services.send(actor, other.id, "", attachment_ids=[far])
        found = reported(ada, sent)
        assert "near.jpg" in desk.get(f"/admin/reports/show/{found.id}").text
        shown = desk.get(f"/admin/reports/file/{found.id}/{near}")
        assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
        assert desk.get(f"/admin/reports/file/{found.id}/{far}").status_code == 404
        assert desk.get(f"/admin/chats/file/{near}").status_code == 404
        read = db.session.scalars(db.select(History).where(History.move == "read")).all()
        assert {"what": f"file {near}"} in [one.details for one in read]

    def test_nobody_decides_about_himself(self, app: Flask, ada: User) -> None:
        clerk = make_user(Role.STAFF)
        found = reported(ada, say(clerk, ada, "Hello from the office"))
        own = browser_of(app, clerk)
        assert own.get(f"/admin/reports/show/{found.id}").status_code == 404
        assert "Reported messages" not in own.get("/admin/").text
        with pytest.raises(NotFound):
            reports.dismiss(actor_of(clerk), found.id, reason="Nothing")


class TestDeciding:
    def test_it_waits_at_home_with_its_clock(self, desk: Browser, ada: User, ben: User) -> None:
        reported(ada, say(ben, ada, "Hello"))
        page = desk.get("/admin/").text
        assert "Ada Obi reported a message of Ben Eze" in page
        assert "23 h 59 min left" in page

    def test_a_warning_reaches_the_sender_and_closes_it(
        self, desk: Browser, mail_sink: Any, ada: User, ben: User
    ) -> None:
        found = reported(ada, say(ben, ada, "Pay me outside"))
        desk.get(f"/admin/reports/show/{found.id}")
        desk.send(f"/admin/reports/move/{found.id}/warn", reason="Ask for no money outside Sheda.")
        db.session.refresh(found)
        assert (found.status, found.decided_at is not None) == ("resolved", True)
        outbox.deliver_due()
        (mail,) = mail_sink.to(ben.email)
        assert "Ask for no money outside Sheda." in mail.get_body(("plain",)).get_content()
        kinds = {one.user_id: one.kind for one in db.session.scalars(db.select(Notification))}
        assert (kinds[ada.id], kinds[ben.id]) == ("report_closed", "sender_warned")

    @pytest.mark.parametrize(("move", "state"), [("resolve", "resolved"), ("dismiss", "dismissed")])
    def test_a_note_stays_in_the_office(self, desk: Browser, ada: User, ben: User, move: str, state: str) -> None:
        found = reported(ada, say(ben, ada, "Hello"))
        desk.get(f"/admin/reports/show/{found.id}")
        desk.send(f"/admin/reports/move/{found.id}/{move}", reason="Spoke with both.")
        db.session.refresh(found)
        assert found.status == state
        notices = db.session.scalars(db.select(Notification).where(Notification.kind == "report_closed")).all()
        assert [one.user_id for one in notices] == [ada.id]
        assert "Spoke with both" not in notices[0].text
        assert "Reported messages" not in desk.get("/admin/").text.split("<main")[1]

    def test_it_is_decided_once_and_with_words(self, ada: User, ben: User, staff: User) -> None:
        found, actor = reported(ada, say(ben, ada, "Hello")), actor_of(staff)
        with pytest.raises(Exception, match="Give a reason"):
            reports.dismiss(actor, found.id, reason=" ")
        reports.dismiss(actor, found.id, reason="Nothing")
        reports.dismiss(actor, found.id, reason="Nothing again")
        with pytest.raises(Exception, match="not possible"):
            reports.warn(actor, found.id, reason="But no")
        moves = db.session.scalars(db.select(History.move).where(History.subject_type == "chat_reports")).all()
        assert sorted(moves) == ["dismiss", "report"]
