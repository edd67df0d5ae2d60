"""The edge of the database: one commit, one retry, constraints that speak in refusals."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from sheda.core import clock, spares
from sheda.core import db as edge
from sheda.core.errors import Conflict, Unavailable
from sheda.core.states import History


class Refused(Conflict):
    """Stand for a broken constraint."""

    code = "taken"


class TestInTransaction:
    def test_what_is_done_is_committed_and_callbacks_run_once(self, live_db: Any) -> None:
        rung = []

        def bell() -> None:
            rung.append(1)

        def work() -> str:
            live_db.execute(sa.text("INSERT INTO ab_role (name) VALUES ('probe')"))
            edge.after_commit(bell)
            edge.after_commit(bell)
            return "done"

        assert edge.in_transaction(work) == "done"
        live_db.rollback()
        assert live_db.scalar(sa.text("DELETE FROM ab_role WHERE name = 'probe' RETURNING id")) is not None
        live_db.commit()
        assert rung == [1]

    def test_a_fault_undoes_everything_and_forgets_the_callbacks(self, live_db: Any) -> None:
        rung = []

        def work() -> None:
            live_db.execute(sa.text("INSERT INTO ab_role (name) VALUES ('probe')"))
            edge.after_commit(lambda: rung.append(1))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            edge.in_transaction(work)
        edge.in_transaction(lambda: None)
        assert live_db.scalar(sa.text("SELECT count(*) FROM ab_role WHERE name = 'probe'")) == 0
        assert rung == []

    def test_a_broken_constraint_is_its_refusal(self, live_db: Any) -> None:
        edge.refuse_on("uq_probe", Refused)

        def work() -> None:
            live_db.execute(sa.text("CREATE TEMP TABLE probe (a int CONSTRAINT uq_probe UNIQUE) ON COMMIT DROP"))
            live_db.execute(sa.text("INSERT INTO probe VALUES (1), (1)"))

        with pytest.raises(Refused):
            edge.in_transaction(work)

    def test_a_constraint_that_nobody_expected_is_a_fault(self, live_db: Any) -> None:
        with pytest.raises(IntegrityError):
            edge.in_transaction(lambda: live_db.execute(sa.text("INSERT INTO ab_role (name) VALUES (NULL)")))

    def test_a_deadlock_is_tried_once_more(self, live_db: Any) -> None:
        tries = []

        def work() -> int:
            tries.append(1)
            if len(tries) == 1:
                live_db.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
            return len(tries)

        assert edge.in_transaction(work) == 2

    def test_a_second_deadlock_is_a_conflict(self, live_db: Any) -> None:
        def work() -> None:
            live_db.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))

        with pytest.raises(Conflict) as caught:
            edge.in_transaction(work)
        assert isinstance(caught.value.__cause__, OperationalError)


class TestStatements:
    def test_a_read_alone_begins_no_transaction(self, app: Any) -> None:
        with app.app_context():
            assert edge.in_transaction(lambda: edge.read_one("SELECT :number + 1", number=1)) == (2,)
            assert not edge.db.session.registry.has()
            connection = edge.spares().borrow()
            assert connection.info.transaction_status.name == "IDLE"
            edge.spares().give_back(connection)

    def test_a_read_sees_what_the_transaction_has_done(self, live_db: Any) -> None:
        def work() -> Any:
            live_db.add(_history("seen"))
            return edge.read("SELECT move FROM history")

        assert edge.in_transaction(work) == [("seen",)]

    def test_a_write_is_undone_with_the_work(self, live_db: Any) -> None:
        def work() -> None:
            edge.write("INSERT INTO ab_role (name) VALUES (:name)", name="probe")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            edge.in_transaction(work)
        assert edge.read("SELECT id FROM ab_role WHERE name = 'probe'") == []

    def test_a_broken_constraint_is_its_refusal_here_too(self, live_db: Any) -> None:
        edge.refuse_on("uq_probe", Refused)

        def work() -> None:
            edge.write("CREATE TEMP TABLE probe (a int CONSTRAINT uq_probe UNIQUE) ON COMMIT DROP")
            edge.write("INSERT INTO probe VALUES (1), (1)")

        with pytest.raises(Refused):
            edge.in_transaction(work)

    def test_work_that_met_its_own_row_is_done_once_more(self, live_db: Any) -> None:
        edge.repeat_on("uq_first_probe")
        tries = []

        def work() -> int:
            tries.append(1)
            edge.write("CREATE TEMP TABLE probe (a int CONSTRAINT uq_first_probe UNIQUE) ON COMMIT DROP")
            edge.write("INSERT INTO probe VALUES (1), (:second)", second=len(tries))
            return len(tries)

        assert edge.in_transaction(work) == 2

    def test_only_names_become_placeholders(self) -> None:
        native = edge.native("SELECT :a::text, b::int, 'HH24:MI:SS', '100 %' WHERE c = :d")
        assert native == "SELECT %(a)s::text, b::int, 'HH24:MI:SS', '100 %%' WHERE c = %(d)s"


class TestBrokenConnections:
    @pytest.fixture(autouse=True)
    def _clean_pool(self, app: Any) -> Iterator[None]:
        """Leave no broken connection to the tests that follow."""
        yield
        with app.app_context():
            edge.db.session.remove()
            edge.db.engine.dispose()

    def test_a_read_is_repeated_on_another_connection(self, app: Any) -> None:
        with app.app_context():
            _break(_process_id())
            assert edge.read_one("SELECT 1") == (1,)

    def test_work_is_repeated_when_nothing_was_committed(self, live_db: Any) -> None:
        broken = []

        def work() -> Any:
            ((process_id,),) = edge.write("SELECT pg_backend_pid()")
            if not broken:
                broken.append(process_id)
                _break(process_id)
            return edge.write("SELECT 1")

        assert edge.in_transaction(work) == [(1,)]

    def test_a_whole_write_is_not_repeated_when_nobody_knows_whether_it_was_done(
        self, live_db: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lose_connection(*_args: Any) -> Any:
            tries.append(1)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        tries: list[int] = []
        monkeypatch.setattr(edge, "_fetched", lose_connection)
        with pytest.raises(Unavailable):
            edge.in_transaction(lambda: edge.write_whole("SELECT 1"))
        assert tries == [1]

    def test_an_idle_one_is_asked_before_it_is_lent(self, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spares, "IDLE_SECONDS", 0.0)
        with app.app_context():
            _break(_process_id())
            connection = edge.spares().borrow()
            assert connection.execute("SELECT 1").fetchone() == (1,)
            edge.spares().give_back(connection)


def _process_id() -> int:
    connection = edge.spares().borrow()
    edge.spares().give_back(connection)
    return int(connection.info.backend_pid)


def _break(process_id: int) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (process_id,))


def _history(move: str) -> History:
    return History(
        subject_type="probe", subject_id=1, move=move, to_state="b", actor_role="System", details={}, at=clock.now()
    )


class TestHistory:
    def test_a_row_of_history_can_be_neither_changed_nor_removed(self, db_session: Any) -> None:
        db_session.add(_history("a"))
        db_session.flush()
        for change in ("UPDATE history SET move = 'z'", "DELETE FROM history"):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), db_session.begin_nested():
                db_session.execute(sa.text(change))
