from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from sheda.core import clock
from sheda.core.clauses import Clause, put, together
from sheda.core.db import db, in_transaction, read, when_committed, write

Counting = Callable[[], AbstractContextManager[list[str]]]

BEGIN = Clause("INSERT INTO job_runs (job, started_at) SELECT CAST(:job AS text), :now", makes="job_runs")
FOLLOW = Clause("INSERT INTO job_runs (job, started_at) SELECT r.job || '+', :now FROM <job_runs> r WHERE r.job = :job")
FAIL = Clause("INSERT INTO job_runs (job, started_at) SELECT NULL, :now")


def runs() -> list[str]:
    return [job for (job,) in read("SELECT job FROM job_runs ORDER BY job")]


def begin(job: str, **options: Any) -> int:
    return put(BEGIN, job=job, now=clock.now(), **options)


def follow(job: str, **options: Any) -> int:
    return put(FOLLOW, job=job, now=clock.now(), **options)


class TestPut:
    def test_a_clause_is_written_at_once_and_counted(self, db_session: Any) -> None:
        assert (begin("a"), follow("a"), follow("z")) == (1, 1, 0)
        assert runs() == ["a", "a+"]

    def test_what_comes_then_waits_for_the_commit_and_for_rows(self, live_db: Any) -> None:
        heard: list[str] = []

        def work() -> None:
            begin("a", then=lambda: heard.append("begun"))
            follow("z", then=lambda: heard.append("followed"))
            assert heard == []

        in_transaction(work)
        assert heard == ["begun"]


class TestTogether:
    def test_clauses_are_one_statement_and_see_what_the_ones_before_make(
        self, db_session: Any, count_statements: Counting
    ) -> None:
        with count_statements() as seen, together():
            assert (begin("a"), follow("a")) == (0, 0)
        assert len(seen) == 1
        assert runs() == ["a", "a+"]

    def test_it_commits_itself_where_no_transaction_is_open(self, live_db: Any) -> None:
        heard: list[str] = []
        with together():
            begin("a", then=lambda: heard.append("begun"))
            follow("z", then=lambda: heard.append("followed"))
            when_committed(lambda: heard.append("committed"))
            assert heard == []
        assert heard == ["begun", "committed"]
        assert not db.session.registry.has() or not db.session.in_transaction()
        with db.engine.connect() as another:
            assert another.exec_driver_sql("SELECT job FROM job_runs").scalars().all() == ["a"]

    def test_it_is_undone_with_the_transaction_that_is_open(self, live_db: Any) -> None:
        heard: list[str] = []

        def work() -> None:
            write("SELECT 1")
            with together():
                begin("a", then=lambda: heard.append("begun"))
            assert runs() == ["a"]
            raise LookupError

        with pytest.raises(LookupError):
            in_transaction(work)
        assert (runs(), heard) == ([], [])

    def test_all_of_it_is_written_or_nothing(self, live_db: Any) -> None:
        heard: list[str] = []

        def work() -> None:
            with together():
                begin("a", then=lambda: heard.append("begun"))
                put(FAIL, now=clock.now())

        with pytest.raises(Exception, match="null value"):
            in_transaction(work)
        assert (runs(), heard) == ([], [])

    def test_a_block_that_fails_sends_nothing(self, live_db: Any) -> None:
        heard: list[str] = []

        def work() -> None:
            with together():
                begin("a")
                when_committed(lambda: heard.append("committed"))
                raise LookupError

        with pytest.raises(LookupError):
            work()
        assert (runs(), heard) == ([], [])

    def test_one_within_another_is_part_of_it(self, db_session: Any, count_statements: Counting) -> None:
        with count_statements() as seen, together():
            begin("a")
            with together():
                follow("a")
            assert seen == []
        assert runs() == ["a", "a+"]
