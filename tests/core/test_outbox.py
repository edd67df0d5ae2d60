"""The outbox in one process: once, in time, again after a fault, never for ever."""

import asyncio
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import clock, mail, outbox
from sheda.core.db import db, in_transaction
from sheda.core.outbox import Outbox, deliver_due, post_mail, retry_dead
from sheda.embedded import free_port
from tests.conftest import MailSink
from tests.factories import make_user

WORDS = {"when": "Tue 24 Nov 2026, 14:30", "path": "/login/", "facts": [], "side": "client"}


class Moody:
    """A mail server that answers recipients as a test wants, and may take its time."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.greets_after = 0.0
        self.taken: list[str] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(self.greets_after)
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken += envelope.rcpt_tos
        return "250 OK"

    def __enter__(self) -> "Moody":
        self._controller.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._controller.stop()


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user()


@pytest.fixture
def moody(app: Flask) -> Iterator[Moody]:
    before = app.config["SMTP_URL"]
    with Moody() as server:
        app.config["SMTP_URL"] = f"smtp://127.0.0.1:{server.port}"
        yield server
    app.config["SMTP_URL"] = before


@pytest.fixture
def no_server(app: Flask) -> Iterator[None]:
    before = app.config["SMTP_URL"]
    app.config["SMTP_URL"] = f"smtp://127.0.0.1:{free_port()}"
    yield
    app.config["SMTP_URL"] = before


def post(user: User, key: str = "one", **over: Any) -> bool:
    posted = post_mail(user.id, "password_changed", key=key, context=WORDS, **over)
    db.session.commit()
    return posted


def row(key: str = "one") -> Outbox:
    db.session.expire_all()
    return db.session.scalars(select(Outbox).where(Outbox.key == key)).one()


class TestOnce:
    def test_a_posted_mail_leaves_once(self, ada: User, mail_sink: MailSink) -> None:
        assert post(ada)
        assert [deliver_due(), deliver_due()] == [{"sent": 1, "failed": 0}, {"sent": 0, "failed": 0}]
        (message,) = mail_sink.to(ada.email)
        assert message["Message-ID"] == f"<{row().message_id}@sheda.example>"
        assert row().sent_at is not None

    def test_a_key_is_used_once(self, ada: User, mail_sink: MailSink) -> None:
        assert [post(ada), post(ada)] == [True, False]
        deliver_due()
        assert len(mail_sink.to(ada.email)) == 1

    def test_a_mail_waits_for_its_time(self, ada: User, mail_sink: MailSink) -> None:
        post(ada, due_at=clock.now() + timedelta(hours=1))
        assert deliver_due()["sent"] == 0
        with clock.travel(clock.now() + timedelta(hours=2)):
            assert deliver_due()["sent"] == 1

    def test_what_is_undone_leaves_no_mail(self, ada: User) -> None:
        with pytest.raises(ZeroDivisionError):
            in_transaction(lambda: post_mail(ada.id, "password_changed", key="two", context=WORDS) and 1 / 0)
        assert db.session.scalars(select(Outbox)).all() == []

    def test_the_bell_rings_after_the_commit_and_only_then(self, ada: User) -> None:
        rung: list[bool] = []
        before = list(outbox._bells)
        outbox.ring_with(lambda: rung.append(True))
        try:
            in_transaction(lambda: [post_mail(ada.id, "password_changed", key=key, context=WORDS) for key in "ab"])
            assert rung == [True]
            with pytest.raises(ZeroDivisionError):
                in_transaction(lambda: post_mail(ada.id, "password_changed", key="c", context=WORDS) and 1 / 0)
            assert rung == [True]
        finally:
            outbox._bells[:] = before


class TestFaults:
    def test_tries_go_on_with_longer_pauses_under_one_message_id(
        self, ada: User, app: Flask, no_server: None, mail_sink: MailSink
    ) -> None:
        post(ada)
        first_id, now, pauses = row().message_id, clock.now(), []
        for _ in range(4):
            with clock.travel(now):
                assert deliver_due() == {"sent": 0, "failed": 1}
                assert deliver_due() == {"sent": 0, "failed": 0}
            pauses.append(row().due_at - now)
            now = row().due_at
        assert [pause.total_seconds() for pause in pauses] == [10, 20, 40, 80]
        assert row().last_error == "ConnectionRefusedError"
        app.config["SMTP_URL"] = mail_sink.url
        with clock.travel(now):
            assert deliver_due() == {"sent": 1, "failed": 0}
        assert mail_sink.to(ada.email)[0]["Message-ID"] == f"<{first_id}@sheda.example>"
        assert row().last_error is None

    def test_after_a_day_of_tries_it_is_dead_until_somebody_retries_it(
        self, ada: User, app: Flask, no_server: None, mail_sink: MailSink
    ) -> None:
        post(ada)
        began = now = clock.now()
        for _ in range(outbox.MOST_ATTEMPTS):
            with clock.travel(now):
                deliver_due()
            now = row().due_at
        assert row().dead_at is not None
        assert timedelta(hours=20) < now - began < timedelta(hours=36)
        app.config["SMTP_URL"] = mail_sink.url
        with clock.travel(now + timedelta(days=1)):
            assert deliver_due() == {"sent": 0, "failed": 0}
        in_transaction(lambda: retry_dead(row()))
        assert deliver_due() == {"sent": 1, "failed": 0}

    def test_an_address_refused_for_good_is_dead_at_once(self, ada: User, moody: Moody) -> None:
        moody.answers[ada.email] = "550 No such user"
        post(ada)
        deliver_due()
        assert row().dead_at is not None
        assert row().last_error == "the mail server refuses the address (550)"

    def test_an_address_refused_for_now_is_tried_again(self, ada: User, moody: Moody) -> None:
        moody.answers[ada.email] = "450 Greylisted, come again"
        post(ada)
        deliver_due()
        assert row().dead_at is None
        moody.answers.clear()
        with clock.travel(row().due_at):
            assert deliver_due() == {"sent": 1, "failed": 0}

    def test_a_mail_that_cannot_be_composed_stops_no_other(
        self, ada: User, mail_sink: MailSink, caplog: pytest.LogCaptureFixture
    ) -> None:
        post_mail(ada.id, "no_such_template", key="bad")
        post(ada)
        assert deliver_due() == {"sent": 1, "failed": 1}
        assert row("bad").last_error == "cannot be composed; see the log"
        assert row("bad").dead_at is None
        assert "no_such_template" in caplog.text

    def test_a_deleted_account_gets_no_mail(self, ada: User, mail_sink: MailSink) -> None:
        post(ada)
        ada.deleted_at = clock.now()
        deliver_due()
        assert (row().dead_at is not None, row().last_error) == (True, "the account was deleted")
        assert mail_sink.messages == []

    def test_an_unforeseen_fault_counts_as_a_try(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        def break_down(_letter: mail.Letter) -> None:
            raise IndexError

        monkeypatch.setattr(mail, "send", break_down)
        post(ada)
        assert deliver_due() == {"sent": 0, "failed": 1}
        assert (row().last_error, row().attempts, row().claimed_until) == ("IndexError", 1, None)

    def test_a_server_without_end_is_cut_off(self, ada: User, moody: Moody, monkeypatch: pytest.MonkeyPatch) -> None:
        moody.greets_after = 15.0
        monkeypatch.setattr(mail, "SEND_WITHIN", 0.3)
        post(ada)
        began = time.monotonic()
        assert deliver_due() == {"sent": 0, "failed": 1}
        assert time.monotonic() - began < 10
        assert row().last_error == "SMTPServerDisconnected"

    def test_a_sweep_begins_nothing_after_its_time(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbox, "SWEEP_WITHIN", -1.0)
        post(ada)
        assert deliver_due() == {"sent": 0, "failed": 0}


class TestCrashes:
    def test_a_claim_whose_worker_died_is_taken_up_after_its_lease(self, ada: User, mail_sink: MailSink) -> None:
        post(ada)
        claim = in_transaction(outbox._claim)
        assert claim is not None
        assert deliver_due()["sent"] == 0
        with clock.travel(clock.now() + outbox.LEASE + timedelta(seconds=1)):
            assert deliver_due()["sent"] == 1
        assert len(mail_sink.to(ada.email)) == 1
        assert row().attempts == 2

    def test_a_late_fault_changes_nothing_for_the_worker_that_took_over(self, ada: User, mail_sink: MailSink) -> None:
        post(ada)
        claim = in_transaction(outbox._claim)
        with clock.travel(clock.now() + outbox.LEASE + timedelta(seconds=1)):
            taken_over = in_transaction(outbox._claim)
            assert claim is not None
            assert taken_over is not None
            in_transaction(lambda: outbox._mark(claim, "TimeoutError", final=True))
            assert (row().dead_at, row().claimed_until is None) == (None, False)
            assert outbox._deliver(taken_over)
            in_transaction(lambda: outbox._mark(claim, "TimeoutError", final=True))
        assert (row().sent_at is not None, row().dead_at) == (True, None)

    def test_the_lease_outlives_the_longest_sending(self) -> None:
        assert outbox.LEASE.total_seconds() > mail.LONGEST_SENDING

    def test_a_sweep_and_its_last_sending_end_before_a_tasks_time_limit(self, app: Flask) -> None:
        assert app.config["CELERY"]["task_time_limit"] > outbox.SWEEP_WITHIN + mail.LONGEST_SENDING


class TestBesideItself:
    def test_sweeps_at_once_send_each_mail_once(self, app: Flask, live_db: Any, mail_sink: MailSink) -> None:
        ada = make_user()
        for number in range(12):
            post(ada, key=f"mail {number}")
        tallies = at_once(app, deliver_due, 3)
        assert sum(tally["sent"] for tally in tallies) == 12
        ids = [str(message["Message-ID"]) for message in mail_sink.to(ada.email)]
        assert len(ids) == len(set(ids)) == 12

    def test_one_key_from_two_connections_is_one_mail(self, app: Flask, live_db: Any) -> None:
        user_id = make_user().id

        def work() -> bool:
            return in_transaction(lambda: post_mail(user_id, "password_changed", key="one", context=WORDS))

        assert sorted(at_once(app, work, 4)) == [False, False, False, True]


def at_once(app: Flask, work: Callable[[], Any], times: int) -> list[Any]:
    """Do the work on several connections, all from one start."""
    start, results = threading.Barrier(times), []

    def run() -> None:
        with app.app_context():
            start.wait()
            try:
                results.append(work())
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_smtplib_faults_are_os_errors_too() -> None:
    """What `_deliver` tells apart stands in this order because of it."""
    assert issubclass(smtplib.SMTPException, OSError)
