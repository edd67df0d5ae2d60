"""Who is told of what: one function for each event, in the order in which a letting goes (api.md, Notices)."""

from collections.abc import Iterable
from typing import Any

from sheda.accounts.events import AccountClosing, PasswordChanged, TwoFactorChanged
from sheda.appointments.events import (
    AppointmentBooked,
    AppointmentCanceled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentRejected,
)
from sheda.appointments.services import suggestions_for
from sheda.chat.events import MessagesWait
from sheda.contracts.events import NoticeGiven, RenewalProposed
from sheda.contracts.models import Contract
from sheda.contracts.services import contract_of
from sheda.core import clock, widgets
from sheda.core.banks import bank_name, mask
from sheda.core.db import as_array, read
from sheda.core.events import asking
from sheda.core.states import Moved, Moves, Plural
from sheda.notifications import devices, words
from sheda.notifications.services import News, forget, office_ids, tell, tell_all
from sheda.notifications.wishes import WISHES_OF_AGENT, wishes_said
from sheda.payments.events import (
    GatewayFlagged,
    PaymentAccepted,
    PaymentCanceled,
    PaymentDeclared,
    PaymentDeclined,
    PaymentEscalated,
    PaymentInitiated,
    PaymentRefunded,
    PaymentSuperseded,
)
from sheda.profiles.events import BankAccountChanged, VerificationDecided, VerificationSubmitted
from sheda.profiles.services import time_zone_of

HOMES = "SELECT id, agent_id, title, reference FROM properties WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id"
ENDED = """
SELECT c.id, c.client_id, c.agent_id, c.activated_at IS NOT NULL, p.title, p.reference
FROM contracts c JOIN properties p ON p.id = c.property_id
WHERE c.id = ANY(CAST(:ids AS bigint[])) ORDER BY c.id"""


def _both(subject: Any, text: str) -> dict[int, str]:
    return {subject.client_id: text, subject.agent_id: text}


def _others(event: Moved, text: str) -> dict[int, str]:
    """Return the parties but for whoever made the move himself."""
    return {person: text for person in _both(event.subject, text) if person != event.actor.id}


def _office(people: Iterable[int], text: str) -> dict[int, str]:
    return dict.fromkeys(people, text)


# ── Viewings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@asking(WISHES_OF_AGENT.format(kind="appointment_booked"))
def viewing_booked(event: AppointmentBooked, agents_wishes: Any) -> None:
    """Tell the agent of a request; of a viewing that is moved, the side that did not move it."""
    viewing = event.subject
    scene = event.scene or words.scene_of(viewing)
    note = ("Note", words.one_line(viewing.note)) if viewing.note else None
    answer_by = words.moment_of(viewing.expires_at, scene.zone) if viewing.expires_at else ""
    client = ("Client", words.person_called(*scene.client))
    said = words.viewing(viewing, client, note, ("Answer by", answer_by), scene=scene)
    if viewing.replaces_id is None:
        text = f"{said['client']} asks to view {said['home']} on {said['when']}."
        wishes = None if agents_wishes is None else wishes_said("appointment_booked", agents_wishes)
        tell("appointment_booked", viewing, {viewing.agent_id: text}, words=said, wishes=wishes)
    else:
        text = f"The viewing of {said['home']} is moved to {said['when']}; the agent confirms the new time."
        tell("appointment_moved", viewing, _others(event, text), words=said)


def viewing_confirmed(event: AppointmentConfirmed) -> None:
    """Tell both sides, with an invitation for their calendars."""
    said = words.viewing(event.subject)
    text = f"The viewing of {said['home']} on {said['when']} is confirmed."
    tell("appointment_confirmed", event.subject, _both(event.subject, text), words=said)


def viewing_rejected(event: AppointmentRejected) -> None:
    """Tell the client why, and which times are free next."""
    viewing = event.subject
    said = words.viewing(viewing, words.reason_of(event.reason))
    zone = time_zone_of(viewing.agent_id)
    said["suggestions"] = [words.moment_of(slot.starts_at, zone) for slot in suggestions_for(viewing)]
    text = f"{said['agent']} cannot show you {said['home']} on {said['when']}."
    tell("appointment_rejected", viewing, {viewing.client_id: text}, words=said)


def viewing_canceled(event: AppointmentCanceled) -> None:
    """Tell the side that did not call it off."""
    said = words.viewing(event.subject, words.reason_of(event.reason))
    text = f"The viewing of {said['home']} on {said['when']} is cancelled."
    tell("appointment_canceled", event.subject, _others(event, text), words=said)


def viewing_expired(event: AppointmentExpired) -> None:
    """Tell both sides that nobody answered in time."""
    said = words.viewing(event.subject)
    text = f"The request to view {said['home']} on {said['when']} was not answered in time and has lapsed."
    tell("appointment_expired", event.subject, _both(event.subject, text), words=said)


# ── Payments ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def payment_initiated(event: PaymentInitiated) -> None:
    """Tell the client that account details were shown to him."""
    payment = event.subject
    until = words.moment_of(payment.expires_at)
    said = words.payment(payment, ("Pay by", f"{until} (Lagos time)")) | {"until": until}
    text = f"To pay {said['amount']} for {said['home']}, use the account shown in Sheda by {until}."
    tell("payment_initiated", payment, {payment.client_id: text}, words=said)


def payment_declared(event: PaymentDeclared) -> None:
    """Tell the agent that the client says he has paid."""
    payment = event.subject
    by = words.moment_of(payment.decide_by) if payment.decide_by else ""
    said = words.payment(
        payment,
        ("Paid on", words.day_of(payment.paid_on) if payment.paid_on else ""),
        ("Payer", words.one_line(payment.payer_name or "")),
        ("Bank reference", words.one_line(payment.bank_reference or "")),
        ("Decide by", f"{by} (Lagos time)" if by else ""),
    ) | {"until": by}
    text = f"{said['client']} has paid {said['amount']} for {said['home']}. Confirm or decline by {by}."
    tell("payment_declared", payment, {payment.agent_id: text}, words=said)


def payment_accepted(event: PaymentAccepted) -> None:
    """Tell client and agent, with the receipt and the contract in the one mail."""
    payment, contract = event.subject, contract_of(event.subject)
    term = words.contract(contract)
    said = words.payment(payment) | {"start": term["start"], "end": term["end"], "kind": payment.kind}
    said["facts"] += [fact for fact in term["facts"] if fact[0] != "Home"]
    text = f"The payment of {said['amount']} for {said['home']} is confirmed. The contract is in your mail."
    tell("payment_accepted", payment, _both(payment, text), words=said)


def payment_declined(event: PaymentDeclined) -> None:
    """Tell the client why his payment is not confirmed."""
    payment = event.subject
    said = words.payment(payment, words.reason_of(event.reason))
    text = f"{said['agent']} has not received your payment of {said['amount']} for {said['home']}."
    tell("payment_declined", payment, {payment.client_id: text}, words=said)


def payment_canceled(event: PaymentCanceled) -> None:
    """Tell the agent and the office of a declared payment that is called off: money may have to go back."""
    payment = event.subject
    if payment.refund_due:
        said = words.payment(payment)
        text = f"The payment of {said['amount']} for {said['home']} was called off; a refund may be due."
        tell("payment_canceled", payment, {payment.agent_id: text, **_office(office_ids(), text)}, words=said)


def payment_refunded(event: PaymentRefunded) -> None:
    """Tell the client how his money was sent back."""
    payment = event.subject
    said = words.payment(payment)
    text = f"Your refund of {said['amount']} for {said['home']} was sent: {event.reason}"
    tell("payment_refunded", payment, {payment.client_id: text}, words=said, version=clock.now().isoformat())


def payment_superseded(event: PaymentSuperseded) -> None:
    """Tell a client that the home went to somebody else."""
    payment = event.subject
    said = words.payment(payment) | {"refund_due": payment.refund_due}
    text = f"{said['home']} went to somebody else; your payment of {said['amount']} is closed."
    tell("payment_superseded", payment, {payment.client_id: text}, words=said)


def payment_escalated(event: PaymentEscalated) -> None:
    """Call the office: nobody has decided in time."""
    payment = event.subject
    declared = words.moment_of(payment.declared_at) if payment.declared_at else ""
    people = (("Client", words.name_of(payment.client)), ("Agent", words.name_of(payment.agent)))
    said = words.payment(payment, *people, ("Declared", declared))
    text = f"{said['agent']} has not decided on the payment of {said['amount']} for {said['home']} in time."
    tell("payment_escalated", payment, _office(office_ids(), text), words=said)


# ── Contracts and homes ──────────────────────────────────────────────────────────────────────────────────────────────


@Plural
def contract_ended(moves: Moves) -> None:
    """Tell both sides that a tenancy, or a renewal before its day, has ended."""
    why = {"reason": moves.reason} if moves.reason else {}
    news = []
    for contract_id, client_id, agent_id, began, *called in read(ENDED, ids=as_array(moves.ids)):
        text = f"The {'tenancy' if began else 'renewal'} of {words.home_called(*called)} has ended."
        # The rest of the mail is found when it leaves (mails.py): a hundred thousand may be written in one night.
        said = {"path": words.contract_path(contract_id), **why}
        news.append(News(contract_id, {client_id: text, agent_id: text}, said, client_id, agent_id))
    tell_all("contract_ended", "contracts", news)


def notice_given(event: NoticeGiven) -> None:
    """Tell the other side when the tenancy ends."""
    said = words.contract(event.subject, words.reason_of(event.reason))
    text = f"Notice is given: the tenancy of {said['home']} ends on {said['end']}."
    tell("contract_notice", event.subject, _others(event, text), words=said)


def renewal_proposed(event: RenewalProposed) -> None:
    """Tell the other side, which may accept."""
    contract: Contract = event.subject
    number = contract.renewal_periods or 1
    length = f"{number} {contract.period}{'s' if number != 1 else ''}"
    said = words.contract(contract, ("Renewal for", length), words.reason_of(event.reason)) | {"length": length}
    text = f"A renewal of the tenancy of {said['home']} for {length} is proposed to you."
    tell("renewal_proposed", contract, _others(event, text), words=said, version=clock.now().isoformat())


@Plural
def property_returned(moves: Moves) -> None:
    """Ask the agent whether a home that is on the market again is still to be had."""
    news = []
    for home_id, agent_id, *called in read(HOMES, ids=as_array(moves.ids)):
        text = f"{words.home_called(*called)} is on the market again. Is it still available? Pause it if it is not."
        news.append(News(home_id, {agent_id: text}, agent_id=agent_id))
    tell_all("property_returned", "properties", news, version=clock.now().isoformat())


# ── Messages, and money that gateways tell of ────────────────────────────────────────────────────────────────────────


def messages_waiting(event: MessagesWait) -> None:
    """Tell a reader of messages that have waited for him; in Sheda his inbox says it already."""
    one = "a message" if event.count == 1 else f"{event.count} messages"
    text = f"{event.sender_name} has sent you {one}."
    said = {
        "sender": event.sender_name,
        "sender_id": event.sender_id,
        "count": event.count,
        "lines": event.lines,
        "last_message_id": event.last_message_id,
        "path": event.path,
        "reply_path": event.path,
    }
    news = News(event.conversation_id, {event.reader_id: text}, said)
    tell_all("chat_waiting", "conversations", [news], version=str(event.last_message_id))


def gateway_flagged(event: GatewayFlagged) -> None:
    """Call the office: a gateway tells of money that may be where it should not be."""
    what = FLAGS.get(event.outcome, widgets.plain(event.outcome))
    payment, provider = event.payment, event.provider.capitalize()
    said = words.payment(payment, ("Gateway", provider)) if payment is not None else {"facts": [("Gateway", provider)]}
    said |= {"what": what, "provider": provider, "path": f"/admin/gateway-events/show/{event.subject.id}"}
    about = f" It is about {said['reference']}, {said['amount']} for {said['home']}." if payment is not None else ""
    tell("gateway_flagged", event.subject, _office(office_ids(), f"{provider}: {what}.{about}"), words=said)


FLAGS = {
    "amount_differs": "an amount that is not the one asked for",
    "currency_differs": "another currency than the one asked for",
    "dispute": "the payer disputes a payment",
    "paid_twice": "somebody has paid twice",
    "payment_closed": "money came for a payment that is closed",
    "property_unavailable": "money came for a home that is no longer to be had",
    "reference_differs": "two references for one payment",
    "refund": "money went back to the payer",
    "under_offer": "money came for a home that another client holds",
    "unknown_reference": "money under a reference that is none of ours",
    "unreadable": "news that Sheda cannot read",
    "viewing_required": "money came for a home that was not viewed",
}
"""What a gateway's news mean to the office."""


# ── Verification ─────────────────────────────────────────────────────────────────────────────────────────────────────


def verification_submitted(event: VerificationSubmitted) -> None:
    """Tell the office that papers wait."""
    text = f"{words.name_of(event.subject.agent)} has sent papers to be verified."
    version = clock.now().isoformat()
    tell("verification_submitted", event.subject, _office(office_ids(), text), version=version)


VERDICTS = {
    "verified": "Your papers are approved: clients see that you are verified.",
    "rejected": "Your papers were sent back.",
    "unverified": "Your badge was taken back.",
}


def verification_decided(event: VerificationDecided) -> None:
    """Tell an agent what the office has decided on his papers, and why."""
    row = event.subject
    why = words.reason_of(event.reason)
    said = {"status": row.status, "path": "/admin/verification/", "facts": words.facts(why)}
    text = VERDICTS[row.status] + (f" Reason: {why[1]}" if why else "")
    tell("verification_decided", row, {row.agent_id: text}, words=said, version=clock.now().isoformat())


# ── Safety of accounts ───────────────────────────────────────────────────────────────────────────────────────────────


def password_changed(event: PasswordChanged) -> None:
    """Tell a person that his password is another one now; devices that took pushes ask for them again."""
    devices.forget_all(event.user.id)
    when = words.moment_of(clock.now())
    said = {"when": when, "path": "/login/", "facts": [("When", f"{when} (Lagos time)")]}
    text = f"Your password was changed on {when}. If that was not you, reset it at once."
    tell("password_changed", event.user, {event.user.id: text}, words=said, version=clock.now().isoformat())


TWO_STEP_NEWS = {
    "on": "Two-step sign-in is on.",
    "off": "Two-step sign-in is off.",
    "reset": "Your two-step sign-in was reset by an admin.",
    "new_codes": "You have new recovery codes.",
    "code_used": "A recovery code was used to sign in.",
}


def two_factor_changed(event: TwoFactorChanged) -> None:
    """Tell a person that the second step of his sign-in is another one, or that a recovery code was used."""
    when = words.moment_of(clock.now())
    left = ("Recovery codes left", str(event.left)) if event.change == "code_used" else None
    said = {
        "change": event.change,
        "path": "/admin/security/",
        "facts": words.facts(("When", f"{when} (Lagos time)"), left, words.reason_of(event.reason)),
    }
    text = f"{TWO_STEP_NEWS[event.change]} If that was not you, change your password at once."
    version = f"{event.change}:{clock.now().isoformat()}"
    tell("two_factor_changed", event.user, {event.user.id: text}, words=said, version=version)


def bank_account_changed(event: BankAccountChanged) -> None:
    """Tell an agent that an account of his was added, changed or removed."""
    account, when = event.account, words.moment_of(clock.now())
    shown = f"{bank_name(account.bank_code)}, {mask(account.account_number)}"
    said = {
        "change": event.change,
        "path": "/admin/bank-accounts/list/",
        "facts": [("Account", shown), ("When", f"{when} (Lagos time)")],
    }
    text = f"Your bank account {shown} was {event.change} on {when}."
    tell("bank_account_changed", account, {account.agent_id: text}, words=said, version=clock.now().isoformat())


def account_closing(event: AccountClosing) -> None:
    """Keep nothing of what a person was told who leaves; listed last, so that nothing is told to him afterwards."""
    forget(event.user.id)
