"""What is made at the moment a mail leaves: invitations for calendars, and the contract with its receipt."""

from datetime import UTC, datetime

from flask import current_app

from sheda.appointments.models import Appointment
from sheda.contracts.models import Contract
from sheda.contracts.services import contract_of, document_of
from sheda.core import clock
from sheda.core.db import db
from sheda.core.mail import Extras, Undeliverable
from sheda.core.outbox import Outbox, prepares
from sheda.notifications.words import home_of, name_of, one_line
from sheda.payments.models import Payment

LONGEST_LINE = 73
"""Octets of a line of a calendar file, less its break and the space that folds it (RFC 5545, 3.1)."""


@prepares("appointment_confirmed")
def invitation(row: Outbox) -> Extras:
    """Attach the viewing for a calendar, unless it has been called off meanwhile."""
    viewing = db.session.get_one(Appointment, row.context["subject_id"])
    if viewing.status != "confirmed":
        return Extras()
    return Extras(attachments=(("viewing.ics", "text/calendar", calendar_event(viewing)),))


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


def calendar_event(viewing: Appointment) -> bytes:
    """Write a viewing as an iCalendar file (RFC 5545)."""
    said = f"Viewing with {name_of(viewing.agent)} (agent) and {name_of(viewing.client)}"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Sheda//Viewings//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:viewing-{viewing.id}@{current_app.config['MAIL_DOMAIN']}",
        f"DTSTAMP:{_stamp(viewing.updated_at)}",
        f"DTSTART:{_stamp(viewing.starts_at)}",
        f"DTEND:{_stamp(viewing.ends_at)}",
        f"SUMMARY:{_escaped('Viewing: ' + home_of(viewing.subject))}",
        f"LOCATION:{_escaped(one_line(viewing.subject.location))}",
        f"DESCRIPTION:{_escaped(said)}",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> str:
    folded, length = "", 0
    for sign in line:
        size = len(sign.encode())
        if length + size > LONGEST_LINE:
            folded, length = folded + "\r\n ", 1
        folded, length = folded + sign, length + size
    return folded
