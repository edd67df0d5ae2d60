"""What can be done with a listing: written, shown, held by a payment, let or sold, and taken away for good."""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import select

from sheda.accounts.events import AccountClosing
from sheda.accounts.models import Role as StoredRole
from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.db import db, flush, lock
from sheda.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from sheda.core.events import emit
from sheda.core.states import illegal
from sheda.properties import cards, saved
from sheda.properties.events import PriceLowered, PropertyPublished, TermsChanging
from sheda.properties.models import AMENITY_FLAGS, PriceHistory, Property, PropertyFee
from sheda.properties.readiness import check_ready, misfits
from sheda.properties.states import LISTING, STATUS

TERMS = ("listing_type", "price", "currency")
"""What an open payment or contract freezes."""

OWNING = "publish"
"""The move that its owner and the office may make: whoever may publish a listing may also write it."""

_REFERENCE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class PropertyUnavailable(Conflict):
    """Refuse a visit or a payment for what is not on the market."""

    code = "property_unavailable"
    detail = "This property is not on the market now."


class UnderOffer(Conflict):
    """Refuse a visit or a payment for what somebody's declared payment holds."""

    code = "under_offer"
    detail = "Somebody has declared a payment for this property, and the agent is deciding."


class PropertyInUse(Conflict):
    """Refuse to change the terms of, or to archive, what an open payment or contract is about."""

    code = "property_in_use"
    detail = "A payment or contract for this property is open. Wait until it has ended."


def create(
    actor: Actor, *, agent_id: int | None = None, fees: Sequence[Mapping[str, Any]] = (), **fields: Any
) -> Property:
    """Create a listing of the acting agent, or of the one an admin names; InvalidInput when the fields do not fit.

    It is published at once or a draft, by the setting PUBLISH_NEW_LISTINGS.
    """
    subject = new_listing(actor, agent_id)
    for name, value in _settled(subject, fields).items():
        setattr(subject, name, value)
    published = current_app.config["PUBLISH_NEW_LISTINGS"]
    subject.listing_state = "published" if published else "draft"
    subject.published_at = subject.created_at if published else None
    subject.fees = fee_rows(fees)
    db.session.add(subject)
    flush()
    _note_price(actor, subject)
    LISTING.begin(actor, subject)
    flush()
    if published:
        emit(PropertyPublished(subject, actor))
    return subject


def new_listing(actor: Actor, agent_id: int | None) -> Property:
    """Make a listing with a reference and an agent, to be filled in; InvalidInput when nobody can be its agent."""
    now = clock.now()
    return Property(
        agent_id=_agent_for(actor, agent_id),
        reference="SHD-" + "".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(8)),
        currency=current_app.config["CURRENCIES"][0],
        amenities=[],
        status="available",
        created_at=now,
        updated_at=now,
    )


def update(actor: Actor, property_id: int, **changes: Any) -> Property:
    """Change fields of a listing; `fees`, when given, replaces them all.

    PropertyInUse when kind, price or currency would change under an open payment or contract; IllegalMove when it is
    archived.
    """
    subject = lock_own(actor, property_id)
    fees = changes.pop("fees", None)
    settled = _settled(subject, changes)
    changed = {name for name, value in settled.items() if getattr(subject, name) != value}
    if changed & set(TERMS):
        emit(TermsChanging(subject))
    before = subject.price
    for name in changed:
        setattr(subject, name, settled[name])
    if fees is not None:
        subject.fees = fee_rows(fees)
    if changed & {"price", "currency"}:
        _note_price(actor, subject)
    if subject.price < before and not changed & {"currency", "period", "listing_type"}:
        emit(PriceLowered(subject, before))
    subject.updated_at = clock.now()
    flush()
    return subject


def publish(actor: Actor, property_id: int, *, reason: str | None = None) -> Property:
    """Show a listing to everybody; InvalidInput names what it lacks for that."""
    subject = _lock_listing(actor, property_id)
    move = LISTING.check(actor, subject, "publish", reason=reason)
    if move is not None:
        check_ready(subject)
        if _last_price(subject) != (subject.price, subject.currency):
            _note_price(actor, subject)
        subject.published_at = subject.updated_at = clock.now()
        LISTING.apply(actor, subject, move, reason=reason)
        flush()
    return subject


def pause(actor: Actor, property_id: int, *, reason: str | None = None) -> Property:
    """Take a listing out of the search; its viewings stay."""
    subject = _lock_listing(actor, property_id)
    if LISTING.move(actor, subject, "pause", reason=reason):
        subject.updated_at = clock.now()
        flush()
    return subject


def keep(actor: Actor, property_id: int, *, reason: str | None = None) -> Property:
    """Say that a listing is still on offer: it counts as changed today."""
    subject = _lock_listing(actor, property_id)
    LISTING.move(actor, subject, "keep", reason=reason)
    subject.updated_at = clock.now()
    flush()
    return subject


def archive(actor: Actor, property_id: int, *, reason: str | None = None) -> Property:
    """Take a listing away for good; its open viewings are cancelled. NotFound when that has happened already.

    Whoever reacts to `PropertyArchived` refuses with PropertyInUse while a payment or contract is open.
    """
    subject = _lock_listing(actor, property_id)
    if not LISTING.move(actor, subject, "archive", reason=reason):
        raise NotFound
    subject.updated_at = clock.now()
    flush()
    return subject


def archive_listings(event: AccountClosing) -> None:
    """Archive every listing of a person who leaves."""
    owned = select(Property.id).where(Property.agent_id == event.user.id, Property.listing_state != "archived")
    for subject in lock(Property, db.session.scalars(owned)):
        LISTING.move(SYSTEM, subject, "archive", reason="The agent's account was closed.")
        subject.updated_at = clock.now()


# ── For the rooms of viewings, payments and contracts ────────────────────────────────────────────────────────────────


def lock_property(property_id: int) -> Property:
    """Lock a property for the rest of the transaction, first of all kinds; NotFound when there is none."""
    rows = lock(Property, [property_id])
    if not rows:
        raise NotFound
    return rows[0]


def is_bookable(subject: Property) -> bool:
    """Tell whether visits and payments are taken: shown, on the market, and held by nobody."""
    return is_on_offer(subject.listing_state, subject.status, is_held=subject.is_under_offer)


def is_on_offer(listing_state: str, status: str, *, is_held: bool) -> bool:
    """Tell the same of a listing of which no more is known than this."""
    return listing_state == "published" and status == "available" and not is_held


def is_stale(subject: Property) -> bool:
    """Tell whether a listing on offer has not changed for so long that clients may ask for what is gone."""
    changed_before = clock.now() - current_app.config["STALE_AFTER"]
    return is_bookable(subject) and subject.updated_at < changed_before


def hold(subject: Property, payment_id: int) -> None:
    """Hold a locked property for a declared payment: the first wins. Raises PropertyUnavailable or UnderOffer."""
    if subject.status != "available":
        raise PropertyUnavailable
    if subject.held_by_payment_id not in {None, payment_id}:
        raise UnderOffer
    subject.held_by_payment_id, subject.updated_at = payment_id, clock.now()
    flush()


def release(subject: Property, payment_id: int) -> None:
    """Let go of a locked property when this payment holds it."""
    if subject.held_by_payment_id == payment_id:
        subject.held_by_payment_id, subject.updated_at = None, clock.now()
        flush()


def take(actor: Actor, subject: Property) -> None:
    """Mark a locked property as let or sold, by its kind; PropertyUnavailable when it is off the market already."""
    if subject.status != "available":
        raise PropertyUnavailable
    subject.held_by_payment_id, subject.updated_at = None, clock.now()
    STATUS.apply(actor, subject, STATUS.moves["rent_out" if subject.listing_type == "rent" else "sell"])
    flush()


def return_to_market(actor: Actor, subject: Property) -> None:
    """Offer a locked property again after a tenancy; IllegalMove when it is not let.

    Whether the actor may was asked of the contract, whose end this is: its client may, too.
    """
    move = STATUS.moves["return"]
    if subject.status not in move.source:
        raise illegal(move.name, subject.status)
    subject.updated_at = clock.now()
    STATUS.apply(actor, subject, move)
    flush()


def return_all_to_market(actor: Actor, property_ids: Sequence[int]) -> list[int]:
    """Offer locked properties again after their tenancies; return which: those that were let."""
    return STATUS.move_all(actor, Property, property_ids, "return", updated_at=clock.now())


def lock_own(actor: Actor, property_id: int, *, archived: bool = False) -> Property:
    """Lock a listing that this actor may write; NotFound, NotAllowed for another agent's.

    IllegalMove when it is archived, unless those are wanted, too.
    """
    subject = _lock_listing(actor, property_id)
    if subject.listing_state == "archived" and not archived:
        raise illegal("update", subject.listing_state)
    return subject


# ── For the room of shortlists ───────────────────────────────────────────────────────────────────────────────────────


def cards_among(actor: Actor, named: str, values: dict[str, Any], **page: Any) -> str:
    """Return a page of cards of the listings that a SELECT of `property_id` and `key` names, the highest key first."""
    return cards.among(actor, named, values, **page)


def terms_of(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the filters of a loaded query ask for, to be kept as JSON and matched by `saved_predicate`."""
    return saved.terms_of(query)


def terms_version() -> str:
    """Return the version of terms; those of another are to be made again from their filters."""
    return saved.version()


def saved_predicate(terms: str, record: str) -> tuple[str, str]:
    """Return the record that a column of terms is, as an item of FROM, and the SQL by which it asks `properties`.

    The alias `t` in that SQL is the listing's text, `words` of `property_texts`.
    """
    return f"jsonb_to_record({terms}) AS {record} ({saved.columns()})", saved.predicate(record)


# ── Rules of writing ─────────────────────────────────────────────────────────────────────────────────────────────────


def _lock_listing(actor: Actor, property_id: int) -> Property:
    get_visible(actor, Property, property_id)
    subject = lock_property(property_id)
    if not LISTING.is_permitted(actor, subject, OWNING):
        raise NotAllowed("This listing is another agent's.")
    return subject


def _agent_for(actor: Actor, agent_id: int | None) -> int:
    if actor.role is Role.AGENT:
        if agent_id is not None:
            raise InvalidInput.on("agent_id", "Leave this out: the listing is yours.")
        return actor.user_id
    if agent_id is None:
        raise InvalidInput.on("agent_id", "Name the agent whose listing this is.")
    known = select(User.id).where(User.id == agent_id, User.active, User.roles.any(StoredRole.name == Role.AGENT.value))
    if db.session.scalar(known) is None:
        raise InvalidInput.on("agent_id", "There is no such agent.")
    return agent_id


def with_amenities(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in which an amenity that has a column of its own is that column, whichever way it was named."""
    found = dict(fields)
    for code in found.get("amenities") or ():
        if code in AMENITY_FLAGS:
            found.setdefault(code, True)
    if "amenities" in found:
        found["amenities"] = sorted(set(found["amenities"]) - set(AMENITY_FLAGS))
    return found


def _settled(subject: Property, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with what follows from them; InvalidInput on all that do not fit together."""
    settled = with_amenities(fields)

    def value(name: str) -> Any:
        return settled[name] if name in settled else getattr(subject, name)

    if settled.get("listing_type") == "sale":
        settled.setdefault("period", None)
    if value("property_type") == "land" and settled.get("property_type") == "land":
        settled.setdefault("bedroom", None)
        settled.setdefault("bathroom", None)
    # What a draft lacks is asked for when it is to be shown; only what is said now must fit.
    is_draft = subject.listing_state == "draft"
    faults = [(field, why) for field, why in misfits(value) if field in settled or not is_draft]
    if faults:
        raise InvalidInput(errors=[{"field": field, "message": message} for field, message in faults])
    if value("property_type") == "land":
        settled |= {"bedroom": None, "bathroom": None}
    return settled


def fee_rows(fees: Sequence[Mapping[str, Any]]) -> list[PropertyFee]:
    """Make the fees of a listing, in their order."""
    return [
        PropertyFee(position=position, kind=fee["kind"], label=fee.get("label"), amount=fee["amount"])
        for position, fee in enumerate(fees)
    ]


def _last_price(subject: Property) -> tuple[Decimal, str] | None:
    """Return the price that was last noted; a draft's is noted when the listing is shown."""
    found = db.session.execute(
        select(PriceHistory.price, PriceHistory.currency)
        .where(PriceHistory.property_id == subject.id)
        .order_by(PriceHistory.id.desc())
        .limit(1)
    ).first()
    return None if found is None else (found.price, found.currency)


def _note_price(actor: Actor, subject: Property) -> None:
    db.session.add(
        PriceHistory(
            property_id=subject.id,
            price=subject.price,
            currency=subject.currency,
            changed_by=actor.id,
            changed_at=clock.now(),
        )
    )
