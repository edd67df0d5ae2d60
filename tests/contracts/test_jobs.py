from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from flask import Flask
from sqlalchemy import text

from sheda.contracts import daily, ending, jobs
from sheda.contracts.events import ContractEnded
from sheda.contracts.models import Contract
from sheda.core import clock, events
from sheda.core import jobs as core_jobs
from sheda.core.db import db
from sheda.core.jobs import JobRun
from tests.conftest import Clock
from tests.contracts.conftest import agree_renewal, declare_renewal, make_ending, make_tenancy, schedule_renewal
from tests.payments.conftest import make_deal, moves_of


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the news of ended contracts."""
    heard: list[Any] = []
    monkeypatch.setitem(events._reactions, ContractEnded, (heard.append,))
    return heard


class TestExpireDue:
    def test_everybodys_day_comes_once(self, db_session: Any, ended: list[Any]) -> None:
        (home, due), (_, running) = make_ending(), make_ending(days=1)
        assert jobs.expire_due()["expired"] == 1
        assert jobs.expire_due()["seen"] == 0
        assert (due.status, running.status, home.home.status) == ("expired", "active", "available")
        assert [one.subject for one in ended] == [due]
        assert moves_of(due) == ["create", "expire"]

    def test_ten_days_down_gives_the_same_result(self, db_session: Any, ended: list[Any], frozen_clock: Clock) -> None:
        contracts = [make_ending(days=days)[1] for days in (0, 3, 9)]
        frozen_clock.at(clock.now() + timedelta(days=10))
        assert jobs.expire_due()["expired"] == 3
        assert {one.status for one in contracts} == {"expired"}
        assert len(ended) == 3

    def test_a_renewal_takes_over_on_its_day(self, db_session: Any, ended: list[Any], frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        successor = schedule_renewal(deal, contract)
        assert jobs.expire_due()["seen"] == 0
        frozen_clock.at(clock.now() + timedelta(days=1))
        for renewed in (1, 0):
            assert jobs.expire_due().get("renewed", 0) == renewed
        assert (contract.status, successor.status, deal.home.status) == ("renewed", "active", "rented")
        assert ended == []

    def test_a_short_renewal_that_is_over_as_well_ends_too(self, db_session: Any, frozen_clock: Clock) -> None:
        deal = make_deal(period="week")
        contract = make_tenancy(deal)
        successor = schedule_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=30))
        jobs.expire_due()
        assert (contract.status, successor.status, deal.home.status) == ("renewed", "expired", "available")

    def test_an_undecided_renewal_holds_over_for_seven_days(self, db_session: Any, frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        successor = declare_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=7))
        assert jobs.expire_due().get("expired", 0) == 0
        assert contract.status == "active"
        frozen_clock.advance(timedelta(days=1))
        assert jobs.expire_due()["expired"] == 1
        assert (contract.status, successor.status, deal.home.status) == ("expired", "pending", "available")

    def test_an_undeclared_renewal_holds_nothing_over(self, db_session: Any, frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        payment = agree_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=1))
        assert jobs.expire_due()["expired"] == 1
        assert (contract.status, payment.status) == ("expired", "canceled")

    def test_a_notice_ends_the_tenancy_on_its_day(self, db_session: Any, frozen_clock: Clock) -> None:
        deal = make_deal(period="month")
        contract = make_tenancy(deal, end_date=clock.add_months(clock.today(), 12), periods=12)
        ending.terminate(deal.by_client, contract.id)
        db.session.commit()
        assert contract.ends_early_on is not None
        days = (contract.ends_early_on - clock.today()).days
        frozen_clock.at(clock.now() + timedelta(days=days - 1))
        assert jobs.expire_due()["seen"] == 0
        frozen_clock.advance(timedelta(days=1))
        for ended in (1, 0):
            assert jobs.expire_due().get("expired", 0) == ended
        assert (contract.status, deal.home.status) == ("terminated", "available")

    def test_a_notice_that_ran_out_long_ago_is_still_a_notice(self, db_session: Any, frozen_clock: Clock) -> None:
        deal = make_deal(period="month")
        contract = make_tenancy(deal, end_date=clock.add_months(clock.today(), 12), periods=12)
        ending.terminate(deal.by_client, contract.id)
        db.session.commit()
        frozen_clock.at(clock.now() + timedelta(days=800))
        jobs.expire_due()
        assert contract.status == "terminated"

    def test_a_sale_never_ends(self, db_session: Any, frozen_clock: Clock) -> None:
        contract = make_tenancy(make_deal(listing_type="sale"))
        frozen_clock.at(clock.now() + timedelta(days=4000))
        assert jobs.expire_due()["seen"] == 0
        assert contract.status == "active"


def break_rows(table: str, row_id: int, deed: str) -> None:
    """Let the database do something when a row's status is changed, for the rest of the test."""
    when = f"BEFORE UPDATE OF status ON {table} FOR EACH ROW WHEN (NEW.id = {row_id})"
    body = f"$$ BEGIN {deed}; RETURN NEW; END $$"
    db.session.execute(text(f"CREATE FUNCTION bad_row() RETURNS trigger LANGUAGE plpgsql AS {body}"))
    db.session.execute(text(f"CREATE TRIGGER a_bad_row {when} EXECUTE FUNCTION bad_row()"))


class TestBadRows:
    def poisoned(self, number: int, *, deed: str, table: str = "contracts") -> tuple[list[Contract], Contract]:
        contracts = [make_ending()[1] for _ in range(number)]
        bad = contracts[number // 2]
        break_rows(table, bad.id if table == "contracts" else bad.property_id, deed)
        return contracts, bad

    def test_a_fault_stops_no_other_row(self, db_session: Any) -> None:
        contracts, bad = self.poisoned(3, deed="RAISE division_by_zero")
        tally = jobs.expire_due()
        assert (tally["seen"], tally["expired"], tally["failed"]) == (3, 2, 1)
        assert [one.status for one in contracts] == ["expired", "active", "expired"]
        assert moves_of(bad) == ["create"]
        run = JobRun.query.filter_by(job="contracts.expire").one()
        assert (run.tally["failed"], run.finished_at is not None) == (1, True)

    def test_a_row_that_breaks_a_deferred_rule_fails_alone(self, db_session: Any) -> None:
        contracts, _ = self.poisoned(3, deed="NEW.status := OLD.status", table="properties")
        tally = jobs.expire_due()
        assert (tally["expired"], tally["failed"]) == (2, 1)
        assert [one.status for one in contracts] == ["expired", "active", "expired"]

    def test_only_few_rows_around_a_bad_one_go_singly(self, db_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        contracts, bad = self.poisoned(9, deed="RAISE division_by_zero")
        singly: list[int] = []
        real = jobs.settle
        monkeypatch.setattr(core_jobs, "FEW", 2)
        monkeypatch.setattr(jobs, "settle", lambda row: (singly.append(row), real(row))[1])
        tally = jobs.expire_due()
        assert (tally["seen"], tally["expired"], tally["failed"]) == (9, 8, 1)
        assert bad.id in singly
        assert len(singly) <= 2
        assert [one.id for one in contracts if one.status != "expired"] == [bad.id]


class TestRhythm:
    def test_the_daily_run_is_recorded_and_the_catch_up_does_the_same(self, db_session: Any) -> None:
        make_ending()
        assert jobs.catch_up()["expired"] == 1
        assert JobRun.query.count() == 0
        make_ending()
        jobs.expire_due()
        run = JobRun.query.one()
        assert (run.job, run.tally["seen"], run.tally["expired"]) == ("contracts.expire", 1, 1)

    def test_beat_runs_both(self, app: Flask) -> None:
        schedule = app.extensions["celery"].conf.beat_schedule
        daily = schedule["contracts.expire"]["schedule"]
        assert isinstance(daily, crontab)
        assert (daily.hour, daily.minute) == ({app.config["DAILY_JOB_HOUR"]}, {0})
        assert schedule["contracts.catch_up"]["schedule"] == timedelta(hours=1)


class TestTurns:
    def test_a_worker_calls_another_for_many_rows_stops_between_batches_and_rings_for_the_rest(
        self, app: Flask, db_session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contracts = [make_ending()[1] for _ in range(3)]
        rung: list[str] = []
        monkeypatch.setattr(core_jobs, "TURN", -1.0)
        monkeypatch.setattr(daily, "BATCH", 2)
        monkeypatch.setattr(type(jobs.catch_up), "ring", lambda job: rung.append(job.name))
        task = app.extensions["celery"].tasks["contracts.catch_up"]
        task.run()
        assert [one.status for one in contracts] == ["expired", "expired", "active"]
        assert rung == ["contracts.expire", "contracts.catch_up"]
        monkeypatch.setattr(core_jobs, "TURN", 25.0)
        task.run()
        assert ({one.status for one in contracts}, len(rung)) == ({"expired"}, 2)
