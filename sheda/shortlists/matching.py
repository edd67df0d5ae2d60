"""Alerts: news matched with batches of saved searches, one statement each, and what was found told when it is due.

Each function is one transaction's work. One worker at a time does it: a second one finds the door closed and leaves.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, delete, select, text, update

from sheda.core import clock
from sheda.core.db import db
from sheda.core.jobs import is_alone
from sheda.core.outbox import post_mails
from sheda.properties import services as listings
from sheda.shortlists.models import ListingNews, SavedSearch
from sheda.shortlists.services import due_moments

MAIL = "search_alert"

NEWS = 200
"""News that are matched at once."""

SEARCHES = 1000
"""Searches that one statement asks, and that one transaction tells."""

NAMED_IN_MAIL = 20
"""Listings that a mail is told of; those that one search finds beyond are counted."""

Refresh = Callable[[Sequence[SavedSearch]], None]


def match_next(refresh: Refresh) -> bool:
    """Match the next batch of searches with the oldest news; False when there is nothing more to match.

    `refresh` makes the terms of searches again that were kept under other conditions. News that arrive meanwhile are
    matched after these, from the first search on.
    """
    if not is_alone(MAIL):
        return False
    waiting = select(ListingNews.id, ListingNews.after_id).order_by(ListingNews.after_id.desc(), ListingNews.id)
    found = db.session.execute(waiting.limit(NEWS)).all()
    if not found:
        return False
    after = found[0].after_id
    news = [row.id for row in found if row.after_id == after]
    watching = select(SavedSearch.id).where(SavedSearch.alert != "none", SavedSearch.id > after)
    ids = list(db.session.scalars(watching.order_by(SavedSearch.id).limit(SEARCHES)))
    if ids:
        _refresh_stale(ids, refresh)
        hits = db.session.scalars(_match(), {"now": clock.now(), "news": news, "ids": ids})
        _set_due(sorted(set(hits)))
    done = ListingNews.id.in_(news)
    is_last = len(ids) < SEARCHES
    db.session.execute(
        delete(ListingNews).where(done) if is_last else update(ListingNews).where(done).values(after_id=ids[-1]),
        execution_options={"synchronize_session": False},
    )
    return True


def _refresh_stale(ids: list[int], refresh: Refresh) -> None:
    version = SavedSearch.terms["version"].as_string()
    stale = select(SavedSearch).where(SavedSearch.id.in_(ids), version.is_distinct_from(listings.terms_version()))
    refresh(db.session.scalars(stale.order_by(SavedSearch.id).with_for_update()).all())
    db.session.flush()


def _set_due(ids: list[int]) -> None:
    for alert, moment in due_moments().items():
        first = update(SavedSearch).where(
            SavedSearch.id.in_(ids), SavedSearch.alert == alert, SavedSearch.due_at.is_(None)
        )
        db.session.execute(first.values(due_at=moment), execution_options={"synchronize_session": False})


def tell_next(refresh: Refresh) -> int | None:
    """Post the mails of the next searches that are due; how many, or None when no search is due.

    What has left the market since it was found, or fits the search no longer, waits for a better day.
    """
    if not is_alone(MAIL):
        return None
    now = clock.now()
    due = select(SavedSearch.id, SavedSearch.user_id, SavedSearch.due_at).where(SavedSearch.due_at <= now)
    searches = db.session.execute(
        due.order_by(SavedSearch.due_at, SavedSearch.id).limit(SEARCHES).with_for_update(skip_locked=True)
    ).all()
    if not searches:
        return None
    ids = [row.id for row in searches]
    _refresh_stale(ids, refresh)
    told: dict[int, list[list[Any]]] = defaultdict(list)
    for row in db.session.execute(_tell(), {"now": now, "ids": ids}):
        told[row.search_id].append([row.property_id, row.reason, None if row.was is None else str(row.was)])
    db.session.execute(
        update(SavedSearch).where(SavedSearch.id.in_(ids)).values(due_at=None, last_run_at=now),
        execution_options={"synchronize_session": False},
    )
    return post_mails(
        MAIL,
        [(row.user_id, _key(row.id, row.due_at), _context(row.id, told[row.id])) for row in searches if told[row.id]],
    )


def _key(search_id: int, due_at: datetime) -> str:
    return f"{MAIL}:{search_id}:{due_at.isoformat()}"


def _context(search_id: int, found: list[list[Any]]) -> dict[str, Any]:
    newest = sorted(found, key=lambda one: -one[0])
    return {"search_id": search_id, "found": newest[:NAMED_IN_MAIL], "total": len(newest)}


_SHOWN = "properties.listing_state = 'published' AND properties.status = 'available'"


@lru_cache(maxsize=1)
def _match() -> TextClause:
    """Return the statement that finds and notes which news are news to which searches, and names the searches.

    A listing that a search has been told of is news to it again only below the price that it was told at.
    """
    record, asks = listings.saved_predicate("s.terms", "asked")
    return text(f"""
WITH news AS MATERIALIZED (
  SELECT n.property_id, n.reason, max(n.at) AS news_at, max(n.was) AS news_was FROM listing_news n
  WHERE n.id = ANY(CAST(:news AS bigint[])) GROUP BY n.property_id, n.reason
), shown AS MATERIALIZED (
  SELECT properties.*, t.words, news.reason, news.news_at, news.news_was
  FROM news JOIN properties ON properties.id = news.property_id
  LEFT JOIN property_texts t ON t.property_id = properties.id
  WHERE {_SHOWN} AND (news.reason = 'new' OR properties.price < news.news_was)
), searches AS MATERIALIZED (
  SELECT s.id AS search_id, s.user_id, s.watched_from, asked.* FROM saved_searches s
  JOIN ab_user u ON u.id = s.user_id AND u.active CROSS JOIN LATERAL {record}
  WHERE s.id = ANY(CAST(:ids AS bigint[]))
), found AS (
  SELECT DISTINCT ON (asked.search_id, properties.id)
    asked.search_id, properties.id AS property_id, properties.reason, properties.price, properties.currency,
    properties.news_was
  FROM searches asked CROSS JOIN shown properties CROSS JOIN LATERAL (SELECT properties.words) t
  WHERE properties.news_at > asked.watched_from AND properties.agent_id <> asked.user_id AND {asks}
  ORDER BY asked.search_id, properties.id, properties.reason
)
INSERT INTO search_hits AS h (search_id, property_id, reason, price, currency, was, found_at)
SELECT search_id, property_id, reason, price, currency, news_was, :now FROM found
ON CONFLICT (search_id, property_id) DO UPDATE SET
  reason = CASE WHEN h.told_at IS NULL THEN h.reason ELSE excluded.reason END,
  price = excluded.price, currency = excluded.currency, was = excluded.was,
  found_at = excluded.found_at, told_at = NULL
WHERE excluded.reason = 'price_drop' AND (h.currency <> excluded.currency OR excluded.price < h.price)
RETURNING search_id""")


@lru_cache(maxsize=1)
def _tell() -> TextClause:
    """Return the statement that marks as told, and names, what was found for searches and is still true."""
    record, asks = listings.saved_predicate("s.terms", "asked")
    return text(f"""
UPDATE search_hits h SET told_at = :now
FROM saved_searches s CROSS JOIN LATERAL {record},
  properties LEFT JOIN property_texts t ON t.property_id = properties.id
WHERE h.search_id = ANY(CAST(:ids AS bigint[])) AND h.told_at IS NULL
  AND s.id = h.search_id AND properties.id = h.property_id
  AND {_SHOWN} AND (h.reason = 'new' OR properties.price < h.was) AND {asks}
RETURNING h.search_id, h.property_id, h.reason, h.was""")
