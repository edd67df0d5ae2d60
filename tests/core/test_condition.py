"""How Sheda itself is, as staff read it."""

import shutil
from collections import namedtuple
from datetime import timedelta
from typing import Any

import pytest

from sheda.core import clock, condition, desk, health
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.jobs import JobRun
from sheda.core.outbox import Outbox, post_mail
from tests.factories import actor_of, make_user
from tests.pages import browser_of

Usage = namedtuple("Usage", "total used free")


def states() -> dict[str, str]:
    return {one.part: one.state for one in condition.findings()}


def failed_run(name: str = "outbox.deliver") -> JobRun:
    run = JobRun(job=name, started_at=clock.now(), finished_at=clock.now(), tally={"failed": 2})
    db.session.add(run)
    db.session.commit()
    return run


@pytest.fixture(autouse=True)
def _alive(db_session: Any, redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    health.beat()
    health.tick()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100, 50, 50))  # whatever the tests' machine has left


class TestFindings:
    def test_all_is_well_where_all_is_well(self):
        assert {part: state for part, state in states().items() if state != "good"} == {}

    def test_a_worker_that_is_gone_is_told(self, redis):
        redis.delete(health.HEARTBEAT_KEY)
        assert states()["Worker"] == "bad"

    def test_a_beat_that_stands_still_is_told(self, frozen_clock):
        frozen_clock.advance(timedelta(minutes=3))
        assert states()["Beat"] == "bad"

    def test_a_long_queue_is_told(self, redis):
        redis.rpush("celery", *range(501))
        assert states()["Queue"] == "warn"

    def test_redis_that_is_away_is_told_and_breaks_nothing(self, app, monkeypatch):
        monkeypatch.setitem(app.config, "REDIS_URL", "redis://127.0.0.1:1/0")
        assert states()["Redis"] == "bad"

    def test_a_mail_that_waits_too_long_is_told(self, frozen_clock):
        post_mail(make_user().id, "code", key="k", context={})
        frozen_clock.advance(timedelta(minutes=11))
        assert states()["Messages waiting"] == "bad"
        db.session.execute(Outbox.__table__.update().values(dead_at=clock.now()))
        assert states()["Messages given up"] == "warn"

    def test_a_failed_job_is_told(self):
        failed_run()
        assert states()["Jobs"] == "warn"

    @pytest.mark.parametrize(("free", "state"), [(50, "good"), (9, "warn"), (2, "bad")])
    def test_a_full_disk_is_told(self, monkeypatch, free, state):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100, 100 - free, free))
        assert states()["Disk"] == state

    def test_tables_of_another_release_are_told(self, monkeypatch):
        monkeypatch.setattr(condition, "_heads", lambda: frozenset({"another"}))
        assert states()["Tables"] == "bad"

    def test_whatever_is_wrong_says_what_to_do(self, app, monkeypatch, frozen_clock):
        failed_run()
        post_mail(make_user().id, "code", key="k", context={})
        frozen_clock.advance(timedelta(minutes=11))
        monkeypatch.setattr(condition, "_heads", lambda: frozenset({"another"}))
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(100, 99, 1))
        wrong = [one for one in condition.findings() if one.state != "good"]
        assert len(wrong) >= 5
        assert all(one.advice for one in wrong)


class TestPage:
    def test_staff_read_it_in_few_statements(self, app, count_statements):
        browser = browser_of(app, make_user(Role.STAFF))
        failed_run()
        with count_statements() as seen:
            page = browser.get("/admin/health/")
        assert page.status_code == 200
        assert "Messages waiting" in page.text
        assert len(seen) <= 12

    def test_agents_do_not(self, app):
        assert browser_of(app, make_user(Role.AGENT)).get("/admin/health/").status_code == 403


class TestRunAgain:
    def test_an_admin_has_a_job_run_again(self, app, redis):
        run = failed_run()
        browser = browser_of(app, make_user(Role.ADMIN))
        assert f"/admin/jobs/move/{run.id}/retry" in browser.get("/admin/health/").text
        assert browser.send(f"/admin/jobs/move/{run.id}/retry").status_code == 302
        assert redis.llen("celery") == 1
        assert "Tried again" in browser.get(f"/admin/jobs/show/{run.id}").text

    def test_staff_may_not(self, app):
        run = failed_run()
        browser = browser_of(app, make_user(Role.STAFF))
        browser.get("/admin/health/")
        assert browser.send(f"/admin/jobs/move/{run.id}/retry").status_code == 403

    def test_a_job_that_is_gone_is_refused(self, app):
        run = failed_run("gone.away")
        with pytest.raises(desk.Conflict):
            desk.run_again(actor_of(make_user(Role.ADMIN)), run.id)
