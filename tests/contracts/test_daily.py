"""Many tenancies at once end as one after the other: the same rows, whoever runs the job and however often."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from sheda.contracts import daily, ending, jobs
from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.core import clock
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.db import db
from sheda.core.errors import NotAllowed
from sheda.core.jobs import JobRun
from sheda.core.states import History
from sheda.notifications.models import Notification, Preference
from tests.conftest import Clock
from tests.contracts.conftest import agree_renewal, declare_renewal, make_ending, make_tenancy, schedule_renewal
from tests.payments.conftest import make_deal

WRITTEN = ("contracts", "properties", "payments", "history", "notifications", "outbox", "listing_news")


def rows() -> dict[str, list[Any]]:
    """Return all that the job can write, but for numbers that only count."""
    found = {}
    for table in WRITTEN:
        ids = "- 'id' - 'message_id'" if table not in {"contracts", "properties", "payments"} else ""
        statement = f"SELECT row FROM (SELECT to_jsonb(t) {ids} AS row FROM {table} t) r ORDER BY row::text"
        found[table] = list(db.session.scalars(text(statement)))
    return found


def undone(work: Callable[[], Any]) -> Any:
    """Return what work returns, and undo what it has committed."""
    db.session.commit()
    point = db.engines[None].begin_nested()
    try:
        return work()
    finally:
        db.session.remove()
        point.rollback()


@pytest.fixture
def every_case(db_session: Any, frozen_clock: Clock) -> None:
    """Make tenancies of each kind, and stand on a day on which all are due."""
    frozen_clock.at(clock.now())
    for _ in range(4):
        make_ending(days=1)
    make_ending(days=1, renewal_periods=2, renewal_by="agent")
    for listing_state in ("paused", "archived"):
        make_ending(days=1)[0].home.listing_state = listing_state
    early = make_deal(period="month")
    tenancy = make_tenancy(early, end_date=clock.add_months(clock.today(), 12), periods=12)
    ending.terminate(early.by_client, tenancy.id)
    db.session.commit()
    left = (tenancy.ends_early_on - clock.today()).days
    make_ending(days=left, ends_early_on=clock.today() + timedelta(days=left))
    for renew in (declare_renewal, agree_renewal, schedule_renewal):
        renew(*make_ending(days=left))
    make_ending(days=left + 1)
    quiet = make_ending(days=1)[1]
    wishes = [(quiet.client_id, "app"), (quiet.agent_id, "mail")]
    db.session.add_all(Preference(user_id=who, kind="contract_ended", channel=how, is_on=False) for who, how in wishes)
    db.session.add(Preference(user_id=quiet.agent_id, kind="property_returned", channel="app", is_on=False))
    db.session.commit()
    frozen_clock.at(clock.now() + timedelta(days=left))


class TestSameResult:
    def run(self) -> dict[str, Any]:
        return {"tally": jobs.expire_due.sweep(), **rows()}

    def test_many_at_once_leave_the_rows_that_one_by_one_leaves(
        self, every_case: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended: list[int] = []
        monkeypatch.setattr(jobs, "end_plain", lambda ids: ended.extend(daily.end_plain(ids)) or ended)
        together = undone(self.run)
        monkeypatch.setattr(jobs, "end_plain", lambda _ids: ())
        singly = undone(self.run)
        assert len(ended) == 10
        assert together["tally"]["expired"] == len(ended) + 1
        for name, found in singly.items():
            assert together[name] == found, name

    def test_a_second_run_changes_nothing(self, every_case: None) -> None:
        jobs.expire_due.sweep()
        after = rows()
        assert jobs.expire_due.sweep()["expired"] == 0
        assert rows() == after


class TestAtOnce:
    def test_three_at_once_end_each_once_and_tell_each_party_once(
        self, app: Flask, live_db: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contracts = [make_ending()[1].id for _ in range(15)]
        monkeypatch.setattr(daily, "BATCH", 4)
        monkeypatch.setattr(type(jobs.expire_due), "ring", lambda _job: None)
        start, tallies = threading.Barrier(3), []

        def run() -> None:
            with app.app_context():
                start.wait(10)
                tallies.append(jobs.expire_due())
                db.session.remove()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(one["expired"] for one in tallies) == len(contracts)
        assert [one["failed"] for one in tallies] == [0, 0, 0]
        ended = select(Contract.id).where(Contract.status == "expired").order_by(Contract.id)
        assert list(db.session.scalars(ended)) == contracts
        told = select(func.count()).select_from(Notification).where(Notification.kind == "contract_ended")
        assert db.session.scalar(told) == 2 * len(contracts)
        moves = select(func.count()).select_from(History).where(History.move == "expire")
        assert db.session.scalar(moves) == len(contracts)
        assert db.session.scalar(select(func.count()).select_from(JobRun)) == 3


class TestMoveAll:
    def test_rows_in_another_state_are_left_alone(self, db_session: Any) -> None:
        due, running = make_ending()[1], make_ending()[1]
        undue = make_ending(status="expired")[1]
        undue.subject.status = "available"
        db.session.flush()
        ids = [running.id, undue.id, due.id]
        db.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        moved = CONTRACT.move_all(SYSTEM, Contract, ids, "expire", ended_at=clock.now())
        db.session.rollback()
        assert moved == sorted((due.id, running.id))

    def test_whose_right_hangs_on_the_row_moves_none_at_once(self, db_session: Any) -> None:
        contract = make_ending()[1]
        with pytest.raises(NotAllowed):
            CONTRACT.move_all(Actor(contract.agent_id, Role.AGENT), Contract, [contract.id], "terminate")
