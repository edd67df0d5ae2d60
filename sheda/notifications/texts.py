"""SMS and WhatsApp: texts to a telephone, through a gateway, or into files where none is set."""

import json
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from sheda.accounts.models import User
from sheda.core import outbound
from sheda.core.db import db
from sheda.core.mail import Undeliverable
from sheda.core.outbox import Outbox
from sheda.notifications.mails import check_true
from sheda.notifications.wishes import text_url

WITHIN = 10.0
"""Seconds for a gateway to answer."""

REFUSED, TOO_MANY, FAULTS = 400, 429, 500


@dataclass(frozen=True)
class Text:
    """One text, the number it goes to, and the id under which a gateway takes it once."""

    to: str
    body: str
    message_id: str


class TextCarrier:
    """Brings news to telephones by one of the two ways; a setting says through what."""

    def __init__(self, channel: str) -> None:
        self.channel = channel

    def prepare(self, row: Outbox) -> Text:
        """Write a text; Undeliverable to nobody, and once its news is read or no longer true."""
        person = db.session.get_one(User, row.user_id)
        if not person.active or not person.phone:
            raise Undeliverable("there is no telephone to reach")
        check_true(row)
        return Text(person.phone, body_of(row.context["text"]), str(row.message_id))

    def send(self, parcel: Text) -> None:
        """Hand it to the gateway, or write it into a file."""
        url = text_url(self.channel)
        if not url:
            raise Undeliverable("this channel is switched off")
        if url.startswith("file:"):
            folder = Path(current_app.config["STATE_DIR"]) / self.channel
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / f"{parcel.message_id}.txt").write_text(f"To: {parcel.to}\n\n{parcel.body}\n")
            return
        said = {"to": parcel.to, "text": parcel.body, "id": parcel.message_id}
        headers = {"Content-Type": "application/json", "Idempotency-Key": parcel.message_id}
        if token := current_app.config[f"{self.channel.upper()}_TOKEN"]:
            headers["Authorization"] = f"Bearer {token}"
        try:
            status = outbound.post(url, headers=headers, body=json.dumps(said).encode(), within=WITHIN)
        except outbound.AddressRefused as refused:
            raise Undeliverable("the gateway's address leads into a private network") from refused
        if status == TOO_MANY or status >= FAULTS:
            raise outbound.Unanswered(f"the gateway answers {status}")
        if status >= REFUSED:
            raise Undeliverable(f"the gateway refuses it ({status})")


def body_of(text: str) -> str:
    """Return what a telephone shows: who speaks, and one sentence."""
    return f"Sheda: {text}"
