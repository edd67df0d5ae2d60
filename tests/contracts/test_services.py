from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sheda.accounts.events import AccountClosing
from sheda.contracts import services
from sheda.contracts.models import Contract
from sheda.contracts.services import ContractLive
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import IllegalMove
from sheda.payments import services as payments
from sheda.payments.models import Payment
from sheda.payments.services import PaymentRequired
from sheda.properties import services as properties
from sheda.properties.services import PropertyInUse, UnderOffer
from tests.conftest import Clock
from tests.contracts.conftest import make_tenancy, noon, pending_of
from tests.factories import actor_of, make_contract, make_payment, make_user
from tests.payments.conftest import Deal, make_deal, make_viewing, moves_of


def declare(deal: Deal, **over: Any) -> Contract:
    told = {"amount_paid": deal.home.price, "paid_on": clock.today(), **over}
    return services.declare(deal.by_client, deal.home.id, **told)


class TestDeclare:
    def test_a_pending_contract_with_the_payments_terms_is_drawn_up(self, deal: Deal) -> None:
        start = clock.today() + timedelta(days=10)
        payment = payments.initiate(deal.by_client, deal.viewing.id, periods=2, start_date=start)
        contract = declare(deal, amount_paid=payment.amount)
        assert (contract.status, contract.is_active, contract.contract_type) == ("pending", False, "rent")
        assert (contract.client_id, contract.agent_id) == (deal.client.id, deal.agent.id)
        assert (contract.amount, contract.currency) == (payment.amount, "NGN")
        assert (contract.start_date, contract.end_date) == (start, clock.add_months(start, 24))
        assert (payment.status, deal.home.held_by_payment_id) == ("declared", payment.id)
        assert moves_of(contract) == ["create"]

    def test_a_sale_has_no_end(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        payments.initiate(deal.by_client, deal.viewing.id)
        contract = declare(deal)
        assert (contract.contract_type, contract.end_date) == ("sale", None)

    def test_a_repeat_returns_the_same_contract(self, deal: Deal) -> None:
        payments.initiate(deal.by_client, deal.viewing.id)
        first = services.find_or_declare(
            deal.by_client, deal.home.id, amount_paid=deal.home.price, paid_on=clock.today()
        )
        again = services.find_or_declare(
            deal.by_client, deal.home.id, amount_paid=deal.home.price, paid_on=clock.today()
        )
        assert (first[1], again) == (True, (first[0], False))

    def test_the_named_payment_may_have_been_accepted_since(self, deal: Deal, declared: Payment) -> None:
        payments.accept(deal.by_agent, declared.id)
        assert declare(deal, payment_id=declared.id).status == "active"
        with pytest.raises(PaymentRequired):
            declare(deal)

    def test_without_an_open_payment_it_is_refused(self, deal: Deal) -> None:
        with pytest.raises(PaymentRequired):
            declare(deal)
        for status in ("expired", "canceled", "declined", "superseded"):
            closed = make_payment(deal.viewing, status=status)
            for payment_id in (None, closed.id):
                with pytest.raises(PaymentRequired):
                    declare(deal, payment_id=payment_id)

    def test_a_payment_that_is_not_there_is_no_payment(self, deal: Deal) -> None:
        elsewhere = make_payment(make_viewing(make_deal().home, deal.client))
        for payment_id in (make_payment().id, elsewhere.id, 2**31 - 1):
            with pytest.raises(InvalidInput) as refused:
                declare(deal, payment_id=payment_id)
            assert [one["field"] for one in refused.value.errors] == ["payment_id"]

    def test_a_home_that_is_not_there_is_not_found(self, deal: Deal) -> None:
        hidden = make_deal(listing_state="draft").home
        for property_id in (hidden.id, 2**31 - 1):
            with pytest.raises(NotFound):
                services.declare(deal.by_client, property_id, amount_paid=Decimal(1), paid_on=clock.today())

    def test_a_home_paused_meanwhile_is_still_there_for_who_pays_it(self, deal: Deal) -> None:
        payments.initiate(deal.by_client, deal.viewing.id)
        properties.pause(deal.by_agent, deal.home.id)
        assert declare(deal).status == "pending"

    def test_the_first_wins(self, deal: Deal) -> None:
        rival, viewing = deal.rival()
        payments.initiate(deal.by_client, deal.viewing.id)
        payments.initiate(actor_of(rival), viewing.id)
        declare(deal)
        with pytest.raises(UnderOffer):
            services.declare(actor_of(rival), deal.home.id, amount_paid=deal.home.price, paid_on=clock.today())

    @pytest.mark.parametrize(("period", "months"), [("year", 24), ("month", 2)])
    def test_what_is_sent_must_equal_what_is_frozen(self, db_session: Any, period: str, months: int) -> None:
        deal = make_deal(period=period)
        amount = payments.initiate(deal.by_client, deal.viewing.id, periods=2).amount
        with pytest.raises(InvalidInput) as refused:
            declare(deal, amount_paid=amount, amount=amount + 1, rental_period_months=months + 1)
        assert {one["field"] for one in refused.value.errors} == {"amount", "rental_period_months"}
        assert declare(deal, amount_paid=amount, amount=amount, rental_period_months=months).status == "pending"

    @pytest.mark.parametrize("home", [{"period": "week"}, {"listing_type": "sale"}])
    def test_terms_without_months_have_none(self, db_session: Any, home: dict[str, str]) -> None:
        deal = make_deal(**home)
        payments.initiate(deal.by_client, deal.viewing.id)
        with pytest.raises(InvalidInput):
            declare(deal, rental_period_months=1)


class TestAccept:
    def test_the_contract_begins_and_the_home_is_let(self, deal: Deal, declared: Payment) -> None:
        contract = services.confirm_payment(deal.by_agent, pending_of(declared).id)
        assert (contract.status, contract.is_active, deal.home.status) == ("active", True, "rented")
        assert (declared.status, contract.activated_at is not None) == ("accepted", True)
        assert moves_of(contract) == ["create", "activate"]

    def test_a_sale_is_sold(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        payments.initiate(deal.by_client, deal.viewing.id)
        contract = services.confirm_payment(deal.by_agent, declare(deal).id)
        assert (contract.status, contract.end_date, deal.home.status) == ("active", None, "sold")

    def test_it_starts_today_when_the_agreed_day_has_passed(
        self, deal: Deal, declared: Payment, frozen_clock: Clock
    ) -> None:
        frozen_clock.at(noon(date(2027, 1, 31)))
        contract = services.confirm_payment(deal.by_agent, pending_of(declared).id)
        assert (contract.start_date, contract.end_date) == (date(2027, 1, 31), date(2028, 1, 31))

    def test_a_day_to_come_stays(self, deal: Deal) -> None:
        start = clock.today() + timedelta(days=30)
        payments.initiate(deal.by_client, deal.viewing.id, start_date=start)
        assert services.confirm_payment(deal.by_agent, declare(deal).id).start_date == start

    @pytest.mark.parametrize(
        ("period", "periods", "end"),
        [
            ("year", 1, date(2028, 1, 31)),
            ("month", 1, date(2027, 2, 28)),
            ("week", 3, date(2027, 2, 21)),
            ("night", 2, date(2027, 2, 2)),
        ],
    )
    def test_the_end_is_by_the_calendar(
        self, db_session: Any, frozen_clock: Clock, period: str, periods: int, end: date
    ) -> None:
        frozen_clock.at(noon(date(2027, 1, 31)))
        deal = make_deal(period=period)
        payment = payments.initiate(deal.by_client, deal.viewing.id, periods=periods)
        contract = services.confirm_payment(deal.by_agent, declare(deal, amount_paid=payment.amount).id)
        assert (contract.start_date, contract.end_date) == (date(2027, 1, 31), end)

    def test_the_day_is_the_propertys_own(self, db_session: Any, frozen_clock: Clock) -> None:
        frozen_clock.at(noon(date(2027, 3, 1)).replace(hour=23, minute=30))
        deal = make_deal(time_zone="Asia/Dubai")
        payments.initiate(deal.by_client, deal.viewing.id)
        assert services.confirm_payment(deal.by_agent, declare(deal).id).start_date == date(2027, 3, 2)

    def test_a_repeat_changes_nothing(self, deal: Deal, declared: Payment) -> None:
        contract = services.confirm_payment(deal.by_agent, pending_of(declared).id)
        services.confirm_payment(deal.by_agent, contract.id)
        assert moves_of(contract) == ["create", "activate"]

    def test_the_other_decision_is_refused(self, deal: Deal, declared: Payment) -> None:
        contract = services.confirm_payment(deal.by_agent, pending_of(declared).id)
        with pytest.raises(IllegalMove) as refused:
            services.confirm_payment(deal.by_agent, contract.id, decision="decline", reason="I was wrong.")
        assert refused.value.extra == {"from": "accepted"}

    def test_staff_give_a_reason(self, declared: Payment) -> None:
        staff = actor_of(make_user(Role.STAFF))
        with pytest.raises(InvalidInput):
            services.confirm_payment(staff, pending_of(declared).id)
        assert services.confirm_payment(staff, pending_of(declared).id, reason="The agent is ill.").is_active

    def test_who_may_not(self, deal: Deal, declared: Payment) -> None:
        contract = pending_of(declared)
        with pytest.raises(NotAllowed):
            services.confirm_payment(deal.by_client, contract.id)
        with pytest.raises(NotFound):
            services.confirm_payment(actor_of(make_user(Role.AGENT)), contract.id)


class TestDecline:
    def test_contract_and_hold_are_gone(self, deal: Deal, declared: Payment) -> None:
        contract = services.confirm_payment(
            deal.by_agent, pending_of(declared).id, decision="decline", reason="Nothing has come."
        )
        assert (contract.status, declared.status, deal.home.held_by_payment_id) == ("canceled", "declined", None)
        again = services.confirm_payment(deal.by_agent, contract.id, decision="decline", reason="Nothing has come.")
        assert (again.status, moves_of(contract)) == ("canceled", ["create", "cancel"])
        with pytest.raises(IllegalMove):
            services.confirm_payment(deal.by_agent, contract.id)

    def test_a_payment_that_is_called_off_takes_its_contract_with_it(self, deal: Deal, declared: Payment) -> None:
        contract = pending_of(declared)
        payments.cancel(deal.by_client, declared.id)
        assert contract.status == "canceled"
        with pytest.raises(IllegalMove):
            services.confirm_payment(deal.by_agent, contract.id)


class TestComplete:
    def test_a_sale_is_handed_over_and_stays_sold(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        contract = make_tenancy(deal)
        for _ in "ab":
            assert services.complete(deal.by_agent, contract.id).status == "completed"
        assert (deal.home.status, moves_of(contract)) == ("sold", ["create", "complete"])

    def test_a_tenancy_is_not_handed_over(self, deal: Deal, tenancy: Contract) -> None:
        with pytest.raises(IllegalMove):
            services.complete(deal.by_agent, tenancy.id)

    def test_staff_give_a_reason_and_clients_may_not(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        contract = make_tenancy(deal)
        with pytest.raises(NotAllowed):
            services.complete(deal.by_client, contract.id)
        with pytest.raises(InvalidInput):
            services.complete(actor_of(make_user(Role.STAFF)), contract.id)


class TestVetoes:
    @pytest.mark.parametrize("status", ["pending", "active"])
    def test_terms_of_a_home_under_contract_stay(self, deal: Deal, status: str) -> None:
        make_contract(
            make_payment(deal.viewing, status="declared" if status == "pending" else "accepted"), status=status
        )
        with pytest.raises(PropertyInUse):
            properties.update(deal.by_agent, deal.home.id, currency="USD")
        with pytest.raises(PropertyInUse):
            properties.archive(deal.by_agent, deal.home.id)
        db.session.rollback()

    def test_an_account_with_a_running_contract_is_not_closed(self, deal: Deal, tenancy: Contract) -> None:
        for user in (deal.client, deal.agent):
            with pytest.raises(ContractLive):
                services.keep_account(AccountClosing(user))
        services.keep_account(AccountClosing(make_user()))

    def test_a_contract_that_has_ended_is_in_nobodys_way(self, deal: Deal) -> None:
        make_tenancy(deal, status="expired")
        services.keep_account(AccountClosing(deal.client))
        assert properties.archive(deal.by_agent, deal.home.id).listing_state == "archived"


class TestDocument:
    def test_the_same_contract_gives_the_same_bytes(self, deal: Deal, declared: Payment) -> None:
        contract = pending_of(declared)
        before = services.document_of(contract)
        assert before.startswith(b"%PDF-")
        assert services.document_of(contract) == before
        services.confirm_payment(deal.by_agent, contract.id)
        assert services.document_of(contract) != before
