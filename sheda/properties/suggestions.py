"""What somebody who types may mean: places, kinds of homes, words of titles; by how many listings are on offer there.

A small table that a job writes anew, from public listings only: no trigger, so that no write of a listing waits for it.
"""

import json
from typing import Any

from sheda.core.db import read, write
from sheda.core.paging import json_page

KEPT = 20_000
"""Of each kind, the commonest."""

READ = 20_000
"""The newest listings, whose titles give the words."""

_SHOWN = "status = 'available' AND listing_state = 'published'"

_FOLDED = "lower(unaccent(normalize({})))"

_FILL = f"""INSERT INTO suggestions (kind, name, within, folded, listings)
SELECT kind, name, within, {_FOLDED.format("name")}, listings FROM (
 SELECT k.*, row_number() OVER (PARTITION BY kind ORDER BY listings DESC, name) AS place FROM (
  SELECT CASE WHEN grouping(lower(state), lower(location)) = 0 THEN 'area'
    WHEN grouping(lower(state), lower(city)) = 0 THEN 'city' WHEN grouping(lower(state), lower(lga)) = 0 THEN 'lga'
    WHEN grouping(lower(state)) = 0 THEN 'state' WHEN grouping(property_type) = 0 THEN 'property_type'
    ELSE 'listing_type' END AS kind,
   CASE WHEN grouping(lower(location)) = 0 THEN max(location) WHEN grouping(lower(city)) = 0 THEN max(city)
    WHEN grouping(lower(lga)) = 0 THEN max(lga) WHEN grouping(lower(state)) = 0 THEN max(state)
    WHEN grouping(property_type) = 0 THEN replace(property_type, '_', ' ') ELSE listing_type END AS name,
   CASE WHEN grouping(lower(state)) = 0 AND grouping(lower(location), lower(city), lower(lga)) < 7
    THEN coalesce(max(state), '') ELSE '' END AS within,
   count(*) AS listings
  FROM properties WHERE {_SHOWN}
  GROUP BY GROUPING SETS ((lower(state), lower(location)), (lower(state), lower(city)), (lower(state), lower(lga)),
   (lower(state)), (property_type), (listing_type))
  UNION ALL
  SELECT 'word', word, '', count(*) FROM (
   SELECT agent_id, title FROM properties WHERE {_SHOWN} ORDER BY created_at DESC, id DESC LIMIT {READ}) newest,
   regexp_split_to_table(lower(title), '[\\W\\d_]+') word
  WHERE length(word) > 3 GROUP BY word HAVING count(DISTINCT agent_id) > 1
 ) k WHERE name <> ''
) ranked WHERE place <= {KEPT} ON CONFLICT DO NOTHING"""

_FIND = """SELECT kind, name, within, listings FROM suggestions
 WHERE folded LIKE :begins OR folded LIKE :inside ORDER BY listings DESC, name, kind, within LIMIT :fetched"""

_FOLD = f"SELECT {_FOLDED.format('CAST(:prefix AS text)')}"

_FILTERS = {"city": ("city", "state"), "lga": ("lga", "state"), "state": ("state", ""), "area": ("search", "state")}


def refresh() -> int:
    """Write the suggestions anew and return how many there are."""
    write("DELETE FROM suggestions")
    write(_FILL)
    ((number,),) = read("SELECT count(*) FROM suggestions")
    return int(number)


def suggest(prefix: str, limit: int) -> str:
    """Return what a beginning may mean, the commonest first, as JSON text; words inside of a name count, too."""
    ((folded,),) = read(_FOLD, prefix=prefix.strip())
    plain = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = read(_FIND, begins=f"{plain}%", inside=f"% {plain}%", fetched=limit)
    return json_page([json.dumps(_told(*row), ensure_ascii=False) for row in rows])


def _told(kind: str, name: str, within: str, listings: int) -> dict[str, Any]:
    """Describe one; of words only the newest titles are counted, so that the number is not told."""
    if kind in _FILTERS:
        own, outer = _FILTERS[kind]
        asks = {own: name} | ({outer: within} if within else {})
    else:
        asks = {kind: name.replace(" ", "_")} if kind != "word" else {"search": name}
    counted = None if kind == "word" else listings
    return {"kind": kind, "text": name, "within": within or None, "listings": counted, "filters": asks}
