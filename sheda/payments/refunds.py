"""Money that must go back: noted with the payment while it is owed, and here when it has been sent."""

from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import flush, lock_one
from sheda.core.errors import Conflict, NotAllowed
from sheda.core.events import emit
from sheda.core.states import Move, check_reason, clean_reason, letters_on, record
from sheda.payments.events import PaymentRefunded
from sheda.payments.models import Payment

REFUND = Move(
    "refund",
    (),
    "",
    "AS",
    "Refund sent",
    reason="always",
    confirm="Say how and when it was sent, such as the transfer's reference. The client is told, and reads it.",
)
"""It changes no state: a closed payment stays closed, and owes nothing any more."""


class NoRefundDue(Conflict):
    """Refuse to note a refund where none is owed."""

    code = "no_refund_due"
    detail = "No refund is due for this payment."


def send_refund(actor: Actor, payment_id: int, *, reason: str | None = None) -> Payment:
    """Note that a refund has been sent, by the agent who holds the money or by the office; the reason says how.

    Raises NotAllowed, also to somebody whose own payment it is, InvalidInput on `reason`, NoRefundDue.
    """
    get_visible(actor, Payment, payment_id)
    payment = lock_one(Payment, payment_id)
    if not letters_on(actor, payment) & set(REFUND.by) or actor.id == payment.client_id:
        raise NotAllowed
    check_reason(REFUND, actor, reason)
    if not payment.refund_due:
        raise NoRefundDue
    payment.refund_due, payment.updated_at = False, clock.now()
    record(actor, payment, REFUND.name, payment.status, payment.status, reason=clean_reason(reason))
    emit(PaymentRefunded(payment, actor, clean_reason(reason)))
    flush()
    return payment
