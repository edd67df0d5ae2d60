from datetime import date, timedelta
from typing import Any

import pytest

from sheda.contracts import services
from sheda.contracts.events import NoticeGiven
from sheda.contracts.models import Contract
from sheda.contracts.services import ContractNotDue
from sheda.contracts.terms import end_of, notice_day
from sheda.core import clock, events
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import IllegalMove
from sheda.payments.services import PaymentOpen
from tests.conftest import Clock
from tests.contracts.conftest import (
    agree_renewal,
    declare_renewal,
    make_ending,
    make_tenancy,
    noon,
    schedule_renewal,
)
from tests.factories import actor_of, make_user
from tests.payments.conftest import Deal, make_deal, moves_of


def staff() -> Any:
    return actor_of(make_user(Role.STAFF))


class TestTerms:
    @pytest.mark.parametrize(
        ("start", "period", "periods", "end"),
        [
            (date(2027, 1, 31), "month", 1, date(2027, 2, 28)),
            (date(2028, 1, 31), "month", 1, date(2028, 2, 29)),
            (date(2028, 2, 29), "year", 1, date(2029, 2, 28)),
            (date(2027, 12, 31), "week", 1, date(2028, 1, 7)),
            (date(2027, 12, 31), "night", 1, date(2028, 1, 1)),
            (date(2027, 1, 1), None, None, None),
        ],
    )
    def test_the_end_is_by_the_calendar(self, start: date, period: str, periods: int, end: date) -> None:
        assert end_of(start, period, periods) == end

    @pytest.mark.parametrize(
        ("period", "periods", "day"),
        [
            ("night", 5, date(2027, 2, 1)),
            ("week", 1, date(2027, 2, 7)),
            ("month", 1, date(2027, 2, 28)),
            ("month", 2, date(2027, 4, 30)),
            ("month", 6, date(2027, 4, 30)),
            ("month", 7, date(2027, 7, 31)),
            ("year", 1, date(2027, 7, 31)),
        ],
    )
    def test_notice_is_by_the_length_of_the_tenancy(self, period: str, periods: int, day: date) -> None:
        assert notice_day(Contract(period=period, periods=periods), date(2027, 1, 31)) == day


class TestExpire:
    def test_on_its_day_a_tenancy_ends_and_the_home_returns(self, db_session: Any) -> None:
        deal, contract = make_ending()
        services.expire(staff(), contract.id)
        assert (contract.status, contract.is_active, deal.home.status) == ("expired", False, "available")
        assert contract.ended_at is not None

    def test_a_repeat_changes_nothing(self, db_session: Any) -> None:
        _, contract = make_ending()
        for _ in "ab":
            services.expire(staff(), contract.id)
        assert moves_of(contract) == ["create", "expire"]

    def test_before_its_day_staff_say_why(self, db_session: Any) -> None:
        deal, contract = make_ending(days=1)
        for reason in (None, "  "):
            with pytest.raises(ContractNotDue):
                services.expire(staff(), contract.id, reason=reason)
        assert services.expire(staff(), contract.id, reason="The house burnt down.").status == "expired"
        assert deal.home.status == "available"

    def test_the_end_is_exclusive_and_the_propertys_own_day(self, db_session: Any, frozen_clock: Clock) -> None:
        deal = make_deal(time_zone="Asia/Dubai")
        contract = make_tenancy(deal, start_date=date(2026, 12, 1), end_date=date(2027, 12, 1))
        frozen_clock.at(noon(date(2027, 11, 30)).replace(hour=20, minute=59))
        with pytest.raises(ContractNotDue):
            services.expire(staff(), contract.id)
        frozen_clock.advance(timedelta(minutes=1))
        assert services.expire(staff(), contract.id).status == "expired"

    def test_a_sale_has_no_end(self, db_session: Any) -> None:
        contract = make_tenancy(make_deal(listing_type="sale"))
        with pytest.raises(ContractNotDue):
            services.expire(staff(), contract.id, reason="Let us try.")

    def test_what_a_renewal_follows_on_is_left_to_its_day(self, db_session: Any) -> None:
        deal, contract = make_ending(days=1)
        schedule_renewal(deal, contract)
        with pytest.raises(IllegalMove):
            services.expire(staff(), contract.id, reason="Let us try.")

    def test_holding_over_is_not_due(self, db_session: Any) -> None:
        deal, contract = make_ending(days=1)
        declare_renewal(deal, contract)
        contract.end_date = clock.today()
        with pytest.raises(ContractNotDue):
            services.expire(staff(), contract.id)
        assert services.expire(staff(), contract.id, reason="They have moved out.").status == "expired"

    @pytest.mark.parametrize("status", ["terminated", "renewed"])
    def test_what_is_over_does_not_expire(self, deal: Deal, status: str) -> None:
        with pytest.raises(IllegalMove):
            services.expire(staff(), make_tenancy(deal, status=status).id, reason="Let us try.")

    def test_parties_may_not(self, db_session: Any) -> None:
        deal, contract = make_ending()
        for actor in (deal.by_client, deal.by_agent):
            with pytest.raises(NotAllowed):
                services.expire(actor, contract.id)


class TestTerminate:
    @pytest.mark.parametrize("side", ["by_client", "by_agent"])
    def test_a_party_gives_notice_and_the_tenancy_runs_on(
        self, deal: Deal, tenancy: Contract, side: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heard: list[NoticeGiven] = []
        monkeypatch.setitem(events._reactions, NoticeGiven, (heard.append,))
        actor = getattr(deal, side)
        services.terminate(actor, tenancy.id, reason="A new job.")
        assert (tenancy.status, tenancy.ends_early_on) == ("active", clock.add_months(clock.today(), 6))
        assert deal.home.status == "rented"
        assert heard == [NoticeGiven(tenancy, actor, "A new job.")]
        services.terminate(deal.by_agent, tenancy.id)
        assert (len(heard), moves_of(tenancy)) == (1, ["create", "notice"])

    def test_notice_never_goes_beyond_the_agreed_end(self, db_session: Any) -> None:
        deal, contract = make_ending(days=30)
        assert services.terminate(deal.by_client, contract.id).ends_early_on == contract.end_date

    def test_staff_end_it_at_once_with_a_reason(self, deal: Deal, tenancy: Contract) -> None:
        with pytest.raises(InvalidInput):
            services.terminate(staff(), tenancy.id)
        for _ in "ab":
            services.terminate(staff(), tenancy.id, reason="The roof is gone.")
        assert (tenancy.status, deal.home.status) == ("terminated", "available")
        assert moves_of(tenancy) == ["create", "terminate"]

    def test_a_sale_is_not_ended(self, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        contract = make_tenancy(deal)
        for actor in (deal.by_client, deal.by_agent, staff()):
            with pytest.raises(IllegalMove):
                services.terminate(actor, contract.id, reason="I want it back.")

    def test_a_renewed_tenancy_takes_no_notice(self, deal: Deal, tenancy: Contract) -> None:
        schedule_renewal(deal, tenancy)
        with pytest.raises(IllegalMove):
            services.terminate(deal.by_client, tenancy.id)

    def test_a_renewal_that_is_being_paid_comes_first(self, deal: Deal, tenancy: Contract) -> None:
        agree_renewal(deal, tenancy)
        with pytest.raises(PaymentOpen):
            services.terminate(deal.by_client, tenancy.id)

    def test_a_renewals_payment_past_its_hours_is_in_nobodys_way(
        self, deal: Deal, tenancy: Contract, frozen_clock: Clock
    ) -> None:
        frozen_clock.at(agree_renewal(deal, tenancy).expires_at)
        assert services.terminate(deal.by_client, tenancy.id).ends_early_on is not None

    def test_past_its_end_nothing_is_left_to_end_before_any_job_runs(self, db_session: Any) -> None:
        deal, contract = make_ending()
        for actor in (deal.by_client, deal.by_agent, staff()):
            with pytest.raises(IllegalMove) as refused:
                services.terminate(actor, contract.id, reason="We move.")
            assert refused.value.extra == {"from": "expired"}
            db.session.rollback()

    def test_a_notice_that_has_run_out_ends_it_before_any_job_runs(
        self, deal: Deal, tenancy: Contract, frozen_clock: Clock
    ) -> None:
        last = services.terminate(deal.by_client, tenancy.id).ends_early_on
        assert last is not None
        frozen_clock.at(noon(last))
        assert services.terminate(deal.by_client, tenancy.id).status == "terminated"
        assert deal.home.status == "available"

    def test_staff_ending_it_call_off_its_renewal(self, deal: Deal, tenancy: Contract) -> None:
        successor = schedule_renewal(deal, tenancy)
        services.terminate(staff(), tenancy.id, reason="The roof is gone.")
        assert (tenancy.status, successor.status, deal.home.status) == ("terminated", "terminated", "available")
        assert successor.payment.refund_due

    def test_staff_call_off_a_renewal_alone(self, deal: Deal, tenancy: Contract) -> None:
        successor = schedule_renewal(deal, tenancy)
        with pytest.raises(IllegalMove):
            services.terminate(deal.by_client, successor.id)
        services.terminate(staff(), successor.id, reason="Both have changed their minds.")
        assert (successor.status, tenancy.status, deal.home.status) == ("terminated", "active", "rented")

    def test_an_undeclared_renewal_goes_with_it(self, deal: Deal, tenancy: Contract) -> None:
        payment = agree_renewal(deal, tenancy)
        services.terminate(staff(), tenancy.id, reason="The roof is gone.")
        assert payment.status == "canceled"

    def test_strangers_see_nothing(self, tenancy: Contract) -> None:
        for role in (Role.CLIENT, Role.AGENT):
            with pytest.raises(NotFound):
                services.terminate(actor_of(make_user(role)), tenancy.id)
