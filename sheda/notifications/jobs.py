"""Reminders: sweeps of what is near that nobody was told of; each is sent in its own stretch of time, or never.

Beside them the daily mails, and the forgetting of what was said long ago.
"""

from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Date, Select, cast, exists, func, literal, select
from sqlalchemy.orm import aliased

from sheda.appointments.models import Appointment
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.db import db, in_transaction
from sheda.core.forgetting import forget
from sheda.core.jobs import BATCH, Tally, is_alone, job, sweep_ids, turn_is_over
from sheda.core.states import History
from sheda.notifications import signals, words
from sheda.notifications.services import tell, untold
from sheda.payments.models import HOLDING_STATES, Payment
from sheda.properties.models import Property

HOUR = timedelta(hours=1)


def _ids(statement: Select[Any], model: Any, after: int) -> list[int]:
    """Read a batch of due ids above one, held against the same sweep beside this one."""
    batch = (
        statement.where(model.id > after).order_by(model.id).limit(BATCH).with_for_update(of=model, skip_locked=True)
    )
    return list(db.session.scalars(batch))


def _hours(delta: timedelta) -> str:
    return f"{delta // HOUR}h"


def _add(tally: Tally, more: Tally) -> None:
    for name, number in more.items():
        tally[name] = tally.get(name, 0) + number


@job("notifications.viewings", every=timedelta(minutes=5))
def remind_of_viewings() -> Tally:
    """Remind both sides of confirmed viewings, 24 and 2 hours before they begin, once each.

    A viewing that was confirmed later than a reminder's hour has none of it: its confirmation was news enough.
    """
    tally: Tally = {}
    for before, next_before in _stretches(current_app.config["VIEWING_REMINDERS"]):
        due = _viewings_due(before, next_before)
        _add(tally, sweep_ids(partial(_ids, due, Appointment), partial(_remind_of_viewing, before), counted_as="told"))
    return tally


def _stretches(deltas: Any) -> list[tuple[timedelta, timedelta]]:
    """Return each reminder's distance with the next nearer one, where its stretch ends."""
    return list(pairwise([*sorted(deltas, reverse=True), timedelta(0)]))


def _viewings_due(before: timedelta, next_before: timedelta) -> Select[Any]:
    now = clock.now()
    confirmed_in_time = exists().where(
        History.subject_type == Appointment.__tablename__,
        History.subject_id == Appointment.id,
        History.to_state == "confirmed",
        History.at <= Appointment.starts_at - before,
    )
    return select(Appointment.id).where(
        Appointment.status == "confirmed",
        Appointment.starts_at <= now + before,
        Appointment.starts_at > now + next_before,
        confirmed_in_time,
        untold("appointment_reminder", Appointment, _hours(before), Appointment.client_id, Appointment.agent_id),
    )


def _remind_of_viewing(before: timedelta, appointment_id: int) -> bool:
    viewing = db.session.get_one(Appointment, appointment_id)
    said = words.viewing(viewing)
    text = f"Your viewing of {said['home']} is on {said['when']} ({said['zone']})."
    people = {viewing.client_id: text, viewing.agent_id: text}
    return tell("appointment_reminder", viewing, people, words=said, version=_hours(before)) > 0


@job("notifications.decisions", every=timedelta(minutes=15))
def remind_of_decisions() -> Tally:
    """Remind agents of payments, declared or proved, that wait for them, 24 and 48 hours on, once each."""
    tally: Tally = {}
    deltas = sorted(current_app.config["DECIDE_REMINDERS"])
    for waited, next_waited in pairwise([*deltas, current_app.config["DECIDE_WITHIN"]]):
        due = _decisions_due(waited, next_waited)
        _add(tally, sweep_ids(partial(_ids, due, Payment), partial(_remind_of_decision, waited), counted_as="told"))
    return tally


def _decisions_due(waited: timedelta, next_waited: timedelta) -> Select[Any]:
    now = clock.now()
    return select(Payment.id).where(
        Payment.status.in_(HOLDING_STATES),
        Payment.declared_at <= now - waited,
        Payment.declared_at > now - next_waited,
        untold("payment_decision_due", Payment, _hours(waited), Payment.agent_id),
    )


def _remind_of_decision(waited: timedelta, payment_id: int) -> bool:
    payment = db.session.get_one(Payment, payment_id)
    by = words.moment_of(payment.decide_by) if payment.decide_by else ""
    said = words.payment(payment, ("Decide by", f"{by} (Lagos time)")) | {"until": by}
    text = f"{said['client']}'s payment of {said['amount']} for {said['home']} waits for your decision until {by}."
    return tell("payment_decision_due", payment, {payment.agent_id: text}, words=said, version=_hours(waited)) > 0


@job("notifications.contracts", every=HOUR)
def remind_of_contracts() -> Tally:
    """Remind both sides of a tenancy's end 90, 60, 30, 7 and 1 days before it, once each.

    Days count in the property's zone. A tenancy that is shorter than a reminder's distance, or that a renewal follows
    on, has none.
    """
    tally: Tally = {}
    for days, next_days in pairwise([*sorted(current_app.config["CONTRACT_REMINDERS"], reverse=True), 0]):
        due = _contracts_due(days, next_days)
        _add(tally, sweep_ids(partial(_ids, due, Contract), partial(_remind_of_contract, days), counted_as="told"))
    return tally


def _contracts_due(days: int, next_days: int) -> Select[Any]:
    today = cast(func.timezone(Property.time_zone, clock.now()), Date)
    last: ColumnElement[Any] = func.least(Contract.end_date, Contract.ends_early_on)
    successor = aliased(Contract)
    follows = exists().where(successor.replaces_id == Contract.id, successor.status == "scheduled")
    return (
        select(Contract.id)
        .join(Property, Property.id == Contract.property_id)
        .where(
            Contract.status == "active",
            Contract.contract_type == "rent",
            last - today <= literal(days),
            last - today > literal(next_days),
            Contract.start_date < last - literal(days),
            ~follows,
            untold("contract_ending", Contract, f"{days}d", Contract.client_id, Contract.agent_id),
        )
    )


def _remind_of_contract(days: int, contract_id: int) -> bool:
    contract = db.session.get_one(Contract, contract_id)
    said = words.contract(contract)
    last = contract.ends_early_on or contract.end_date
    left = (last - clock.today(contract.subject.time_zone)).days if last else days
    said["left"] = "tomorrow" if left == 1 else f"in {left} days"
    text = f"The tenancy of {said['home']} ends on {said['end']}, {said['left']}."
    people = {contract.client_id: text, contract.agent_id: text}
    return tell("contract_ending", contract, people, words=said, version=f"{days}d") > 0


@job("notifications.digests", every=timedelta(minutes=5))
def send_digests() -> Tally:
    """Send to each reader, once a day, one mail of what was to wait for it."""
    tally: Tally = {"told": 0}

    def work() -> tuple[int, bool]:
        return signals.gather() if is_alone("notifications.digests") else (0, False)

    while True:
        told, is_more = in_transaction(work)
        tally["told"] += told
        if not is_more:
            return tally
        if turn_is_over():
            return tally | {"more": 1}


@job("notifications.forget", every=timedelta(days=1))
def forget_old() -> Tally:
    """Forget messages that left, or were given up, long ago, notices that were read, and lines of daily mails.

    Their keys go with them. Nothing is told again for that: a reminder is due only within its own stretch, all of which
    are shorter than what is kept.
    """
    mails = clock.now() - current_app.config["MAILS_KEPT"]
    notices = clock.now() - current_app.config["NOTICES_KEPT"]
    return {
        "messages": forget("outbox", "kept.sent_at < :before OR kept.dead_at < :before", mails),
        "lines": forget("digest_lines", "kept.told_at < :before", mails),
        "notices": forget("notifications", "kept.read_at < :before", notices),
    }
