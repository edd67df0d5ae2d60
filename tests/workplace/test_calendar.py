import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.appointments.models import Appointment, AvailabilityException
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.workplace import agenda
from tests import factories
from tests.pages import Browser, browser_of

TUESDAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 11, 20, tzinfo=clock.LAGOS)


@pytest.fixture
def agent(db_session: Any, frozen_clock: Any) -> User:
    frozen_clock.at(NOW)
    person = factories.make_user(Role.AGENT)
    for weekday in range(6):
        factories.make_hours(person, weekday, "09:00", "17:00")
    return person


def viewing(agent: User, day: int, hour: float, **over: Any) -> Appointment:
    start = datetime.combine(TUESDAY.replace(day=day), time(), clock.LAGOS) + timedelta(hours=hour)
    client = over.pop("client", None)
    values = {"status": "confirmed", "starts_at": start, "ends_at": start + timedelta(minutes=30), **over}
    return factories.make_appointment(factories.make_property(agent), client, **values)


def spots(page: str) -> list[str]:
    """Return where the viewings of a page stand, as (quarter, length)."""
    return re.findall(r'<li class="s-ev (q\d+ x\d+)', page)


class TestAgenda:
    def test_it_reads_days_in_three_statements(self, agent: User, count_statements: Callable[..., Any]) -> None:
        viewing(agent, 24, 16)
        viewing(agent, 25, 9)
        factories.make_exception(agent, date(2026, 11, 26), "13:30", "15:30")
        actor = factories.actor_of(agent)
        with count_statements() as seen:
            found = agenda.agenda_of(actor, agent.id, date(2026, 11, 23), date(2026, 11, 30))
        assert len(seen) == 3
        assert [len(day.viewings) for day in found.days] == [0, 1, 1, 0, 0, 0, 0]
        assert [day.open for day in found.days[2:4]] == [[(540, 1020)], [(540, 810), (930, 1020)]]
        assert found.days[6].open == []
        assert [row.date for row in found.blocks] == [date(2026, 11, 26)]

    def test_what_is_left_of_a_day_is_closed(self) -> None:
        assert agenda.closed([(540, 810), (930, 1020)], (480, 1080)) == [(480, 540), (810, 930), (1020, 1080)]
        assert agenda.closed([], (480, 1080)) == [(480, 1080)]
        assert agenda.closed([(400, 1200)], (480, 1080)) == []

    def test_a_whole_day_that_is_open_is_open_until_midnight(self, agent: User) -> None:
        factories.make_exception(agent, TUESDAY)
        found = agenda.agenda_of(factories.actor_of(agent), agent.id, TUESDAY, TUESDAY + timedelta(days=1))
        assert found.days[0].open == []


class TestWeek:
    def test_it_opens_with_the_week_of_today(self, browser: Browser, agent: User) -> None:
        viewing(agent, 24, 16, status="pending")
        viewing(agent, 26, 10.25, client=factories.make_user(first_name="Ibrahim"))
        viewing(agent, 30, 10)
        viewing(agent, 25, 10, status="canceled")
        page = browser.get("/admin/calendar/").text
        assert "<h1>Mon 23 Nov to Sun 29 Nov</h1><p>2 viewings, 1 to confirm." in page
        assert spots(page) == ["q33 x2", "q10 x2"]
        assert "Now, 11:20" in page
        assert page.count('class="s-off') == 6 * 2 + 1

    def test_hours_outside_the_usual_appear_when_there_is_something(self, browser: Browser, agent: User) -> None:
        viewing(agent, 24, 7)
        viewing(agent, 24, 19.5)
        page = browser.get("/admin/calendar/").text
        assert '<span class="q1 x4">07:00</span>' in page
        assert '<span class="q49 x4">19:00</span>' in page
        assert spots(page) == ["q1 x2", "q51 x2"]

    def test_other_weeks_days_and_months_are_a_link_away(self, browser: Browser, agent: User) -> None:
        browser.get("/admin/calendar/")
        for href in (
            "/admin/calendar/?view=week&on=2026-11-17", "/admin/calendar/?view=week&on=2026-12-01",
            "/admin/calendar/?view=day&on=2026-11-24", "/admin/calendar/?view=month&on=2026-11-24",
        ):  # fmt: skip
            assert href in browser.links()
            assert browser.get(href).status_code == 200
            browser.get("/admin/calendar/")

    @pytest.mark.parametrize("view", ["day", "week", "month"])
    def test_a_viewings_hour_says_exactly_when_on_hover(self, browser: Browser, agent: User, view: str) -> None:
        viewing(agent, 24, 10.5)
        page = browser.get(f"/admin/calendar/?view={view}&on=2026-11-24").text
        shown = re.findall(r'<time datetime="2026-11-24T10:30\+01:00" title="([^"]+)">10:30</time>', page)
        assert "Tuesday 24 November 2026, 10:30 (WAT)" in shown

    def test_a_month_shows_each_days_viewings(self, browser: Browser, agent: User) -> None:
        for hour in (9, 10, 11, 12):
            viewing(agent, 30, hour, client=factories.make_user(first_name="Wale"))
        page = browser.get("/admin/calendar/?view=month&on=2026-11-02").text
        assert "<h1>November 2026</h1>" in page
        assert 'aria-label="Monday 30 November, 4 viewings"' in page
        assert "and 1 more" in page
        assert page.count("<td") == 42

    @pytest.mark.parametrize(
        "query",
        ["on=x", "on=0001-01-01", "on=9999-12-31", "view=year", "at=x", "at=99999999999", "agent=-1", "on=2026-02-30"],
    )
    def test_what_cannot_be_read_is_as_if_it_were_not_there(self, browser: Browser, query: str) -> None:
        for view in ("day", "week", "month"):
            page = browser.get(f"/admin/calendar/?view={view}&{query}")
            assert page.status_code == 200

    @pytest.mark.parametrize("on", ["1900-01-01", "2199-12-31"])
    def test_the_ends_of_time_are_no_fault(self, browser: Browser, on: str) -> None:
        for view in ("day", "week", "month"):
            assert browser.get(f"/admin/calendar/?view={view}&on={on}").status_code == 200

    def test_it_is_at_most_twelve_statements(
        self, browser: Browser, agent: User, count_statements: Callable[..., Any]
    ) -> None:
        for hour in range(9, 16):
            viewing(agent, 24, hour)
        for view in ("week", "month"):
            browser.get(f"/admin/calendar/?view={view}")
            with count_statements() as seen:
                browser.get(f"/admin/calendar/?view={view}")
            assert len(seen) <= 8, seen


class TestChosen:
    def test_the_one_that_waits_is_chosen_unless_another_is_asked_for(self, browser: Browser, agent: User) -> None:
        set_one = viewing(agent, 24, 15, client=factories.make_user(first_name="Kemi", last_name="Balogun"))
        asked = viewing(
            agent, 24, 16, client=factories.make_user(first_name="Amina", last_name="Yusuf"), status="pending"
        )
        page = browser.get("/admin/calendar/").text
        assert "Amina Yusuf" in page
        assert re.search(r"Kemi, <time [^>]+>15:00</time>", page)
        assert f"/admin/appointments/move/{asked.id}/confirm" in page
        assert "Kemi Balogun" in browser.get(f"/admin/calendar/?at={set_one.id}").text

    def test_it_is_confirmed_right_there(self, browser: Browser, agent: User) -> None:
        asked = viewing(agent, 24, 16, status="pending")
        browser.get("/admin/calendar/")
        here = "/admin/calendar/?view=week&on=2026-11-24"
        assert browser.send(f"/admin/appointments/move/{asked.id}/confirm", back=here).location == here
        db.session.expire_all()
        assert db.session.get_one(Appointment, asked.id).status == "confirmed"

    def test_it_is_moved_right_there(self, browser: Browser, agent: User) -> None:
        asked = viewing(agent, 24, 16)
        move = f"/admin/appointments/move/{asked.id}/reschedule"
        browser.get("/admin/calendar/")
        assert move in browser.links()
        browser.get(move, headers={"Referer": "http://localhost/admin/calendar/?view=week&on=2026-11-24"})
        answer = browser.send(move, requested_time="2026-11-26T10:00", back="/admin/calendar/?view=week&on=2026-11-24")
        assert answer.location == "/admin/calendar/?view=week&on=2026-11-24"
        assert spots(browser.get(answer.location).text) == ["q9 x2"]


class TestBlocking:
    def test_time_is_blocked_and_opened_again(self, browser: Browser, agent: User) -> None:
        browser.get("/admin/calendar/")
        browser.send("/admin/calendar/block", date="2026-11-25", start_time="13:30", end_time="15:30")
        page = browser.get("/admin/calendar/").text
        assert browser.notices() == ["Blocked. Clients no longer see this time."]
        assert '<li class="s-off q23 x8"><span>Blocked</span></li>' in page
        assert "Wed 25 Nov, 13:30 to 15:30" in page
        (row,) = db.session.query(AvailabilityException)
        assert (row.agent_id, row.is_available) == (agent.id, False)
        browser.send(f"/admin/calendar/unblock/{row.id}")
        assert db.session.query(AvailabilityException).count() == 0

    def test_without_times_the_whole_day_is_blocked(self, browser: Browser, agent: User) -> None:
        browser.get("/admin/calendar/")
        browser.send("/admin/calendar/block", date="2026-11-25", start_time="", end_time="")
        page = browser.get("/admin/calendar/").text
        assert '<li class="s-off q1 x40"><span>Blocked</span></li>' in page
        assert "Wed 25 Nov, all day" in page

    @pytest.mark.parametrize(
        "sent",
        [
            {"date": ""},
            {"date": "2026-02-30"},
            {"date": "2026-11-25", "start_time": "25:00"},
            {"date": "2026-11-25", "start_time": "10:00"},
            {"date": "2026-11-25", "start_time": "12:00", "end_time": "10:00"},
            {"date": "2026-11-25", "start_time": "10:00+01:00", "end_time": "11:00+01:00"},
        ],
    )
    def test_what_is_no_time_is_refused_in_words(self, browser: Browser, sent: dict[str, str]) -> None:
        browser.get("/admin/calendar/")
        browser.send("/admin/calendar/block", **sent)
        browser.get("/admin/calendar/")
        assert len(browser.notices()) == 1
        assert db.session.query(AvailabilityException).count() == 0

    def test_it_needs_its_token_and_is_ones_own(self, app: Flask, browser: Browser, agent: User) -> None:
        assert browser.send("/admin/calendar/block", token=False, date="2026-11-25").status_code == 400
        row = factories.make_exception(agent, TUESDAY)
        other = browser_of(app, factories.make_user(Role.AGENT))
        assert other.send(f"/admin/calendar/unblock/{row.id}").status_code == 404
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert staff.send("/admin/calendar/block", date="2026-11-25").status_code == 403
        assert db.session.query(AvailabilityException).count() == 1


class TestStaff:
    def test_they_choose_whose_calendar(self, app: Flask, agent: User) -> None:
        viewing(agent, 24, 16)
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert agent.get_full_name() in staff.get("/admin/calendar/").text
        page = staff.get(f"/admin/calendar/?agent={agent.id}").text
        assert spots(page) == ["q33 x2"]
        assert "Block time" not in page
        assert f"agent={agent.id}" in next(href for href in staff.links() if "view=month" in href)

    def test_somebody_who_is_no_agent_has_none(self, app: Flask, db_session: Any) -> None:
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert staff.get("/admin/calendar/?agent=2147483647").status_code == 404
