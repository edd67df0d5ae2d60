"""The minute's round: who is told of what, when, and never twice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import SYSTEM
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.properties import services as listings
from sheda.properties.models import Property
from sheda.shortlists import jobs, matching, services
from sheda.shortlists.models import ListingNews, SearchHit
from tests.conftest import Clock
from tests.factories import actor_of, make_contract, make_payment, make_property, make_saved_search, make_user
from tests.shortlists.conftest import pause, publish, set_price

NOON = datetime(2026, 12, 2, 12, tzinfo=clock.LAGOS)
"""A Wednesday."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now(moved_clock: Clock) -> Clock:
    """Hold the clock at noon of a Wednesday; each step moves it on."""
    moved_clock.at(NOON)
    return moved_clock


def mails() -> list[tuple[int, list[tuple[int, str]]]]:
    """Return the alerts in the outbox: to whom, and the listings with their reasons."""
    db.session.expire_all()
    rows = db.session.scalars(select(Outbox).where(Outbox.template == "search_alert").order_by(Outbox.id))
    return [(row.user_id, [(found, why) for found, why, _ in row.context["found"]]) for row in rows]


def waiting() -> int:
    return db.session.scalar(select(func.count()).select_from(ListingNews)) or 0


def run(now: Clock) -> None:
    """Run the round twice, a minute apart: the second one has nothing to do."""
    now.advance(MINUTE)
    jobs.alert()
    before = mails()
    now.advance(MINUTE)
    assert jobs.alert() == {"matched": 0, "told": 0}
    assert mails() == before


class TestNew:
    def test_a_new_listing_is_told_at_once_in_one_mail(self, ada: User, agent: User, now: Clock) -> None:
        search = make_saved_search(ada, alert="instant", city="Yaba")
        now.advance(MINUTE)
        home = publish(agent)
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")])]
        assert search.last_run_at == NOON + 2 * MINUTE
        assert waiting() == 0

    def test_several_come_in_one_mail(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        homes = [publish(agent).id for _ in range(3)]
        run(now)
        assert mails() == [(ada.id, [(home, "new") for home in homes[::-1]])]

    def test_each_search_has_its_own(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        make_saved_search(ada, alert="instant", city="Yaba")
        other = make_user()
        make_saved_search(other, alert="instant", listing_type="rent")
        make_saved_search(other, alert="instant", listing_type="sale")
        now.advance(MINUTE)
        home = publish(agent)
        run(now)
        assert sorted(mails()) == sorted([(person.id, [(home.id, "new")]) for person in (ada, ada, other)])

    def test_what_was_there_before_is_no_news(self, ada: User, agent: User, now: Clock) -> None:
        publish(agent)
        now.advance(MINUTE)
        make_saved_search(ada, alert="instant")
        run(now)
        assert mails() == []

    def test_a_draft_is_told_when_it_is_published(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        draft = make_property(agent, listing_state="draft")
        run(now)
        assert mails() == []
        listings.publish(actor_of(agent), draft.id)
        db.session.commit()
        run(now)
        assert mails() == [(ada.id, [(draft.id, "new")])]

    def test_published_again_it_is_not_told_again(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        home = publish(agent)
        run(now)
        pause(home)
        listings.publish(actor_of(agent), home.id)
        db.session.commit()
        run(now)
        assert len(mails()) == 1

    def test_a_home_that_is_free_again_is_news_to_whom_it_was_not_told(self, ada: User, now: Clock) -> None:
        contract = make_contract(make_payment(status="accepted"))
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        contract.status = "expired"
        listings.return_to_market(SYSTEM, db.session.get_one(Property, contract.property_id))
        db.session.commit()
        now.advance(MINUTE)
        jobs.alert()
        assert mails() == [(ada.id, [(contract.property_id, "new")])]

    @pytest.fixture(autouse=True)
    def _excused(self, excused_invariants: set[str]) -> None:
        excused_invariants.update({"I5", "I15"})  # a tenancy is ended by hand, at a moment of our own

    def test_what_was_taken_away_meanwhile_is_not_told(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        pause(publish(agent))
        run(now)
        assert mails() == []

    def test_nobody_is_told_of_his_own(self, agent: User, now: Clock) -> None:
        make_saved_search(agent, alert="instant")
        now.advance(MINUTE)
        publish(agent)
        run(now)
        assert mails() == []

    def test_without_an_alert_nothing_is_found(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada)
        now.advance(MINUTE)
        publish(agent)
        run(now)
        assert mails() == []
        assert db.session.scalar(select(func.count()).select_from(SearchHit)) == 0

    def test_a_closed_account_is_told_nothing(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        ada.active = False
        now.advance(MINUTE)
        publish(agent)
        run(now)
        assert mails() == []


class TestPriceDrop:
    @pytest.fixture
    def home(self, agent: User, now: Clock) -> Property:
        """Return a listing that was there before anybody searched."""
        home = publish(agent)
        jobs.alert()
        now.advance(MINUTE)
        return home

    def test_a_lower_price_is_told(self, ada: User, home: Property, now: Clock) -> None:
        make_saved_search(ada, alert="instant", city="Yaba")
        now.advance(MINUTE)
        set_price(home, "2000000.00")
        run(now)
        assert mails() == [(ada.id, [(home.id, "price_drop")])]
        row = db.session.scalars(select(Outbox).where(Outbox.template == "search_alert")).one()
        assert row.context["found"][0][2] == "2500000.00"

    def test_a_price_that_falls_into_a_search_is_told(self, ada: User, home: Property, now: Clock) -> None:
        make_saved_search(ada, alert="instant", max_price="2200000")
        now.advance(MINUTE)
        set_price(home, "2000000.00")
        run(now)
        assert mails() == [(ada.id, [(home.id, "price_drop")])]

    def test_only_a_price_below_the_one_that_was_told_is_told_again(
        self, ada: User, home: Property, now: Clock
    ) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        told = []
        for price in ("2000000.00", "2400000.00", "2100000.00", "2000000.00", "1900000.00"):
            set_price(home, price)
            run(now)
            told.append(len(mails()))
        assert told == [1, 1, 1, 1, 2]

    def test_new_and_cheaper_at_once_is_told_once_as_new(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        home = publish(agent)
        set_price(home, "2000000.00")
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")])]

    def test_told_as_new_it_is_told_again_when_it_costs_less(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        home = publish(agent)
        run(now)
        set_price(home, "2000000.00")
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")]), (ada.id, [(home.id, "price_drop")])]

    def test_a_higher_price_and_another_period_are_no_drop(self, ada: User, agent: User, home: Property) -> None:
        set_price(home, "3000000.00")
        listings.update(actor_of(agent), home.id, price=Decimal(200000), period="month")
        listings.update(actor_of(agent), home.id, price=Decimal(100), currency="USD")
        assert waiting() == 0

    def test_a_price_that_rose_again_is_not_told(self, ada: User, home: Property, now: Clock) -> None:
        make_saved_search(ada, alert="instant")
        now.advance(MINUTE)
        set_price(home, "2000000.00")
        set_price(home, "2500000.00")
        run(now)
        assert mails() == []

    def test_the_price_of_a_draft_is_nobodys_news(self, agent: User) -> None:
        set_price(make_property(agent, listing_state="draft"), "1.00")
        assert waiting() == 0


class TestRhythm:
    @pytest.mark.parametrize(
        ("alert", "due"),
        [
            ("daily", datetime(2026, 12, 3, 7, tzinfo=clock.LAGOS)),
            ("weekly", datetime(2026, 12, 7, 7, tzinfo=clock.LAGOS)),
        ],
    )
    def test_digests_leave_at_seven(self, ada: User, agent: User, now: Clock, alert: str, due: datetime) -> None:
        search = make_saved_search(ada, alert=alert)
        now.advance(MINUTE)
        first = publish(agent)
        run(now)
        now.advance(HOUR)
        second = publish(agent)
        for moment in (due - DAY + HOUR, due - MINUTE):
            now.at(max(moment, clock.now()))
            jobs.alert()
            assert mails() == []
        for _ in range(2):
            now.at(due)
            jobs.alert()
            assert mails() == [(ada.id, [(second.id, "new"), (first.id, "new")])]
        assert (search.last_run_at, search.due_at) == (due, None)

    def test_cheaper_before_its_digest_a_new_listing_is_told_as_new(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="daily")
        now.advance(MINUTE)
        home = publish(agent)
        jobs.alert()
        set_price(home, "2000000.00")
        jobs.alert()
        now.advance(DAY)
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")])]

    def test_after_ten_days_down_one_mail_comes(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="daily")
        now.advance(MINUTE)
        home = publish(agent)
        now.advance(10 * DAY)
        jobs.alert()
        now.advance(DAY)
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")])]

    def test_a_digest_leaves_out_what_no_longer_fits(self, ada: User, agent: User, now: Clock) -> None:
        make_saved_search(ada, alert="daily", max_price="3000000")
        now.advance(MINUTE)
        kept, dearer, hidden = (publish(agent) for _ in range(3))
        jobs.alert()
        set_price(dearer, "4000000.00")
        pause(hidden)
        now.advance(DAY)
        jobs.alert()
        assert mails() == [(ada.id, [(kept.id, "new")])]

    def test_nothing_to_tell_is_no_mail(self, ada: User, agent: User, now: Clock) -> None:
        search = make_saved_search(ada, alert="daily")
        now.advance(MINUTE)
        home = publish(agent)
        jobs.alert()
        pause(home)
        now.advance(DAY)
        run(now)
        assert mails() == []
        assert search.due_at is None

    def test_on_monday_before_seven_the_week_ends_the_same_day(self, agent: User, now: Clock) -> None:
        now.at(datetime(2026, 12, 7, 6, 59, tzinfo=clock.LAGOS))
        assert services.due_moments()["weekly"] == datetime(2026, 12, 7, 7, tzinfo=clock.LAGOS)
        now.advance(MINUTE)
        assert services.due_moments()["weekly"] == datetime(2026, 12, 14, 7, tzinfo=clock.LAGOS)
        assert services.due_moments()["daily"] == datetime(2026, 12, 8, 7, tzinfo=clock.LAGOS)


class TestBatches:
    def test_batches_find_what_one_would(
        self, ada: User, agent: User, now: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "SEARCHES", 2)
        monkeypatch.setattr(matching, "NEWS", 2)
        people = [make_user() for _ in range(5)]
        for person in people:
            make_saved_search(person, alert="instant")
        now.advance(MINUTE)
        homes = [publish(agent).id for _ in range(3)]
        run(now)
        assert sorted(mails()) == [(person.id, [(home, "new") for home in homes[::-1]]) for person in people]
        assert waiting() == 0

    def test_a_turn_that_ends_goes_on_where_it_stopped(
        self, ada: User, agent: User, now: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "SEARCHES", 1)
        monkeypatch.setattr(jobs, "turn_is_over", lambda: True)
        for person in (ada, make_user()):
            make_saved_search(person, alert="instant")
        now.advance(MINUTE)
        publish(agent)
        now.advance(MINUTE)
        tallies = [jobs.alert() for _ in range(6)]
        assert [tally.get("more", 0) for tally in tallies] == [1, 1, 1, 1, 1, 0]
        assert len(mails()) == 2

    def test_a_round_is_as_many_statements_however_much_there_is(
        self, agent: User, now: Clock, count_statements: Any
    ) -> None:
        publish(agent)
        make_saved_search(alert="instant", search="flat")
        jobs.alert()
        seen = []
        for number in (1, 8):
            for _ in range(number):
                make_saved_search(alert="instant", search="flat", city="Yaba")
            now.advance(MINUTE)
            for _ in range(number):
                publish(agent)
            now.advance(MINUTE)
            with count_statements() as asked:
                jobs.alert()
            seen.append(len(asked))
        assert seen[0] == seen[1]


class TestTerms:
    def test_terms_of_other_conditions_are_made_again(self, ada: User, agent: User, now: Clock) -> None:
        search = make_saved_search(ada, alert="instant", city="Yaba", search="flat")
        fresh = dict(search.terms)
        search.terms = {"version": "old", "town": "Yaba"}
        db.session.commit()
        now.advance(MINUTE)
        publish(agent, city="Ikeja")
        home = publish(agent)
        run(now)
        assert mails() == [(ada.id, [(home.id, "new")])]
        assert search.terms == fresh

    def test_a_search_that_can_no_longer_be_asked_is_watched_no_more(self, ada: User, agent: User, now: Clock) -> None:
        search = make_saved_search(ada, alert="instant")
        search.filters, search.terms = {"listing_type": "swap"}, {}
        db.session.commit()
        now.advance(MINUTE)
        publish(agent)
        run(now)
        assert (mails(), search.alert) == ([], "none")


def test_the_round_is_one_of_the_workers_jobs() -> None:
    from sheda import rooms

    assert jobs.alert in rooms.JOBS
