from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from tests import factories
from tests.pages import Browser, browser_of


def status_of(viewing: Appointment) -> str:
    db.session.expire_all()
    return db.session.get_one(Appointment, viewing.id).status


class TestDeciding:
    def test_a_request_waits_at_home_and_is_confirmed_by_one_click(self, browser: Browser, agent: Any) -> None:
        viewing = factories.make_appointment(factories.make_property(agent), note="Is the water treated?")
        page = browser.get("/admin/").text
        assert "asks to view" in page
        assert "Is the water treated?" in page
        assert browser.send(f"/admin/appointments/move/{viewing.id}/confirm").status_code == 302
        assert status_of(viewing) == "confirmed"
        assert "asks to view" not in browser.get("/admin/").text

    def test_declining_needs_a_reason(self, browser: Browser, agent: Any) -> None:
        viewing = factories.make_appointment(factories.make_property(agent))
        path = f"/admin/appointments/move/{viewing.id}/reject"
        browser.get(path)
        browser.send(path, reason="   ")
        assert browser.faults() != []
        assert status_of(viewing) == "pending"
        browser.send(path, reason="The roof is being mended.")
        assert status_of(viewing) == "rejected"
        assert "The roof is being mended." in browser.get(f"/admin/appointments/show/{viewing.id}").text

    def test_another_time_is_offered_in_lagos_time(self, browser: Browser, agent: Any) -> None:
        viewing = factories.make_appointment(factories.make_property(agent))
        path = f"/admin/appointments/move/{viewing.id}/reschedule"
        wanted = clock.today() + timedelta(days=3)
        browser.get(path)
        assert browser.send(path, requested_time=f"{wanted}T14:30").status_code == 302
        assert status_of(viewing) == "canceled"
        again = db.session.scalars(db.select(Appointment).where(Appointment.replaces_id == viewing.id)).one()
        assert again.starts_at == datetime(wanted.year, wanted.month, wanted.day, 13, 30, tzinfo=UTC)

    def test_a_time_that_is_taken_names_free_ones(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        viewing, other = factories.make_appointment(home), factories.make_appointment(
            home, starts_at=datetime.combine(clock.today() + timedelta(days=4), datetime.min.time(), clock.LAGOS)
            + timedelta(hours=10),
        )  # fmt: skip
        path = f"/admin/appointments/move/{viewing.id}/reschedule"
        browser.get(path)
        taken = other.starts_at.astimezone(clock.LAGOS)
        page = browser.send(path, requested_time=f"{taken:%Y-%m-%dT%H:%M}").text
        assert "Free next: " in page
        assert status_of(viewing) == "pending"

    def test_only_what_the_clock_allows_is_offered(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        coming = factories.make_appointment(home, status="confirmed")
        begun = factories.make_appointment(home, status="confirmed", starts_at=clock.now() - timedelta(minutes=5))
        offered = {
            viewing: {
                link.rsplit("/", 1)[-1]
                for link in browser.get(f"/admin/appointments/show/{viewing.id}").text.split('"')
                if f"/move/{viewing.id}/" in link
            }
            for viewing in (coming, begun)
        }
        assert offered == {coming: {"complete", "reschedule", "cancel"}, begun: {"complete", "no_show"}}

    def test_staff_act_with_a_reason(self, app: Flask, db_session: Any) -> None:
        viewing, browser = factories.make_appointment(), browser_of(app, factories.make_user(Role.STAFF))
        path = f"/admin/appointments/move/{viewing.id}/confirm"
        browser.get(path)
        browser.send(path)
        assert status_of(viewing) == "pending"
        browser.send(path, reason="The agent is ill.")
        assert status_of(viewing) == "confirmed"


class TestHours:
    def test_hours_are_set_changed_and_removed(self, browser: Browser, agent: Any) -> None:
        browser.get("/admin/hours/add")
        answer = browser.send("/admin/hours/add", weekday="1", start_time="09:00", end_time="12:00")
        page = browser.get(answer.location).text
        assert "Tuesday 09:00 to 12:00" in page
        number = answer.location.rsplit("/", 1)[-1]
        browser.get(f"/admin/hours/edit/{number}")
        browser.send(f"/admin/hours/edit/{number}", weekday="1", start_time="09:00", end_time="13:00")
        assert f"{db.session.get_one(AvailabilityHours, int(number)).end_time}" == "13:00:00"
        browser.send(f"/admin/hours/delete/{number}")
        assert db.session.get(AvailabilityHours, int(number)) is None

    @pytest.mark.parametrize(
        ("start", "end", "fault"),
        [("12:00", "09:00", "Name a time after the start."), ("", "10:00", "This is needed.")],
    )
    def test_a_fault_stands_at_its_field(self, browser: Browser, start: str, end: str, fault: str) -> None:
        browser.get("/admin/hours/add")
        browser.send("/admin/hours/add", weekday="1", start_time=start, end_time=end)
        assert browser.faults() == [fault]

    def test_overlapping_hours_are_refused_in_words(self, browser: Browser, agent: Any) -> None:
        factories.make_hours(agent, 1, "09:00", "12:00")
        browser.get("/admin/hours/add")
        page = browser.send("/admin/hours/add", weekday="1", start_time="11:00", end_time="13:00").text
        assert "These hours overlap others of the same day." in page

    def test_a_day_is_blocked(self, browser: Browser, agent: Any) -> None:
        day = clock.today() + timedelta(days=9)
        browser.get("/admin/days-off/add")
        assert browser.send("/admin/days-off/add", date=f"{day}").status_code == 302
        found = db.session.scalars(db.select(AvailabilityException)).one()
        assert (found.date, found.is_available, found.start_time) == (day, False, None)
