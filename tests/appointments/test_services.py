from datetime import timedelta
from typing import Any

import pytest

from sheda.accounts.events import AccountClosing
from sheda.appointments import events, services
from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core import events as core_events
from sheda.core.actor import SYSTEM, Role
from sheda.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from sheda.core.states import History, IllegalMove
from sheda.properties.events import PropertyArchived
from sheda.properties.services import PropertyUnavailable
from tests.appointments.conftest import Scene
from tests.conftest import Clock
from tests.factories import actor_of, make_appointment, make_property, make_user


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the news of viewings instead of letting other rooms react."""
    found: list[Any] = []
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type) and kind.__module__ == events.__name__]
    monkeypatch.setattr(core_events, "_reactions", dict.fromkeys(kinds, (found.append,)))
    return found


def history_of(appointment: Appointment) -> list[tuple[str, str | None, str]]:
    rows = History.query.filter_by(subject_type="appointments", subject_id=appointment.id).order_by(History.id)
    return [(row.move, row.from_state, row.to_state) for row in rows]


class TestConfirm:
    def test_a_request_is_confirmed_and_no_longer_lapses(self, scene: Scene, heard: list[Any]) -> None:
        found = services.confirm(scene.by_agent, make_appointment(scene.home, scene.client).id)
        assert (found.status, found.expires_at) == ("confirmed", None)
        assert history_of(found)[-1] == ("confirm", "pending", "confirmed")
        assert heard == [events.AppointmentConfirmed(found, scene.by_agent, None)]

    def test_a_repeat_changes_nothing(self, scene: Scene, heard: list[Any]) -> None:
        found = make_appointment(scene.home, status="confirmed")
        assert services.confirm(scene.by_agent, found.id).status == "confirmed"
        assert (heard, len(history_of(found))) == ([], 1)

    def test_a_repeat_is_fine_even_after_the_start(self, scene: Scene) -> None:
        found = make_appointment(scene.home, status="confirmed", starts_at=scene.at(8))
        assert services.confirm(scene.by_agent, found.id).status == "confirmed"

    @pytest.mark.parametrize("status", ["canceled", "expired", "rejected", "completed", "no_show"])
    def test_a_closed_one_is_refused(self, scene: Scene, status: str) -> None:
        with pytest.raises(IllegalMove) as refused:
            services.confirm(scene.by_agent, make_appointment(scene.home, status=status).id)
        assert refused.value.extra == {"from": status}

    def test_one_past_its_answer_time_has_lapsed_before_any_job_runs(self, scene: Scene) -> None:
        found = make_appointment(scene.home, expires_at=scene.monday)
        with pytest.raises(IllegalMove) as refused:
            services.confirm(scene.by_agent, found.id)
        assert refused.value.extra == {"from": "expired"}

    def test_one_that_has_begun_is_refused(self, scene: Scene) -> None:
        found = make_appointment(scene.home, starts_at=scene.monday, expires_at=scene.at(12))
        with pytest.raises(services.AppointmentBegun):
            services.confirm(scene.by_agent, found.id)

    def test_a_property_off_the_market_is_refused(
        self, scene: Scene, db_session: Any, excused_invariants: set[str]
    ) -> None:
        found = make_appointment(scene.home)
        scene.home.status = "rented"
        with pytest.raises(PropertyUnavailable):
            services.confirm(scene.by_agent, found.id)
        db_session.rollback()

    def test_staff_give_a_reason(self, scene: Scene) -> None:
        staff, found = actor_of(make_user(Role.STAFF)), make_appointment(scene.home)
        with pytest.raises(InvalidInput) as refused:
            services.confirm(staff, found.id)
        assert refused.value.errors[0]["field"] == "reason"
        assert services.confirm(staff, found.id, reason="The agent is ill.").status == "confirmed"

    def test_its_client_may_not(self, scene: Scene) -> None:
        with pytest.raises(NotAllowed):
            services.confirm(scene.by_client, make_appointment(scene.home, scene.client).id)

    def test_another_agent_does_not_see_it(self, scene: Scene) -> None:
        with pytest.raises(NotFound):
            services.confirm(actor_of(make_user(Role.AGENT)), make_appointment(scene.home).id)


class TestReject:
    def test_it_needs_a_reason(self, scene: Scene) -> None:
        with pytest.raises(InvalidInput) as refused:
            services.reject(scene.by_agent, make_appointment(scene.home).id, reason="  ")
        assert refused.value.errors[0]["field"] == "reason"

    def test_the_reason_is_kept_and_told(self, scene: Scene, heard: list[Any]) -> None:
        found = services.reject(scene.by_agent, make_appointment(scene.home).id, reason="I am away.")
        assert found.status == "rejected"
        assert heard == [events.AppointmentRejected(found, scene.by_agent, "I am away.")]

    def test_a_confirmed_one_cannot_be_rejected(self, scene: Scene) -> None:
        with pytest.raises(IllegalMove):
            services.reject(scene.by_agent, make_appointment(scene.home, status="confirmed").id, reason="No.")

    def test_three_later_free_times_can_be_offered_instead(self, scene: Scene) -> None:
        found = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        services.reject(scene.by_agent, found.id, reason="I am away.")
        offered = [slot.starts_at for slot in services.suggestions_for(found)]
        assert offered == [scene.at(12, 30, days=1), scene.at(12, 45, days=1), scene.at(13, days=1)]


class TestCancel:
    @pytest.mark.parametrize("status", ["pending", "confirmed"])
    def test_both_sides_can_call_it_off(self, scene: Scene, status: str, heard: list[Any]) -> None:
        for actor in (scene.by_client, scene.by_agent):
            found = services.cancel(actor, make_appointment(scene.home, scene.client, status=status).id)
            assert found.status == "canceled"
            assert heard.pop() == events.AppointmentCanceled(found, actor, None)

    def test_the_time_is_free_at_once(self, scene: Scene) -> None:
        found = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        services.cancel(scene.by_client, found.id)
        again = services.book(scene.by_client, scene.home.id, requested_time=scene.at(12, days=1))
        assert again.status == "pending"

    def test_a_repeat_changes_nothing(self, scene: Scene, heard: list[Any]) -> None:
        found = make_appointment(scene.home, scene.client, status="canceled", starts_at=scene.at(8))
        assert services.cancel(scene.by_client, found.id).status == "canceled"
        assert heard == []

    def test_one_that_has_begun_cannot(self, scene: Scene) -> None:
        found = make_appointment(scene.home, scene.client, status="confirmed", starts_at=scene.monday)
        with pytest.raises(services.AppointmentBegun):
            services.cancel(scene.by_client, found.id)

    def test_one_that_took_place_cannot(self, scene: Scene) -> None:
        with pytest.raises(IllegalMove):
            services.cancel(scene.by_client, make_appointment(scene.home, scene.client, status="completed").id)

    def test_whoever_reacts_can_refuse_it(self, scene: Scene, db_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def veto(_event: Any) -> None:
            raise Conflict(code="payment_open")

        monkeypatch.setattr(core_events, "_reactions", {events.AppointmentCanceled: (veto,)})
        found = make_appointment(scene.home, scene.client)
        with pytest.raises(Conflict) as refused:
            services.cancel(scene.by_client, found.id)
        assert refused.value.code == "payment_open"
        db_session.rollback()

    def test_another_client_does_not_see_it(self, scene: Scene) -> None:
        with pytest.raises(NotFound):
            services.cancel(actor_of(make_user()), make_appointment(scene.home, scene.client).id)


class TestComplete:
    def test_the_agent_may_say_so_before_the_time(self, scene: Scene, heard: list[Any]) -> None:
        found = services.complete(scene.by_agent, make_appointment(scene.home, status="confirmed").id)
        assert found.status == "completed"
        assert heard == [events.AppointmentCompleted(found, scene.by_agent, None)]

    def test_staff_may_too_with_a_reason(self, scene: Scene) -> None:
        staff, found = actor_of(make_user(Role.STAFF)), make_appointment(scene.home, status="confirmed")
        assert services.complete(staff, found.id, reason="Both told us by phone.").status == "completed"

    def test_a_request_cannot_be_completed(self, scene: Scene) -> None:
        with pytest.raises(IllegalMove):
            services.complete(scene.by_agent, make_appointment(scene.home).id)

    def test_a_repeat_changes_nothing(self, scene: Scene) -> None:
        found = make_appointment(scene.home, status="completed")
        assert services.complete(scene.by_agent, found.id).status == "completed"


class TestNoShow:
    def test_it_must_have_begun_a_quarter_of_an_hour_ago(self, scene: Scene, frozen_clock: Clock) -> None:
        found = make_appointment(scene.home, status="confirmed", starts_at=scene.monday)
        frozen_clock.at(scene.at(9, 14))
        with pytest.raises(IllegalMove) as refused:
            services.no_show(scene.by_agent, found.id)
        assert refused.value.extra == {"from": "confirmed"}
        frozen_clock.at(scene.at(9, 15))
        assert services.no_show(scene.by_agent, found.id).status == "no_show"

    def test_a_day_after_its_end_it_counts_as_held_before_any_job_runs(self, scene: Scene, frozen_clock: Clock) -> None:
        found = make_appointment(scene.home, status="confirmed", starts_at=scene.monday)
        frozen_clock.at(found.ends_at + timedelta(hours=24))
        with pytest.raises(IllegalMove) as refused:
            services.no_show(scene.by_agent, found.id)
        assert refused.value.extra == {"from": "completed"}
        assert services.complete(scene.by_agent, found.id).status == "completed"
        assert history_of(found)[-1] == ("complete", "confirmed", "completed")

    def test_a_request_cannot_be_missed(self, scene: Scene) -> None:
        with pytest.raises(IllegalMove):
            services.no_show(scene.by_agent, make_appointment(scene.home).id)


class TestReschedule:
    def test_the_old_time_is_freed_and_the_new_one_claimed(self, scene: Scene, heard: list[Any]) -> None:
        old = make_appointment(scene.home, scene.client, status="confirmed", note="With my mother.")
        new = services.reschedule(scene.by_client, old.id, requested_time=scene.at(14, days=3))
        assert (new.replaces_id, new.status, new.starts_at) == (old.id, "pending", scene.at(14, days=3))
        assert (new.note, new.ends_at - new.starts_at) == ("With my mother.", timedelta(minutes=30))
        assert old.status == "canceled"
        assert history_of(old)[-1] == ("reschedule", "confirmed", "canceled")
        assert history_of(new) == [("book", None, "pending")]
        assert heard == [events.AppointmentBooked(new, scene.by_client)]

    def test_the_new_time_may_overlap_the_old(self, scene: Scene) -> None:
        old = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        new = services.reschedule(scene.by_agent, old.id, requested_time=scene.at(12, 15, days=1), duration_minutes=60)
        assert new.ends_at == scene.at(13, 15, days=1)

    def test_a_taken_time_leaves_the_old_one_standing(self, scene: Scene, db_session: Any) -> None:
        old = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        make_appointment(scene.home, starts_at=scene.at(14, days=1))
        with pytest.raises(services.SlotTaken) as refused:
            services.reschedule(scene.by_client, old.id, requested_time=scene.at(14, days=1))
        assert len(refused.value.extra["suggestions"]) == 3
        db_session.rollback()
        db_session.refresh(old)
        assert old.status == "pending"

    def test_a_time_outside_the_hours_is_refused(self, scene: Scene) -> None:
        old = make_appointment(scene.home, scene.client)
        with pytest.raises(services.SlotUnavailable):
            services.reschedule(scene.by_client, old.id, requested_time=scene.at(3, days=1))

    def test_one_that_has_begun_cannot_move(self, scene: Scene) -> None:
        old = make_appointment(scene.home, scene.client, status="confirmed", starts_at=scene.monday)
        with pytest.raises(services.AppointmentBegun):
            services.reschedule(scene.by_client, old.id, requested_time=scene.at(14, days=1))

    @pytest.mark.parametrize("status", ["canceled", "completed", "rejected"])
    def test_a_closed_one_cannot_move(self, scene: Scene, status: str) -> None:
        old = make_appointment(scene.home, scene.client, status=status)
        with pytest.raises(IllegalMove):
            services.reschedule(scene.by_client, old.id, requested_time=scene.at(14, days=1))

    def test_a_property_off_the_market_is_refused(self, scene: Scene, db_session: Any) -> None:
        old = make_appointment(scene.home, scene.client)
        scene.home.listing_state = "paused"
        with pytest.raises(PropertyUnavailable):
            services.reschedule(scene.by_client, old.id, requested_time=scene.at(14, days=1))
        db_session.rollback()

    def test_staff_give_a_reason(self, scene: Scene) -> None:
        old, staff = make_appointment(scene.home, scene.client), actor_of(make_user(Role.STAFF))
        with pytest.raises(InvalidInput):
            services.reschedule(staff, old.id, requested_time=scene.at(14, days=1))
        new = services.reschedule(staff, old.id, requested_time=scene.at(14, days=1), reason="He asked us to.")
        assert new.client_id == scene.client.id


class TestWhenTheHomeGoes:
    def test_viewings_to_come_are_called_off_and_begun_ones_stay(self, scene: Scene, heard: list[Any]) -> None:
        begun = make_appointment(scene.home, status="confirmed", starts_at=scene.monday)
        coming = make_appointment(scene.home, status="confirmed", starts_at=scene.at(12, days=1))
        asked = make_appointment(scene.home, starts_at=scene.at(14, days=1))
        elsewhere = make_appointment(make_property(scene.agent), starts_at=scene.at(16, days=1))
        services.cancel_for_archived(PropertyArchived(scene.home, scene.by_agent))
        assert [one.status for one in (begun, coming, asked, elsewhere)] == [
            "confirmed", "canceled", "canceled", "pending",
        ]  # fmt: skip
        assert [(type(one), one.actor) for one in heard] == [(events.AppointmentCanceled, SYSTEM)] * 2

    def test_the_viewing_of_whoever_took_it_can_be_kept(self, scene: Scene) -> None:
        kept = make_appointment(scene.home, status="confirmed", starts_at=scene.at(12, days=1))
        services.cancel_future_for_property(scene.home, keep_appointment_id=kept.id)
        assert kept.status == "confirmed"

    def test_a_request_past_its_answer_time_lapses_instead(self, scene: Scene) -> None:
        lapsed = make_appointment(scene.home, expires_at=scene.monday)
        services.cancel_future_for_property(scene.home)
        assert lapsed.status == "expired"


class TestWhenSomebodyLeaves:
    def test_his_viewings_to_come_are_called_off_on_either_side(self, scene: Scene) -> None:
        own = make_appointment(scene.home, scene.client, starts_at=scene.at(12, days=1))
        other = make_appointment(scene.home, starts_at=scene.at(14, days=1))
        services.cancel_for_closing(AccountClosing(scene.client))
        assert (own.status, other.status) == ("canceled", "pending")
        services.cancel_for_closing(AccountClosing(scene.agent))
        assert other.status == "canceled"


class TestTheDeadlines:
    def test_they_are_the_settings(self, app: Any) -> None:
        assert app.config["COMPLETE_AFTER"] == timedelta(hours=24)

    def test_a_request_lapses_only_when_its_time_is_up(self, scene: Scene, frozen_clock: Clock) -> None:
        found = make_appointment(scene.home, expires_at=scene.at(10))
        assert not services.expire_if_due(found)
        frozen_clock.at(scene.at(10))
        assert services.expire_if_due(found)
        assert not services.expire_if_due(found)
        assert history_of(found)[-1] == ("expire", "pending", "expired")

    def test_a_viewing_counts_as_held_a_day_after_its_end(self, scene: Scene, frozen_clock: Clock) -> None:
        found = make_appointment(scene.home, status="confirmed", starts_at=scene.at(9))
        frozen_clock.at(found.ends_at + timedelta(hours=23, minutes=59))
        assert not services.complete_if_due(found)
        frozen_clock.at(found.ends_at + timedelta(hours=24))
        assert services.complete_if_due(found)
        assert found.status == "completed"
        assert clock.now() == found.updated_at
