"""Looks at listings: the newest homes of the demo, thirty days of them, more at week-ends and while a home is new."""

from datetime import date

from sqlalchemy import text

from sheda.core.db import db

LOOKED_AT = 2_000
"""Listings that have an audience: a month of looks at every one of a million would be most of the demo."""

_LISTINGS = text(
    """INSERT INTO listing_views (property_id, day, views)
 SELECT property_id, day, views FROM (
  SELECT p.id AS property_id, CAST(d AS date) AS day,
   round((2 + mod(('x' || substr(md5(p.id || ':' || :seed), 1, 6))::bit(24)::integer, 14))
    * (0.4 + mod(('x' || substr(md5(p.id || ':' || d || ':' || :seed), 1, 6))::bit(24)::integer, 100) / 80.0)
    * CASE WHEN extract(isodow FROM d) > 5 THEN 1.4 ELSE 1 END
    * greatest(0.2, 1 - extract(day FROM d - p.created_at) / 60))::integer AS views
  FROM (SELECT id, created_at FROM properties WHERE listing_state = 'published'
   ORDER BY created_at DESC, id DESC LIMIT :most) p
  CROSS JOIN generate_series(CAST(:today AS timestamp) - interval '29 days', CAST(:today AS timestamp), '1 day') d
  WHERE d >= date_trunc('day', p.created_at)) looks
 WHERE views > 0"""
)

_AGENTS = text(
    """INSERT INTO agent_views (agent_id, day, views)
 SELECT p.agent_id, v.day, sum(v.views) FROM listing_views v JOIN properties p ON p.id = v.property_id
 GROUP BY p.agent_id, v.day"""
)


def fill_audience(seed: int, today: date) -> None:
    """Write looks at the newest listings, and the sums of their agents; the same for the same seed."""
    db.session.execute(_LISTINGS, {"seed": seed, "most": LOOKED_AT, "today": today.isoformat()})
    db.session.execute(_AGENTS)
