"""What is made at the moment a message leaves: invitations, the contract with its receipt, and the way out of a mail.

What is no longer true, or was read meanwhile, does not leave at all.
"""

from collections.abc import Callable
from dataclasses import replace

from flask import current_app
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.appointments.models import Appointment
from sheda.chat.models import Message
from sheda.contracts.models import Contract
from sheda.contracts.services import contract_of, document_of
from sheda.core import clock
from sheda.core.db import db
from sheda.core.mail import Extras, Undeliverable
from sheda.core.outbox import Outbox, prepares
from sheda.core.unsubscribing import one_click
from sheda.notifications import unsubscribing, words
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Notification
from sheda.notifications.signals import DIGEST
from sheda.payments.models import Payment


def invitation(row: Outbox) -> Extras:
    """Tell the reader's calendar of the viewing, as it stands when the mail leaves."""
    viewing = db.session.get_one(Appointment, row.context["subject_id"])
    if row.template == "appointment_confirmed" and viewing.status != "confirmed":
        return Extras()
    return Extras(calendar=appointments.invitation_of(viewing, to=db.session.get_one(User, row.user_id)))


def still_true(row: Outbox) -> Extras:
    """Let no reminder leave, after a mail server was away, for a viewing that has begun or was called off."""
    viewing = db.session.get_one(Appointment, row.context["subject_id"])
    if viewing.status != "confirmed" or viewing.has_begun(clock.now()):
        raise Undeliverable("the viewing has begun, or was called off")
    return Extras()


def papers(row: Outbox) -> Extras:
    """Attach the contract, which holds the receipt."""
    contract: Contract = contract_of(db.session.get_one(Payment, row.context["subject_id"]))
    return Extras(attachments=((f"contract-{contract.reference}.pdf", "application/pdf", document_of(contract)),))


def ended_term(row: Outbox) -> Extras:
    """Say of a contract what its terms are, which never change."""
    [term] = words.terms([row.context["subject_id"]])
    why = words.reason_of(row.context.get("reason"))
    return Extras(context=words.term(term, why) | {"began": term.began})


def still_unread(row: Outbox) -> Extras:
    """Let no mail leave about messages that were read meanwhile."""
    said = row.context
    waiting = select(Message.id).where(
        Message.receiver_id == row.user_id,
        Message.sender_id == said["sender_id"],
        Message.id <= said["last_message_id"],
        Message.read_at.is_(None),
    )
    if db.session.scalars(waiting.limit(1)).first() is None:
        raise Undeliverable("the messages were read meanwhile")
    return Extras()


CARRIES: dict[str, Callable[[Outbox], Extras]] = {
    "appointment_confirmed": invitation,
    "appointment_moved": invitation,
    "appointment_canceled": invitation,
    "appointment_rejected": invitation,
    "appointment_expired": invitation,
    "appointment_reminder": still_true,
    "payment_accepted": papers,
    "contract_ended": ended_term,
    "chat_waiting": still_unread,
}
"""What a kind's mail carries beside its words, or what must still be so for it to leave."""


def check_true(row: Outbox) -> None:
    """Let no message to a device leave that was read in Sheda meanwhile, or is no longer true. Raises Undeliverable."""
    key = row.context["key"]
    read_at = db.session.scalar(select(Notification.read_at).where(Notification.key == key))
    if read_at is not None:
        raise Undeliverable("it was read meanwhile")
    if row.template == "appointment_reminder":
        still_true(row)


def with_way_out(row: Outbox) -> Extras:
    """Return what a kind's mail carries, and the way to get no more of the kind (RFC 8058)."""
    carry = CARRIES.get(row.template)
    extras = carry(row) if carry else Extras()
    token = unsubscribing.token_of(row.user_id, row.template)
    way_out = f"{current_app.config['PUBLIC_URL']}/api/v1/unsubscribe/{token}"
    return replace(
        extras, context={**extras.context, "unsubscribe_url": way_out}, headers={**extras.headers, **one_click(way_out)}
    )


for _kind in (*(kind for kind, about in KINDS.items() if about.mails and not about.is_security), DIGEST):
    prepares(_kind)(with_way_out)
