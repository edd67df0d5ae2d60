"""The private feed of an agent's calendar: made, read, revoked, and what is in it."""

import re
from datetime import timedelta
from typing import Any

import pytest
import vobject
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.appointments.models import CalendarFeed
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from tests.factories import auth, make_appointment, make_property, make_user
from tests.pages import browser_of

ADDRESS = "/api/v1/users/me/calendar"


@pytest.fixture
def agent(db_session: Any) -> User:
    return make_user(Role.AGENT, first_name="Ada; Obi,", last_name="Okéké")


@pytest.fixture
def path(client: FlaskClient, agent: User) -> str:
    """Return the path of a new private address."""
    answer = client.post(ADDRESS, headers=auth(agent))
    assert answer.status_code == 201
    url: str = answer.json["result"]["url"]
    return "/" + url.split("/", 3)[3]


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


class TestSharing:
    def test_the_address_is_shown_once_and_kept_as_a_digest(self, client: FlaskClient, agent: User, path: str) -> None:
        token = path.removeprefix("/calendar/").removesuffix(".ics")
        assert len(token) >= 43
        kept = db.session.scalars(select(CalendarFeed)).one()
        assert token not in kept.token_hash
        shown = client.get(ADDRESS, headers=auth(agent))
        assert shown.json["result"]["is_shared"] is True
        assert token not in shown.text

    def test_a_new_address_kills_the_old(self, client: FlaskClient, agent: User, path: str) -> None:
        second = client.post(ADDRESS, headers=auth(agent)).json["result"]["url"]
        assert client.get(path).status_code == 404
        assert client.get("/" + second.split("/", 3)[3]).status_code == 200

    def test_a_revoked_address_answers_nobody(self, client: FlaskClient, agent: User, path: str) -> None:
        assert client.get(path).status_code == 200
        assert client.delete(ADDRESS, headers=auth(agent)).status_code == 204
        assert client.get(path).status_code == 404
        assert client.delete(ADDRESS, headers=auth(agent)).status_code == 204
        assert client.get(ADDRESS, headers=auth(agent)).json["result"] == {
            "id": agent.id, "is_shared": False, "created_at": None,
        }  # fmt: skip

    def test_an_agent_who_is_not_active_has_no_calendar(self, client: FlaskClient, agent: User, path: str) -> None:
        agent.active = False
        db.session.commit()
        assert client.get(path).status_code == 404

    def test_clients_have_none(self, client: FlaskClient) -> None:
        assert client.post(ADDRESS, headers=auth(make_user())).status_code == 403
        assert client.get(ADDRESS).status_code == 401

    @pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "é", "..%2f", "a" * 3000])
    def test_a_wrong_address_is_missing(self, client: FlaskClient, path: str, token: str) -> None:
        assert client.get(f"/calendar/{token}.ics").status_code == 404


class TestReading:
    def test_both_libraries_read_the_same(self, client: FlaskClient, agent: User, path: str) -> None:
        home = make_property(agent, title="Flat; with, a \\ long name " + "é" * 70)
        sure = make_appointment(home, status="confirmed")
        asked = make_appointment(home, starts_at=sure.ends_at)
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.content_type == "text/calendar; charset=utf-8"
        assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))
        assert answer.data.count(b"\n") == answer.data.count(b"\r\n")
        found = events(answer.data)
        assert [(event["dtstart"].dt, event["status"]) for event in found] == [
            (sure.starts_at, "CONFIRMED"), (asked.starts_at, "TENTATIVE"),
        ]  # fmt: skip
        other = vobject.readOne(answer.data.decode())
        assert [one.dtstart.value for one in other.vevent_list] == [event["dtstart"].dt for event in found]
        assert [one.summary.value for one in other.vevent_list] == [event["summary"] for event in found]
        assert all("dtstamp" in event and "uid" in event for event in found)
        assert "X-WR-CALNAME:Sheda: Ada\\; Obi\\, Okéké" in answer.text
        assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.data

    def test_it_keeps_to_the_rules_of_its_format(self, client: FlaskClient, agent: User, path: str) -> None:
        """RFC 5545, 3.1, 3.3.11, 3.6, 3.6.5 and 3.8.7.2: what Google, Apple and Outlook stumble over."""
        home = make_property(agent, title="Flat; with, a \\ name " + "é" * 60, location="4, Marina;\nLagos " + "ọ" * 60)
        for number in range(3):
            make_appointment(home, status="confirmed", starts_at=clock.now() + timedelta(days=2 + number))
        content = client.get(path).data
        lines = content.split(b"\r\n")
        assert content.endswith(b"END:VCALENDAR\r\n")
        assert all(line.decode() == line.decode("utf-8", "strict") and len(line) <= 75 for line in lines)
        unfolded = content.decode().replace("\r\n ", "").split("\r\n")
        assert unfolded[0] == "BEGIN:VCALENDAR"
        assert sorted(line for line in unfolded if line.startswith(("PRODID", "VERSION"))) == [
            "PRODID:-//Sheda//Viewings//EN", "VERSION:2.0",
        ]  # fmt: skip
        (zone,) = Calendar.from_ical(content).walk("VTIMEZONE")
        assert str(zone["tzid"]) == "Africa/Lagos"
        assert zone.walk("STANDARD")
        found = events(content)
        assert len({str(event["uid"]) for event in found}) == len(found) == 3
        for event in found:
            assert event["dtstart"].params["TZID"] == event["dtend"].params["TZID"] == "Africa/Lagos"
            assert event["dtend"].dt > event["dtstart"].dt
            assert "\n" not in event["location"]
        stamps = [line for line in unfolded if line.startswith("DTSTAMP")]
        assert len(stamps) == 3
        assert all(re.fullmatch(r"DTSTAMP:\d{8}T\d{6}Z", line) for line in stamps)
        assert sum(line.startswith("SUMMARY:Viewing: Flat\\; with\\, a \\\\ name") for line in unfolded) == 3

    def test_an_empty_calendar_is_one_too(self, client: FlaskClient, path: str) -> None:
        assert events(client.get(path).data) == []

    def test_what_was_called_off_others_and_what_is_long_past_are_not_in_it(
        self, client: FlaskClient, agent: User, path: str
    ) -> None:
        home = make_property(agent)
        make_appointment(home, status="canceled")
        make_appointment(home, status="completed", starts_at=clock.now() - timedelta(days=70))
        make_appointment(status="confirmed")
        held = make_appointment(home, status="completed", starts_at=clock.now() - timedelta(days=7))
        assert [str(event["uid"]) for event in events(client.get(path).data)] == [f"viewing-{held.id}@sheda.example"]

    def test_nobodys_address_or_number_is_in_it(self, client: FlaskClient, agent: User, path: str) -> None:
        someone = make_user(phone="+2348012345678")
        make_appointment(make_property(agent), someone, status="confirmed")
        text = client.get(path).text
        assert someone.email not in text
        assert "2348012345678" not in text

    def test_what_has_not_changed_is_not_sent_again(self, client: FlaskClient, agent: User, path: str) -> None:
        make_appointment(make_property(agent), status="confirmed")
        first = client.get(path)
        assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304

    def test_more_viewings_cost_no_more_statements(
        self, client: FlaskClient, agent: User, path: str, count_statements: Any
    ) -> None:
        home, counts = make_property(agent), []
        for number in range(1, 4):
            make_appointment(home, status="confirmed", starts_at=clock.now() + timedelta(days=number))
            with count_statements() as seen:
                assert len(events(client.get(path).data)) == number
            counts.append(len(seen))
        assert counts[0] == counts[-1]


class TestPage:
    def test_an_agent_makes_and_revokes_it_at_the_desk(self, app: Flask, client: FlaskClient, agent: User) -> None:
        page = browser_of(app, agent)
        assert "Make the address" in page.get("/admin/calendar-link/").text
        made = page.send("/admin/calendar-link/make")
        assert "/calendar/" in made.text
        assert "Revoke it" in page.get("/admin/calendar-link/").text
        assert db.session.scalars(select(CalendarFeed)).one().agent_id == agent.id
        page.send("/admin/calendar-link/revoke")
        assert db.session.scalars(select(CalendarFeed)).all() == []
