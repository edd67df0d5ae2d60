from datetime import timedelta

import pytest

from sheda.accounts.events import AccountClosing
from sheda.appointments import services as appointments
from sheda.appointments.services import cancel_future_for_property
from sheda.core import clock, events
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments import jobs, services
from sheda.payments.events import PaymentEscalated
from sheda.payments.models import Payment
from sheda.payments.services import PaymentOpen
from sheda.properties import services as properties
from sheda.properties.services import PropertyInUse
from tests.conftest import Clock
from tests.factories import actor_of, make_payment, make_user
from tests.payments.conftest import Deal, make_viewing, moves_of


class TestExpire:
    def test_what_nobody_declared_lapses_once(self, deal: Deal, frozen_clock: Clock) -> None:
        payment = services.initiate(deal.by_client, deal.viewing.id)
        frozen_clock.at(payment.expires_at - timedelta(seconds=1))
        assert jobs.expire_due()["expired"] == 0
        frozen_clock.advance(timedelta(seconds=1))
        assert jobs.expire_due()["expired"] == 1
        assert jobs.expire_due() == {"seen": 0, "expired": 0, "failed": 0}
        db.session.refresh(payment)
        assert (payment.status, moves_of(payment).count("expire")) == ("expired", 1)

    def test_a_declared_one_never_lapses(self, declared: Payment, frozen_clock: Clock) -> None:
        frozen_clock.at(clock.now() + timedelta(days=400))
        assert jobs.expire_due()["expired"] == 0
        assert declared.status == "declared"

    def test_a_bad_row_does_not_stop_the_others(
        self, deal: Deal, frozen_clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = make_payment(deal.viewing), make_payment(deal.rival()[1])
        real = services.expire_if_due

        def fail_on_bad(payment: Payment) -> bool:
            if payment.id == bad.id:
                raise ZeroDivisionError
            return real(payment)

        monkeypatch.setattr(services, "expire_if_due", fail_on_bad)
        frozen_clock.at(clock.now() + timedelta(hours=49))
        assert jobs.expire_due() == {"seen": 2, "expired": 1, "failed": 1}
        db.session.refresh(good)
        assert (bad.status, good.status) == ("initiated", "expired")


class TestEscalate:
    def test_staff_are_called_once_and_the_payment_stays(
        self, declared: Payment, frozen_clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heard: list[PaymentEscalated] = []
        monkeypatch.setitem(events._reactions, PaymentEscalated, (heard.append,))
        frozen_clock.at(clock.now() + timedelta(hours=71))
        assert jobs.escalate_due()["escalated"] == 0
        frozen_clock.advance(timedelta(hours=1))
        assert jobs.escalate_due()["escalated"] == 1
        assert jobs.escalate_due() == {"seen": 0, "escalated": 0, "failed": 0}
        db.session.refresh(declared)
        assert (declared.status, declared.escalated_at) == ("declared", clock.now())
        assert (len(heard), moves_of(declared).count("escalate")) == (1, 1)


class TestViewingsThatAreCalledOff:
    def test_an_undeclared_payment_is_cancelled_with_its_viewing(self, deal: Deal, frozen_clock: Clock) -> None:
        coming = make_viewing(deal.home, deal.client, status="confirmed", starts_at=clock.now() + timedelta(hours=5))
        payment = make_payment(coming)
        appointments.cancel(deal.by_agent, coming.id)
        assert payment.status == "canceled"

    def test_a_declared_payment_keeps_its_viewing(self, deal: Deal) -> None:
        coming = make_viewing(deal.home, deal.client, status="confirmed", starts_at=clock.now() + timedelta(hours=5))
        make_payment(coming, status="declared")
        with pytest.raises(PaymentOpen):
            appointments.cancel(deal.by_client, coming.id)
        db.session.rollback()

    def test_a_client_who_has_paid_was_there(self, deal: Deal) -> None:
        begun = make_viewing(deal.home, deal.client, status="confirmed", starts_at=clock.now() - timedelta(hours=1))
        make_payment(begun, status="declared")
        with pytest.raises(PaymentOpen):
            appointments.no_show(deal.by_agent, begun.id)
        db.session.rollback()

    def test_a_let_home_calls_off_other_visits_and_keeps_begun_ones(self, deal: Deal, declared: Payment) -> None:
        rival, other = make_user(), make_user()
        coming = make_viewing(deal.home, rival, status="confirmed", starts_at=clock.now() + timedelta(hours=5))
        begun = make_viewing(deal.home, other, status="confirmed", starts_at=clock.now() - timedelta(hours=1))
        services.accept(deal.by_agent, declared.id)
        assert (coming.status, begun.status) == ("canceled", "confirmed")
        cancel_future_for_property(deal.home)
        assert begun.status == "confirmed"


class TestVetoes:
    @pytest.mark.parametrize("status", ["initiated", "declared"])
    def test_terms_of_a_home_with_an_open_payment_stay(self, deal: Deal, status: str) -> None:
        make_payment(deal.viewing, status=status)
        with pytest.raises(PropertyInUse):
            properties.update(deal.by_agent, deal.home.id, price=deal.home.price + 1)
        with pytest.raises(PropertyInUse):
            properties.archive(deal.by_agent, deal.home.id)
        db.session.rollback()

    def test_a_closed_or_lapsed_payment_is_in_nobodys_way(self, deal: Deal, frozen_clock: Clock) -> None:
        make_payment(deal.viewing, status="declined")
        make_payment(deal.rival()[1])
        frozen_clock.at(clock.now() + timedelta(hours=48))
        assert properties.archive(deal.by_agent, deal.home.id).listing_state == "archived"

    def test_an_account_with_an_open_payment_is_not_closed(self, deal: Deal) -> None:
        make_payment(deal.viewing)
        for user in (deal.client, deal.agent):
            with pytest.raises(PaymentOpen):
                services.keep_account(AccountClosing(user))
        services.keep_account(AccountClosing(make_user(Role.AGENT)))


def test_a_rival_renewal_that_was_declared_becomes_a_refund(deal: Deal, declared: Payment) -> None:
    other = make_payment(deal.rival()[1], status="processing")
    services.supersede_others(deal.home, declared.id)
    assert (other.status, other.refund_due) == ("superseded", True)
    assert actor_of(deal.agent).id == other.agent_id
