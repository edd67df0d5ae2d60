"""What is made at the moment a mail leaves: invitations for calendars, and the contract with its receipt."""

from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.appointments.models import Appointment
from sheda.contracts.models import Contract
from sheda.contracts.services import contract_of, document_of
from sheda.core import clock
from sheda.core.db import db
from sheda.core.mail import Extras, Undeliverable
from sheda.core.outbox import Outbox, prepares
from sheda.payments.models import Payment


@prepares("appointment_confirmed")
@prepares("appointment_moved")
@prepares("appointment_canceled")
@prepares("appointment_rejected")
@prepares("appointment_expired")
def invitation(row: Outbox) -> Extras:
    """Tell the reader's calendar of the viewing, as it stands when the mail leaves."""
    viewing = db.session.get_one(Appointment, row.context["subject_id"])
    if row.template == "appointment_confirmed" and viewing.status != "confirmed":
        return Extras()
    return Extras(calendar=appointments.invitation_of(viewing, to=db.session.get_one(User, row.user_id)))


@prepares("appointment_reminder")
def still_true(row: Outbox) -> Extras:
    """Let no reminder leave, after a mail server was away, for a viewing that has begun or was called off."""
    viewing = db.session.get_one(Appointment, row.context["subject_id"])
    if viewing.status != "confirmed" or viewing.has_begun(clock.now()):
        raise Undeliverable("the viewing has begun, or was called off")
    return Extras()


@prepares("payment_accepted")
def papers(row: Outbox) -> Extras:
    """Attach the contract, which holds the receipt."""
    contract: Contract = contract_of(db.session.get_one(Payment, row.context["subject_id"]))
    return Extras(attachments=((f"contract-{contract.reference}.pdf", "application/pdf", document_of(contract)),))
