from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sheda.contracts import services
from sheda.contracts.models import Contract
from sheda.contracts.services import ContractExpired
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import IllegalMove
from sheda.payments import services as payments
from sheda.payments.services import PaymentOpen
from sheda.properties.models import PropertyFee
from tests.conftest import Clock
from tests.contracts.conftest import agree_renewal, declare_renewal, make_ending, make_tenancy, schedule_renewal
from tests.factories import actor_of, make_user
from tests.payments.conftest import Deal, make_deal, moves_of


class TestPropose:
    def test_either_side_proposes(self, deal: Deal, tenancy: Contract) -> None:
        contract, is_new = services.renew(deal.by_client, tenancy.id, periods=2)
        assert (is_new, contract.renewal) == (True, {"periods": 2, "proposed_by": "client", "payment": None})
        assert services.renew(deal.by_client, tenancy.id, periods=2)[1] is False
        contract, is_new = services.renew(deal.by_agent, tenancy.id, months=12)
        assert (is_new, contract.renewal) == (True, {"periods": 1, "proposed_by": "agent", "payment": None})

    def test_nothing_said_proposes_the_same_term(self, db_session: Any) -> None:
        deal = make_deal(period="month")
        contract = make_tenancy(deal)
        assert services.renew(deal.by_client, contract.id)[0].renewal_periods == contract.periods

    def test_staff_stand_for_the_agent_and_say_why(self, deal: Deal, tenancy: Contract) -> None:
        staff = actor_of(make_user(Role.STAFF))
        with pytest.raises(InvalidInput):
            services.renew(staff, tenancy.id)
        assert services.renew(staff, tenancy.id, reason="The agent asked us.")[0].renewal_by == "agent"

    def test_a_sale_and_what_has_ended_are_not_renewed(self, db_session: Any) -> None:
        sale = make_deal(listing_type="sale")
        with pytest.raises(IllegalMove):
            services.renew(sale.by_client, make_tenancy(sale).id)
        deal, contract = make_ending(status="expired")
        with pytest.raises(ContractExpired):
            services.renew(deal.by_client, contract.id)
        deal, contract = make_ending()
        with pytest.raises(ContractExpired):
            services.renew(deal.by_client, contract.id)

    def test_after_a_notice_there_is_no_renewal(self, deal: Deal, tenancy: Contract) -> None:
        services.terminate(deal.by_client, tenancy.id)
        with pytest.raises(IllegalMove):
            services.renew(deal.by_agent, tenancy.id)

    def test_a_renewed_tenancy_is_not_renewed_again(self, deal: Deal, tenancy: Contract) -> None:
        schedule_renewal(deal, tenancy)
        with pytest.raises(IllegalMove):
            services.renew(deal.by_client, tenancy.id)

    def test_strangers_see_nothing(self, tenancy: Contract) -> None:
        with pytest.raises(NotFound):
            services.renew(actor_of(make_user()), tenancy.id)


class TestAcceptProposal:
    def test_the_other_side_accepts_and_the_client_pays_rent_alone(self, deal: Deal, tenancy: Contract) -> None:
        deal.home.fees = [PropertyFee(kind="agency", amount=Decimal(250000), position=0)]
        db.session.commit()
        services.renew(deal.by_agent, tenancy.id, periods=2)
        contract, is_new = services.renew(deal.by_client, tenancy.id)
        payment = contract.renewal_payment
        assert is_new
        assert payment is not None
        assert (payment.kind, payment.status, payment.amount) == ("renewal", "initiated", Decimal(5000000))
        assert (payment.client_id, payment.appointment_id, payment.renews_contract_id) == (
            deal.client.id,
            None,
            tenancy.id,
        )
        assert contract.renewal == {"periods": 2, "proposed_by": None, "payment": payment}
        assert services.renew(deal.by_agent, tenancy.id) == (contract, False)

    def test_nobody_accepts_his_own(self, deal: Deal, tenancy: Contract) -> None:
        with pytest.raises(IllegalMove):
            services.accept_renewal(deal.by_client, tenancy.id)
        services.propose_renewal(deal.by_client, tenancy.id, periods=1)
        with pytest.raises(NotAllowed):
            services.accept_renewal(deal.by_client, tenancy.id)

    def test_other_terms_are_refused_while_it_is_being_paid(self, deal: Deal, tenancy: Contract) -> None:
        agree_renewal(deal, tenancy)
        with pytest.raises(PaymentOpen):
            services.renew(deal.by_client, tenancy.id, periods=7)

    def test_after_its_payment_has_come_to_nothing_one_begins_anew(self, deal: Deal, tenancy: Contract) -> None:
        payments.cancel(deal.by_client, agree_renewal(deal, tenancy).id)
        db.session.commit()
        assert agree_renewal(deal, tenancy, 2).periods == 2

    def test_a_payment_past_its_hours_stands_in_nobodys_way_before_any_job_runs(
        self, deal: Deal, tenancy: Contract, frozen_clock: Clock
    ) -> None:
        lapsed = agree_renewal(deal, tenancy)
        frozen_clock.at(lapsed.expires_at)
        contract, is_new = services.renew(deal.by_client, tenancy.id, periods=2)
        assert (is_new, contract.renewal_periods, lapsed.status) == (True, 2, "expired")


class TestDecision:
    def test_the_successor_waits_for_the_old_end(self, deal: Deal, tenancy: Contract) -> None:
        successor = declare_renewal(deal, tenancy, periods=2)
        assert (successor.status, successor.replaces_id) == ("pending", tenancy.id)
        assert deal.home.held_by_payment_id is None
        services.confirm_payment(deal.by_agent, successor.id)
        assert (successor.status, tenancy.status, deal.home.status) == ("scheduled", "active", "rented")
        assert successor.start_date == tenancy.end_date
        assert successor.end_date == clock.add_months(successor.start_date, 24)

    def test_declining_leaves_the_tenancy_as_it_is(self, deal: Deal, tenancy: Contract) -> None:
        successor = declare_renewal(deal, tenancy)
        services.confirm_payment(deal.by_agent, successor.id, decision="decline", reason="Nothing has come.")
        assert (successor.status, tenancy.status, deal.home.status) == ("canceled", "active", "rented")

    def test_accepted_while_holding_over_it_takes_over_at_once(self, db_session: Any, frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        successor = declare_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=3))
        services.confirm_payment(deal.by_agent, successor.id)
        assert (contract.status, successor.status, deal.home.status) == ("renewed", "active", "rented")
        assert successor.start_date == contract.end_date
        assert moves_of(successor) == ["create", "activate"]

    def test_accepted_after_the_end_it_is_too_late(self, db_session: Any) -> None:
        deal, contract = make_ending(days=1)
        successor = declare_renewal(deal, contract)
        services.expire(actor_of(make_user(Role.STAFF)), contract.id, reason="They have moved out.")
        with pytest.raises(ContractExpired):
            services.confirm_payment(deal.by_agent, successor.id)
        db.session.rollback()

    def test_too_late_also_before_the_job_has_run(self, db_session: Any, frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        successor = declare_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=8))
        with pytest.raises(ContractExpired):
            services.confirm_payment(deal.by_agent, successor.id)
        db.session.rollback()

    def test_declared_after_the_end_it_is_too_late(self, db_session: Any, frozen_clock: Clock) -> None:
        deal, contract = make_ending(days=1)
        payment = agree_renewal(deal, contract)
        frozen_clock.at(clock.now() + timedelta(days=1))
        with pytest.raises(ContractExpired):
            services.declare(
                deal.by_client,
                deal.home.id,
                payment_id=payment.id,
                amount_paid=payment.amount,
                paid_on=clock.today(),
            )
        db.session.rollback()

    def test_a_new_tenant_makes_an_old_renewal_a_refund(self, db_session: Any) -> None:
        deal, contract = make_ending(days=1)
        successor = declare_renewal(deal, contract)
        services.expire(actor_of(make_user(Role.STAFF)), contract.id, reason="They have moved out.")
        db.session.commit()
        rival, viewing = deal.rival()
        payment = payments.initiate(actor_of(rival), viewing.id)
        services.declare(actor_of(rival), deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        payments.accept(deal.by_agent, payment.id)
        assert (successor.status, successor.payment.status, successor.payment.refund_due) == (
            "canceled",
            "superseded",
            True,
        )
