"""Renewals: either side proposes, the other accepts, the client pays, and a successor follows on the old end."""

from sheda.contracts import ending
from sheda.contracts.access import side_of
from sheda.contracts.events import RenewalProposed
from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.contracts.terms import has_lapsed, is_due, is_holding_over
from sheda.core.actor import Actor, Role
from sheda.core.db import db, flush
from sheda.core.errors import Conflict, InvalidInput, NotAllowed
from sheda.core.events import emit
from sheda.core.states import IllegalMove, check_reason, clean_reason, illegal, record
from sheda.payments import services as payments
from sheda.properties.models import Property


class ContractExpired(Conflict):
    """Refuse to renew what has ended already."""

    code = "contract_expired"
    detail = "This tenancy has ended. A new one begins with a viewing and a payment of its own."


def renew(
    actor: Actor, contract_id: int, *, periods: int | None = None, months: int | None = None, reason: str | None = None
) -> tuple[Contract, bool]:
    """Propose a renewal, or accept the other side's; True when that changed anything.

    Saying nothing, or the same number of periods, accepts a standing proposal of the other side; another number
    proposes anew. Staff act in the agent's place, with a reason. Raises NotAllowed, InvalidInput, IllegalMove for a
    sale or a tenancy that ends early, ContractExpired, PaymentOpen, PaymentDetailsMissing.
    """
    subject, contract = _take_up(actor, contract_id, reason)
    chosen = payments.chosen_periods(subject, periods=periods, months=months)
    if contract.renewal_payment is not None:
        if chosen not in {None, contract.renewal_payment.periods}:
            raise payments.PaymentOpen("A renewal with other terms is being paid. Cancel that payment first.")
        return contract, False
    standing, side = contract.renewal_periods, side_of(actor, contract)
    if standing is not None and contract.renewal_by != side and chosen in {None, standing}:
        _accept(actor, subject, contract, standing, reason)
        return contract, True
    wanted = chosen or standing or contract.periods or 1
    if contract.renewal_by == side and wanted == standing:
        return contract, False
    _propose(actor, contract, wanted, reason)
    return contract, True


def propose_renewal(actor: Actor, contract_id: int, *, periods: int, reason: str | None = None) -> Contract:
    """Propose to renew a tenancy for some periods; a proposal takes the place of the one before."""
    _, contract = _take_up(actor, contract_id, reason)
    if contract.renewal_payment is not None:
        raise payments.PaymentOpen("A renewal is being paid already.")
    _propose(actor, contract, periods, reason)
    return contract


def accept_renewal(actor: Actor, contract_id: int, *, reason: str | None = None) -> Contract:
    """Accept the other side's proposal: the payment of the renewal begins. NotAllowed for one's own proposal."""
    subject, contract = _take_up(actor, contract_id, reason)
    if contract.renewal_payment is not None:
        return contract
    if contract.renewal_periods is None:
        raise _illegal(contract, "Nobody has proposed a renewal.")
    if contract.renewal_by == side_of(actor, contract):
        raise NotAllowed("The other side accepts what you have proposed.")
    _accept(actor, subject, contract, contract.renewal_periods, reason)
    return contract


def begin(actor: Actor, contract: Contract, old: Contract) -> None:
    """Let a paid renewal wait for the old end, or take over at once when that day has passed; both are locked.

    ContractExpired when the tenancy has ended, or has held over for longer than it may.
    """
    if old.status != "active" or has_lapsed(old):
        raise ContractExpired
    if is_due(old):
        ending.hand_over(actor, old, contract)
    else:
        CONTRACT.move(actor, contract, "schedule")
        flush()


def check_renewable(contract: Contract) -> None:
    """Refuse to renew a sale, what has ended, and what ends early or is renewed already."""
    is_over = is_due(contract) and not is_holding_over(contract)
    if contract.contract_type == "rent" and (contract.status == "expired" or (contract.status == "active" and is_over)):
        raise ContractExpired
    if contract.contract_type != "rent" or contract.status != "active":
        raise _illegal(contract, "Only a running tenancy is renewed.")
    if contract.ends_early_on is not None:
        raise _illegal(contract, f"This tenancy ends early, on {contract.ends_early_on}.")
    if ending.successor_of(contract) is not None:
        raise _illegal(contract, "This tenancy has been renewed already.")


def _take_up(actor: Actor, contract_id: int, reason: str | None) -> tuple[Property, Contract]:
    subject, contract = ending.take_up(actor, contract_id)
    if clean_reason(reason) is None and actor.role in {Role.STAFF, Role.ADMIN}:
        raise InvalidInput.on("reason", "Give a reason, in up to 500 characters; both sides will read it.")
    check_reason(CONTRACT.moves["terminate"], actor, reason)
    check_renewable(contract)
    return subject, contract


def _propose(actor: Actor, contract: Contract, periods: int, reason: str | None) -> None:
    contract.renewal_periods, contract.renewal_by = periods, side_of(actor, contract)
    why = clean_reason(reason)
    details = {"periods": periods}
    record(actor, contract, "propose_renewal", contract.status, contract.status, reason=why, details=details)
    emit(RenewalProposed(contract, actor, why))
    flush()


def _accept(actor: Actor, subject: Property, contract: Contract, periods: int, reason: str | None) -> None:
    contract.renewal_periods = contract.renewal_by = None
    payments.initiate_renewal(actor, subject, contract_id=contract.id, client_id=contract.client_id, periods=periods)
    details = {"periods": periods}
    why = clean_reason(reason)
    record(actor, contract, "accept_renewal", contract.status, contract.status, reason=why, details=details)
    flush()
    db.session.refresh(contract, ["renewal_payment"])


def _illegal(contract: Contract, detail: str) -> IllegalMove:
    return IllegalMove(detail, **illegal("renew", contract.status).extra)
