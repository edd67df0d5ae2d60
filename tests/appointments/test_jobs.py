from datetime import timedelta
from typing import Any

from sheda.appointments import jobs
from sheda.appointments.models import Appointment
from sheda.core.states import History
from tests.appointments.conftest import Scene
from tests.conftest import Clock
from tests.factories import make_appointment


def states() -> list[str]:
    return [one.status for one in Appointment.query.order_by(Appointment.id)]


class TestExpire:
    def test_only_requests_whose_time_is_up_lapse_and_only_once(self, scene: Scene, frozen_clock: Clock) -> None:
        for days, expires_at in ((1, scene.at(10)), (2, scene.at(10)), (3, scene.at(11))):
            make_appointment(scene.home, starts_at=scene.at(12, days=days), expires_at=expires_at)
        make_appointment(scene.home, starts_at=scene.at(12, days=4), status="confirmed", expires_at=scene.at(10))
        frozen_clock.at(scene.at(10))
        assert jobs.expire_due() == {"seen": 2, "expired": 2, "failed": 0}
        assert states() == ["expired", "expired", "pending", "confirmed"]
        assert jobs.expire_due() == {"seen": 0, "expired": 0, "failed": 0}
        assert History.query.filter_by(move="expire").count() == 2


class TestComplete:
    def test_viewings_count_as_held_a_day_after_their_end_and_only_once(
        self, scene: Scene, frozen_clock: Clock
    ) -> None:
        make_appointment(scene.home, starts_at=scene.at(9), status="confirmed")
        make_appointment(scene.home, starts_at=scene.at(10), status="confirmed")
        make_appointment(scene.home, starts_at=scene.at(11), expires_at=scene.at(10))
        frozen_clock.at(scene.at(9, 30) + timedelta(hours=24))
        assert jobs.complete_due() == {"seen": 1, "completed": 1, "failed": 0}
        assert jobs.complete_due() == {"seen": 0, "completed": 0, "failed": 0}
        assert states() == ["completed", "confirmed", "pending"]


class TestBesideThemselves:
    def test_a_row_that_somebody_holds_is_left_for_the_next_sweep(
        self, app: Any, live_db: Any, frozen_clock: Clock
    ) -> None:
        from sqlalchemy import select

        from sheda.core import clock
        from sheda.core.db import db

        found = make_appointment()
        frozen_clock.at(found.expires_at)
        with db.engine.connect() as other:
            other.execute(select(Appointment.id).where(Appointment.id == found.id).with_for_update())
            assert jobs.expire_due() == {"seen": 1, "expired": 0, "failed": 0}
        assert jobs.expire_due()["expired"] == 1
        live_db.refresh(found)
        assert (found.status, found.updated_at) == ("expired", clock.now())
