"""Listings out of nothing: the fields of the API's property, plausible for their place, the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

from sheda.demo import phrases
from sheda.demo.places import PLACES, Place

# What is let and sold, and how often of a hundred.
_LET = {"apartment": 46, "duplex": 17, "shortlet": 10, "house": 9, "shared_apartment": 8, "office": 6, "shop": 4}
_SOLD = {"land": 36, "duplex": 30, "house": 18, "apartment": 12, "shop": 2, "office": 2}
_LET_SHARE = 0.74

# Yearly rent against the two-bedroom flat of the same area, by bedrooms.
_BY_BEDROOMS = (0.3, 0.55, 1.0, 1.5, 2.1, 2.9, 3.6)
_BY_TYPE = {
    "apartment": 1.0,
    "house": 1.15,
    "duplex": 1.45,
    "shared_apartment": 0.35,
    "shortlet": 1.0,
    "office": 1.6,
    "shop": 0.5,
}
_BEDROOMS = {
    "apartment": (1, 1, 2, 2, 2, 3, 3, 3, 4),
    "house": (2, 3, 3, 4, 4, 5),
    "duplex": (3, 4, 4, 4, 5, 5, 6),
    "shortlet": (1, 1, 2, 2, 3),
    "shared_apartment": (1,),
}
_AMENITIES = (
    "borehole",
    "security",
    "parking",
    "generator",
    "solar",
    "cctv",
    "gated_estate",
    "fitted_kitchen",
    "wardrobe",
    "balcony",
    "bq",
    "swimming_pool",
    "gym",
    "elevator",
    "playground",
)
_FLAG_ODDS = {
    "air_condition": 0.45,
    "pop_ceiling": 0.7,
    "floor_tiles": 0.85,
    "running_water": 0.9,
    "prepaid_meter": 0.75,
    "wifi": 0.15,
}
_DOLLAR = 1500
_CAPITAL_RENT = 9_000_000
"""From this level on, some owners ask for dollars."""

_SERVICED_RENT = 2_500_000
"""From this level on, houses have a service charge."""

_TITLE_LENGTH = 100

_OPENINGS_OF_SALES = [text for text in phrases.OPENINGS if "tenant" not in text]
_CLOSINGS_OF_SALES = [text for text in phrases.CLOSINGS if "tenant" not in text]

_CUMULATED = list(accumulate(place.weight for place in PLACES))


@dataclass(frozen=True, slots=True)
class _Home:
    """What a listing is, before it has a price and words."""

    place: Place
    listing_type: str
    property_type: str
    bedrooms: int
    area: int
    standard: float


def listings(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield property fields as of the API; prices and fees are whole units of the currency, `fees` a list of dicts."""
    draw = Random(seed)
    for _ in range(count):
        yield _listing(draw)


def _listing(draw: Random) -> dict[str, Any]:
    home = _home(draw)
    is_land = home.property_type == "land"
    period, price = _price(draw, home)
    dollars = home.place.rent >= _CAPITAL_RENT and _chance(draw, 0.12) and period in {None, "year"}
    if dollars:
        price = max(500, _rounded(price / _DOLLAR))
    row = {
        "title": _title(draw, home),
        "description": _description(draw, home),
        "price": price,
        "currency": "USD" if dollars else "NGN",
        "listing_type": home.listing_type,
        "period": period,
        "property_type": home.property_type,
        **_where(draw, home.place),
        "bedroom": None if is_land else home.bedrooms,
        "bathroom": None if is_land else max(1, home.bedrooms + draw.choice((-1, 0, 0, 1))),
        "area_sqm": home.area if is_land or _chance(draw, 0.5) else None,
        "furnished": home.property_type == "shortlet" or (not is_land and _chance(draw, 0.12)),
        "is_negotiable": _chance(draw, 0.4),
        **{flag: not is_land and _chance(draw, odds) for flag, odds in _FLAG_ODDS.items()},
        "amenities": [] if is_land else sorted(draw.sample(_AMENITIES, draw.randrange(6))),
        "fees": _fees(draw, home, price, period),
    }
    if home.property_type == "shortlet":
        row.update(air_condition=True, wifi=True, running_water=True)
    return row


def _chance(draw: Random, odds: float) -> bool:
    return draw.random() < odds


def _home(draw: Random) -> _Home:
    place = draw.choices(PLACES, cum_weights=_CUMULATED)[0]
    let = _chance(draw, _LET_SHARE)
    kinds = _LET if let else _SOLD
    kind = draw.choices(list(kinds), list(kinds.values()))[0]
    bedrooms = draw.choice(_BEDROOMS[kind]) if kind in _BEDROOMS else 0
    if kind == "land":
        area = draw.choice((300, 450, 500, 600, 648, 800, 1000, 1200, 2000))
    elif kind in {"office", "shop"}:
        area = draw.randrange(20, 260, 5)
    else:
        area = 35 + bedrooms * draw.randrange(28, 45)
    return _Home(place, "rent" if let else "sale", kind, bedrooms, area, draw.uniform(0.8, 1.3))


def _price(draw: Random, home: _Home) -> tuple[str | None, int]:
    """Return the period of a rent (None for a sale) and the price in naira."""
    level = home.place.rent * home.standard
    if home.property_type == "land":
        return None, _rounded(level * 0.034 * home.area)
    if home.property_type in {"office", "shop"}:
        yearly = level * _BY_TYPE[home.property_type] * home.area / 90
    else:
        yearly = level * _BY_BEDROOMS[home.bedrooms] * _BY_TYPE[home.property_type]
    if home.listing_type == "sale":
        return None, _rounded(yearly * draw.uniform(17, 25))
    if home.property_type == "shortlet":
        nightly = _rounded(max(20_000, yearly / 365 * 6))
        return ("night", nightly) if _chance(draw, 0.85) else ("week", _rounded(nightly * 6))
    if home.property_type == "shared_apartment" and _chance(draw, 0.4):
        return "month", _rounded(max(15_000, yearly / 12 * 1.15))
    return "year", _rounded(max(100_000, yearly))


def _rounded(amount: float) -> int:
    """Round as people ask: to two and a half digits, so 2,437,912 becomes 2,450,000."""
    step = 10 ** max(0, len(str(int(amount))) - 2) // 2 or 1
    return max(step, round(amount / step) * step)


def _fees(draw: Random, home: _Home, price: int, period: str | None) -> list[dict[str, Any]]:
    def fee(kind: str, label: str, share: float) -> dict[str, Any]:
        return {"kind": kind, "label": label, "amount": max(1, round(price * share))}

    if home.listing_type == "sale":
        fees = [fee("agency", "Agency fee (5%)", 0.05), fee("legal", "Legal fee (5%)", 0.05)]
        return fees if _chance(draw, 0.8) else fees[:1]
    if period in {"night", "week"}:
        return [fee("caution", "Refundable caution fee", 0.5 if period == "night" else 0.1)]
    if period == "month":
        return [fee("caution", "Caution fee (one month)", 1.0)]
    fees = [fee("agency", "Agency fee (10%)", 0.1)]
    kind = draw.choice(("agreement", "agreement", "legal"))
    fees.append(fee(kind, f"{kind.capitalize()} fee (10%)", 0.1))
    if _chance(draw, 0.75):
        fees.append(fee("caution", "Caution fee (10%), refundable", 0.1))
    if home.place.rent > _SERVICED_RENT and _chance(draw, 0.5):
        share = draw.choice((0.08, 0.1, 0.15))
        fees.append({**fee("service_charge", "Service charge", 1), "amount": max(1, _rounded(price * share))})
    return fees


def _where(draw: Random, place: Place) -> dict[str, Any]:
    """Place a home within a kilometre or two of its area's centre."""
    address = f"{draw.randrange(1, 90)} {draw.choice(phrases.STREETS)}"
    return {
        "location": f"{place.area}, {place.city}" if place.area != place.city else f"{place.city}, {place.state}",
        "address": address,
        "city": place.city,
        "lga": place.lga,
        "state": place.state,
        "country": "NG",
        "latitude": round(place.latitude + draw.gauss(0, 0.006), 6),
        "longitude": round(place.longitude + draw.gauss(0, 0.006), 6),
    }


def _title(draw: Random, home: _Home) -> str:
    area, kind = home.place.area, draw.choice(phrases.KINDS[home.property_type])
    if home.property_type == "land":
        return f"{home.area} sqm {kind} in {area}, {home.place.city}"
    quality = draw.choice(phrases.QUALITIES)
    if home.property_type in {"office", "shop"}:
        return f"{quality} {kind} ({home.area} sqm) in {area}"
    if home.property_type == "shared_apartment":
        text = f"{quality} {kind} in {area}"
    elif home.property_type == "apartment" and home.bedrooms == 1:
        text = f"{quality} {draw.choice(phrases.ONE_BEDROOM)} in {area}"
    else:
        text = f"{quality} {home.bedrooms} bedroom {kind} in {area}"
    longer = f"{text}, {draw.choice(phrases.EXTRAS)}"
    return longer if len(longer) <= _TITLE_LENGTH else text


def _description(draw: Random, home: _Home) -> str:
    if home.property_type == "land":
        parts: tuple[str, ...] = (draw.choice(phrases.LAND), draw.choice(phrases.TITLES), draw.choice(phrases.NEARBY))
    elif home.property_type in {"office", "shop"}:
        parts = (draw.choice(phrases.OPENINGS[4:]), draw.choice(phrases.SERVICES), draw.choice(phrases.NEARBY))
    else:
        parts = (
            draw.choice(phrases.OPENINGS if home.listing_type == "rent" else _OPENINGS_OF_SALES),
            draw.choice(phrases.ROOMS),
            " ".join(draw.sample(phrases.SERVICES, 2)),
            draw.choice(phrases.NEARBY),
        )
    if home.listing_type == "sale" and home.property_type != "land":
        parts = (*parts, draw.choice(phrases.TITLES))
    return " ".join((*parts, draw.choice(phrases.CLOSINGS if home.listing_type == "rent" else _CLOSINGS_OF_SALES)))
