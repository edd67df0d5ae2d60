"""The edge of the database: one commit, one retry, constraints that speak in refusals."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from sheda.core import db as edge
from sheda.core.errors import Conflict
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


class TestHistory:
    def test_a_row_of_history_can_be_neither_changed_nor_removed(self, db_session: Any) -> None:
        from sheda.core import clock

        row = History(
            subject_type="probe", subject_id=1, move="a", to_state="b", actor_role="System", details={}, at=clock.now()
        )
        db_session.add(row)
        db_session.flush()
        for change in ("UPDATE history SET move = 'z'", "DELETE FROM history"):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), db_session.begin_nested():
                db_session.execute(sa.text(change))
