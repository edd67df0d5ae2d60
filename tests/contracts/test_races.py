"""Races over real connections: whoever comes first wins, once, and the others are told."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.contracts import jobs, services
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.actor import Actor, Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal
from sheda.payments import jobs as payments_jobs
from sheda.payments import services as payments
from sheda.payments.models import Payment
from sheda.properties.models import Property
from tests.contracts.conftest import declare_renewal, make_ending, pending_of
from tests.factories import actor_of, make_payment, make_user
from tests.payments.conftest import Deal, make_deal, moves_of


@pytest.fixture
def race(app: Flask) -> Callable[[Sequence[Callable[[], Any]]], list[Any]]:
    """Return a function that starts all works at one moment, each in a transaction of its own connection."""

    def run(works: Sequence[Callable[[], Any]], *, edge: bool = True) -> list[Any]:
        start, outcomes = threading.Barrier(len(works)), [None] * len(works)

        def one(index: int) -> None:
            with app.app_context():
                start.wait(10)
                try:
                    outcomes[index] = in_transaction(works[index]) if edge else works[index]()
                except Refusal as refusal:
                    outcomes[index] = refusal.code
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=one, args=(index,)) for index in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        db.session.expire_all()
        return outcomes

    return run


def declaring(actor: Actor, home: Property) -> Callable[[], str]:
    home_id, amount = home.id, home.price
    return lambda: services.declare(actor, home_id, amount_paid=amount, paid_on=clock.today()).status


def declared_deal() -> tuple[Deal, Payment, Contract]:
    deal = make_deal()
    payment = payments.initiate(deal.by_client, deal.viewing.id)
    services.declare(deal.by_client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
    db.session.commit()
    return deal, payment, pending_of(payment)


def test_ten_clients_declare_on_one_home_and_one_holds_it(live_db: Any, race: Any) -> None:
    deal = make_deal()
    payers: list[User] = []
    for _ in range(10):
        rival, viewing = deal.rival()
        make_payment(viewing)
        payers.append(rival)
    outcomes = race([declaring(actor_of(one), deal.home) for one in payers])
    assert Counter(outcomes) == {"pending": 1, "under_offer": 9}
    held = Payment.query.filter_by(status="declared").one()
    assert deal.home.held_by_payment_id == held.id
    assert Contract.query.count() == 1


def test_one_client_clicks_ten_times_and_makes_one_payment(live_db: Any, race: Any) -> None:
    deal = make_deal()
    actor, viewing_id = deal.by_client, deal.viewing.id
    outcomes = race([lambda: payments.initiate(actor, viewing_id).id] * 10)
    assert len(set(outcomes)) == 1
    assert Payment.query.count() == 1


def test_twenty_accepts_make_one_contract(live_db: Any, race: Any) -> None:
    deal, payment, contract = declared_deal()
    actor, contract_id = deal.by_agent, contract.id
    outcomes = race([lambda: services.confirm_payment(actor, contract_id).id] * 20)
    assert outcomes == [contract_id] * 20
    assert (contract.status, deal.home.status) == ("active", "rented")
    assert moves_of(contract) == ["create", "activate"]
    assert moves_of(payment).count("accept") == 1


@pytest.mark.parametrize("turn", range(5))
def test_accept_decline_and_cancel_meet_and_one_of_them_happens(live_db: Any, race: Any, turn: int) -> None:
    deal, payment, contract = declared_deal()
    agent, client, contract_id, payment_id = deal.by_agent, deal.by_client, contract.id, payment.id
    outcomes = race(
        [
            lambda: services.confirm_payment(agent, contract_id) and "accepted",
            lambda: services.confirm_payment(agent, contract_id, decision="decline", reason="No money.") and "declined",
            lambda: payments.cancel(client, payment_id) and "canceled",
        ]
    )
    happened = [one for one in outcomes if one != "illegal_move"]
    assert happened == [payment.status]
    expected = {"accepted": ("active", "rented")}.get(payment.status, ("canceled", "available"))
    assert (contract.status, deal.home.status, deal.home.held_by_payment_id) == (*expected, None)


def test_three_expiry_jobs_at_once_end_each_tenancy_once(live_db: Any, race: Any) -> None:
    contracts = [make_ending()[1] for _ in range(12)]
    tallies = race([jobs.expire_due] * 3, edge=False)
    jobs.catch_up()
    assert {one.status for one in contracts} == {"expired"}
    assert all(moves_of(one) == ["create", "expire"] for one in contracts)
    assert sum(one.get("failed", 0) for one in tallies) == 0


@pytest.mark.parametrize("turn", range(5))
def test_expiry_meets_the_acceptance_of_a_renewal(live_db: Any, race: Any, turn: int) -> None:
    deal, contract = make_ending(days=1)
    successor = declare_renewal(deal, contract)
    contract.end_date = clock.today()
    successor.start_date = contract.end_date
    db.session.commit()
    agent, successor_id, contract_id = deal.by_agent, successor.id, contract.id
    staff = actor_of(make_user(Role.STAFF))
    outcomes = race(
        [
            lambda: services.confirm_payment(agent, successor_id).status,
            lambda: services.expire(staff, contract_id, reason="They have moved out.").status,
        ]
    )
    assert tuple(outcomes) in {("active", "illegal_move"), ("contract_expired", "expired")}
    assert deal.home.status == ("rented" if outcomes[0] == "active" else "available")


def test_expiry_job_meets_the_acceptance_of_a_renewal(live_db: Any, race: Any) -> None:
    deal, contract = make_ending(days=1)
    successor = declare_renewal(deal, contract)
    contract.end_date = successor.start_date = clock.today()
    db.session.commit()
    agent, successor_id = deal.by_agent, successor.id
    race([lambda: services.confirm_payment(agent, successor_id).status, lambda: jobs.expire_due() and None])
    assert (contract.status, successor.status, deal.home.status) == ("renewed", "active", "rented")


def test_lapsing_meets_the_declaration(live_db: Any, race: Any) -> None:
    deal = make_deal()
    payment = make_payment(deal.viewing)
    payment.expires_at = clock.now()
    db.session.commit()
    outcomes = race([declaring(deal.by_client, deal.home), lambda: payments_jobs.expire_due() and None])
    payments_jobs.expire_due()
    assert outcomes[0] == "payment_required"
    assert (payment.status, deal.home.held_by_payment_id) == ("expired", None)
