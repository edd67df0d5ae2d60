"""How often listings are looked at: counted per listing and day, off the request, and nobody's eyes are noted.

A view is counted in this process's memory and written with all others of the last minute by one statement, from a
thread of its own. So a request never waits for a count, Redis has no part in it, and a process that is killed takes
the views of a minute with it.
"""

import atexit
import logging
import re
import threading
from collections import Counter
from datetime import date, timedelta

from flask import Flask, current_app
from sqlalchemy import select

from sheda.core import clock
from sheda.core.access import visible_to
from sheda.core.actor import Actor, Role
from sheda.core.db import db, in_transaction, write
from sheda.properties.models import ListingViews

log = logging.getLogger(__name__)

COUNTED = frozenset({Role.PUBLIC, Role.CLIENT})
"""Whose looks are an audience: agents and the office look at listings because it is their work."""

MOST_KEPT = 100_000
"""Listings whose views wait for the database at once; beyond, new ones are let go."""

_ROBOTS = re.compile(
    r"(?<!cu)bot\b|bot[/;-]|crawl|spider|slurp|preview|scan|monitor|headless|lighthouse|facebookexternalhit|whatsapp|telegram"
    r"|curl|wget|python|httpx|aiohttp|go-http|java/|libwww|scrapy|node-fetch|axios|postman|insomnia",
    re.IGNORECASE,
)

_WRITE = """WITH seen AS (
 SELECT s.property_id, p.agent_id, s.day, s.views
 FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[]), CAST(:views AS integer[])) AS s (property_id, day, views)
 JOIN properties p ON p.id = s.property_id
), of_listings AS (
 INSERT INTO listing_views (property_id, day, views) SELECT property_id, day, views FROM seen ORDER BY property_id, day
 ON CONFLICT (property_id, day) DO UPDATE SET views = listing_views.views + excluded.views
)
INSERT INTO agent_views (agent_id, day, views)
SELECT agent_id, day, sum(views) FROM seen GROUP BY agent_id, day ORDER BY agent_id, day
ON CONFLICT (agent_id, day) DO UPDATE SET views = agent_views.views + excluded.views"""


class Audience:
    """The views that a process has counted and not written yet."""

    def __init__(self, app: Flask, every: float) -> None:
        """Write every so many seconds while there is something to write; 0 leaves it to whoever asks."""
        self._app, self._every = app, every
        self._views: Counter[tuple[int, date]] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if every:
            atexit.register(self._write_alone)

    def note(self, property_id: int) -> None:
        """Count one view of today."""
        key = (property_id, clock.today())
        with self._lock:
            if key in self._views or len(self._views) < MOST_KEPT:
                self._views[key] += 1
            if self._every and self._timer is None:
                self._wait()

    def write(self) -> int:
        """Write what has been counted, and return how many views that is; what cannot be written waits on."""
        with self._lock:
            taken, self._views, self._timer = self._views, Counter(), None
        if not taken:
            return 0
        try:
            in_transaction(lambda: write_views(taken))
        except BaseException:
            with self._lock:
                self._views.update(taken)
                if self._every:
                    self._wait()
            raise
        return taken.total()

    def _wait(self) -> None:
        self._timer = threading.Timer(self._every, self._write_alone)
        self._timer.daemon = True
        self._timer.start()

    def _write_alone(self) -> None:
        try:
            with self._app.app_context():
                self.write()
        except Exception as fault:
            log.warning("views wait for the database: %s", fault)


def write_views(views: Counter[tuple[int, date]]) -> None:
    """Add counts of listings and days to those in the database, by one statement; unknown listings have none."""
    write(
        _WRITE,
        ids=[listing for listing, _ in views],
        days=[day for _, day in views],
        views=list(views.values()),
    )


def forget_views(before: date) -> int:
    """Erase the views of days before one, and return how many listings' days those were; agents' sums stay."""
    return len(write("DELETE FROM listing_views WHERE day < :before RETURNING 1", before=before))


def note_view(actor: Actor, property_id: int, agent: str) -> None:
    """Count a look at a published listing by a client or the public; programs that say so, or say nothing, are none.

    `agent` is the User-Agent header. Never raises, never waits.
    """
    if actor.role in COUNTED and agent and not _ROBOTS.search(agent):
        audience().note(property_id)


def audience() -> Audience:
    """Return this app's count of views, begun with the first; what is left of it is written when the process ends."""
    found: Audience | None = current_app.extensions.get("audience")
    if found is None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        found = app.extensions.setdefault("audience", Audience(app, app.config["VIEWS_EVERY"]))
    return found


def views_of(actor: Actor, property_id: int, days: int = 30) -> list[tuple[date, int]]:
    """Return the views of a listing of one's own on each of the last days, the present one last."""
    today = clock.today()
    first = today - timedelta(days=days - 1)
    rows = db.session.execute(
        select(ListingViews.day, ListingViews.views).where(
            visible_to(actor, ListingViews), ListingViews.property_id == property_id, ListingViews.day >= first
        )
    )
    found = {row.day: row.views for row in rows}
    return [(day, found.get(day, 0)) for day in (first + timedelta(days=number) for number in range(days))]
