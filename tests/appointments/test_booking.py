from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sheda.appointments import services
from sheda.appointments.events import AppointmentBooked
from sheda.appointments.models import Appointment
from sheda.core import events as core_events
from sheda.core.actor import Role
from sheda.core.errors import InvalidInput, NotFound
from sheda.core.fields import wire_moment
from sheda.core.states import History
from sheda.properties.services import PropertyUnavailable, UnderOffer
from tests.appointments.conftest import Scene
from tests.conftest import Clock
from tests.factories import (
    actor_of,
    make_appointment,
    make_exception,
    make_hours,
    make_payment,
    make_property,
    make_user,
)


def book(scene: Scene, hour: int = 12, minute: int = 0, *, days: int = 1, **details: Any) -> Appointment:
    home = details.pop("home", scene.home)
    return services.book(scene.by_client, home.id, requested_time=scene.at(hour, minute, days=days), **details)


class TestBook:
    def test_it_is_a_request_that_the_agent_is_told_of(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[Any] = []
        monkeypatch.setattr(core_events, "_reactions", {AppointmentBooked: (heard.append,)})
        found = book(scene, note="With my mother.")
        assert (found.status, found.note) == ("pending", "With my mother.")
        assert (found.agent_id, found.client_id) == (scene.agent.id, scene.client.id)
        assert (found.starts_at, found.ends_at) == (scene.at(12, days=1), scene.at(12, 30, days=1))
        assert heard == [AppointmentBooked(found, scene.by_client)]
        row = History.query.filter_by(subject_type="appointments", subject_id=found.id).one()
        assert (row.move, row.from_state, row.to_state, row.actor_id) == ("book", None, "pending", scene.client.id)

    def test_the_agent_has_a_day_to_answer(self, scene: Scene) -> None:
        assert book(scene, days=3).expires_at == scene.monday + timedelta(hours=24)

    def test_or_until_an_hour_before_the_start(self, scene: Scene) -> None:
        assert book(scene, days=0).expires_at == scene.at(11)

    def test_adjacent_viewings_fit(self, scene: Scene) -> None:
        book(scene)
        assert book(scene, 12, 30, home=make_property(scene.agent)).status == "pending"

    def test_the_agent_named_must_be_the_propertys(self, scene: Scene) -> None:
        with pytest.raises(InvalidInput) as refused:
            book(scene, agent_id=make_user(Role.AGENT).id)
        assert refused.value.errors[0]["field"] == "agent_id"
        assert book(scene, agent_id=scene.agent.id).status == "pending"

    def test_it_takes_two_statements_with_history_notice_mail_and_webhooks(
        self, scene: Scene, count_statements: Callable[[], AbstractContextManager[list[str]]]
    ) -> None:
        actor, home_id, at = scene.by_client, scene.home.id, scene.at(12, days=1)
        with count_statements() as seen:
            services.book(actor, home_id, requested_time=at)
        ground, written = seen
        assert "FROM properties" in ground
        for table in ("appointments", "history", "notifications", "outbox", "hook_deliveries"):
            assert f"INSERT INTO {table} " in written


class TestTheProperty:
    @pytest.mark.parametrize("state", ["draft", "paused", "archived"])
    def test_one_that_is_not_shown_is_not_there(self, scene: Scene, state: str) -> None:
        with pytest.raises(NotFound):
            book(scene, home=make_property(scene.agent, listing_state=state))

    @pytest.mark.parametrize("status", ["rented", "sold"])
    def test_one_off_the_market_is_refused(self, scene: Scene, status: str, db_session: Any) -> None:
        scene.home.status = status
        with pytest.raises(PropertyUnavailable):
            book(scene)
        db_session.rollback()

    def test_one_under_offer_is_refused(self, scene: Scene) -> None:
        make_payment(
            make_appointment(scene.home, status="completed", starts_at=scene.at(8, days=-1)), status="declared"
        )
        with pytest.raises(UnderOffer):
            book(scene)

    def test_one_whose_agent_is_switched_off_is_refused(self, scene: Scene) -> None:
        scene.agent.active = False
        with pytest.raises(PropertyUnavailable):
            book(scene)


class TestTheTime:
    @pytest.mark.parametrize(
        ("hour", "minute", "days"),
        [
            pytest.param(8, 0, 0, id="past"),
            pytest.param(10, 45, 0, id="within the notice of two hours"),
            pytest.param(9, 15, 60, id="beyond the horizon of sixty days"),
            pytest.param(7, 45, 1, id="before the hours"),
            pytest.param(17, 45, 1, id="ending after the hours"),
            pytest.param(12, 10, 1, id="off the grid"),
        ],
    )
    def test_one_that_is_not_offered_is_refused_with_three_that_are(
        self, scene: Scene, hour: int, minute: int, days: int
    ) -> None:
        with pytest.raises(services.SlotUnavailable) as refused:
            book(scene, hour, minute, days=days)
        assert (refused.value.status, refused.value.code) == (422, "slot_unavailable")
        assert refused.value.errors[0]["field"] == "requested_time"
        assert len(refused.value.extra["suggestions"]) == 3

    def test_every_suggestion_can_be_booked(self, scene: Scene) -> None:
        with pytest.raises(services.SlotUnavailable) as refused:
            book(scene, 12, 10)
        assert [one["starts_at"] for one in refused.value.extra["suggestions"]] == [
            wire_moment(scene.at(12, minute, days=1)) for minute in (15, 30, 45)
        ]

    @pytest.mark.parametrize(("hour", "days"), [(11, 0), (9, 60)])
    def test_the_first_and_the_last_possible_start_are_taken(self, scene: Scene, hour: int, days: int) -> None:
        assert book(scene, hour, days=days).status == "pending"

    def test_the_agents_own_hours_count(self, scene: Scene) -> None:
        make_hours(scene.agent, weekday=1, start="14:00", end="15:00")
        with pytest.raises(services.SlotUnavailable):
            book(scene, 12)
        assert book(scene, 14, 30).status == "pending"

    def test_a_blocked_day_is_not_offered(self, scene: Scene) -> None:
        make_exception(scene.agent, scene.at(12, days=1).date())
        with pytest.raises(services.SlotUnavailable):
            book(scene)

    def test_no_time_is_suggested_for_a_home_that_cannot_be_booked(self, scene: Scene, db_session: Any) -> None:
        scene.home.status = "rented"
        with pytest.raises(services.SlotUnavailable) as refused:
            book(scene, 3)
        assert refused.value.extra["suggestions"] == []
        db_session.rollback()


class TestTheOthers:
    @pytest.mark.parametrize("minute", [0, 15, 45])
    def test_a_time_of_the_agents_that_overlaps_another_is_taken(self, scene: Scene, minute: int) -> None:
        make_appointment(scene.home, starts_at=scene.at(12, days=1), ends_at=scene.at(13, days=1))
        with pytest.raises(services.SlotTaken) as refused:
            book(scene, 12, minute)
        assert [one["starts_at"] for one in refused.value.extra["suggestions"]] == [
            wire_moment(scene.at(13, minute, days=1)) for minute in (0, 15, 30)
        ]

    def test_another_home_of_the_same_agent_is_no_way_around(self, scene: Scene) -> None:
        make_appointment(make_property(scene.agent), starts_at=scene.at(12, days=1))
        with pytest.raises(services.SlotTaken):
            book(scene)

    def test_a_client_is_in_one_place_at_a_time(self, scene: Scene) -> None:
        make_appointment(client=scene.client, starts_at=scene.at(12, 15, days=1))
        with pytest.raises(services.ClientBusy):
            book(scene)

    def test_a_client_has_five_open_viewings_at_most(self, scene: Scene) -> None:
        for days in range(2, 7):
            last = make_appointment(client=scene.client, starts_at=scene.at(12, days=days))
        with pytest.raises(services.TooManyOpenAppointments):
            book(scene)
        services.cancel(scene.by_client, last.id)
        assert book(scene).status == "pending"

    def test_a_client_has_one_open_viewing_of_a_property(self, scene: Scene) -> None:
        make_appointment(scene.home, scene.client, status="confirmed", starts_at=scene.at(15, days=4))
        with pytest.raises(services.AlreadyBooked):
            book(scene)

    def test_a_closed_viewing_of_the_property_is_no_hindrance(self, scene: Scene) -> None:
        make_appointment(scene.home, scene.client, status="completed", starts_at=scene.at(12, days=1))
        assert book(scene).status == "pending"

    def test_requests_past_their_answer_time_stand_in_nobodys_way(self, scene: Scene, frozen_clock: Clock) -> None:
        of_another = make_appointment(scene.home, starts_at=scene.at(12, days=2), expires_at=scene.at(10))
        own = make_appointment(scene.home, scene.client, starts_at=scene.at(15, days=2), expires_at=scene.at(10))
        frozen_clock.at(scene.at(10))
        assert book(scene, days=2).status == "pending"
        assert (of_another.status, own.status) == ("expired", "expired")

    def test_the_number_of_statements_does_not_grow_with_the_calendar(self, scene: Scene, statements: Any) -> None:
        def ask() -> int:
            client = actor_of(make_user())
            wished = scene.at(12, days=9)
            found = statements(lambda: services.book(client, scene.home.id, requested_time=wished))
            services.cancel(client, Appointment.query.filter_by(client_id=client.id).one().id)
            return found

        ask()
        before = ask()
        for days in range(1, 8):
            make_appointment(scene.home, starts_at=scene.at(12, days=days))
        assert ask() == before


class TestWhatPostgreSQLHolds:
    def test_each_constraint_speaks_as_its_refusal(self, scene: Scene, db_session: Any) -> None:
        from sheda.core.db import flush

        first = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        rivals = [
            (services.SlotTaken, {"agent_id": first.agent_id, "starts_at": first.starts_at}),
            (services.ClientBusy, {"client_id": first.client_id, "starts_at": first.starts_at}),
            (services.AlreadyBooked, {"client_id": first.client_id, "property_id": scene.home.id}),
        ]
        people = {"agent": make_user(Role.AGENT).id, "client": make_user().id, "home": make_property().id}
        for refusal, over in rivals:
            starts_at = over.get("starts_at", scene.at(16, days=5))
            values = {
                "property_id": people["home"], "agent_id": people["agent"], "client_id": people["client"],
                "starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=30), "status": "pending",
                "created_at": scene.monday, "updated_at": scene.monday, **over,
            }  # fmt: skip
            db_session.add(Appointment(**values))
            with pytest.raises(refusal):
                flush()
            db_session.rollback()
