"""States, local governments and towns of Nigeria, offered while one types; whatever is not on the list may be written.

The list is `places.txt`, whose head says where it comes from.
"""

from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("places.txt")

LABELS = {"FCT": "FCT, Abuja"}
"""States that are called otherwise than they are kept."""

LARGE_TOWNS = (
    "Abeokuta", "Abuja", "Akure", "Asaba", "Benin City", "Calabar", "Enugu", "Ibadan", "Ikeja", "Ilorin", "Jos",
    "Kaduna", "Kano", "Lagos", "Lekki", "Onitsha", "Owerri", "Port Harcourt", "Uyo", "Warri",
)  # fmt: skip
"""What is offered before a state is chosen."""


@cache
def _places() -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in _LIST.read_text().splitlines():
        if not line.startswith("#"):
            state, lga, towns = line.split("|")
            found.setdefault(state, {})[lga] = tuple(towns.split(";"))
    return found


def states() -> list[str]:
    """Return the 36 states and the capital territory, by name."""
    return sorted(_places())


def lgas(state: str | None) -> dict[str, tuple[str, ...]]:
    """Return the local governments of a state with their towns; none for a state that there is not."""
    return _places().get(state or "", {})


def all_lgas() -> list[str]:
    """Return every local government, for a page that cannot ask again once the state is chosen."""
    return sorted({name for here in _places().values() for name in here})


def towns(state: str | None, lga: str | None) -> list[str]:
    """Return the towns to offer for a local government, for its whole state when none is known, or the largest."""
    here = lgas(state)
    if not here:
        return list(LARGE_TOWNS)
    known = next((names for name, names in here.items() if name.lower() == (lga or "").strip().lower()), None)
    return list(known) if known else sorted({town for names in here.values() for town in names})


def words(city: str | None, lga: str | None, state: str | None) -> str:
    """Return a place as clients read it, from what is known of it: "Opebi, Ikeja"."""
    known = [part.strip() for part in (city, lga, state) if part and part.strip()]
    return ", ".join(dict.fromkeys(known[:2]))
