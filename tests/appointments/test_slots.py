from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sheda.appointments import slots
from sheda.core import clock
from sheda.core.errors import InvalidInput
from sheda.profiles.models import AgentProfile
from tests.appointments.conftest import Scene
from tests.factories import make_appointment, make_exception, make_hours

HALF = timedelta(minutes=30)


def local(found: list[slots.Slot], zone: str = "Africa/Lagos") -> list[str]:
    return [f"{slot.starts_at.astimezone(ZoneInfo(zone)):%H:%M}" for slot in found]


def day_of(scene: Scene, days: int) -> date:
    return scene.monday.date() + timedelta(days=days)


def free_on(scene: Scene, days: int, duration: timedelta = HALF) -> list[str]:
    found, _zone = slots.free_slots(scene.agent.id, day_of(scene, days), day_of(scene, days + 1), duration)
    return local(found)


class TestStretches:
    def test_overlapping_and_touching_ones_are_joined(self) -> None:
        nine = datetime(2026, 12, 7, 9, tzinfo=UTC)
        hour = timedelta(hours=1)
        found = slots.merged([(nine + hour, nine + 2 * hour), (nine, nine + hour), (nine + 4 * hour, nine + 5 * hour)])
        assert found == [(nine, nine + 2 * hour), (nine + 4 * hour, nine + 5 * hour)]

    def test_a_hole_leaves_what_is_on_both_sides(self) -> None:
        nine = datetime(2026, 12, 7, 9, tzinfo=UTC)
        hour = timedelta(hours=1)
        assert slots.without([(nine, nine + 3 * hour)], [(nine + hour, nine + 2 * hour)]) == [
            (nine, nine + hour),
            (nine + 2 * hour, nine + 3 * hour),
        ]


class TestFreeSlots:
    def test_an_agent_without_hours_is_free_from_eight_to_six_every_day(self, scene: Scene) -> None:
        for days in (1, 5, 6):
            found = free_on(scene, days)
            assert (found[0], found[1], found[-1], len(found)) == ("08:00", "08:15", "17:30", 39)

    def test_weekly_hours_replace_the_default_ones(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="10:00", end="11:00")
        assert free_on(scene, 1) == ["10:00", "10:15", "10:30"]
        assert free_on(scene, 2) == []

    def test_starts_lie_on_the_quarter_hours_whenever_the_hours_begin(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="10:05", end="11:00")
        assert free_on(scene, 1) == ["10:15", "10:30"]

    def test_hours_that_touch_are_one_stretch(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="10:00", end="11:00")
        make_hours(scene.agent, weekday=1, start="11:00", end="12:00")
        assert "10:45" in free_on(scene, 1)

    def test_a_blocked_day_has_none(self, scene: Scene) -> None:
        make_exception(scene.agent, day_of(scene, 1))
        assert free_on(scene, 1) == []
        assert free_on(scene, 2) != []

    def test_a_block_takes_its_part_of_the_day(self, scene: Scene) -> None:
        make_exception(scene.agent, day_of(scene, 1), "08:00", "17:00")
        assert free_on(scene, 1) == ["17:00", "17:15", "17:30"]

    def test_an_opened_part_adds_to_the_day(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=0)
        make_exception(scene.agent, day_of(scene, 6), "10:00", "10:45", is_available=True)
        assert free_on(scene, 6) == ["10:00", "10:15"]

    def test_a_day_can_be_blocked_but_for_an_opened_part(self, scene: Scene) -> None:
        make_exception(scene.agent, day_of(scene, 1))
        make_exception(scene.agent, day_of(scene, 1), "12:00", "12:30", is_available=True)
        assert free_on(scene, 1) == ["12:00"]

    @pytest.mark.parametrize("status", ["pending", "confirmed"])
    def test_open_viewings_take_their_time(self, scene: Scene, status: str) -> None:
        make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1), status=status)
        found = free_on(scene, 1)
        assert {"11:30", "12:30"} <= set(found)
        assert not {"11:45", "12:00", "12:15"} & set(found)

    @pytest.mark.parametrize("status", ["rejected", "canceled", "expired"])
    def test_closed_viewings_take_none(self, scene: Scene, status: str) -> None:
        make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1), status=status)
        assert "12:00" in free_on(scene, 1)

    def test_a_request_past_its_answer_time_takes_none_before_any_job_runs(self, scene: Scene) -> None:
        make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1), expires_at=scene.monday)
        assert "12:00" in free_on(scene, 1)

    def test_nothing_within_the_notice_is_free(self, scene: Scene) -> None:
        assert free_on(scene, 0)[0] == "11:00"

    def test_nothing_beyond_the_horizon_is_free(self, scene: Scene) -> None:
        assert free_on(scene, 60)[-1] == "09:00"
        assert free_on(scene, 61) == []
        assert free_on(scene, -3) == []

    def test_a_longer_viewing_must_end_within_the_hours(self, scene: Scene) -> None:
        assert free_on(scene, 1, timedelta(hours=8))[-1] == "10:00"

    def test_hours_are_in_the_agents_own_zone(self, scene: Scene, db_session: Any) -> None:
        profile = db_session.query(AgentProfile).filter_by(user_id=scene.agent.id).one()
        profile.time_zone = "America/New_York"
        db_session.commit()
        found, zone = slots.free_slots(scene.agent.id, day_of(scene, 1), day_of(scene, 2), HALF)
        assert zone == "America/New_York"
        assert local(found, zone)[0] == "08:00"

    def test_a_week_from_today_is_meant_when_no_days_are_named(self, scene: Scene) -> None:
        found, _zone = slots.free_slots(scene.agent.id, None, None, HALF)
        assert {slot.starts_at.astimezone(clock.LAGOS).date() for slot in found} == {
            day_of(scene, days) for days in range(7)
        }

    @pytest.mark.parametrize("days", [0, -1, 32])
    def test_no_day_or_more_than_31_are_refused(self, scene: Scene, days: int) -> None:
        with pytest.raises(InvalidInput) as refused:
            slots.free_slots(scene.agent.id, day_of(scene, 0), day_of(scene, days), HALF)
        assert refused.value.errors[0]["field"] == "to"

    @pytest.mark.parametrize("day", [date.min, date.max - timedelta(days=2)])
    def test_days_at_the_ends_of_the_calendar_are_just_not_free(self, scene: Scene, day: date) -> None:
        assert slots.free_slots(scene.agent.id, day, None, HALF)[0] == []

    def test_the_number_of_statements_does_not_grow_with_the_days(self, scene: Scene, statements: Any) -> None:
        def ask(days: int) -> int:
            first = day_of(scene, 1)
            return statements(lambda: slots.free_slots(scene.agent.id, first, first + timedelta(days=days), HALF))

        ask(1)
        assert ask(1) == ask(31)

    def test_clocks_that_change_move_no_hours(self) -> None:
        zone = ZoneInfo("Europe/London")
        schedule = slots.Schedule(zone, {6: [(time(9), time(10))]}, {})
        (start, end), *rest = schedule.open_on(date(2026, 10, 25))
        assert (start.astimezone(zone).hour, end - start, rest) == (9, timedelta(hours=1), [])


class TestNextFree:
    def test_it_names_the_next_three_after_a_moment(self, scene: Scene) -> None:
        make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        found = slots.next_free(scene.agent.id, duration=HALF, after=scene.at(12, days=1))
        assert local(found) == ["12:30", "12:45", "13:00"]

    def test_it_leaves_out_what_the_client_has_elsewhere(self, scene: Scene) -> None:
        make_appointment(client=scene.client, starts_at=scene.at(12, days=1))
        wished = {"duration": HALF, "after": scene.at(12, days=1)}
        assert local(slots.next_free(scene.agent.id, **wished))[0] == "12:00"
        assert local(slots.next_free(scene.agent.id, client_id=scene.client.id, **wished))[0] == "12:30"

    def test_a_past_or_too_distant_wish_begins_at_the_earliest_time(self, scene: Scene) -> None:
        for wish in (scene.at(8, days=-5), scene.at(12, days=400)):
            assert slots.next_free(scene.agent.id, duration=HALF, after=wish)[0].starts_at == scene.at(11)

    def test_it_begins_again_when_the_rest_of_the_horizon_has_too_few(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="10:00", end="10:45")
        found = slots.next_free(scene.agent.id, duration=HALF, after=scene.at(10, 15, days=57))
        assert [slot.starts_at for slot in found] == [
            scene.at(10, days=1),
            scene.at(10, 15, days=1),
            scene.at(10, days=8),
        ]

    def test_an_agent_who_is_never_there_has_none(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="10:00", end="10:10")
        assert slots.next_free(scene.agent.id, duration=HALF) == []
