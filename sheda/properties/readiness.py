"""What a listing needs before clients see it, and what helps: one rule for the move, the API and the checklist."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sheda.core.errors import InvalidInput
from sheda.properties.models import Property

LEAST_TITLE = 10
GOOD_DESCRIPTION = 300
"""Letters from which a description tells enough."""

GOOD_PHOTOS = 5


@dataclass(frozen=True)
class Check:
    """One line of the checklist: its field, what is there or what to do, and whether the listing goes live without."""

    field: str
    words: str
    is_done: bool
    is_needed: bool


def misfits(value: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    """Name the fields of a listing that do not fit together, each with why; `value` tells what a field holds."""
    if value("listing_type") == "rent" and value("period") is None:
        yield "period", "Say for how long the rent is: year, month, week or night."
    if value("listing_type") == "sale" and value("period") is not None:
        yield "period", "A sale has no period."
    for room in ("bedroom", "bathroom"):
        if value("property_type") == "land" and value(room):
            yield room, "Land has no rooms."
        if value("property_type") not in {None, "land"} and value(room) is None:
            yield room, "Say how many there are."
    if (value("latitude") is None) != (value("longitude") is None):
        yield "latitude" if value("latitude") is None else "longitude", "Give both coordinates, or neither."


def lacks(subject: Property) -> list[tuple[str, str]]:
    """Name what a listing lacks before it may be shown, each with what to do."""
    found = []
    if len(subject.title) < LEAST_TITLE:
        found.append(("title", f"Give it a title of at least {LEAST_TITLE} characters."))
    if not subject.description:
        found.append(("description", "Describe it in a sentence or more."))
    if subject.price <= 0:
        found.append(("price", "Say what it costs."))
    if not subject.location:
        found.append(("location", "Say where it is, as clients read it."))
    return [*found, *misfits(lambda name: getattr(subject, name))]


def check_ready(subject: Property) -> None:
    """Refuse to show a listing that lacks something; InvalidInput names every field and what to do."""
    faults = lacks(subject)
    if faults:
        raise InvalidInput(errors=[{"field": field, "message": message} for field, message in faults])


def checklist(subject: Property) -> list[Check]:
    """Return what is missing, what would help, and what is there, in this order; photos that failed do not count."""
    missing = dict(lacks(subject))
    needed = [
        ("title", "Title"),
        ("description", "Description"),
        ("price", "Price"),
        ("location", "Place, as clients read it"),
        *([] if subject.property_type == "land" else [("bedroom", "Bedrooms"), ("bathroom", "Bathrooms")]),
    ]
    known = {field for field, _ in needed}
    lines = [Check(field, missing.get(field, words), field not in missing, is_needed=True) for field, words in needed]
    lines += [
        Check(field, words, is_done=False, is_needed=True) for field, words in missing.items() if field not in known
    ]
    return sorted([*lines, *_helps(subject)], key=lambda line: (line.is_done, not line.is_needed))


def _helps(subject: Property) -> Iterator[Check]:
    photos = sum(1 for image in subject.images if image.status != "failed")
    if not photos:
        yield _help("files", "", "Add photos: homes without any are passed over.")
    else:
        shown = f"{photos} photo{'' if photos == 1 else 's'}"
        full = f"{shown} with a cover" if photos >= GOOD_PHOTOS else ""
        yield _help("files", full, f"{shown} so far: {GOOD_PHOTOS} or more show a home better.")
    is_placed = subject.state and subject.lga and subject.city
    known = "State, local government and town" if is_placed else ""
    yield _help("state", known, "Choose state, local government and town: clients search by them.")
    if subject.description:
        short = GOOD_DESCRIPTION - len(subject.description)
        full = "A full description" if short <= 0 else ""
        yield _help("description", full, f"Describe it more fully: {short} more letters help.")
    if subject.listing_type == "rent":
        yield _help("fee_agency", "Fees" if subject.fees else "", "Name the fees: clients ask what moving in costs.")


def _help(field: str, done: str, otherwise: str) -> Check:
    return Check(field, done or otherwise, bool(done), is_needed=False)
