"""A letter: composed from `templates/mail/`, sent over SMTP, or written to a file where no server is set."""

import os
import smtplib
import socket
import ssl
import tempfile
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import current_app, render_template
from flask_appbuilder.security.sqla.models import User

from sheda.core import clock, languages
from sheda.core.db import db

SMTP_TIMEOUT = 8
"""Seconds for each exchange with the mail server, its greeting among them."""

SEND_WITHIN = 15
"""Seconds for everything after the greeting: then the line is cut."""

LONGEST_SENDING = 3 * SMTP_TIMEOUT + SEND_WITHIN
"""Seconds that a sending can take: two addresses of the server, its greeting, and the rest."""


class WholeHeader(UnstructuredHeader, BaseHeader):
    """A header whose value is an address on the web: broken or encoded, no mail program could follow it."""

    def fold(self, *, policy: Policy) -> str:
        """Write it on one line, however long."""
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", WholeHeader)
POLICY = default.clone(header_factory=_headers)


class Undeliverable(Exception):
    """Stop a letter for good: what it says is no longer true, or there is nobody to read it."""


@dataclass(frozen=True)
class Extras:
    """What is made at the moment of sending and kept nowhere: template values, attachments (name, type, bytes).

    `calendar` is an iCalendar message and its method, such as REQUEST (RFC 6047): mail programs offer to note it.
    """

    context: dict[str, Any] = field(default_factory=dict)
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    calendar: tuple[str, bytes] | None = None


@dataclass(frozen=True)
class Letter:
    """A composed message and the address it goes to."""

    to: str
    message: EmailMessage


def compose(user_id: int, template: str, context: dict[str, Any], extras: Extras, message_id: uuid.UUID) -> Letter:
    """Compose a person's letter; the text template's first line is its subject. Undeliverable to a deleted account."""
    person = db.session.get_one(User, user_id)
    if person.deleted_at is not None:
        raise Undeliverable("the account was deleted")
    text, html = _written(person, template, {**context, **extras.context})
    subject, _, body = text.strip().partition("\n")
    message = EmailMessage(policy=POLICY)
    message["Subject"] = " ".join(subject.removeprefix("Subject:").split())
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = Address(" ".join(person.get_full_name().split()), addr_spec=person.email)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{message_id}@{current_app.config['MAIL_DOMAIN']}>"
    message["Auto-Submitted"] = "auto-generated"
    for name, value in extras.headers.items():
        message[name] = value
    message.set_content(body.strip() + "\n", cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    attachments = extras.attachments
    if extras.calendar is not None:
        method, invitation = extras.calendar
        # Google and Apple read the alternative part, with its method; Outlook's older kinds open the attached file.
        message.add_alternative(
            invitation, maintype="text", subtype="calendar", params={"method": method, "charset": "UTF-8"}
        )
        attachments = (*attachments, ("invite.ics", "application/ics", invitation))
    for name, kind, content in attachments:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return Letter(person.email, message)


def _written(person: User, template: str, context: dict[str, Any]) -> tuple[str, str]:
    """Return a mail's two forms in its reader's language; mails that are not translated are English."""
    language = person.language if languages.is_translated(template) else languages.ENGLISH
    with languages.speaking(language) as code:
        values = {
            "person": person,
            "app_url": current_app.config["PUBLIC_URL"],
            "language": code,
            "is_unreviewed": code not in languages.REVIEWED,
            **languages.say_again(context),
        }
        return render_template(f"mail/{template}.txt", **values), render_template(f"mail/{template}.html", **values)


def send(letter: Letter) -> None:
    """Send a letter; OSError or SMTPException when it did not leave."""
    url = current_app.config["SMTP_URL"]
    if url:
        _send_by_smtp(letter, url)
    else:
        _write_file(letter)


def _send_by_smtp(letter: Letter, url: str) -> None:
    parts = urlsplit(url)
    host, secure = parts.hostname or "localhost", parts.scheme == "smtps"
    tls = ssl.create_default_context() if secure or "starttls" in parts.query else None
    server: smtplib.SMTP
    if secure:
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=SMTP_TIMEOUT, context=tls)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=SMTP_TIMEOUT)
    cut = threading.Timer(SEND_WITHIN, _hang_up, [server])
    cut.daemon = True
    cut.start()
    try:
        if tls and not secure:
            server.starttls(context=tls)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(letter.message, to_addrs=[letter.to])
        with suppress(OSError):
            server.quit()  # the message has left; how the server says goodbye changes nothing
    finally:
        cut.cancel()
        server.close()


def _hang_up(server: smtplib.SMTP) -> None:
    if server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)


def _write_file(letter: Letter) -> None:
    folder = Path(current_app.config["STATE_DIR"]) / "mail"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    safe = "".join(sign if sign.isalnum() or sign in "@.+-_" else "_" for sign in letter.to)[:100]
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
    hidden = Path(name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(letter.message))
    try:
        while True:
            # The real clock, and never over another: letters of one moment, also of a held one, all stay.
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            with suppress(FileExistsError):
                (folder / f"{stamp}-{safe}.eml").hardlink_to(hidden)
                return
    finally:
        hidden.unlink()
