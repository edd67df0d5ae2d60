from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.appointments import hours
from sheda.appointments.models import AvailabilityHours
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.errors import InvalidInput
from sheda.profiles.events import ExportAsked, ProfileShown, WeekGiven
from tests.factories import actor_of, auth, make_appointment, make_exception, make_hours, make_property, make_user

MORNING = {"weekday": 0, "start_time": "09:00", "end_time": "12:00"}


@pytest.fixture
def own(agent: User) -> dict[str, str]:
    return auth(agent)


class TestHours:
    def test_a_stretch_is_added_shown_changed_and_removed(self, client: FlaskClient, own: dict[str, str]) -> None:
        made = client.post("/api/v1/availability", json=MORNING, headers=own)
        assert (made.status_code, made.json["result"]) == (201, {"id": made.json["id"], **MORNING})
        path = f"/api/v1/availability/{made.json['id']}"
        changed = client.patch(path, json={"end_time": "13:00"}, headers=own)
        assert (changed.status_code, changed.json["result"]["end_time"]) == (200, "13:00")
        listed = client.get("/api/v1/availability", headers=own).json
        assert [one["end_time"] for one in listed["result"]] == ["13:00"]
        assert client.delete(path, headers=own).status_code == 204
        assert client.delete(path, headers=own).status_code == 404

    def test_the_week_is_listed_from_monday(self, client: FlaskClient, agent: User, own: dict[str, str]) -> None:
        for weekday in (4, 0, 2):
            make_hours(agent, weekday=weekday)
        make_hours(make_user(Role.AGENT), weekday=1)
        first = client.get("/api/v1/availability?limit=2", headers=own).json
        rest = client.get(f"/api/v1/availability?cursor={first['next_cursor']}", headers=own).json
        assert [one["weekday"] for one in (*first["result"], *rest["result"])] == [0, 2, 4]

    def test_overlapping_hours_of_a_day_are_refused(
        self, client: FlaskClient, agent: User, own: dict[str, str]
    ) -> None:
        make_hours(agent, weekday=0, start="11:00", end="15:00")
        answer = client.post("/api/v1/availability", json=MORNING, headers=own)
        assert (answer.status_code, answer.json["code"]) == (409, "hours_overlap")
        touching = client.post("/api/v1/availability", json={**MORNING, "end_time": "11:00"}, headers=own)
        assert touching.status_code == 201
        changed = client.patch(f"/api/v1/availability/{touching.json['id']}", json={"end_time": "11:01"}, headers=own)
        assert changed.status_code == 409
        other_day = client.post("/api/v1/availability", json={**MORNING, "weekday": 1}, headers=own)
        assert other_day.status_code == 201

    @pytest.mark.parametrize(
        "change",
        [
            {"weekday": 7}, {"weekday": -1}, {"weekday": None}, {"start_time": "9"}, {"start_time": "24:00"},
            {"end_time": "09:00"}, {"end_time": "08:00"}, {"end_time": None}, {"agent_id": 1}, {"start_time": 540},
        ],
    )  # fmt: skip
    def test_bad_values_are_refused(self, client: FlaskClient, own: dict[str, str], change: dict[str, Any]) -> None:
        answer = client.post("/api/v1/availability", json={**MORNING, **change}, headers=own)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json["errors"]] == [*change]

    def test_a_change_of_nothing_is_refused(self, client: FlaskClient, agent: User, own: dict[str, str]) -> None:
        path = f"/api/v1/availability/{make_hours(agent).id}"
        assert client.patch(path, json={}, headers=own).status_code == 422

    def test_only_agents_have_hours_and_only_their_own(self, client: FlaskClient, agent: User) -> None:
        path = f"/api/v1/availability/{make_hours(agent).id}"
        assert client.patch(path, json={"weekday": 1}).status_code == 401
        for role, status in ((Role.CLIENT, 403), (Role.STAFF, 403), (Role.AGENT, 404)):
            headers = auth(make_user(role))
            assert client.patch(path, json={"weekday": 1}, headers=headers).status_code == status
            assert client.delete(path, headers=headers).status_code == status
            assert client.get("/api/v1/availability", headers=headers).status_code == (200 if status == 404 else 403)

    def test_a_key_makes_a_repeat_safe(self, client: FlaskClient, own: dict[str, str]) -> None:
        headers = {**own, "Idempotency-Key": "one"}
        first = client.post("/api/v1/availability", json=MORNING, headers=headers)
        assert client.post("/api/v1/availability", json=MORNING, headers=headers).json == first.json
        assert AvailabilityHours.query.count() == 1

    def test_a_stale_etag_stops_a_change(self, client: FlaskClient, agent: User, own: dict[str, str]) -> None:
        path = f"/api/v1/availability/{make_hours(agent).id}"
        etag = client.patch(path, json={"start_time": "10:00"}, headers=own).headers["ETag"]
        client.patch(path, json={"start_time": "11:00"}, headers={**own, "If-Match": etag})
        assert client.patch(path, json={"weekday": 2}, headers={**own, "If-Match": etag}).status_code == 412
        assert client.delete(path, headers={**own, "If-Match": etag}).status_code == 412
        fresh = client.patch(path, json={"weekday": 3}, headers=own).headers["ETag"]
        assert client.delete(path, headers={**own, "If-Match": fresh}).status_code == 204


class TestExceptions:
    def test_a_day_is_blocked_shown_changed_and_freed(self, client: FlaskClient, own: dict[str, str]) -> None:
        body = {"date": "2027-01-04", "is_available": False}
        made = client.post("/api/v1/availability/exceptions", json=body, headers=own)
        assert (made.status_code, made.json["result"]) == (
            201,
            {"id": made.json["id"], **body, "start_time": None, "end_time": None},
        )
        path = f"/api/v1/availability/exceptions/{made.json['id']}"
        part = {"start_time": "09:00", "end_time": "10:00"}
        assert client.patch(path, json=part, headers=own).json["result"].items() >= part.items()
        listed = client.get("/api/v1/availability/exceptions?count=true", headers=own).json
        assert (len(listed["result"]), listed["count"]) == (1, 1)
        assert client.delete(path, headers=own).status_code == 204
        assert client.get("/api/v1/availability/exceptions", headers=own).json["result"] == []

    def test_days_are_listed_in_their_order(self, client: FlaskClient, agent: User, own: dict[str, str]) -> None:
        for day in (date(2027, 3, 1), date(2027, 1, 4), date(2027, 2, 1)):
            make_exception(agent, day)
        first = client.get("/api/v1/availability/exceptions?limit=2", headers=own).json
        path = f"/api/v1/availability/exceptions?cursor={first['next_cursor']}"
        rest = client.get(path, headers=own).json
        assert [one["date"][5:7] for one in (*first["result"], *rest["result"])] == ["01", "02", "03"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"date": "2027-02-30"}, "date"),
            ({"date": None}, "date"),
            ({"is_available": None}, "is_available"),
            ({"is_available": "perhaps"}, "is_available"),
            ({"is_available": True}, "start_time"),
            ({"start_time": "09:00"}, "end_time"),
            ({"end_time": "09:00"}, "start_time"),
            ({"start_time": "10:00", "end_time": "09:00"}, "end_time"),
            ({"agent_id": 1}, "agent_id"),
        ],
    )
    def test_bad_values_are_refused(
        self, client: FlaskClient, own: dict[str, str], change: dict[str, Any], field: str
    ) -> None:
        body = {"date": "2027-01-04", "is_available": False, **change}
        answer = client.post("/api/v1/availability/exceptions", json=body, headers=own)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json["errors"]] == [field]

    def test_a_change_must_leave_it_whole(self, client: FlaskClient, agent: User, own: dict[str, str]) -> None:
        path = f"/api/v1/availability/exceptions/{make_exception(agent, date(2027, 1, 4)).id}"
        assert client.patch(path, json={"is_available": True}, headers=own).status_code == 422
        assert client.patch(path, json={"start_time": "09:00"}, headers=own).status_code == 422

    def test_another_agents_are_missing(self, client: FlaskClient, own: dict[str, str]) -> None:
        foreign = make_exception(make_user(Role.AGENT), date(2027, 1, 4))
        path = f"/api/v1/availability/exceptions/{foreign.id}"
        assert client.patch(path, json={"is_available": False}, headers=own).status_code == 404
        assert client.delete(path, headers=own).status_code == 404


class TestSlots:
    def test_everybody_reads_them(self, client: FlaskClient, agent: User) -> None:
        day = clock.today() + timedelta(days=2)
        path = f"/api/v1/agents/{agent.id}/slots?from={day}&to={day + timedelta(days=1)}&duration_minutes=60"
        answer = client.get(path)
        assert (answer.status_code, answer.json["time_zone"]) == (200, "Africa/Lagos")
        assert answer.json["result"][0] == {"starts_at": f"{day}T07:00:00Z", "ends_at": f"{day}T08:00:00Z"}
        assert len(answer.json["result"]) == 37

    def test_without_days_it_is_the_week_to_come(self, client: FlaskClient, agent: User) -> None:
        assert len(client.get(f"/api/v1/agents/{agent.id}/slots").json["result"]) > 100

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("from=x", "from"),
            ("to=2027-13-01", "to"),
            ("from=2027-01-05&to=2027-01-05", "to"),
            ("from=2027-01-01&to=2027-02-02", "to"),
            ("duration_minutes=5", "duration_minutes"),
            ("duration_minutes=481", "duration_minutes"),
            ("agent=1", "agent"),
        ],
    )
    def test_bad_queries_are_refused(self, client: FlaskClient, agent: User, query: str, field: str) -> None:
        answer = client.get(f"/api/v1/agents/{agent.id}/slots?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)

    def test_only_agents_at_work_have_any(self, client: FlaskClient, agent: User, db_session: Any) -> None:
        away = make_user(Role.AGENT, active=False)
        for number in (make_user().id, away.id, 2**31 - 1, "x", "99999999999"):
            assert client.get(f"/api/v1/agents/{number}/slots").status_code == 404


class TestTheProfile:
    def test_a_given_week_takes_the_place_of_the_one_before(self, agent: User) -> None:
        from datetime import time

        make_hours(agent, weekday=4)
        week = [
            {"weekday": 1, "start_time": time(14), "end_time": time(16)},
            {"weekday": 1, "start_time": time(9), "end_time": time(12)},
        ]
        hours.give_week(WeekGiven(actor_of(agent), week))
        shown = ProfileShown(actor_of(agent), {})
        hours.show_week(shown)
        assert [(one.weekday, one.start_time.hour) for one in shown.facts["hours"]] == [(1, 9), (1, 14)]

    def test_a_week_that_contradicts_itself_is_refused(self, agent: User) -> None:
        from datetime import time

        week = [
            {"weekday": 1, "start_time": time(9), "end_time": time(12)},
            {"weekday": 1, "start_time": time(11), "end_time": time(13)},
            {"weekday": 2, "start_time": time(9), "end_time": time(9)},
        ]
        with pytest.raises(InvalidInput) as refused:
            hours.give_week(WeekGiven(actor_of(agent), week))
        assert [one["field"] for one in refused.value.errors] == ["hours.1", "hours.2.end_time"]

    def test_one_takes_ones_own_viewings_along(self, agent: User) -> None:
        found = make_appointment(make_property(agent))
        make_appointment(status="confirmed")
        make_hours(agent)
        make_exception(agent, date(2027, 1, 4))
        asked = ExportAsked(actor_of(agent), {})
        hours.export(asked)
        assert [one["id"] for one in asked.sections["appointments"]] == [found.id]
        assert asked.sections["availability"][0]["start_time"] == "09:00"
        assert asked.sections["availability_exceptions"][0]["date"] == "2027-01-04"
