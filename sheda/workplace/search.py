"""The global search: listings, people and deals by words, names, numbers and references, in one statement.

Only what is one's own: an agent finds his listings, the people he has dealt with and their deals; the office finds all.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union,
    union_all,
)

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation
from sheda.contracts.models import Contract
from sheda.core.access import visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.fields import UNSTORABLE
from sheda.payments.models import Payment
from sheda.properties.models import Property, PropertyText

SHOWN = 6
"""How many of each kind are found: further words narrow better than a second page."""

SHORTEST, LONGEST, MOST_WORDS = 2, 100, 6
PAST = "z" * 20
"""What is added to a reference to be behind all that begin with it: they have capitals and digits, in any collation."""

FEWEST_DIGITS, FEWEST_LETTERS = 4, 3
"""A trigram index needs three letters; fewer would read every person."""


@dataclass(frozen=True)
class Hit:
    """One thing that was found; `home` and `person` are the ids that its page is reached by."""

    kind: str
    title: str
    detail: str
    state: str
    home: int | None
    person: int | None


def find(actor: Actor, asked: str) -> list[Hit]:
    """Return what fits all words that are asked for, at most six of each kind: listings, people, deals."""
    words = " ".join(asked.split())[:LONGEST]
    if len(words) < SHORTEST or UNSTORABLE.search(words):
        return []
    homes, people = _homes(actor, words).cte("homes"), _people(actor, words).cte("people")
    deals = _deals(actor, words, homes, people).cte("deals")
    found = union_all(_home_hits(homes), _people_hits(actor, people), _deal_hits(deals))
    return [Hit(*row) for row in db.session.execute(found)]


# ── Which rows ───────────────────────────────────────────────────────────────────────────────────────


def _own_homes(actor: Actor) -> ColumnElement[bool]:
    """Leave other agents' listings to the market, as the list of listings does."""
    seen = visible_to(actor, Property)
    return seen if actor.is_office else and_(seen, Property.agent_id == actor.id)


def _homes(actor: Actor, words: str) -> Select[Any]:
    named = select(Property.id).where(_own_homes(actor))
    by_reference = named.where(_begins(Property.reference, words)).limit(SHOWN)
    if actor.is_office:
        lexemes = _lexemes(words)
        if lexemes is None:
            return by_reference
        # Written into the statement: how rare the words are decides between an index and the whole table.
        asked = bindparam(None, lexemes, String, literal_execute=True)
        has_words = PropertyText.words.bool_op("@@")(func.to_tsquery("sheda", asked))
        # Apart from its LIMIT: with it, the planner reads all texts in the hope to meet six soon.
        worded = select(PropertyText.property_id).where(has_words).cte("worded").prefix_with("MATERIALIZED")
        every = union(by_reference, select(worded.c[0]).limit(SHOWN)).subquery()
        return select(every.c[0]).limit(SHOWN)
    text = func.concat_ws(
        " ", Property.title, Property.reference, Property.location, Property.address, Property.city, Property.lga
    )
    fits = and_(*(text.icontains(word, autoescape=True) for word in words.split()[:MOST_WORDS]))
    return named.where(fits).order_by(Property.updated_at.desc(), Property.id.desc()).limit(SHOWN)


def _lexemes(words: str) -> str | None:
    """Write words as a text query in which each may be the beginning of one; None when there is no letter in them."""
    found = re.findall(r"\w+", words.replace("_", " "))[:MOST_WORDS]
    return " & ".join(f"{word}:*" for word in found) or None


def _begins(column: Any, words: str) -> ColumnElement[bool]:
    """Compare the beginning of a reference; as a range too, which a plan made for every question can look up."""
    text = words.upper().replace(" ", "")
    return and_(column >= text, column < text + PAST, column.startswith(text, autoescape=True))


def _people(actor: Actor, words: str) -> Select[Any]:
    ways: list[ColumnElement[bool]] = []
    if len(words) >= FEWEST_LETTERS:
        names = (User.first_name, User.last_name)
        parts = (or_(*(name.icontains(word, autoescape=True) for name in names)) for word in words.split()[:MOST_WORDS])
        ways.append(and_(*parts))
        ways.append(func.lower(User.email).startswith(words.lower(), autoescape=True))
    if (digits := _phone_part(words)) is not None:
        ways.append(User.phone.contains(digits))
    known = true() if actor.is_office else User.id.in_(_acquaintances(actor))
    return (
        select(User.id).where(or_(*ways) if ways else User.id.is_(None), known, User.deleted_at.is_(None)).limit(SHOWN)
    )


def _phone_part(words: str) -> str | None:
    """Return the digits of a number as they stand in E.164, however it is written; None when it is no number."""
    if not re.fullmatch(r"[+\d\s().-]+", words):
        return None
    digits = re.sub(r"\D", "", words)
    if not words.startswith("+"):
        digits = digits.removeprefix("0")
    return digits if len(digits) >= FEWEST_DIGITS else None


def _acquaintances(actor: Actor) -> Any:
    """Select the people whom the actor has dealt or talked with, by his own rows alone."""
    talked = select(Conversation.low_id + Conversation.high_id - actor.user_id).where(own_conversations(actor))
    deals = [select(model.client_id).where(visible_to(actor, model)) for model in (Appointment, Payment, Contract)]
    return union(talked, *deals)


def _deals(actor: Actor, words: str, homes: CTE, people: CTE) -> Select[Any]:
    """Select deals, pairs of a home and a client, that what was found belongs to or whose papers are named."""
    pairs = [
        select(Payment.property_id, Payment.client_id).where(
            visible_to(actor, Payment), _begins(Payment.reference, words)
        ),
        select(Contract.property_id, Contract.client_id).where(
            visible_to(actor, Contract), _begins(Contract.reference, words)
        ),
    ]
    viewed = select(Appointment.property_id, Appointment.client_id).where(visible_to(actor, Appointment))
    pairs += [
        viewed.where(Appointment.property_id.in_(select(homes.c[0]))),
        viewed.where(Appointment.client_id.in_(select(people.c[0]))),
    ]
    every = union(*(select(pair.limit(SHOWN).subquery()) for pair in pairs)).subquery()
    return select(every.c.property_id, every.c.client_id).limit(SHOWN)


# ── How they are shown ───────────────────────────────────────────────────────────────────────────────


def _full_name() -> ColumnElement[Any]:
    return func.btrim(func.concat_ws(" ", User.first_name, User.last_name))


def _home_hits(homes: CTE) -> Select[Any]:
    detail = func.concat_ws(" · ", Property.reference, Property.location)
    shown = select(
        literal("listing"),
        func.coalesce(func.nullif(Property.title, ""), "Untitled listing"),
        detail,
        Property.listing_state,
        Property.id,
        null().label("person"),
    )
    return shown.join(homes, homes.c[0] == Property.id)


def _people_hits(actor: Actor, people: CTE) -> Select[Any]:
    latest = (
        select(Appointment.property_id)
        .where(Appointment.client_id == User.id, visible_to(actor, Appointment))
        .order_by(Appointment.id.desc())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    detail = func.concat_ws(" · ", User.phone, User.email if actor.is_office else None)
    shown = select(literal("person"), _full_name(), detail, literal(""), latest, User.id)
    return shown.join(people, people.c[0] == User.id)


def _deal_hits(deals: CTE) -> Select[Any]:
    shown = select(
        literal("deal"), _full_name(), func.concat_ws(" · ", Property.title, Property.location), literal(""),
        Property.id, User.id,
    )  # fmt: skip
    return shown.join(deals, deals.c.client_id == User.id).join(Property, Property.id == deals.c.property_id)
