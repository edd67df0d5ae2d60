from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from flask import Flask

from sheda.contracts import ending, jobs
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


class TestBadRows:
    def test_a_fault_stops_no_other_row(self, db_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        contracts = [make_ending()[1] for _ in range(3)]
        real, bad = ending._settle, contracts[1].id

        def fail_on_bad(subject: Any, contract: Contract) -> bool:
            if contract.id == bad:
                raise ZeroDivisionError
            return real(subject, contract)

        monkeypatch.setattr(ending, "_settle", fail_on_bad)
        tally = jobs.expire_due()
        assert (tally["seen"], tally["expired"], tally["failed"]) == (3, 2, 1)
        assert [one.status for one in contracts] == ["expired", "active", "expired"]
        run = JobRun.query.filter_by(job="contracts.expire").one()
        assert (run.tally["failed"], run.finished_at is not None) == (1, True)

    def test_a_row_that_breaks_a_deferred_rule_fails_alone(
        self, db_session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contracts = [make_ending()[1] for _ in range(3)]
        real, bad = ending.properties.return_to_market, contracts[1].property_id

        def forget_bad(actor: Any, subject: Any) -> None:
            if subject.id != bad:
                real(actor, subject)

        monkeypatch.setattr(ending.properties, "return_to_market", forget_bad)
        tally = jobs.expire_due()
        assert (tally["expired"], tally["failed"]) == (2, 1)
        assert [one.status for one in contracts] == ["expired", "active", "expired"]


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
    def test_a_worker_stops_between_batches_and_rings_for_the_rest(
        self, app: Flask, db_session: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contracts = [make_ending()[1] for _ in range(3)]
        rung: list[str] = []
        monkeypatch.setattr(core_jobs, "TURN", -1.0)
        monkeypatch.setattr(ending, "BATCH", 2)
        monkeypatch.setattr(type(jobs.catch_up), "ring", lambda job: rung.append(job.name))
        task = app.extensions["celery"].tasks["contracts.catch_up"]
        task.run()
        assert ([one.status for one in contracts], rung) == (["expired", "expired", "active"], ["contracts.catch_up"])
        monkeypatch.setattr(core_jobs, "TURN", 25.0)
        task.run()
        assert ({one.status for one in contracts}, len(rung)) == ({"expired"}, 1)
