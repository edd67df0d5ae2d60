"""Time-outs of payments: lapsing what was never declared, and calling staff for what was never decided."""

from datetime import timedelta

from sqlalchemy import ColumnElement, select

from sheda.core import clock
from sheda.core.db import db, lock_one
from sheda.core.jobs import BATCH, Tally, job, sweep_ids
from sheda.payments import services, webhooks
from sheda.payments.models import HOLDING_STATES, Payment


def _due(after: int, *which: ColumnElement[bool]) -> list[int]:
    statement = (
        select(Payment.id)
        .where(Payment.id > after, *which)
        .order_by(Payment.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return list(db.session.scalars(statement))


@job("payments.expire", every=timedelta(minutes=5))
def expire_due() -> Tally:
    """Let payments lapse that nobody declared within 48 hours."""
    return sweep_ids(
        lambda after: _due(after, Payment.status == "initiated", Payment.expires_at <= clock.now()),
        lambda payment_id: services.expire_if_due(lock_one(Payment, payment_id)),
        counted_as="expired",
    )


@job("payments.escalate", every=timedelta(minutes=5))
def escalate_due() -> Tally:
    """Call staff, once each, for declared or proved payments that nobody decided within 72 hours."""
    undecided = Payment.status.in_(HOLDING_STATES), Payment.escalated_at.is_(None)
    return sweep_ids(
        lambda after: _due(after, *undecided, Payment.decide_by <= clock.now()),
        lambda payment_id: services.escalate_if_due(lock_one(Payment, payment_id)),
        counted_as="escalated",
    )


@job("payments.webhooks", every=timedelta(seconds=10))
def process_webhooks() -> Tally:
    """Work through what gateways have told."""
    return webhooks.process_due()
