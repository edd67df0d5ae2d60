import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.accounts.events import AccountClosing
from sheda.accounts.models import User
from sheda.core import events
from sheda.core.access import find_visible
from sheda.core.actor import ANONYMOUS, Actor, Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput, NotAllowed, NotFound, Refusal
from sheda.core.states import History, IllegalMove
from sheda.properties import services
from sheda.properties.events import PropertyArchived, PropertyReturned, TermsChanging
from sheda.properties.models import PriceHistory, Property
from sheda.properties.services import PropertyInUse, PropertyUnavailable, UnderOffer
from tests.factories import actor_of, make_appointment, make_payment, make_property, make_user
from tests.properties.conftest import People


@pytest.fixture
def heard(app: Flask) -> Iterator[list[Any]]:
    """Hear the room's news, in place of the rooms on the right."""
    before = dict(events._reactions)
    news: list[Any] = []
    events.react_with(dict.fromkeys((TermsChanging, PropertyArchived, PropertyReturned), (news.append,)))
    yield news
    events.react_with(before)


def refuse(_event: Any) -> None:
    raise PropertyInUse


@pytest.fixture
def in_use(heard: list[Any]) -> None:
    """Let whoever reacts refuse."""
    events.react_with({TermsChanging: (refuse,), PropertyArchived: (refuse,)})


def moves_of(subject: Property) -> list[str]:
    statement = select(History.move).where(History.subject_type == "properties", History.subject_id == subject.id)
    return list(db.session.scalars(statement.order_by(History.id)))


def pay(subject: Property) -> int:
    """Let a client begin to pay for a property; return the payment's id."""
    return make_payment(make_appointment(subject, status="completed")).id


def create(person: User, terms: dict[str, Any], **over: Any) -> Property:
    return services.create(actor_of(person), **{**terms, "price": Decimal(terms["price"]), **over})


class TestCreate:
    def test_it_is_the_agents_own_and_published_at_once(self, people: People, terms: dict[str, Any]) -> None:
        subject = create(people.agent, terms)
        assert (subject.agent_id, subject.listing_state, subject.status) == (people.agent.id, "published", "available")
        assert subject.published_at is not None
        assert moves_of(subject) == ["create"]

    def test_it_is_a_draft_where_the_agency_wants_that(
        self, app: Flask, people: People, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "PUBLISH_NEW_LISTINGS", False)
        subject = create(people.agent, terms)
        assert (subject.listing_state, subject.published_at) == ("draft", None)

    def test_its_price_is_its_first_history(self, people: People, terms: dict[str, Any]) -> None:
        subject = create(people.agent, terms)
        prices = db.session.scalars(select(PriceHistory).where(PriceHistory.property_id == subject.id)).all()
        assert [(one.price, one.currency, one.changed_by) for one in prices] == [
            (Decimal("2500000.00"), "NGN", people.agent.id)
        ]

    def test_an_admin_names_its_agent(self, people: People, terms: dict[str, Any]) -> None:
        assert create(people.admin, terms, agent_id=people.agent.id).agent_id == people.agent.id

    def test_an_admin_who_names_nobody_is_refused(self, people: People, terms: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput) as refusal:
            create(people.admin, terms)
        assert refusal.value.errors[0]["field"] == "agent_id"

    @pytest.mark.parametrize("who", ["client", "staff", "missing", "inactive"])
    def test_an_admin_names_an_active_agent_or_nobody(self, people: People, terms: dict[str, Any], who: str) -> None:
        ids = {
            "client": people.client.id,
            "staff": people.staff.id,
            "missing": 2**31 - 1,
            "inactive": make_user(Role.AGENT, active=False).id,
        }
        with pytest.raises(InvalidInput):
            create(people.admin, terms, agent_id=ids[who])

    def test_an_agent_names_nobody(self, people: People, terms: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            create(people.agent, terms, agent_id=people.other.id)

    def test_references_differ(self, people: People, terms: dict[str, Any]) -> None:
        assert create(people.agent, terms).reference != create(people.agent, terms).reference

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"period": None}, "period"),
            ({"listing_type": "sale"}, "period"),
            ({"bedroom": None}, "bedroom"),
            ({"bathroom": None}, "bathroom"),
            ({"property_type": "land", "bathroom": None}, "bedroom"),
            ({"latitude": 6.5}, "longitude"),
            ({"longitude": 3.4}, "latitude"),
        ],
    )
    def test_fields_fit_together(self, people: People, terms: dict[str, Any], over: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            create(people.agent, terms, **over)
        assert [one["field"] for one in refusal.value.errors] == [field]

    def test_land_has_no_rooms(self, people: People, terms: dict[str, Any]) -> None:
        bare = {name: value for name, value in terms.items() if name not in {"bedroom", "bathroom"}}
        subject = create(people.agent, bare, property_type="land")
        assert (subject.bedroom, subject.bathroom) == (None, None)

    def test_amenities_with_a_column_of_their_own_go_there(self, people: People, terms: dict[str, Any]) -> None:
        subject = create(people.agent, terms, amenities=["wifi", "gym", "borehole", "gym"])
        assert (subject.wifi, subject.amenities) == (True, ["borehole", "gym"])

    def test_what_is_said_of_a_flag_itself_wins(self, people: People, terms: dict[str, Any]) -> None:
        assert create(people.agent, terms, amenities=["wifi"], wifi=False).wifi is False


class TestUpdate:
    def test_the_owner_changes_fields(self, people: People) -> None:
        subject = make_property(people.agent)
        services.update(actor_of(people.agent), subject.id, title="Newly painted flat", furnished=True)
        assert (subject.title, subject.furnished) == ("Newly painted flat", True)

    def test_staff_change_fields(self, people: People) -> None:
        subject = make_property(people.agent)
        services.update(actor_of(people.staff), subject.id, city="Ikeja")
        assert subject.city == "Ikeja"

    def test_another_agent_may_not(self, people: People) -> None:
        with pytest.raises(NotAllowed):
            services.update(actor_of(people.other), make_property(people.agent).id, city="Ikeja")

    @pytest.mark.parametrize("state", ["draft", "paused", "archived"])
    def test_what_is_not_published_is_not_there_for_another_agent(self, people: People, state: str) -> None:
        with pytest.raises(NotFound):
            services.update(actor_of(people.other), make_property(people.agent, listing_state=state).id, city="Ikeja")

    @pytest.mark.parametrize(
        "change", [{"price": Decimal("3000000.00")}, {"currency": "USD"}, {"listing_type": "sale"}]
    )
    def test_terms_are_frozen_while_in_use(self, people: People, in_use: None, change: dict[str, Any]) -> None:
        with pytest.raises(PropertyInUse):
            services.update(actor_of(people.agent), make_property(people.agent).id, **change)

    def test_other_fields_are_not(self, people: People, in_use: None) -> None:
        services.update(actor_of(people.agent), make_property(people.agent).id, description="Still quiet.")

    def test_the_same_terms_again_change_nothing(self, people: People, in_use: None) -> None:
        services.update(
            actor_of(people.agent), make_property(people.agent).id, price=Decimal(2500000), listing_type="rent"
        )

    def test_a_new_price_is_kept_beside_the_old(self, people: People, heard: list[Any]) -> None:
        subject = make_property(people.agent)
        services.update(actor_of(people.agent), subject.id, price=Decimal("2750000.00"))
        services.update(actor_of(people.agent), subject.id, title="The price is the same")
        prices = db.session.scalars(select(PriceHistory.price).where(PriceHistory.property_id == subject.id)).all()
        assert prices == [Decimal("2750000.00")]
        assert [type(one) for one in heard] == [TermsChanging]

    def test_fees_are_replaced_whole(self, people: People) -> None:
        actor, subject = actor_of(people.agent), make_property(people.agent)
        fee = {"kind": "agency", "label": None, "amount": Decimal(1000)}
        services.update(actor, subject.id, fees=[fee, {**fee, "kind": "legal"}])
        services.update(actor, subject.id, fees=[{**fee, "kind": "caution"}])
        db.session.expire(subject)
        assert [one.kind for one in subject.fees] == ["caution"]

    def test_a_sale_loses_its_period(self, people: People, heard: list[Any]) -> None:
        subject = make_property(people.agent)
        services.update(actor_of(people.agent), subject.id, listing_type="sale")
        assert subject.period is None

    def test_rent_needs_a_period(self, people: People, heard: list[Any]) -> None:
        subject = make_property(people.agent, listing_type="sale")
        with pytest.raises(InvalidInput):
            services.update(actor_of(people.agent), subject.id, listing_type="rent")

    def test_a_flat_that_turns_out_to_be_land_loses_its_rooms(self, people: People) -> None:
        subject = make_property(people.agent)
        services.update(actor_of(people.agent), subject.id, property_type="land")
        assert (subject.bedroom, subject.bathroom) == (None, None)

    def test_what_is_archived_is_written_no_more(self, people: People) -> None:
        subject = make_property(people.agent, listing_state="archived")
        with pytest.raises(IllegalMove):
            services.update(actor_of(people.agent), subject.id, city="Ikeja")


class TestListingMoves:
    def test_the_owner_pauses_and_publishes(self, people: People) -> None:
        actor, subject = actor_of(people.agent), make_property(people.agent)
        services.pause(actor, subject.id)
        assert subject.listing_state == "paused"
        services.publish(actor, subject.id)
        assert subject.listing_state == "published"
        assert moves_of(subject) == ["pause", "publish"]

    def test_repeating_a_move_changes_nothing(self, people: People) -> None:
        actor, subject = actor_of(people.agent), make_property(people.agent)
        services.publish(actor, subject.id)
        assert moves_of(subject) == []

    @pytest.mark.parametrize("move", [services.publish, services.pause, services.archive])
    def test_the_office_gives_a_reason(self, people: People, move: Any) -> None:
        state = "paused" if move is services.publish else "published"
        subject = make_property(people.agent, listing_state=state)
        for person in (people.staff, people.admin):
            with pytest.raises(InvalidInput) as refusal:
                move(actor_of(person), subject.id)
            assert refusal.value.errors[0]["field"] == "reason"
        move(actor_of(people.staff), subject.id, reason="The photos are another flat's.")
        assert db.session.scalar(select(History.reason)) == "The photos are another flat's."

    @pytest.mark.parametrize("move", [services.publish, services.pause, services.archive])
    def test_another_agent_may_not(self, people: People, move: Any) -> None:
        with pytest.raises(NotAllowed):
            move(actor_of(people.other), make_property(people.agent).id)

    def test_a_draft_cannot_pause(self, people: People) -> None:
        with pytest.raises(IllegalMove):
            services.pause(actor_of(people.agent), make_property(people.agent, listing_state="draft").id)

    def test_archiving_is_told_and_final(self, people: People, heard: list[Any]) -> None:
        actor, subject = actor_of(people.agent), make_property(people.agent)
        services.archive(actor, subject.id)
        assert [type(one) for one in heard] == [PropertyArchived]
        with pytest.raises(NotFound):
            services.archive(actor, subject.id)
        with pytest.raises(IllegalMove):
            services.publish(actor, subject.id)

    def test_what_is_in_use_is_not_archived(self, people: People, in_use: None) -> None:
        with pytest.raises(PropertyInUse):
            services.archive(actor_of(people.agent), make_property(people.agent).id)

    def test_an_agent_who_leaves_takes_his_listings_along(self, people: People, heard: list[Any]) -> None:
        own = [make_property(people.agent), make_property(people.agent, listing_state="draft")]
        foreign = make_property(people.other)
        services.archive_listings(AccountClosing(people.agent))
        assert [one.listing_state for one in own] == ["archived", "archived"]
        assert foreign.listing_state == "published"


class TestHolding:
    @pytest.fixture
    def payments(self, people: People) -> tuple[Property, int, int]:
        subject = make_property(people.agent)
        return subject, pay(subject), pay(subject)

    def test_the_first_declared_payment_wins(self, payments: tuple[Property, int, int]) -> None:
        subject, first, second = payments
        services.hold(subject, first)
        services.hold(subject, first)
        with pytest.raises(UnderOffer):
            services.hold(subject, second)
        services.release(subject, first)

    def test_only_its_holder_lets_go(self, payments: tuple[Property, int, int]) -> None:
        subject, first, second = payments
        services.hold(subject, first)
        services.release(subject, second)
        assert subject.is_under_offer
        services.release(subject, first)
        assert not subject.is_under_offer

    def test_bookable_is_shown_on_the_market_and_free(self, payments: tuple[Property, int, int]) -> None:
        subject, first, _second = payments
        assert services.is_bookable(subject)
        services.hold(subject, first)
        assert not services.is_bookable(subject)
        services.release(subject, first)

    @pytest.mark.parametrize("over", [{"listing_state": "paused"}, {"listing_state": "draft"}])
    def test_what_is_not_shown_is_not_bookable(self, people: People, over: dict[str, str]) -> None:
        assert not services.is_bookable(make_property(people.agent, **over))


class TestTakeAndReturn:
    @pytest.fixture(autouse=True)
    def _contracts_are_not_looked_at(self, excused_invariants: set[str]) -> None:
        excused_invariants.add("I1")

    @pytest.mark.parametrize(("kind", "status"), [("rent", "rented"), ("sale", "sold")])
    def test_it_is_let_or_sold_by_its_kind(self, people: People, kind: str, status: str) -> None:
        subject = make_property(people.agent, listing_type=kind)
        services.take(actor_of(people.agent), subject)
        assert subject.status == status
        with pytest.raises(PropertyUnavailable):
            services.take(actor_of(people.agent), subject)
        db.session.rollback()

    def test_what_is_let_cannot_be_held(self, people: People) -> None:
        subject = make_property(people.agent)
        services.take(actor_of(people.agent), subject)
        with pytest.raises(PropertyUnavailable):
            services.hold(subject, 1)
        db.session.rollback()

    def test_its_client_may_bring_it_back(self, people: People, heard: list[Any]) -> None:
        subject = make_property(people.agent)
        services.take(actor_of(people.agent), subject)
        services.return_to_market(actor_of(people.client), subject)
        assert subject.status == "available"
        assert [type(one) for one in heard] == [PropertyReturned]
        assert moves_of(subject) == ["rent_out", "return"]

    def test_what_is_on_the_market_cannot_come_back(self, people: People) -> None:
        with pytest.raises(IllegalMove):
            services.return_to_market(actor_of(people.agent), make_property(people.agent))

    def test_what_is_sold_stays_sold(self, people: People) -> None:
        subject = make_property(people.agent, listing_type="sale")
        services.take(actor_of(people.agent), subject)
        with pytest.raises(IllegalMove):
            services.return_to_market(actor_of(people.agent), subject)
        db.session.rollback()


class TestVisible:
    @pytest.mark.parametrize("state", ["draft", "published", "paused", "archived"])
    def test_who_sees_which_state(self, people: People, state: str) -> None:
        subject = make_property(people.agent, listing_state=state)
        actors: list[Actor] = [ANONYMOUS, *map(actor_of, (people.client, people.other))]
        for actor in actors:
            assert (find_visible(actor, Property, subject.id) is not None) is (state == "published")
        for actor in map(actor_of, (people.agent, people.staff, people.admin)):
            assert find_visible(actor, Property, subject.id) is not None


class TestRaces:
    def test_ten_holders_at_once_leave_one(self, app: Flask, live_db: Any) -> None:
        subject = make_property()
        payments = [pay(subject) for _ in range(10)]
        property_id, results = subject.id, list[str]()
        db.session.remove()
        barrier = threading.Barrier(len(payments))

        def hold(payment_id: int) -> None:
            with app.app_context():
                barrier.wait()
                try:
                    in_transaction(lambda: services.hold(services.lock_property(property_id), payment_id))
                    results.append("held")
                except Refusal as refusal:
                    results.append(refusal.code)

        threads = [threading.Thread(target=hold, args=(one,)) for one in payments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["held"] + ["under_offer"] * 9
        in_transaction(lambda: _let_go(property_id))


def _let_go(property_id: int) -> None:
    subject = services.lock_property(property_id)
    assert subject.held_by_payment_id is not None
    services.release(subject, subject.held_by_payment_id)
