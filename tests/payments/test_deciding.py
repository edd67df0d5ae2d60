from datetime import timedelta
from decimal import Decimal

import pytest

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import IllegalMove
from sheda.payments import services
from sheda.payments.models import Payment
from sheda.payments.services import PaymentRequired, ViewingRequired
from sheda.properties.services import UnderOffer
from tests.conftest import Clock
from tests.factories import actor_of, make_payment, make_user
from tests.payments.conftest import Deal, make_viewing, moves_of
from tests.payments.test_files import upload


def say_paid(deal: Deal, payment: Payment, **over: object) -> bool:
    told = {"amount_paid": payment.amount, "paid_on": clock.today(), **over}
    return services.declare(deal.by_client, payment, **told)  # type: ignore[arg-type]


class TestDeclare:
    def test_the_home_is_held_and_the_agent_has_72_hours(self, deal: Deal, frozen_clock: Clock) -> None:
        now = frozen_clock.at(clock.now())
        payment = services.initiate(deal.by_client, deal.viewing.id)
        assert say_paid(deal, payment, payer_name="Ada Obi", bank_reference="0042")
        assert (payment.status, payment.declared_at, payment.decide_by) == ("declared", now, now + timedelta(hours=72))
        assert (payment.amount_paid, payment.payer_name, payment.bank_reference) == (payment.amount, "Ada Obi", "0042")
        assert deal.home.held_by_payment_id == payment.id
        assert deal.home.status == "available"

    def test_a_repeat_changes_nothing(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        say_paid(deal, payment)
        assert say_paid(deal, payment, payer_name="Somebody else") is False
        assert payment.payer_name is None
        assert moves_of(payment).count("declare") == 1

    def test_the_first_wins(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        rival, viewing = deal.rival()
        other = services.initiate(actor_of(rival), viewing.id)
        say_paid(deal, payment)
        with pytest.raises(UnderOffer):
            services.declare(actor_of(rival), other, amount_paid=other.amount, paid_on=clock.today())

    @pytest.mark.parametrize("amount", ["2499999.99", "2500000.01", "1.00"])
    def test_an_amount_that_differs_is_refused(self, deal: Deal, amount: str) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        with pytest.raises(InvalidInput) as refused:
            say_paid(deal, payment, amount_paid=Decimal(amount))
        assert [one["field"] for one in refused.value.errors] == ["amount_paid"]

    def test_a_day_to_come_is_refused(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        with pytest.raises(InvalidInput) as refused:
            say_paid(deal, payment, paid_on=clock.today() + timedelta(days=1))
        assert [one["field"] for one in refused.value.errors] == ["paid_on"]

    def test_the_proof_must_be_ones_own(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        foreign = upload(actor_of(make_user()))
        for file_id in (foreign.id, 2**31 - 1):
            with pytest.raises(InvalidInput) as refused:
                say_paid(deal, payment, proof_file_id=file_id)
            assert [one["field"] for one in refused.value.errors] == ["proof_file_id"]
        own = upload(deal.by_client)
        assert say_paid(deal, payment, proof_file_id=own.id)
        assert payment.proof_file_id == own.id

    def test_a_viewing_that_was_called_off_is_no_ground(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        deal.viewing.status = "canceled"
        db.session.flush()
        with pytest.raises(ViewingRequired):
            say_paid(deal, payment)
        deal.viewing.status = "completed"

    def test_a_lapsed_payment_can_no_longer_be_declared(self, deal: Deal, frozen_clock: Clock) -> None:
        services.initiate(deal.by_client, deal.viewing.id)
        frozen_clock.at(clock.now() + timedelta(hours=48))
        with pytest.raises(PaymentRequired):
            services.find_declarable(deal.by_client, deal.home)

    def test_an_initiated_payment_goes_before_a_declared_one(self, deal: Deal) -> None:
        make_payment(deal.viewing, status="declared")
        later = make_payment(make_viewing(deal.home, deal.client))
        assert services.find_declarable(deal.by_client, deal.home) == later


class TestAccept:
    def test_the_home_is_taken_and_others_are_superseded(self, deal: Deal, declared: Payment) -> None:
        other = make_payment(deal.rival()[1])
        payment = services.accept(deal.by_agent, declared.id)
        assert (payment.status, other.status, deal.home.status) == ("accepted", "superseded", "rented")
        assert deal.home.held_by_payment_id is None
        assert payment.decided_at is not None
        assert other.refund_due is False

    def test_a_repeat_changes_nothing(self, deal: Deal, declared: Payment) -> None:
        services.accept(deal.by_agent, declared.id)
        services.accept(deal.by_agent, declared.id)
        assert moves_of(declared).count("accept") == 1

    def test_staff_give_a_reason(self, deal: Deal, declared: Payment) -> None:
        staff = actor_of(make_user(Role.STAFF))
        with pytest.raises(InvalidInput):
            services.accept(staff, declared.id)
        assert services.accept(staff, declared.id, reason="The agent is ill.").status == "accepted"

    def test_nobody_decides_on_his_own_payment(self, deal: Deal, declared: Payment) -> None:
        deal.client.roles = make_user(Role.ADMIN).roles
        with pytest.raises(NotAllowed):
            services.accept(actor_of(deal.client), declared.id, reason="It is mine.")
        with pytest.raises(NotAllowed):
            services.decline(actor_of(deal.client), declared.id, reason="It is mine.")

    def test_another_agent_does_not_see_it(self, declared: Payment) -> None:
        with pytest.raises(NotFound):
            services.accept(actor_of(make_user(Role.AGENT)), declared.id)

    def test_its_client_may_not(self, deal: Deal, declared: Payment) -> None:
        with pytest.raises(NotAllowed):
            services.accept(deal.by_client, declared.id)

    def test_a_payment_that_does_not_hold_the_home_is_refused(self, deal: Deal, declared: Payment) -> None:
        deal.home.held_by_payment_id = None
        with pytest.raises(UnderOffer):
            services.accept(deal.by_agent, declared.id)
        deal.home.held_by_payment_id = declared.id

    @pytest.mark.parametrize("status", ["initiated", "declined", "canceled", "expired", "superseded"])
    def test_only_a_declared_one_is_accepted(self, deal: Deal, status: str) -> None:
        payment = make_payment(deal.viewing, status=status)
        with pytest.raises(IllegalMove) as refused:
            services.accept(deal.by_agent, payment.id)
        assert refused.value.extra == {"from": status}

    def test_overdue_is_not_too_late(self, deal: Deal, declared: Payment, frozen_clock: Clock) -> None:
        frozen_clock.at(clock.now() + timedelta(days=30))
        assert services.accept(deal.by_agent, declared.id).status == "accepted"


class TestDecline:
    def test_the_home_is_free_again_and_it_is_final(self, deal: Deal, declared: Payment) -> None:
        services.decline(deal.by_agent, declared.id, reason="Nothing has come.")
        assert (declared.status, deal.home.held_by_payment_id, deal.home.status) == ("declined", None, "available")
        with pytest.raises(IllegalMove):
            services.accept(deal.by_agent, declared.id)

    def test_everybody_gives_a_reason(self, deal: Deal, declared: Payment) -> None:
        for actor in (deal.by_agent, actor_of(make_user(Role.STAFF))):
            for reason in (None, "  ", "x" * 501):
                with pytest.raises(InvalidInput):
                    services.decline(actor, declared.id, reason=reason)

    def test_the_client_may_pay_anew(self, deal: Deal, declared: Payment) -> None:
        services.decline(deal.by_agent, declared.id, reason="Nothing has come.")
        assert services.initiate(deal.by_client, deal.viewing.id).id != declared.id


class TestCancel:
    def test_an_initiated_one_leaves_nothing_behind(self, deal: Deal) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        services.cancel(deal.by_client, payment.id)
        assert (payment.status, payment.refund_due) == ("canceled", False)

    def test_a_declared_one_is_a_refund_due_and_frees_the_home(self, deal: Deal, declared: Payment) -> None:
        services.cancel(deal.by_client, declared.id)
        assert (declared.status, declared.refund_due) == ("canceled", True)
        assert deal.home.held_by_payment_id is None

    def test_a_repeat_changes_nothing(self, deal: Deal, declared: Payment) -> None:
        services.cancel(deal.by_client, declared.id)
        assert services.cancel(deal.by_client, declared.id).refund_due is True
        assert moves_of(declared).count("cancel") == 1

    def test_a_decided_one_is_refused(self, deal: Deal, declared: Payment) -> None:
        services.accept(deal.by_agent, declared.id)
        with pytest.raises(IllegalMove):
            services.cancel(deal.by_client, declared.id)

    def test_a_lapsed_one_is_refused_before_any_job_runs(self, deal: Deal, frozen_clock: Clock) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        frozen_clock.at(clock.now() + timedelta(hours=48))
        with pytest.raises(IllegalMove) as refused:
            services.cancel(deal.by_client, payment.id)
        assert refused.value.extra == {"from": "expired"}

    def test_only_its_client_may(self, deal: Deal, declared: Payment) -> None:
        with pytest.raises(NotAllowed):
            services.cancel(deal.by_agent, declared.id)
        with pytest.raises(NotFound):
            services.cancel(actor_of(make_user()), declared.id)
