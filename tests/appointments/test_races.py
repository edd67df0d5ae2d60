"""Two who want the same, at the same moment, over connections of their own."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from sheda.appointments import jobs, services
from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal
from tests.conftest import Clock
from tests.factories import actor_of, make_appointment, make_property, make_user


def noon(days: int = 2) -> datetime:
    return datetime.combine(clock.today() + timedelta(days=days), time(12), clock.LAGOS)


def outcome(work: Callable[[], Any]) -> str:
    try:
        in_transaction(work)
    except Refusal as refusal:
        return refusal.code
    return "done"


def at_once(app: Flask, *works: Callable[[], Any]) -> list[str]:
    """Run the works in a thread each, all starting together, and return how each went."""
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> str:
        with app.app_context():
            start.wait()
            return outcome(work)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def released(session: Any) -> None:
    """Give the test's own connection back, so that it holds no lock and no snapshot."""
    session.commit()
    session.remove()


class TestOneSlot:
    def test_of_two_hundred_requests_one_gets_it(self, app: Flask, live_db: Any) -> None:
        home, wished = make_property().id, noon()
        clients = [actor_of(make_user()) for _ in range(200)]
        released(live_db)

        def ask(number: int) -> str:
            with app.app_context():
                return outcome(lambda: services.book(clients[number], home, requested_time=wished))

        with ThreadPoolExecutor(20) as pool:
            answers = Counter(pool.map(ask, range(200)))
        assert answers == {"done": 1, "slot_taken": 199}
        assert Appointment.query.count() == 1

    def test_two_clients_want_overlapping_times_of_one_agent_through_two_homes(self, app: Flask, live_db: Any) -> None:
        agent = make_user(Role.AGENT)
        homes = [make_property(agent).id for _ in range(2)]
        clients = [actor_of(make_user()) for _ in range(2)]
        released(live_db)
        answers = at_once(
            app,
            lambda: services.book(clients[0], homes[0], requested_time=noon()),
            lambda: services.book(clients[1], homes[1], requested_time=noon() + timedelta(minutes=15)),
        )
        assert sorted(answers) == ["done", "slot_taken"]

    def test_one_client_wants_one_time_of_two_agents(self, app: Flask, live_db: Any) -> None:
        homes, client = [make_property().id for _ in range(2)], actor_of(make_user())
        released(live_db)
        answers = at_once(
            app, *(lambda home=home: services.book(client, home, requested_time=noon()) for home in homes)
        )
        assert sorted(answers) == ["client_busy", "done"]

    def test_a_client_cannot_slip_past_the_limit(self, app: Flask, live_db: Any) -> None:
        homes, client = [make_property().id for _ in range(8)], actor_of(make_user())
        released(live_db)
        answers = at_once(
            app,
            *(
                lambda home=home, days=days: services.book(client, home, requested_time=noon(days))
                for days, home in enumerate(homes, 2)
            ),
        )
        assert Counter(answers) == {"done": 5, "too_many_open_appointments": 3}


class TestWhatChangesMeanwhile:
    """Between the look at the ground and the claim, somebody else's commit comes."""

    def meanwhile(self, app: Flask, monkeypatch: pytest.MonkeyPatch, change: str, **values: Any) -> None:
        look, changed = services.look, threading.Event()

        def commit() -> None:
            with app.app_context():
                in_transaction(lambda: db.session.execute(text(change), values))

        def look_then_change(*asked: Any) -> Any:
            found = look(*asked)
            if not changed.is_set():
                changed.set()
                thread = threading.Thread(target=commit)
                thread.start()
                thread.join()
            return found

        monkeypatch.setattr(services, "look", look_then_change)

    @pytest.mark.parametrize("change", ["listing_state = 'paused'", "agent_id = :other"])
    def test_a_home_that_is_hidden_or_given_to_another_agent_is_asked_for_anew(
        self, app: Flask, live_db: Any, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        home, other, client = make_property().id, make_user(Role.AGENT).id, actor_of(make_user())
        released(live_db)
        values = {"home": home} | ({"other": other} if "other" in change else {})
        self.meanwhile(app, monkeypatch, f"UPDATE properties SET {change} WHERE id = :home", **values)
        answer = outcome(lambda: services.book(client, home, requested_time=noon()))
        assert answer == ("done" if "other" in change else "not_found")
        assert [one.agent_id for one in Appointment.query] == ([other] if "other" in change else [])

    def test_an_agent_who_is_switched_off_is_not_booked(
        self, app: Flask, live_db: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home, client = make_property(), actor_of(make_user())
        number, agent = home.id, home.agent_id
        released(live_db)
        self.meanwhile(app, monkeypatch, "UPDATE ab_user SET active = false WHERE id = :agent", agent=agent)
        assert outcome(lambda: services.book(client, number, requested_time=noon())) == "property_unavailable"
        assert Appointment.query.count() == 0


class TestTwoHands:
    def test_confirm_meets_cancel(self, app: Flask, live_db: Any) -> None:
        found = make_appointment()
        agent, client, number = actor_of(found.agent), actor_of(found.client), found.id
        released(live_db)
        answers = at_once(app, lambda: services.confirm(agent, number), lambda: services.cancel(client, number))
        # Whoever is first, the viewing ends cancelled: a confirmed one can still be called off, but not the reverse.
        assert answers in (["done", "done"], ["illegal_move", "done"])
        assert Appointment.query.one().status == "canceled"

    def test_confirm_meets_the_job_that_lets_it_lapse(self, app: Flask, live_db: Any, frozen_clock: Clock) -> None:
        found = make_appointment()
        agent, number, late = actor_of(found.agent), found.id, found.expires_at
        released(live_db)

        def confirm() -> Any:
            with clock.travel(late):
                return services.confirm(agent, number)

        def lapse() -> None:
            with clock.travel(late):
                jobs.expire_due()

        assert at_once(app, confirm, lapse) == ["illegal_move", "done"]
        frozen_clock.at(late)
        jobs.expire_due()
        assert Appointment.query.one().status == "expired"

    def test_two_reschedule_the_same_viewing(self, app: Flask, live_db: Any) -> None:
        found = make_appointment()
        agent, client, number = actor_of(found.agent), actor_of(found.client), found.id
        released(live_db)
        answers = at_once(
            app,
            lambda: services.reschedule(client, number, requested_time=noon(3)),
            lambda: services.reschedule(agent, number, requested_time=noon(4)),
        )
        assert sorted(answers) == ["done", "illegal_move"]
        assert sorted(one.status for one in Appointment.query) == ["canceled", "pending"]

    def test_two_clients_swap_into_each_others_time(self, app: Flask, live_db: Any) -> None:
        home = make_property()
        first, second = make_appointment(home, starts_at=noon(2)), make_appointment(home, starts_at=noon(3))
        people, numbers = [actor_of(first.client), actor_of(second.client)], [first.id, second.id]
        released(live_db)
        answers = at_once(
            app,
            lambda: services.reschedule(people[0], numbers[0], requested_time=noon(3)),
            lambda: services.reschedule(people[1], numbers[1], requested_time=noon(2)),
        )
        assert answers == ["slot_taken", "slot_taken"]
        assert [one.status for one in Appointment.query] == ["pending", "pending"]
