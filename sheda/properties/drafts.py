"""Listings that are being written: begun with nothing, kept as they grow, copied, and never written over unseen."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sheda.core import clock, idempotency
from sheda.core.actor import Actor
from sheda.core.db import db, flush
from sheda.core.errors import Stale
from sheda.core.states import illegal
from sheda.properties import images, services
from sheda.properties.models import AMENITY_FLAGS, Property
from sheda.properties.states import LISTING

WRITTEN = (
    "title", "description", "price", "currency", "listing_type", "period", "property_type", "location", "address",
    "city", "lga", "state", "country", "latitude", "longitude", "bedroom", "bathroom", "area_sqm", "furnished",
    "is_negotiable", *AMENITY_FLAGS, "amenities", "time_zone",
)  # fmt: skip
"""What an agent writes of a listing, beside its fees and photos."""

_BEGIN = "begin a listing"

_BLANK: Mapping[str, Any] = {
    "title": "",
    "description": "",
    "price": Decimal(0),
    "location": "",
    "listing_type": "rent",
    "property_type": "apartment",
}


def begin(
    actor: Actor,
    *,
    key: str = "",
    agent_id: int | None = None,
    fees: Sequence[Mapping[str, Any]] = (),
    **fields: Any,
) -> Property:
    """Begin a listing of the acting agent, or of the one an admin names, as a draft that may lack anything.

    A page whose first answer was lost on its way sends its `key` again, and goes on with the draft that it has begun.
    """
    scope, mark = f"user:{actor.id}", idempotency.fingerprint_of(_BEGIN.encode())
    first = idempotency.recall(scope, _BEGIN, key, mark) if key else None
    if first is not None:
        begun = services.lock_own(actor, int(first.body))
        return keep(actor, begun.id, version=version_of(begun), fees=fees, **fields)
    subject = services.new_listing(actor, agent_id)
    _put(subject, {**_BLANK, **fields})
    subject.listing_state = "draft"
    subject.fees = services.fee_rows(fees)
    db.session.add(subject)
    flush()
    LISTING.begin(actor, subject)
    if key:
        idempotency.remember(scope, _BEGIN, key, mark, status=201, body=str(subject.id), location=None)
    return subject


def keep(
    actor: Actor,
    property_id: int,
    *,
    version: str,
    fees: Sequence[Mapping[str, Any]] | None = None,
    **changes: Any,
) -> Property:
    """Change fields of a draft, whatever it still lacks; `fees`, when given, replaces them all.

    Stale when it has changed since `version` was read, IllegalMove once it is no draft: what clients read changes
    only when its agent says so.
    """
    subject = lock_version(actor, property_id, version)
    if subject.listing_state != "draft":
        raise illegal("keep as a draft", subject.listing_state)
    _put(subject, changes)
    if fees is not None:
        subject.fees = services.fee_rows(fees)
    subject.updated_at = clock.now()
    flush()
    return subject


def lock_version(actor: Actor, property_id: int, version: str) -> Property:
    """Lock a listing that this actor may write; Stale when it has changed since `version` was read."""
    subject = services.lock_own(actor, property_id)
    if version != version_of(subject):
        raise Stale(
            "This listing has changed meanwhile, in another window or by somebody else. "
            "What you wrote is still here: save it again to put it in the place of theirs."
        )
    return subject


def version_of(subject: Property) -> str:
    """Return what changes whenever something that is written of a listing does; photos do not count."""
    fees = [(fee.kind, fee.label, f"{fee.amount:.2f}") for fee in subject.fees]
    found = [getattr(subject, name) for name in (*WRITTEN, "listing_state")]
    values = [f"{value:.2f}" if isinstance(value, Decimal) else str(value) for value in found]
    return hashlib.sha256(json.dumps([values, fees]).encode()).hexdigest()[:32]


def duplicate(actor: Actor, property_id: int) -> Property:
    """Copy a listing as a draft of the same agent: its words, terms, fees and photos, and nothing of its deals.

    Homes of one block look alike: it is quicker to remove the two photos that differ than to send the others again.
    """
    source = services.lock_own(actor, property_id, archived=True)
    fees = [{"kind": fee.kind, "label": fee.label, "amount": fee.amount} for fee in source.fees]
    copied = {name: getattr(source, name) for name in WRITTEN}
    subject = begin(actor, agent_id=None if actor.id == source.agent_id else source.agent_id, fees=fees, **copied)
    images.copy(source, subject)
    return subject


def _put(subject: Property, changes: Mapping[str, Any]) -> None:
    """Set fields, and what follows from them where the database asks for it."""
    for name, value in services.with_amenities(changes).items():
        setattr(subject, name, value)
    if subject.listing_type == "sale":
        subject.period = None
    elif subject.period is None:
        subject.period = "year"
    if subject.property_type == "land":
        subject.bedroom = subject.bathroom = None
