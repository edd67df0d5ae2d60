"""A letter: composed from `templates/mail/`, sent over SMTP, or written to a file where no server is set."""

import smtplib
import ssl
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import current_app, render_template
from flask_appbuilder.security.sqla.models import User
from jinja2 import TemplateNotFound

from sheda.core import clock
from sheda.core.db import db

SMTP_TIMEOUT = 10
"""Seconds for each exchange with the mail server."""


@dataclass(frozen=True)
class Extras:
    """What is made at the moment of sending and kept nowhere: template values, attachments (name, type, bytes)."""

    context: dict[str, Any] = field(default_factory=dict)
    attachments: tuple[tuple[str, str, bytes], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Letter:
    """A composed message and the address it goes to."""

    to: str
    message: EmailMessage


def compose(user_id: int, template: str, context: dict[str, Any], extras: Extras, message_id: uuid.UUID) -> Letter:
    """Compose a person's letter; the first line of the text template is its subject."""
    person = db.session.get_one(User, user_id)
    values = {"person": person, "app_url": current_app.config["PUBLIC_URL"], **context, **extras.context}
    subject, _, body = render_template(f"mail/{template}.txt", **values).strip().partition("\n")
    message = EmailMessage()
    message["Subject"] = " ".join(subject.removeprefix("Subject:").split())
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = Address(person.get_full_name().strip(), addr_spec=person.email)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{message_id}@{current_app.config['MAIL_DOMAIN']}>"
    message["Auto-Submitted"] = "auto-generated"
    for name, value in extras.headers.items():
        message[name] = value
    message.set_content(body.strip() + "\n")
    with suppress(TemplateNotFound):
        message.add_alternative(render_template(f"mail/{template}.html", **values), subtype="html")
    for name, kind, content in extras.attachments:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return Letter(person.email, message)


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
    server: smtplib.SMTP
    if secure:
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=SMTP_TIMEOUT, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=SMTP_TIMEOUT)
    with server:
        if not secure and "starttls" in parts.query:
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(letter.message, to_addrs=[letter.to])


def _write_file(letter: Letter) -> None:
    folder = Path(current_app.config["STATE_DIR"]) / "mail"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = clock.now().strftime("%Y%m%dT%H%M%S%f")
    safe = "".join(letter_ if letter_.isalnum() or letter_ in "@.+-_" else "_" for letter_ in letter.to)
    target = folder / f"{stamp}-{safe}.eml"
    hidden = target.with_suffix(".part")
    hidden.write_bytes(bytes(letter.message))
    hidden.replace(target)
