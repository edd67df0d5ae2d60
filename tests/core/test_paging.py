"""Pages by keyset: nothing twice, nothing missed, and no cursor that is a fault."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from sheda.core import clock
from sheda.core.errors import BadRequest
from sheda.core.jobs import JobRun
from sheda.core.paging import Key, capped_count, moment, page_of, read_cursor, write_cursor

NEWEST = [Key(JobRun.started_at, "started_at", parse=moment), Key(JobRun.id, "id")]
MIXED = [Key(JobRun.job, "job", descending=False, parse=str), Key(JobRun.id, "id")]


@pytest.fixture
def runs(db_session: Any) -> None:
    """Make 25 runs, five to a moment and five names."""
    for number in range(25):
        at = datetime(2026, 1, 1 + number // 5, tzinfo=UTC)
        db_session.add(JobRun(job=f"job {number % 5}", started_at=at, finished_at=clock.now(), tally={}))
    db_session.flush()


class TestPageOf:
    @pytest.mark.parametrize("keys", [NEWEST, MIXED], ids=["one direction", "two directions"])
    def test_every_row_comes_once_in_order(self, runs: None, db_session: Any, keys: list[Key]) -> None:
        whole = [row.id for row in page_of(select(JobRun), keys, limit=100).rows]
        seen, cursor = [], None
        while True:
            page = page_of(select(JobRun), keys, limit=4, cursor=cursor)
            seen += [row.id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == whole
        assert len(set(seen)) == 25

    def test_the_last_page_has_no_cursor(self, runs: None) -> None:
        assert page_of(select(JobRun), NEWEST, limit=25).next_cursor is None

    def test_a_count_is_made_only_when_asked(self, runs: None) -> None:
        assert page_of(select(JobRun), NEWEST, limit=5).count is None
        assert page_of(select(JobRun), NEWEST, limit=5, count=True).count == 25

    def test_a_count_stops_at_its_cap(self, runs: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sheda.core.paging.COUNT_CAP", 10)
        assert capped_count(select(JobRun.id)) == (10, False)


class TestCursors:
    @pytest.mark.parametrize(
        "cursor", ["", "x", "%", "bnVsbA", "W10", base64.urlsafe_b64encode(b"[" * 9000).decode()[:900], "é", "WzFd" * 9]
    )
    def test_what_is_no_cursor_is_refused(self, cursor: str) -> None:
        with pytest.raises(BadRequest):
            read_cursor(cursor, [moment, int])

    def test_a_naive_moment_or_a_huge_number_is_refused(self) -> None:
        for values in (["2026-01-01T00:00:00", 1], [datetime.now(UTC).isoformat(), 10**30]):
            packed = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
            with pytest.raises(BadRequest):
                read_cursor(packed, [moment, int])

    def test_a_cursor_survives_the_way_there_and_back(self) -> None:
        now = datetime.now(UTC)
        assert read_cursor(write_cursor([now, 7]), [moment, int]) == [now, 7]
