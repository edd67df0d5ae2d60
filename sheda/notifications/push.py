"""Pushes to browsers and apps: encrypted for the device (RFC 8291), signed with the server's key (RFC 8292)."""

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from flask import current_app

from sheda.accounts.models import User
from sheda.core import outbound
from sheda.core.db import db, in_transaction
from sheda.core.mail import Undeliverable
from sheda.core.outbox import Outbox
from sheda.notifications import devices
from sheda.notifications.kinds import KINDS
from sheda.notifications.mails import check_true
from sheda.notifications.models import PushDevice

WITHIN = 10.0
"""Seconds for a push service to answer."""

KEPT_FOR = 24 * 3600
"""Seconds for which a push service keeps what a device that is off has not taken."""

SIGNED_FOR = 12 * 3600
GONE = frozenset({404, 410})
TOO_MANY, FAULTS = 429, 500
TOPIC_BYTES = 24


@dataclass(frozen=True)
class Push:
    """One encrypted message, and the device it is for."""

    device_id: int
    endpoint: str
    headers: dict[str, str]
    body: bytes


class PushCarrier:
    """Brings news to devices that have asked for it."""

    def prepare(self, row: Outbox) -> Push:
        """Encrypt a message; Undeliverable once its device is gone, or its news is read or no longer true."""
        device = db.session.get(PushDevice, row.context["device_id"])
        if device is None or device.user_id != row.user_id:
            raise Undeliverable("the device is gone")
        if not db.session.get_one(User, row.user_id).active:
            raise Undeliverable("the account is closed")
        check_true(row)
        topic = hashlib.sha256(row.context["key"].encode()).digest()[:TOPIC_BYTES]
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(KEPT_FOR),
            "Urgency": "normal",
            "Topic": base64.urlsafe_b64encode(topic).decode(),
            **_signed(device.endpoint),
        }
        return Push(device.id, device.endpoint, headers, _sealed(device, payload_of(row.template, row.context)))

    def send(self, parcel: Push) -> None:
        """Hand it to the push service; a device that is gone for good is forgotten."""
        try:
            status = outbound.post(parcel.endpoint, headers=parcel.headers, body=parcel.body, within=WITHIN)
        except outbound.AddressRefused as refused:
            raise Undeliverable("the address leads into a private network") from refused
        if status in GONE:
            in_transaction(lambda: devices.drop(parcel.device_id))
            raise Undeliverable("the device takes no more pushes")
        if status == TOO_MANY or status >= FAULTS:
            raise outbound.Unanswered(f"the push service answers {status}")
        if status >= 300:  # noqa: PLR2004 - HTTP's own number: everything above is no yes
            raise Undeliverable(f"the push service refuses it ({status})")


def payload_of(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return what a push says to the device: words, where they lead, and what they are about, for apps."""
    return {
        "title": KINDS[kind].label,
        "body": said["text"],
        "url": said["path"] or "/",
        "tag": said["key"],
        "kind": kind,
        "subject_type": said["subject_type"],
        "subject_id": said["subject_id"],
    }


def _sealed(device: PushDevice, payload: dict[str, Any]) -> bytes:
    found: bytes = http_ece.encrypt(
        json.dumps(payload, ensure_ascii=False).encode(),
        salt=os.urandom(16),
        private_key=generate_private_key(SECP256R1()),
        dh=_bytes_of(device.p256dh),
        auth_secret=_bytes_of(device.auth),
        version="aes128gcm",
    )
    return found


def _bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(endpoint: str) -> dict[str, str]:
    parts = urlsplit(endpoint)
    contact = current_app.config["VAPID_CONTACT"] or f"mailto:{parseaddr(current_app.config['MAIL_FROM'])[1]}"
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + SIGNED_FOR, "sub": contact}
    found: dict[str, str] = devices.server_key().sign(claims)
    return found
