"""Whose payments and files are there for whom, and who reads an account number in full."""

from sqlalchemy import ColumnElement, false, or_, select, true

from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role
from sheda.payments.models import OPEN_STATES, File, Payment, WebhookEvent


@row_rule(Payment)
def _payment_rows(actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        return true()
    if actor.role is Role.CLIENT:
        return Payment.client_id == actor.id
    return Payment.agent_id == actor.id if actor.role is Role.AGENT else false()


@row_rule(File)
def _file_rows(actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        return true()
    if actor.id is None:
        return false()
    proofs = select(Payment.proof_file_id).where(_payment_rows(actor), Payment.proof_file_id.is_not(None))
    return or_(File.owner_id == actor.id, File.id.in_(proofs))


@row_rule(WebhookEvent)
def _event_rows(actor: Actor) -> ColumnElement[bool]:
    return true() if actor.is_office else false()


def is_payer(actor: Actor, payment: Payment) -> bool:
    """Tell whether this is the client who makes, or has just made, the payment; each showing to him is audited."""
    return actor.role is Role.CLIENT and payment.client_id == actor.id and payment.status in OPEN_STATES


def may_read_account(actor: Actor, payment: Payment) -> bool:
    """Tell whether the account number is shown in full: to its owner, and to the payer of an open payment."""
    return is_payer(actor, payment) or (actor.role is Role.AGENT and payment.agent_id == actor.id)
