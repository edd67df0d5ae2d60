"""Everybody reads and types times on his own clock; none of it reaches another's page."""

import csv
import html
import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.chat import services as chat
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.profiles.models import Profile
from tests import factories
from tests.pages import Browser, browser_of

NOW = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
LATE = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
"""Half past midnight of the next day in Nairobi, the evening before in London and Lagos."""

LIST = "/admin/appointments/list/?tab=all"


@pytest.fixture(autouse=True)
def _now(frozen_clock: Any, db_session: Any) -> None:
    frozen_clock.at(NOW)


def agent_in(zone: str) -> User:
    person = factories.make_user(Role.AGENT)
    db.session.execute(db.update(Profile).where(Profile.user_id == person.id).values(time_zone=zone))
    db.session.commit()
    return person


@pytest.fixture
def agent() -> User:
    return agent_in("Africa/Nairobi")


def viewing_of(agent: User, **over: Any) -> Appointment:
    return factories.make_appointment(factories.make_property(agent), **{"starts_at": LATE, **over})


def times(page: str) -> set[tuple[str, str]]:
    """Return what stands on a page as a time, with what it says on hover."""
    return {(shown, html.unescape(title)) for title, shown in re.findall(r'<time [^>]*title="([^"]+)">([^<]+)<', page)}


NAIROBI = ("Thu 26 Nov, 00:30", "Thursday 26 November 2026, 00:30 (EAT)")
LONDON = ("Wed 25 Nov, 21:30", "Wednesday 25 November 2026, 21:30 (GMT)")
LAGOS = ("Wed 25 Nov, 22:30", "Wednesday 25 November 2026, 22:30 (WAT)")


class TestReading:
    def test_lists_and_deals_and_viewings_show_ones_own_time(self, browser: Browser, agent: User) -> None:
        row = viewing_of(agent, status="confirmed")
        deal = f"/admin/deals/{row.property_id}/{row.client_id}"
        for path in (LIST, deal, f"/admin/appointments/show/{row.id}", f"/admin/calendar/?on=2026-11-26&at={row.id}"):
            assert NAIROBI in times(browser.get(path).text), path

    def test_a_deadline_says_exactly_when_on_hover(self, browser: Browser, agent: User) -> None:
        viewing_of(agent, expires_at=datetime(2026, 11, 24, 22, tzinfo=UTC))
        assert ("11 h 40 min left", "Wednesday 25 November 2026, 01:00 (EAT)") in times(browser.get(LIST).text)
        assert 'data-due=""' in browser.at, "it is no longer today in Nairobi"

    def test_home_greets_and_shows_today_by_ones_own_clock(self, browser: Browser, agent: User) -> None:
        viewing_of(agent, status="confirmed", starts_at=datetime(2026, 11, 24, 20, 30, tzinfo=UTC))
        viewing_of(agent, status="confirmed", starts_at=datetime(2026, 11, 24, 21, 30, tzinfo=UTC))
        page = browser.get("/admin/").text
        assert "Good afternoon" in page
        shown = times(re.findall(r'<ol class="s-day-list">.*?</ol>', page, re.DOTALL)[0])
        assert shown == {
            ("13:20", "Tuesday 24 November 2026, 13:20 (EAT)"), ("23:30", "Tuesday 24 November 2026, 23:30 (EAT)"),
        }  # fmt: skip

    def test_messages_of_a_chat_stand_under_ones_own_day(self, app: Flask, agent: User, frozen_clock: Any) -> None:
        client = factories.make_user()
        factories.make_appointment(factories.make_property(agent), client, starts_at=LATE)
        frozen_clock.at(datetime(2026, 11, 24, 22, 15, tzinfo=UTC))
        chat.send(factories.actor_of(client), agent.id, "Is the water treated?")
        page = browser_of(app, agent).get(f"/admin/chats/with/{client.id}").text
        assert ("01:15", "Wednesday 25 November 2026, 01:15 (EAT)") in times(page)
        assert 'data-day="2026-11-25">Today<' in page

    def test_a_file_holds_ones_own_time(self, browser: Browser, agent: User) -> None:
        viewing_of(agent)
        body = browser.get("/admin/appointments/export/csv?tab=all").data
        _head, row = csv.reader(io.StringIO(body.decode("utf-8-sig")))
        assert "2026-11-26 00:30" in row

    def test_the_office_without_a_profile_reads_lagos_time(self, app: Flask, agent: User) -> None:
        office = factories.make_user(Role.STAFF)
        db.session.execute(db.delete(Profile).where(Profile.user_id == office.id))
        db.session.commit()
        viewing_of(agent)
        assert LAGOS in times(browser_of(app, office).get(LIST).text)

    def test_another_agents_calendar_says_whose_time_it_is_in(self, app: Flask, agent: User) -> None:
        page = browser_of(app, factories.make_user(Role.STAFF)).get(f"/admin/calendar/?agent={agent.id}").text
        assert "Hours are Nairobi time." in page
        assert "Hours are" not in browser_of(app, agent).get("/admin/calendar/").text


class TestTyping:
    def test_a_time_in_a_question_is_ones_own(self, browser: Browser, agent: User) -> None:
        for weekday in range(7):
            factories.make_hours(agent, weekday, "09:00", "17:00")
        row = viewing_of(agent, starts_at=datetime(2026, 11, 26, 9, tzinfo=UTC))
        path = f"/admin/appointments/move/{row.id}/reschedule"
        page = browser.get(path).text
        assert 'value="2026-11-27T09:00"' in page, "the free times are those of the agent's own morning"
        assert 'title="Nairobi time"' in page
        assert browser.send(path, requested_time="2026-11-27T15:00").status_code == 302
        again = db.session.scalars(db.select(Appointment).where(Appointment.replaces_id == row.id)).one()
        assert again.starts_at == datetime(2026, 11, 27, 12, tzinfo=UTC)

    def test_a_list_is_narrowed_by_ones_own_days(self, browser: Browser, agent: User) -> None:
        viewing_of(agent)
        for day, is_there in (("2026-11-25", False), ("2026-11-26", True)):
            name = "_flt_0_starts_at"
            page = browser.get(f"{LIST}&{name}={day}&_flt_1_starts_at={day}").text
            assert (NAIROBI in times(page)) is is_there, day

    def test_a_time_that_no_clock_shows_is_refused(self, browser: Browser, agent: User) -> None:
        path = f"/admin/appointments/move/{viewing_of(agent).id}/reschedule"
        browser.get(path)
        assert browser.send(path, requested_time="0001-01-01T00:00").status_code == 200
        assert browser.faults() == ["Choose a day of this time."]


class TestTogether:
    def test_two_agents_in_one_process_each_read_their_own(self, app: Flask, agent: User, browser: Browser) -> None:
        londoner = agent_in("Europe/London")
        other = browser_of(app, londoner)
        viewing_of(agent)
        viewing_of(londoner)
        for _ in range(2):
            assert NAIROBI in times(browser.get(LIST).text)
            assert LONDON in times(other.get(LIST).text)
        assert clock.here() is clock.LAGOS
