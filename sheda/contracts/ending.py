"""How contracts end: on their day by the daily job, early with notice, at once by staff, or handed over."""

from sqlalchemy import or_, select

from sheda.contracts.events import NoticeGiven
from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.contracts.terms import has_notice_due, is_due, is_holding_over, notice_day, today_of
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import SYSTEM, Actor
from sheda.core.db import check_deferred, db, flush, lock
from sheda.core.errors import Conflict
from sheda.core.events import emit
from sheda.core.states import IllegalMove, Move, clean_reason, illegal, record
from sheda.payments import services as payments
from sheda.payments.models import Payment
from sheda.properties import services as properties
from sheda.properties.models import Property


class ContractNotDue(Conflict):
    """Refuse to end what still runs, unless staff say why."""

    code = "contract_not_due"
    detail = "This contract has not come to its end."


def take_up(actor: Actor, contract_id: int) -> tuple[Property, Contract]:
    """Lock the property of a contract that is there for the actor, then the contract and whatever follows on it."""
    seen = get_visible(actor, Contract, contract_id)
    subject = properties.lock_property(seen.property_id)
    both = or_(Contract.id == contract_id, Contract.replaces_id == contract_id)
    chain = select(Contract).where(both).order_by(Contract.id).with_for_update()
    rows = db.session.scalars(chain.execution_options(populate_existing=True)).all()
    contract = next(row for row in rows if row.id == contract_id)
    _let_payment_lapse(contract)
    return subject, contract


def _let_payment_lapse(contract: Contract) -> None:
    """Close a renewal's payment that nobody declared in time, as the job does: it stands in nobody's way."""
    waiting = contract.renewal_payment
    if waiting is not None and any(payments.expire_if_due(one) for one in lock(Payment, [waiting.id])):
        flush()
        db.session.refresh(contract, ["renewal_payment"])


def successor_of(contract: Contract) -> Contract | None:
    """Return the renewal that has been accepted and waits for its day."""
    waiting = select(Contract).where(Contract.replaces_id == contract.id, Contract.status == "scheduled")
    return db.session.scalars(waiting).one_or_none()


def expire(actor: Actor, contract_id: int, *, reason: str | None = None) -> Contract:
    """End a tenancy that is due; staff may end one that is not, with a reason. Repeating it changes nothing.

    ContractNotDue before its day without a reason, while it holds over, and for a sale; IllegalMove when a renewal
    follows on it.
    """
    subject, contract = take_up(actor, contract_id)
    move = CONTRACT.check(actor, contract, "expire", reason=reason)
    if move is None:
        return contract
    if contract.contract_type != "rent":
        raise ContractNotDue("A sale has no end.")
    if successor_of(contract) is not None:
        raise _illegal("expire", contract, "A renewal follows on this tenancy, on its last day and by itself.")
    is_over = is_due(contract) and not is_holding_over(contract)
    if not is_over and clean_reason(reason) is None:
        raise ContractNotDue(f"This contract runs until {contract.end_date}. Give a reason to end it now.")
    _end(actor, subject, contract, move, reason)
    return contract


def terminate(actor: Actor, contract_id: int, *, reason: str | None = None) -> Contract:
    """End a tenancy early: a party gives notice and it ends on `ends_early_on`; staff, with a reason, end it at once.

    Staff ending one that was renewed call the renewal off too. PaymentOpen when a party gives notice while a renewal
    is being paid; IllegalMove for a sale.
    """
    subject, contract = take_up(actor, contract_id)
    if actor.is_office and contract.status == "scheduled":
        _call_off(actor, contract, reason)
        return contract
    _settle(subject, contract)
    move = CONTRACT.check(actor, contract, "terminate", reason=reason)
    if move is None:
        return contract
    if contract.contract_type != "rent":
        raise _illegal("terminate", contract, "A sale is not ended.")
    if not actor.is_office:
        _give_notice(actor, contract, reason)
        return contract
    successor = successor_of(contract)
    _end(actor, subject, contract, move, reason)
    if successor is not None:
        _call_off(actor, successor, reason)
    return contract


def complete(actor: Actor, contract_id: int, *, reason: str | None = None) -> Contract:
    """Close a sale that was handed over; the property stays sold."""
    _, contract = take_up(actor, contract_id)
    move = CONTRACT.check(actor, contract, "complete", reason=reason)
    if move is not None:
        if contract.contract_type != "sale":
            raise _illegal("complete", contract, "Only a sale is handed over; a tenancy ends on its day.")
        CONTRACT.apply(actor, contract, move, reason=reason)
        flush()
    return contract


def _give_notice(actor: Actor, contract: Contract, reason: str | None) -> None:
    if contract.ends_early_on is not None:
        return
    if successor_of(contract) is not None:
        raise _illegal("terminate", contract, "This tenancy has been renewed; the renewal is what a notice can end.")
    if contract.renewal_payment is not None:
        raise payments.PaymentOpen("A renewal is being paid. Cancel that payment first.")
    last = contract.end_date or clock.today()
    contract.ends_early_on = min(notice_day(contract, today_of(contract)), last)
    contract.renewal_periods = contract.renewal_by = None
    why = clean_reason(reason)
    details = {"ends_early_on": contract.ends_early_on.isoformat()}
    record(actor, contract, "notice", contract.status, contract.status, reason=why, details=details)
    emit(NoticeGiven(contract, actor, why))
    flush()


def _call_off(actor: Actor, contract: Contract, reason: str | None) -> None:
    """End a renewal before its day; what was paid for it becomes a refund to look after."""
    contract.ended_at = clock.now()
    for payment in lock(Payment, [contract.payment_id]):
        payment.refund_due = True
    CONTRACT.move(actor, contract, "call_off", reason=reason)
    flush()


def _end(actor: Actor, subject: Property, contract: Contract, move: Move, reason: str | None) -> None:
    contract.ended_at = clock.now()
    contract.renewal_periods = contract.renewal_by = None
    CONTRACT.apply(actor, contract, move, reason=reason)
    flush()
    properties.return_to_market(actor, subject)
    payments.drop_renewal(contract.id)
    flush()


def _illegal(move: str, contract: Contract, detail: str) -> IllegalMove:
    refusal = illegal(move, contract.status)
    return IllegalMove(detail, **refusal.extra)


# ── What a tenancy's day brings ──────────────────────────────────────────────────────────────────────────────────────


def settle(contract_id: int) -> bool:
    """Do what a tenancy's day brings: its renewal takes over, or it ends; False when nothing is due.

    Checks the deferred rules at once, so that a row which breaks them fails alone and not with its batch.
    """
    subject, contract = take_up(SYSTEM, contract_id)
    settled = _settle(subject, contract)
    check_deferred()
    return settled


def _settle(subject: Property, contract: Contract) -> bool:
    if contract.status != "active" or contract.contract_type != "rent":
        return False
    if has_notice_due(contract):
        _end(SYSTEM, subject, contract, CONTRACT.moves["terminate"], None)
        return True
    if not is_due(contract):
        return False
    successor = successor_of(contract)
    if successor is not None:
        hand_over(SYSTEM, contract, successor)
        # After days of standing still a short renewal may be over as well.
        _settle(subject, successor)
        return True
    if is_holding_over(contract):
        return False
    _end(SYSTEM, subject, contract, CONTRACT.moves["expire"], None)
    return True


def hand_over(actor: Actor, old: Contract, new: Contract) -> None:
    """Let a renewal take over from its tenancy in one transaction; the property stays let."""
    old.ended_at = new.activated_at = clock.now()
    CONTRACT.move(actor, old, "renewed")
    # The old one must be out of the unique index of live contracts before the new one comes in.
    flush()
    CONTRACT.move(actor, new, "activate")
    flush()
