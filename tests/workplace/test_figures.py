from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.actor import Actor, Role
from sheda.core.db import db
from sheda.properties.audience import write_views
from sheda.workplace import figures
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=clock.LAGOS)
DAY = timedelta(days=1)


@pytest.fixture
def agent(db_session: Any, frozen_clock: Any) -> User:
    frozen_clock.at(NOON)
    return factories.make_user(Role.AGENT)


@pytest.fixture
def actor(agent: User) -> Actor:
    return factories.actor_of(agent)


def held(agent: User, days_ago: float, **over: Any) -> Any:
    at = NOON - days_ago * DAY
    values = {"status": "completed", "starts_at": at, "created_at": at - DAY, **over}
    return factories.make_appointment(factories.make_property(agent), **values)


class TestWeek:
    def test_it_counts_the_last_seven_days_against_the_seven_before(self, agent: User, actor: Actor) -> None:
        for days_ago in (1, 2, 3, 8, 9, 20):
            held(agent, days_ago)
        held(agent, 4, status="no_show")
        week = figures.week_of(actor)
        assert (week.first, week.last) == (date(2026, 11, 18), date(2026, 11, 24))
        assert week.viewings == figures.Pair(3, 2)
        assert week.viewings.change == 1
        assert week.missed == 1
        assert week.requests == figures.Pair(4, 2)

    def test_it_begins_with_the_looks_at_ones_listings(self, agent: User, actor: Actor) -> None:
        own, other = factories.make_property(agent), factories.make_property()
        today = date(2026, 11, 24)
        looks = {(own.id, today): 5, (own.id, today - 6 * DAY): 2, (own.id, today - 7 * DAY): 3}
        looks |= {(own.id, today - 13 * DAY): 4, (own.id, today - 14 * DAY): 50, (other.id, today): 7}
        write_views(Counter(looks))
        assert figures.week_of(actor).views == figures.Pair(7, 7)
        office = factories.actor_of(factories.make_user(Role.STAFF))
        assert figures.week_of(office).views == figures.Pair(14, 7)

    def test_it_compares_up_to_the_same_hour(self, agent: User, actor: Actor) -> None:
        held(agent, 7 - 1 / 24)
        held(agent, 7 + 1 / 24)
        assert figures.week_of(actor).viewings == figures.Pair(0, 1)

    def test_a_viewing_that_was_moved_is_one_request(self, agent: User, actor: Actor) -> None:
        first = factories.make_appointment(factories.make_property(agent))
        appointments.reschedule(
            factories.actor_of(agent), first.id, requested_time=first.starts_at + timedelta(hours=2)
        )
        assert figures.week_of(actor).requests == figures.Pair(1, 0)

    def test_payments_and_contracts_count_by_the_day_they_were_made(self, agent: User, actor: Actor) -> None:
        paid = factories.make_payment(held(agent, 3), status="accepted", declared_at=NOON - 2 * DAY)
        factories.make_contract(paid, activated_at=NOON - DAY)
        before = factories.make_payment(held(agent, 12), status="accepted", declared_at=NOON - 9 * DAY)
        factories.make_contract(before, activated_at=NOON - 8 * DAY)
        week = figures.week_of(actor)
        assert (week.payments, week.contracts) == (figures.Pair(1, 1), figures.Pair(1, 1))
        assert week.signed == [(Decimal("2500000.00"), "NGN")]

    def test_currencies_are_never_added(self, agent: User, actor: Actor) -> None:
        for currency in ("NGN", "USD"):
            home = factories.make_property(agent, currency=currency)
            viewing = factories.make_appointment(home, status="completed", starts_at=NOON - DAY)
            factories.make_contract(factories.make_payment(viewing, status="accepted"), activated_at=NOON)
            db.session.execute(update(Contract).values(activated_at=NOON - timedelta(hours=1)))
        assert figures.week_of(actor).signed == [(Decimal(2500000), "NGN"), (Decimal(2500000), "USD")]

    def test_answers_are_medians_by_the_day_of_the_request(self, agent: User, actor: Actor, frozen_clock: Any) -> None:
        for hours, minutes in enumerate((10, 20, 300)):
            frozen_clock.at(NOON - DAY)
            asked = factories.make_appointment(
                factories.make_property(agent), starts_at=NOON + DAY + timedelta(hours=hours)
            )
            frozen_clock.advance(timedelta(minutes=minutes))
            appointments.confirm(actor, asked.id)
        frozen_clock.at(NOON)
        week = figures.week_of(actor)
        assert (week.answer, week.answer_before) == (20, None)
        assert week.days[-2:] == [(date(2026, 11, 23), 20), (date(2026, 11, 24), None)]

    def test_nothing_yet_is_nothing(self, actor: Actor) -> None:
        week = figures.week_of(actor)
        assert (week.requests, week.answer, week.signed) == (figures.Pair(0, 0), None, [])
        assert [number for _, number in week.days] == [None] * 7


class TestHomes:
    def test_they_are_counted_by_what_becomes_of_them(self, agent: User, actor: Actor) -> None:
        factories.make_contract(factories.make_payment(held(agent, 1), status="accepted"))
        factories.make_payment(held(agent, 1), status="declared")
        factories.make_property(agent, listing_state="paused")
        factories.make_property(agent, listing_state="archived")
        oldest = factories.make_property(agent, published_at=NOON - 45 * DAY)
        homes = figures.homes_of(actor)
        assert (homes.let, homes.offer, homes.free) == (1, 1, 1)
        assert (homes.total, homes.share) == (3, 33)
        assert homes.waiting == (oldest.id, oldest.title, 45)

    def test_an_agent_without_a_home_has_none(self, actor: Actor) -> None:
        assert figures.homes_of(actor) == figures.Homes(0, 0, 0, None)
        assert figures.homes_of(actor).share == 0


def tenancy(agent: User, start: date, **over: Any) -> Contract:
    paid = factories.make_payment(held(agent, 1), status="accepted")
    return factories.make_contract(paid, start_date=start, **over)


class TestRentDue:
    def test_rent_falls_due_on_the_day_a_tenancy_ends(self, agent: User, actor: Actor) -> None:
        tenancy(agent, date(2025, 11, 30))
        tenancy(agent, date(2025, 11, 24))
        tenancy(agent, date(2025, 12, 5))
        (due,) = figures.rent_due(actor)
        assert (due.received, due.coming, due.late) == (Decimal(0), Decimal(2500000), Decimal(2500000))
        assert (due.total, due.last_day) == (Decimal(5000000), date(2026, 11, 30))

    def test_only_the_rent_counts_not_the_fees_of_the_first_time(self, agent: User, actor: Actor) -> None:
        viewing = held(agent, 1)
        lines = [
            {"kind": "agency", "label": "Agency", "quantity": 1, "unit_amount": "50.00", "amount": "50.00"},
            {"kind": "rent", "label": "Rent", "quantity": 1, "unit_amount": "100.00", "amount": "100.00"},
        ]
        paid = factories.make_payment(viewing, status="accepted", lines=lines, amount=Decimal(150))
        factories.make_contract(paid, start_date=date(2025, 11, 28))
        assert [due.coming for due in figures.rent_due(actor)] == [Decimal(100)]

    def test_a_renewal_that_was_paid_counts_as_received(self, agent: User, actor: Actor) -> None:
        old = tenancy(agent, date(2025, 11, 28))
        again = factories.make_payment(
            held(agent, 1, client=db.session.get_one(User, old.client_id)),
            kind="renewal",
            appointment_id=None,
            renews_contract_id=old.id,
            status="accepted",
            property_id=old.property_id,
        )
        factories.make_contract(again, status="scheduled", start_date=date(2026, 11, 28), amount=again.amount)
        (due,) = figures.rent_due(actor)
        assert (due.received, due.coming) == (again.amount, Decimal(0))

    def test_a_tenancy_that_has_ended_owes_nothing(self, agent: User, actor: Actor) -> None:
        tenancy(agent, date(2025, 11, 10), status="expired")
        assert figures.rent_due(actor) == []


class TestRows:
    def test_another_agents_figures_are_his(self, agent: User, db_session: Any) -> None:
        factories.make_contract(
            factories.make_payment(held(agent, 1), status="accepted"), start_date=date(2025, 11, 28), activated_at=NOON
        )
        factories.make_property(agent)
        other = factories.actor_of(factories.make_user(Role.AGENT))
        assert figures.week_of(other).requests == figures.Pair(0, 0)
        assert figures.homes_of(other).total == 0
        assert figures.rent_due(other) == []
        assert figures.today_of(other) == []
        staff = factories.actor_of(factories.make_user(Role.STAFF))
        assert figures.week_of(staff).viewings.now == 1
        assert figures.homes_of(staff).total == 2

    def test_the_desk_counts_for_staff_only(self, agent: User, actor: Actor) -> None:
        factories.make_payment(held(agent, 1), status="declared", decide_by=NOON - DAY)
        factories.make_payment(held(agent, 1), status="canceled", refund_due=True)
        factories.make_appointment(factories.make_property(agent))
        staff = factories.actor_of(factories.make_user(Role.STAFF))
        assert figures.desk_of(staff) == figures.Desk(escalated=1, refunds=1, unanswered=1, messages=0, jobs=0)

    @pytest.mark.parametrize(
        "block", [figures.week_of, figures.homes_of, figures.rent_due, figures.today_of, figures.desk_of]
    )
    def test_each_block_is_one_statement(
        self, agent: User, actor: Actor, count_statements: Callable[..., Any], block: Callable[[Actor], Any]
    ) -> None:
        held(agent, 0)
        db.session.expire_all()
        with count_statements() as seen:
            block(actor)
        assert len(seen) == 1
