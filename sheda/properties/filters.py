"""What a list is asked for: every filter of the API as an SQL condition on `properties`, with the values it names."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from sheda.core.paging import read_cursor
from sheda.properties import texts
from sheda.properties.models import AMENITY_FLAGS
from sheda.properties.orders import ORDERS, Order

Query = Mapping[str, Any]

KM_PER_DEGREE = 111.195
"""Of latitude, on a sphere of 6371.0088 km radius."""

MOST_RADIUS_KM = 100.0

ON_OFFER = "properties.status = 'available'"
WORDS = "t.words @@ CAST(:words AS tsquery)"

DISTANCE = """(12742.0176 * asin(sqrt(least(1, power(sin(radians(properties.latitude - :latitude) / 2), 2)
 + cos(radians(:latitude)) * cos(radians(properties.latitude))
 * power(sin(radians(properties.longitude - :longitude) / 2), 2)))))"""


@dataclass
class Asked:
    """What a list is asked for, as SQL conditions on `properties` and the values they name, and how it is found."""

    order_name: str
    limit: int
    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    behind: str = "true"
    """The condition of the rows behind the cursor, on `{key}` and `{id}`."""
    within: str = ""
    """The condition that a home lies in the area that is asked for."""
    area: tuple[float, ...] | None = None
    widest: float = 0.0
    """Degrees that a kilometre has at most, around the place that is asked for."""
    is_all_there: bool = False
    """Whether everything fits that lies near the place."""
    table: str = "properties"
    texts: str = ""
    """What is joined as `t`, where full text search takes part."""
    in_texts: bool = False
    """Whether the texts are what is walked through or fetched first, in the order of time."""
    in_order: bool = False
    """Whether to go along an index in the order that is asked for, and not to sort."""
    share: float = 0.0
    """Of all listings, those that fit, about; where it is worth while to walk until there are enough."""
    farthest: float = 0.0
    """How many to walk past until it would have been better to fetch all that is found."""
    is_wide: bool = False
    """Whether there is hardly a value that a plan could depend on: the statement is planned once, then."""

    @property
    def order(self) -> Order:
        """Return the sort order."""
        return ORDERS[self.order_name]

    @property
    def keys(self) -> tuple[str, str]:
        """Return the columns of the order, those of the texts where they are what is walked through."""
        if self.in_texts:
            return "t.created_at", "t.property_id"
        return f"properties.{self.order.column}", "properties.id"

    @property
    def further(self) -> str:
        """Return the condition of the listings behind the cursor; of an order that is no column, of all."""
        return self.behind.format(key=self.keys[0], id=self.keys[1]) if self.has_column else "true"

    @property
    def has_column(self) -> bool:
        """Tell whether the order is one of a column."""
        return self.order_name not in {"distance", "relevance"}


def filters_of(query: Query) -> Asked:
    """Return what a loaded query filters by, whoever asks."""
    asked = plainly(query, [])
    if query["search"]:
        asked.conditions.append(WORDS)
        asked.values["words"] = texts.meant(query["search"])
    return asked


def plainly(query: Query, conditions: Iterable[str]) -> Asked:
    """Return what a loaded query asks for beside words, and what else it is bound to."""
    asked = Asked(query["sort"], query.get("limit", 0), [*conditions])
    _add_plain(asked, query)
    _add_place(asked, query)
    if query.get("cursor"):
        _add_cursor(asked, query["cursor"])
    return asked


SEVERAL_TYPES = "properties.property_type = ANY(:property_type)"

_PLAIN = {
    "listing_type": "properties.listing_type = :listing_type",
    "property_type": SEVERAL_TYPES,
    "period": "properties.period = :period",
    "min_price": "properties.price >= :min_price",
    "max_price": "properties.price <= :max_price",
    "currency": "properties.currency = :currency",
    "min_bedrooms": "properties.bedroom >= :min_bedrooms",
    "max_bedrooms": "properties.bedroom <= :max_bedrooms",
    "min_bathrooms": "properties.bathroom >= :min_bathrooms",
    "state": "lower(properties.state) = lower(:state)",
    "lga": "lower(properties.lga) = lower(:lga)",
    "city": "lower(properties.city) = lower(:city)",
    "furnished": "properties.furnished = :furnished",
    "agent_id": "properties.agent_id = :agent_id",
    "updated_since": "properties.updated_at >= :updated_since",
}


def _add_plain(asked: Asked, query: Query) -> None:
    values = {name: query[name] for name in _PLAIN if query[name] not in (None, "", [])}
    compares_money = {"min_price", "max_price"} & set(values) or asked.order.column == "price"
    if compares_money and "currency" not in values:
        # Amounts of different currencies are never compared.
        values["currency"] = current_app.config["CURRENCIES"][0]
    if len(values.get("property_type", ())) == 1:
        # One kind leaves an index in the order of prices, several do not.
        asked.conditions.append("properties.property_type = :only_type")
        asked.values["only_type"] = values.pop("property_type")[0]
    asked.conditions += [_PLAIN[name] for name in values]
    asked.values |= values
    codes = set(query["amenities"] or ())
    asked.conditions += [f"properties.{flag}" for flag in AMENITY_FLAGS if flag in codes]
    if further := sorted(codes - set(AMENITY_FLAGS)):
        asked.conditions.append("properties.amenities @> CAST(:amenities AS varchar[])")
        asked.values["amenities"] = further


def _add_place(asked: Asked, query: Query) -> None:
    if query["bbox"] is not None:
        asked.within = _within("west", "south", "east", "north")
        asked.conditions.append(asked.within)
        asked.values |= dict(zip(("west", "south", "east", "north"), query["bbox"], strict=True))
        asked.area = tuple(query["bbox"])
    if query["near"] is None:
        return
    latitude, longitude = query["near"]
    radius = query["radius_km"] or MOST_RADIUS_KM
    # A kilometre is at most so many degrees, at the edge of the circle; an index looks there, the distance decides.
    edge = min(89.0, abs(latitude) + radius / KM_PER_DEGREE)
    widest = 1.01 / (KM_PER_DEGREE * math.cos(math.radians(edge)))
    reach = radius * widest
    asked.values |= {"latitude": latitude, "longitude": longitude, "radius": radius}
    # The planner knows how many homes lie between two numbers, but guesses how many lie in a circle.
    around = _within("left", "low", "right", "high")
    asked.conditions.append(around)
    asked.within = f"{asked.within} AND {around}" if asked.within else around
    asked.values |= {"left": longitude - reach, "right": longitude + reach}
    west, south, east, north = asked.area or (-math.inf, -math.inf, math.inf, math.inf)
    low, high = latitude - reach, latitude + reach
    asked.area = (max(west, longitude - reach), max(south, low), min(east, longitude + reach), min(north, high))
    if asked.area[0] > asked.area[2] or asked.area[1] > asked.area[3]:
        asked.conditions.append("false")
    asked.widest = widest
    asked.values |= {"low": low, "high": high}
    asked.conditions.append(f"{DISTANCE} <= :radius")


def _within(west: str, south: str, east: str, north: str) -> str:
    return f"properties.latitude BETWEEN :{south} AND :{north} AND properties.longitude BETWEEN :{west} AND :{east}"


def _add_cursor(asked: Asked, cursor: str) -> None:
    """Every cursor knows its order."""

    def same_order(value: Any) -> str:
        if value != asked.order_name:
            raise ValueError("a cursor of another order")
        return asked.order_name

    order = asked.order
    _name, asked.values["last_key"], asked.values["last_id"] = read_cursor(cursor, [same_order, order.parse, int])
    asked.behind = f"({{key}}, {{id}}) {'<' if order.descending else '>'} (CAST(:last_key AS {order.cast}), :last_id)"
