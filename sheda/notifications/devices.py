"""The devices that take pushes: noted, forgotten, and the server's own key that they know it by."""

import base64
import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app
from py_vapid import Vapid02
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from sheda.core import clock
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import InvalidInput
from sheda.core.outbound import AddressRefused, check_url
from sheda.notifications.access import own_devices
from sheda.notifications.models import PushDevice

AUTH_BYTES = 16


def note(actor: Actor, *, endpoint: str, p256dh: str, auth: str) -> tuple[PushDevice, bool]:
    """Note a device of the actor's, or note again whose it is; the device, and whether it is new to him.

    InvalidInput for an address that is never asked, or keys that are none. The oldest of too many makes room.
    """
    _check(endpoint, p256dh, auth)
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    before = db.session.scalar(select(PushDevice.user_id).where(PushDevice.endpoint_hash == digest))
    keys = {"user_id": actor.user_id, "p256dh": p256dh, "auth": auth}
    noted = insert(PushDevice).values(endpoint=endpoint, endpoint_hash=digest, created_at=clock.now(), **keys)
    noted = noted.on_conflict_do_update(index_elements=["endpoint_hash"], set_=keys)
    device = db.session.scalars(noted.returning(PushDevice), execution_options={"populate_existing": True}).one()
    kept = select(PushDevice.id).where(own_devices(actor)).order_by(PushDevice.id.desc())
    kept = kept.limit(current_app.config["MOST_PUSH_DEVICES"])
    db.session.execute(delete(PushDevice).where(own_devices(actor), PushDevice.id.not_in(kept)))
    return device, before != actor.user_id


def _check(endpoint: str, p256dh: str, auth: str) -> None:
    faults = []
    try:
        check_url(endpoint, resolve=False)
    except AddressRefused as refused:
        faults.append({"field": "endpoint", "message": str(refused)})
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes_of(p256dh))
    except (ValueError, UnsupportedAlgorithm):
        faults.append({"field": "keys.p256dh", "message": "This is no key that a browser makes."})
    try:
        is_secret = len(_bytes_of(auth)) == AUTH_BYTES
    except ValueError:
        is_secret = False
    if not is_secret:
        faults.append({"field": "keys.auth", "message": "This is no secret that a browser makes."})
    if faults:
        raise InvalidInput(errors=faults)


def _bytes_of(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)


def forget(actor: Actor, device_id: int) -> None:
    """Forget a device of the actor's; nothing happens when it is none."""
    db.session.execute(delete(PushDevice).where(own_devices(actor), PushDevice.id == device_id))


def forget_endpoint(actor: Actor, endpoint: str) -> None:
    """Forget the device of the actor's that has an address; nothing happens when it is none."""
    digest = hashlib.sha256(endpoint.encode()).hexdigest()
    db.session.execute(delete(PushDevice).where(own_devices(actor), PushDevice.endpoint_hash == digest))


def forget_all(user_id: int) -> None:
    """Forget every device of somebody's: his sessions end, and so do the pushes to where they were."""
    db.session.execute(delete(PushDevice).where(PushDevice.user_id == user_id))


def drop(device_id: int) -> None:
    """Remove a device that takes no more pushes."""
    db.session.execute(delete(PushDevice).where(PushDevice.id == device_id))


# ── The server's own key (VAPID, RFC 8292) ───────────────────────────────────────────────────────────────────────────


def server_key() -> Vapid02:
    """Return the key that signs every push: the setting's, or the one that was made once in the state directory."""
    kept: Vapid02 | None = current_app.extensions.get("vapid")
    if kept is None:
        given = current_app.config["VAPID_PRIVATE_KEY"]
        kept = Vapid02.from_string(given) if given else Vapid02.from_file(str(_key_file()))
        current_app.extensions["vapid"] = kept
    return kept


def public_key() -> str:
    """Return the key's public half, as a browser wants it to subscribe."""
    point = server_key().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def _key_file() -> Path:
    """Return the file of the key; whoever makes it first has made it for every process."""
    path = Path(current_app.config["STATE_DIR"]) / "vapid.pem"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = Vapid02()
        key.generate_keys()
        descriptor, made = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(key.private_pem())
            os.link(made, path)
        except FileExistsError:
            pass  # another process was faster: its key is the key
        finally:
            Path(made).unlink()
    return path
