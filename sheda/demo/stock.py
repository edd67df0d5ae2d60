"""Listings by the thousand: copied into the database in batches, the newest of them with pictures."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from random import Random
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text

from sheda.core import files
from sheda.core.db import db
from sheda.core.images import render_image
from sheda.demo.facades import SIZE
from sheda.demo.listings import listings
from sheda.demo.pictures import CAPTIONS, VARIANTS, choose_pictures, draw_picture

FIELDS = (
    "title", "description", "price", "currency", "listing_type", "period", "property_type", "location", "address",
    "city", "lga", "state", "country", "latitude", "longitude", "bedroom", "bathroom", "area_sqm", "furnished",
    "is_negotiable", "air_condition", "pop_ceiling", "floor_tiles", "running_water", "prepaid_meter", "wifi",
    "amenities",
)  # fmt: skip
COLUMNS = {
    "properties": ("id", "reference", "agent_id", *FIELDS, "listing_state", "created_at", "updated_at", "published_at"),
    "property_fees": ("property_id", "position", "kind", "label", "amount"),
    "price_history": ("property_id", "price", "currency", "changed_by", "changed_at"),
    "history": ("subject_type", "subject_id", "move", "to_state", "actor_id", "actor_role", "at"),
    "property_images": (
        "property_id", "position", "is_cover", "caption", "width", "height", "status", "key", "created_at",
    ),
}  # fmt: skip
"""Table to the columns that are copied, in the order in which tables depend on each other."""

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""What references are spelt with: nothing that looks like something else."""

Rendered = dict[tuple[str, int], dict[str, bytes]]


@dataclass
class Stock:
    """A run of listings: `count` of them over the last `days`, by `agents`, the first `pictured` with pictures."""

    count: int
    seed: int
    agents: Sequence[int]
    now: datetime
    days: int = 240
    pictured: int = 400
    _done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Begin at the newest listing."""
        self._listings = listings(self.count, self.seed)
        self._draw = Random(self.seed + 1)

    def copy_batch(self, size: int) -> list[int]:
        """Copy the next listings, at most `size`, into the database; return their ids, the newest first."""
        batch = list(islice(self._listings, size))
        ids = _new_ids("properties", len(batch))
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
        for listing_id, listing in zip(ids, batch, strict=True):
            self._add(rows, listing_id, listing)
            self._done += 1
        cursor = _cursor()
        for table, columns in COLUMNS.items():
            _copy(cursor, table, columns, rows[table])
        return ids

    def _add(self, rows: dict[str, list[tuple[Any, ...]]], listing_id: int, listing: dict[str, Any]) -> None:
        # The demo agent, first in the list, has one in eight of the first few hundred, so that his pages are full.
        own = self._done < self.pictured and self._done % 8 == 0
        agent_id = self.agents[0] if own else self._draw.choice(self.agents[1:])
        made = self.now - timedelta(days=self.days) * ((self._done + 1) / self.count)
        state = self._draw.choices(("published", "paused", "draft", "archived"), (92, 4, 2, 2))[0]
        values = [listing[name] for name in FIELDS]
        published = None if state == "draft" else made
        rows["properties"].append((listing_id, _reference(listing_id), agent_id, *values, state, made, made, published))
        rows["property_fees"].extend(
            (listing_id, position, fee["kind"], fee["label"], fee["amount"])
            for position, fee in enumerate(listing["fees"])
        )
        rows["price_history"].append((listing_id, listing["price"], listing["currency"], agent_id, made))
        rows["history"].append(("properties", listing_id, "create", state, agent_id, "Agent", made))
        if self._done < self.pictured:
            self._add_pictures(rows["property_images"], listing_id, listing["property_type"], made)

    def _add_pictures(self, rows: list[tuple[Any, ...]], listing_id: int, property_type: str, made: datetime) -> None:
        drawn = draw_all(self.seed)
        for position, (kind, variant) in enumerate(choose_pictures(self._draw, property_type)):
            stem = files.put_renditions(drawn[kind, variant])
            rows.append((listing_id, position, position == 0, CAPTIONS[kind], *SIZE, "ready", stem, made))


@cache
def draw_all(seed: int) -> Rendered:
    """Draw and render every picture there is, on two cores; Pillow lets go of the lock while it encodes."""
    wanted = [(kind, variant) for kind in CAPTIONS for variant in range(VARIANTS)]
    with ThreadPoolExecutor(2) as pool:
        rendered = pool.map(lambda one: render_image(draw_picture(one[0], one[1], seed)), wanted)
        return dict(zip(wanted, rendered, strict=True))


def _reference(number: int) -> str:
    """Spell a number as a listing's reference: multiplied by an odd number modulo 2^40, so that none comes twice."""
    mixed = number * 0x9E3779B97F % 2**40
    return "SHD-" + "".join(LETTERS[mixed >> shift & 31] for shift in range(0, 40, 5))


def _new_ids(table: str, count: int) -> list[int]:
    taken = text("SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count)")
    return list(db.session.scalars(taken, {"table": table, "count": count}))


def _cursor() -> psycopg.Cursor[Any]:
    cursor: psycopg.Cursor[Any] = db.session.connection().connection.cursor()  # type: ignore[assignment]
    return cursor


def _copy(cursor: psycopg.Cursor[Any], table: str, columns: Sequence[str], rows: Iterator[Any] | list[Any]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)) as copy:
        for row in rows:
            copy.write_row(row)
