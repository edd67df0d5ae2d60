from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotFound
from sheda.core.states import History
from sheda.payments import services
from sheda.payments.services import PaymentDetailsMissing, PaymentOpen, ViewingRequired
from sheda.properties.models import PropertyFee
from sheda.properties.services import PropertyUnavailable, UnderOffer
from tests.conftest import Clock
from tests.factories import actor_of, make_bank_account, make_payment, make_property, make_user
from tests.payments.conftest import Deal, make_deal, make_viewing, moves_of


class TestInitiate:
    def test_the_amount_is_price_times_periods_and_every_fee_once(self, deal: Deal) -> None:
        deal.home.fees = [
            PropertyFee(kind="agency", amount=Decimal(250000), position=0),
            PropertyFee(kind="other", label="Gate", amount=Decimal("10000.50"), position=1),
        ]
        db.session.commit()
        payment = services.initiate(deal.by_client, deal.viewing.id, periods=2)
        assert payment.amount == Decimal("5260000.50")
        assert payment.lines == [
            {
                "kind": "rent",
                "label": "Rent, 2 years",
                "quantity": 2,
                "unit_amount": "2500000.00",
                "amount": "5000000.00",
            },
            {"kind": "agency", "label": "Agency", "quantity": 1, "unit_amount": "250000.00", "amount": "250000.00"},
            {"kind": "other", "label": "Gate", "quantity": 1, "unit_amount": "10000.50", "amount": "10000.50"},
        ]

    def test_terms_account_and_parties_are_frozen(self, deal: Deal, frozen_clock: Clock) -> None:
        now = frozen_clock.at(clock.now())
        payment = services.initiate(deal.by_client, deal.viewing.id, periods=1)
        account = make_bank_account(make_user(Role.AGENT))
        assert (payment.kind, payment.period, payment.periods, payment.currency) == ("rent", "year", 1, "NGN")
        assert (payment.client_id, payment.agent_id) == (deal.client.id, deal.agent.id)
        assert set(payment.account) == {"bank_code", "bank_name", "account_name", "account_number"}
        assert payment.account["account_number"] != account.account_number
        assert payment.expires_at == now + timedelta(hours=48)
        deal.home.price = Decimal(1)
        db.session.commit()
        assert payment.amount == Decimal("2500000.00")

    def test_showing_the_account_leaves_a_history_row_each_time(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        assert moves_of(payment) == ["initiate", "show_account"]
        services.initiate(deal.by_client, deal.viewing.id)
        assert moves_of(payment) == ["initiate", "show_account", "show_account"]
        assert History.query.filter_by(move="show_account").first().actor_id == deal.client.id

    def test_nothing_said_is_one_period(self, deal: Deal) -> None:
        assert services.initiate(deal.by_client, deal.viewing.id).periods == 1

    def test_a_sale_has_the_price_and_no_periods(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        payment = services.initiate(deal.by_client, deal.viewing.id)
        assert (payment.kind, payment.periods, [line["kind"] for line in payment.lines]) == ("sale", None, ["price"])

    @pytest.mark.parametrize("terms", [{"periods": 1}, {"months": 12}])
    def test_a_sale_takes_no_periods(self, db_session: Any, terms: dict[str, int]) -> None:
        deal = make_deal(listing_type="sale")
        with pytest.raises(InvalidInput) as refused:
            services.initiate(deal.by_client, deal.viewing.id, **terms)
        assert refused.value.errors[0]["field"] == next(iter(terms))

    @pytest.mark.parametrize(("period", "months", "periods"), [("year", 24, 2), ("month", 6, 6)])
    def test_months_become_whole_periods(self, db_session: Any, period: str, months: int, periods: int) -> None:
        deal = make_deal(period=period)
        assert services.initiate(deal.by_client, deal.viewing.id, months=months).periods == periods

    @pytest.mark.parametrize(
        ("period", "terms"),
        [
            ("year", {"months": 18}),
            ("week", {"months": 1}),
            ("night", {"months": 1}),
            ("month", {"months": 61}),
            ("year", {"months": 12, "periods": 2}),
        ],
    )
    def test_months_that_do_not_fit_are_refused(self, db_session: Any, period: str, terms: dict[str, int]) -> None:
        deal = make_deal(period=period)
        with pytest.raises(InvalidInput) as refused:
            services.initiate(deal.by_client, deal.viewing.id, **terms)
        assert [one["field"] for one in refused.value.errors] == ["months"]

    @pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (90, True), (91, False)])
    def test_the_start_is_from_today_to_ninety_days_on(self, deal: Deal, days: int, fits: bool) -> None:
        start = clock.today() + timedelta(days=days)
        if fits:
            assert services.initiate(deal.by_client, deal.viewing.id, start_date=start).start_date == start
        else:
            with pytest.raises(InvalidInput, match="valid"):
                services.initiate(deal.by_client, deal.viewing.id, start_date=start)

    def test_all_faults_are_told_at_once(self, deal: Deal) -> None:
        with pytest.raises(InvalidInput) as refused:
            services.initiate(deal.by_client, deal.viewing.id, months=7, start_date=clock.today() - timedelta(days=9))
        assert {one["field"] for one in refused.value.errors} == {"months", "start_date"}

    def test_more_than_the_largest_amount_is_refused(self, db_session: Any) -> None:
        deal = make_deal(price=Decimal(10) ** 12)
        with pytest.raises(InvalidInput):
            services.initiate(deal.by_client, deal.viewing.id, periods=2)

    def test_references_are_all_different(self, deal: Deal) -> None:
        first = services.initiate(deal.by_client, deal.viewing.id)
        rival, viewing = deal.rival()
        assert services.initiate(actor_of(rival), viewing.id).reference != first.reference


class TestRepeat:
    def test_the_open_payment_is_returned(self, deal: Deal) -> None:
        first, is_new = services.find_or_initiate(deal.by_client, deal.viewing.id, periods=2)
        again = services.find_or_initiate(deal.by_client, deal.viewing.id, periods=2)
        assert (is_new, again) == (True, (first, False))
        assert services.find_or_initiate(deal.by_client, deal.viewing.id) == (first, False)

    def test_other_terms_are_refused(self, deal: Deal) -> None:
        services.initiate(deal.by_client, deal.viewing.id, periods=2)
        with pytest.raises(PaymentOpen):
            services.initiate(deal.by_client, deal.viewing.id, periods=3)
        with pytest.raises(PaymentOpen):
            services.initiate(deal.by_client, deal.viewing.id, start_date=clock.today() + timedelta(days=3))

    def test_a_second_viewing_of_the_same_home_leads_to_the_same_payment(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        assert services.initiate(deal.by_client, make_viewing(deal.home, deal.client).id) == payment

    def test_a_lapsed_payment_gives_way_to_a_new_one(self, deal: Deal, frozen_clock: Clock) -> None:
        first = services.initiate(deal.by_client, deal.viewing.id)
        frozen_clock.at(clock.now() + timedelta(hours=48))
        second = services.initiate(deal.by_client, deal.viewing.id, periods=3)
        assert (first.status, second.status) == ("expired", "initiated")

    @pytest.mark.parametrize("status", ["declined", "canceled", "expired", "superseded"])
    def test_a_closed_payment_is_final_and_a_new_one_begins(self, deal: Deal, status: str) -> None:
        closed = make_payment(deal.viewing, status=status)
        assert services.initiate(deal.by_client, deal.viewing.id).id != closed.id

    def test_a_declared_payment_is_returned_too(self, deal: Deal) -> None:
        payment = make_payment(deal.viewing, status="declared")
        assert services.initiate(deal.by_client, deal.viewing.id) == payment


class TestRefusals:
    @pytest.mark.parametrize("status", ["pending", "rejected", "canceled", "expired", "no_show"])
    def test_a_home_must_be_seen_first(self, deal: Deal, status: str) -> None:
        with pytest.raises(ViewingRequired):
            services.initiate(deal.by_client, make_viewing(deal.home, deal.client, status=status).id)

    def test_a_confirmed_viewing_must_have_begun(self, deal: Deal, frozen_clock: Clock) -> None:
        now = frozen_clock.at(clock.now())
        viewing = make_viewing(deal.home, deal.client, status="confirmed", starts_at=now + timedelta(seconds=1))
        with pytest.raises(ViewingRequired):
            services.initiate(deal.by_client, viewing.id)
        frozen_clock.advance(timedelta(seconds=1))
        assert services.initiate(deal.by_client, viewing.id).appointment_id == viewing.id

    def test_somebody_elses_viewing_is_not_there(self, deal: Deal) -> None:
        with pytest.raises(NotFound):
            services.initiate(actor_of(make_user()), deal.viewing.id)

    def test_an_archived_home_is_refused(self, db_session: Any) -> None:
        deal = make_deal(listing_state="archived")
        with pytest.raises(PropertyUnavailable):
            services.initiate(deal.by_client, deal.viewing.id)

    def test_a_paused_home_can_still_be_paid_by_who_has_seen_it(self, db_session: Any) -> None:
        deal = make_deal(listing_state="paused")
        assert services.initiate(deal.by_client, deal.viewing.id).status == "initiated"

    def test_a_home_that_somebody_else_has_paid_for_is_refused(self, deal: Deal) -> None:
        make_payment(deal.rival()[1], status="declared")
        with pytest.raises(UnderOffer):
            services.initiate(deal.by_client, deal.viewing.id)

    def test_an_agent_without_a_bank_account_is_told(self, db_session: Any) -> None:
        client = make_user()
        viewing = make_viewing(make_property(), client)
        with pytest.raises(PaymentDetailsMissing):
            services.initiate(actor_of(client), viewing.id)
