"""Positions in the log: exactly what a reader has been told, whatever the order in which transactions ended.

A position is a snapshot of PostgreSQL: all that was visible in it has been told. In the middle of a batch it names the
batch too (what is visible in `upto`, and not in `since`) and the last row of it that was told, in the order of ids:
a batch is the same however often it is read.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta

from sheda.core.db import read_one
from sheda.core.errors import InvalidInput

KEPT = timedelta(days=3)
"""How long the log remembers."""

LONGEST = 2_000
_SNAPSHOT = r"[0-9]{1,19}:[0-9]{1,19}:(?:[0-9]{1,19}(?:,[0-9]{1,19})*)?"
_SHAPE = re.compile(rf"([0-9]{{1,12}})~({_SNAPSHOT})(?:~({_SNAPSHOT})~([0-9]{{1,18}}))?")

_NOW = "SELECT pg_current_snapshot()::text"
_PRESENT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric"


@dataclass(frozen=True, slots=True)
class Position:
    """What has been told: all of `since`; of what `upto` shows beyond it, the rows up to the id `after`."""

    since: str
    upto: str | None = None
    after: int = 0

    @property
    def floor(self) -> int:
        """Return the oldest transaction that may not have been told."""
        return int(self.since.partition(":")[0])

    def __str__(self) -> str:
        """Write it for a client to give back, with the second in which it was written."""
        told = "" if self.upto is None else f"~{self.upto}~{self.after}"
        return f"{int(time.time())}~{self.since}{told}"


def present() -> Position:
    """Return the position of somebody who has been told everything."""
    found = read_one(_NOW)
    assert found is not None  # noqa: S101 - a SELECT without FROM has one row
    return Position(found[0])


def read_position(text: str) -> Position | None:
    """Read what a client gives back; None when the log no longer reaches so far, InvalidInput for what is none."""
    shape = _SHAPE.fullmatch(text) if len(text) <= LONGEST else None
    if shape is None:
        raise InvalidInput.on("after", "This is no position of ours: leave it out, or send the last one as it came.")
    written, since, upto, after = shape.groups()
    snapshots = [_Snapshot.read(one) for one in (since, upto) if one]
    if any(one is None for one in snapshots):
        raise InvalidInput.on("after", "This is no position of ours: leave it out, or send the last one as it came.")
    newest = max(one.xmax for one in snapshots if one)
    found = read_one(_PRESENT)
    is_of_another_database = found is None or newest > found[0]
    if int(written) < time.time() - KEPT.total_seconds() + 3600 or is_of_another_database:
        return None
    return Position(since, upto, int(after or 0))


@dataclass(frozen=True, slots=True)
class _Snapshot:
    xmin: int
    xmax: int

    @classmethod
    def read(cls, text: str) -> "_Snapshot | None":
        """Read a snapshot as PostgreSQL would; None for one that it would refuse."""
        low, high, running = text.split(":")
        xmin, xmax = int(low), int(high)
        ids = [int(one) for one in running.split(",")] if running else []
        is_sound = 0 < xmin <= xmax and all(xmin <= one < xmax for one in ids) and ids == sorted(set(ids))
        return cls(xmin, xmax) if is_sound else None
