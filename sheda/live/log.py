"""Reads of the log: what everybody, or one person, has not been told yet."""

from dataclasses import dataclass

from sheda.core.db import read, write_whole
from sheda.live.positions import KEPT, Position

BATCH = 500
"""Rows that are read at once."""

# The rows are found by transaction and only then put in order: by the order alone, every row would be looked at.
# What a statement sees is in its own snapshot, so that without `upto` the present one bounds the batch.
_SINCE = """WITH present AS (SELECT pg_current_snapshot()::text AS now), fresh AS MATERIALIZED ({fresh})
SELECT p.now, e.* FROM present p LEFT JOIN LATERAL (
 SELECT id, kind, ref_id, one_id, other_id FROM fresh l WHERE l.id > :after
 AND NOT pg_visible_in_snapshot(l.xid::text::xid8, CAST(:since AS pg_snapshot))
 AND pg_visible_in_snapshot(l.xid::text::xid8, CAST(coalesce(CAST(:upto AS text), p.now) AS pg_snapshot))
 ORDER BY id LIMIT :batch) e ON true ORDER BY e.id"""

_ROWS = "SELECT id, xid, kind, ref_id, one_id, other_id FROM live_events WHERE {whose}xid >= :floor"

_EVERYBODY = _SINCE.format(fresh=_ROWS.format(whose=""))
_ONE = _SINCE.format(
    fresh=f"{_ROWS.format(whose='one_id = :person AND ')} UNION ALL {_ROWS.format(whose='other_id = :person AND ')}"
)

_PRUNE = """WITH gone AS (DELETE FROM live_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM live_events
  WHERE at < now() - CAST(:kept AS interval) OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  ORDER BY xid, id LIMIT :batch)) RETURNING id) SELECT count(*) FROM gone"""


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the log: what kind of thing, the id of its row, and whom it concerns."""

    id: int
    kind: str
    ref_id: int | None
    one_id: int
    other_id: int | None

    @property
    def people(self) -> tuple[int, ...]:
        """Return whom it concerns."""
        return (self.one_id,) if self.other_id is None else (self.one_id, self.other_id)


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read: the rows in their order, between which snapshots, and the position of who is told all of them."""

    happenings: list[Happening]
    since: str
    upto: str
    position: Position
    has_more: bool

    def position_after(self, happening: Happening) -> Position:
        """Return the position of somebody who was told the rows up to this one."""
        return Position(self.since, self.upto, happening.id)


def nothing(position: Position) -> Batch:
    """Return what somebody reads who has been told everything up to a position."""
    return Batch([], "", "", position, has_more=False)


def since(position: Position, *, person: int | None = None, batch: int = BATCH) -> Batch:
    """Read the rows beyond a position, of everybody or of one person: read on from there while there may be more."""
    statement, whose = (_EVERYBODY, {}) if person is None else (_ONE, {"person": person})
    found = read(
        statement, floor=position.floor, since=position.since, upto=position.upto, after=position.after, batch=batch,
        **whose,
    )  # fmt: skip
    upto: str = position.upto or found[0][0]
    rows = [Happening(*row[1:]) for row in found if row[1] is not None]
    is_full = len(rows) == batch
    reached = Position(position.since, upto, rows[-1].id) if is_full else Position(upto)
    return Batch(rows, position.since, upto, reached, is_full or position.upto is not None)


def prune(batch: int) -> int:
    """Erase a batch of what is past its time, or stems from a database before this one; how many rows."""
    [(erased,)] = write_whole(_PRUNE, kept=f"{KEPT.total_seconds()} seconds", batch=batch)
    return int(erased)
