"""Reminders: when each is due, that it comes once, and that nobody hears of what has passed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.appointments import services as appointments
from sheda.contracts import services as contracts
from sheda.core import clock, forgetting
from sheda.core.actor import SYSTEM
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.notifications import jobs
from sheda.notifications.models import Notification, Preference
from sheda.payments.states import PAYMENT
from tests.factories import make_contract
from tests.notifications.deals import Deal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def notices(kind: str) -> list[str]:
    """Return the notices of a kind as "version:person", in order."""
    db.session.expire_all()
    keys = db.session.scalars(select(Notification.key).where(Notification.kind == kind).order_by(Notification.id))
    return [key.split(":", 2)[2] for key in keys]


def mails(kind: str) -> int:
    return len(db.session.scalars(select(Outbox.id).where(Outbox.template == kind)).all())


@pytest.fixture(autouse=True)
def _invariants(excused_invariants: set[str]) -> Iterator[None]:
    excused_invariants.add("I8")  # these tests move the clock, and no worker sends what they post
    return


class TestViewings:
    KIND = "appointment_reminder"

    def confirmed(self, deal: Deal, ahead: timedelta = timedelta(days=3)) -> Any:
        viewing = deal.viewing(starts_at=clock.now() + ahead)
        appointments.confirm(deal.agent, viewing.id)
        return viewing

    def run_at(self, moment: datetime) -> None:
        with clock.travel(moment):
            jobs.remind_of_viewings()

    def test_both_are_reminded_a_day_and_two_hours_before_once_each(self, deal: Deal) -> None:
        start = self.confirmed(deal).starts_at
        people = sorted((deal.client.user_id, deal.agent.user_id))
        for before, expected in ((25 * HOUR, 0), (24 * HOUR, 2), (23 * HOUR, 2), (2 * HOUR, 4), (HOUR, 4), (-HOUR, 4)):
            for _ in range(2):
                self.run_at(start - before)
            assert len(notices(self.KIND)) == mails(self.KIND) == expected
        assert notices(self.KIND) == [f"{version}:{person}" for version in ("24h", "2h") for person in people]

    def test_what_was_missed_for_days_is_not_said_afterwards(self, deal: Deal) -> None:
        self.run_at(self.confirmed(deal).starts_at + 10 * DAY)
        assert notices(self.KIND) == []

    def test_after_standing_still_only_the_nearer_one_comes(self, deal: Deal) -> None:
        self.run_at(self.confirmed(deal).starts_at - HOUR)
        assert {one.split(":")[0] for one in notices(self.KIND)} == {"2h"}

    def test_a_viewing_confirmed_within_a_day_is_reminded_of_two_hours_before_only(self, deal: Deal) -> None:
        start = self.confirmed(deal, ahead=6 * HOUR).starts_at
        self.run_at(start - 5 * HOUR)
        assert notices(self.KIND) == []
        self.run_at(start - 2 * HOUR)
        assert len(notices(self.KIND)) == 2

    def test_requests_and_cancelled_viewings_have_none(self, deal: Deal) -> None:
        viewing = self.confirmed(deal)
        appointments.cancel(deal.client, viewing.id)
        pending = deal.viewing(starts_at=clock.now() + 4 * DAY)
        self.run_at(viewing.starts_at - 23 * HOUR)
        self.run_at(pending.starts_at - 23 * HOUR)
        assert notices(self.KIND) == []

    def test_who_wants_none_gets_none_and_the_other_still_does(self, deal: Deal) -> None:
        for channel in ("app", "mail"):
            db.session.add(Preference(user_id=deal.client.user_id, kind=self.KIND, channel=channel, is_on=False))
        start = self.confirmed(deal).starts_at
        for _ in range(2):
            self.run_at(start - 23 * HOUR)
        assert notices(self.KIND) == [f"24h:{deal.agent.user_id}"]
        assert mails(self.KIND) == 1


class TestDecisions:
    KIND = "payment_decision_due"

    def test_the_agent_is_reminded_after_24_and_48_hours_once_each(self, deal: Deal) -> None:
        payment = deal.payment()
        contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        declared = payment.declared_at
        for after, expected in ((23, []), (24, ["24h"]), (47, ["24h"]), (48, ["24h", "48h"]), (73, ["24h", "48h"])):
            for _ in range(2):
                with clock.travel(declared + after * HOUR):
                    jobs.remind_of_decisions()
            assert notices(self.KIND) == [f"{version}:{deal.agent.user_id}" for version in expected]
        assert mails(self.KIND) == 2

    def test_one_that_a_gateway_has_proved_waits_like_any_other(self, deal: Deal) -> None:
        payment = deal.payment()
        contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        PAYMENT.move(SYSTEM, payment, "prove")
        with clock.travel(payment.declared_at + 25 * HOUR):
            jobs.remind_of_decisions()
        assert notices(self.KIND) == [f"24h:{deal.agent.user_id}"]

    def test_a_decided_payment_has_none(self, deal: Deal) -> None:
        payment = deal.payment()
        contract = contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        contracts.confirm_payment(deal.agent, contract.id)
        with clock.travel(clock.now() + 25 * HOUR):
            jobs.remind_of_decisions()
        assert notices(self.KIND) == []


class TestContracts:
    KIND = "contract_ending"

    def run_on(self, contract: Any, days_before: int) -> None:
        day = contract.end_date - timedelta(days=days_before)
        with clock.travel(datetime(day.year, day.month, day.day, 12, tzinfo=UTC)):
            jobs.remind_of_contracts()

    def test_both_are_reminded_on_each_day_of_the_list_once(self, deal: Deal) -> None:
        contract = deal.contract()
        seen = []
        for days in (91, 90, 89, 60, 59, 30, 29, 8, 7, 6, 2, 1, 0):
            for _ in range(2):
                self.run_on(contract, days)
            seen.append(len(notices(self.KIND)))
        assert seen == [0, 2, 2, 4, 4, 6, 6, 6, 8, 8, 8, 10, 10]
        assert mails(self.KIND) == 10

    def test_after_ten_days_down_one_notice_each_with_the_true_number_of_days(self, deal: Deal) -> None:
        contract = deal.contract()
        self.run_on(contract, 83)
        assert len(notices(self.KIND)) == 2
        texts = set(db.session.scalars(select(Notification.text).where(Notification.kind == self.KIND)))
        assert all(text.endswith("in 83 days.") for text in texts)

    def test_a_month_is_not_reminded_of_sixty_days_before_its_end(self, deal: Deal) -> None:
        start = clock.today()
        contract = make_contract(
            deal.payment(status="accepted"), start_date=start, end_date=clock.add_months(start, 1), period="month"
        )
        length = (contract.end_date - start).days
        for days in range(length, 0, -1):
            self.run_on(contract, days)
        assert {one.split(":")[0] for one in notices(self.KIND)} == ({"7d", "1d"} | ({"30d"} if length > 30 else set()))

    def test_notice_brings_the_reminders_forward(self, deal: Deal) -> None:
        contract = deal.contract()
        contract.ends_early_on = clock.today() + timedelta(days=200)
        db.session.commit()
        with clock.travel(clock.now() + timedelta(days=193)):
            jobs.remind_of_contracts()
        assert {one.split(":")[0] for one in notices(self.KIND)} == {"7d"}

    def test_a_sale_and_an_ended_tenancy_have_none(self, deal: Deal) -> None:
        contract = deal.contract()
        contracts.expire(deal.staff, contract.id, reason="Both agreed.")
        self.run_on(contract, 7)
        assert notices(self.KIND) == []


class TestStatements:
    def test_a_sweep_with_nothing_due_writes_nothing(self, deal: Deal) -> None:
        deal.contract()
        for job in (jobs.remind_of_viewings, jobs.remind_of_decisions, jobs.remind_of_contracts):
            assert job().get("told", 0) == 0
        assert notices("contract_ending") == []


class TestForgetting:
    def told(self, user_id: int, key: str, **columns: Any) -> None:
        made = clock.now()
        db.session.add(Notification(user_id=user_id, key=key, kind="property_returned", text=key, created_at=made))
        row = {"user_id": user_id, "key": key, "template": "property_returned", "created_at": made, "due_at": made}
        db.session.add(Outbox(**row, **columns))
        db.session.commit()

    def left(self, model: Any) -> list[str]:
        db.session.expire_all()
        return list(db.session.scalars(select(model.key).order_by(model.id)))

    def test_what_left_or_was_given_up_goes_after_its_time_and_what_waits_stays(self, deal: Deal) -> None:
        person, start = deal.client.user_id, clock.now()
        for key, columns in (("sent", {"sent_at": start}), ("dead", {"dead_at": start}), ("waits", {})):
            self.told(person, key, **columns)
        with clock.travel(start + timedelta(days=89)):
            self.told(person, "young", sent_at=clock.now())
            assert jobs.forget_old()["messages"] == 0
        with clock.travel(start + timedelta(days=91)):
            assert jobs.forget_old()["messages"] == 2
            assert jobs.forget_old()["messages"] == 0
        assert self.left(Outbox) == ["waits", "young"]

    def test_a_read_notice_goes_after_its_time_and_an_unread_one_stays(self, deal: Deal) -> None:
        person, start = deal.client.user_id, clock.now()
        for key in ("read", "unread", "read late"):
            self.told(person, key)
        for key, read_at in (("read", start), ("read late", start + timedelta(days=100))):
            db.session.scalars(select(Notification).where(Notification.key == key)).one().read_at = read_at
        db.session.commit()
        with clock.travel(start + timedelta(days=181)):
            assert jobs.forget_old()["notices"] == 1
            assert jobs.forget_old()["notices"] == 0
        assert self.left(Notification) == ["unread", "read late"]

    def test_every_slice_is_walked_through(self, deal: Deal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forgetting, "SLICE", 2)
        start = clock.now()
        for number in range(5):
            self.told(deal.client.user_id, str(number), sent_at=None if number == 1 else start)
        with clock.travel(start + timedelta(days=91)):
            assert jobs.forget_old()["messages"] == 4
        assert self.left(Outbox) == ["1"]

    def test_a_reminder_is_not_given_again_for_what_was_forgotten(self, app: Flask) -> None:
        days = sorted(app.config["CONTRACT_REMINDERS"], reverse=True)
        longest = max(far - near for far, near in pairwise([*days, 0]))
        assert timedelta(days=longest) < min(app.config["MAILS_KEPT"], app.config["NOTICES_KEPT"])
