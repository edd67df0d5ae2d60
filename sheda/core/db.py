"""The database: one session, one MetaData for Flask-AppBuilder's tables and ours, one edge where work is committed.

Most work goes through the session. `read` and `write` are for the hot paths: one statement of SQL straight to the
driver, its rows as plain tuples; they see what the session has done and are undone with it.
"""

import re
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import flask_appbuilder
import psycopg
from flask import current_app, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Numeric, any_, event, func, literal, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.orm import Session, mapped_column
from sqlalchemy.pool import Pool

from sheda.core.errors import Conflict, Refusal, Unavailable
from sheda.core.spares import IDLE_SECONDS, Rows, Spares, is_alive, planning

flask_appbuilder.Model.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Result = TypeVar("Result")
Row = TypeVar("Row", bound=Any)

Model = flask_appbuilder.Model

db = SQLAlchemy(model_class=Model)

Id = Annotated[int, mapped_column(BigInteger, primary_key=True)]
Stamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
MoneyColumn = Annotated[Decimal, mapped_column(Numeric(18, 2))]
UserId = Annotated[int, mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"))]

CURRENCY_CHECK = "currency ~ '^[A-Z]{3}$'"
"""Every table that holds money holds its currency beside it."""

RETRIED = frozenset({"40P01", "40001"})
"""Deadlock and serialisation failure: the database undid the work, a second try usually passes."""

STATEMENTS_KEPT = 2048

_WRITING = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|COPY|TRUNCATE)\s+(?:ONLY\s+)?(\w+)", re.IGNORECASE
)
"""The tables that a statement writes, wherever in it; what stands behind FOR UPDATE is no table of ours."""

VALUE = re.compile(r"(?<![:\w]):([a-z_]\w*)")
"""How a statement of `read` and `write` names a value."""

_refusals: dict[str, Callable[[], Refusal]] = {}
_on_write: dict[str, list[Callable[[], None]]] = {}
_repeated: set[str] = set()
_held_back: ContextVar[list[Callable[[], None]] | None] = ContextVar("held_back", default=None)


def refuse_on(constraint: str, refusal: Callable[[], Refusal]) -> None:
    """Say which refusal a broken constraint or unique index stands for."""
    _refusals[constraint] = refusal


def repeat_on(constraint: str) -> None:
    """Say that work which broke this unique index is done a second time: it then finds the row that came first."""
    _repeated.add(constraint)


def refusal_of(error: DBAPIError | psycopg.Error) -> Refusal | None:
    """Translate what the database refused; None when it is a bug of ours."""
    state, constraint = _said(error)
    if constraint in _refusals:
        return _refusals[constraint]()
    if state in RETRIED or state in {"23505", "23P01"}:
        return Conflict()
    return None


def _said(error: DBAPIError | psycopg.Error) -> tuple[str | None, str]:
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", None), getattr(getattr(original, "diag", None), "constraint_name", None) or ""


def on_write(tables: Iterable[str], callback: Callable[[], None]) -> None:
    """Say what is done once a commit has written one of these tables, by whatever statement."""
    for table in tables:
        _on_write.setdefault(table, []).append(callback)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _heard_of(statement: str) -> tuple[Callable[[], None], ...]:
    tables = set(_WRITING.findall(statement))
    return tuple(dict.fromkeys(callback for table in _on_write if table in tables for callback in _on_write[table]))


@event.listens_for(Engine, "before_cursor_execute")
def _hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    for callback in _heard_of(statement) if has_app_context() else ():
        after_commit(callback)


# ── Statements of the hot paths ──────────────────────────────────────────────────────────────────────────────────────


def read(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of one SELECT whose values are named `:name`; without an open transaction none is begun.

    Pass the same text every time, so that the database prepares it once a connection.
    """
    return _read(statement, values)


def read_as_asked(statement: str, *, sorts: bool = True, **values: Any) -> list[tuple[Any, ...]]:
    """Return rows as `read` does, by a plan for these very values; without `sorts` along an index in their order."""
    return _read(statement, values, prepare=False, sorts=sorts)


def _read(statement: str, values: Mapping[str, Any], *, prepare: bool | None = None, sorts: bool = True) -> Rows:
    session = _open_session()
    if session is not None:
        return _execute(session, statement, values, prepare=prepare)
    try:
        return _alone(statement, values, prepare=prepare, sorts=sorts)
    except psycopg.OperationalError as fault:
        if not _is_broken_connection(fault):
            raise
        return _alone(statement, values, prepare=prepare, sorts=sorts)


def read_one(statement: str, **values: Any) -> tuple[Any, ...] | None:
    """Return the first row of one SELECT, as `read` does; None when there is none."""
    return next(iter(read(statement, **values)), None)


def write(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Execute one statement in the session's transaction, begun for it where need be; return what it returns.

    Raises the refusal that a broken constraint stands for.
    """
    return _execute(db.session(), statement, values)


def write_whole(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Execute one statement as `write` does; while no transaction is open it is one of its own, committed at once.

    Raises Unavailable when the connection broke and nobody can tell whether it was committed.
    """
    session = _open_session()
    if session is not None:
        return _execute(session, statement, values)
    try:
        return _alone(statement, values)
    except psycopg.OperationalError as fault:
        if fault.sqlstate is None and _is_broken_connection(fault):
            raise Unavailable(
                "The database went away meanwhile: look whether this was done before you repeat it."
            ) from fault
        raise


def _open_session() -> Session | None:
    if not db.session.registry.has():
        return None
    session: Session = db.session()
    return session if session.in_transaction() else None


def _execute(
    session: Session, statement: str, values: Mapping[str, Any], *, prepare: bool | None = None
) -> list[tuple[Any, ...]]:
    flush()
    for callback in _heard_of(statement):
        after_commit(callback)
    held = session.connection()
    driver: Any = held.connection.driver_connection
    try:
        return _fetched(driver, statement, values, prepare)
    except psycopg.IntegrityError as fault:
        refusal = None if fault.diag.constraint_name in _repeated else refusal_of(fault)
        if refusal is None:
            raise
        raise refusal from fault
    except psycopg.OperationalError as fault:
        if driver.closed:
            held.invalidate(fault)
        raise


def _alone(statement: str, values: Mapping[str, Any], *, prepare: bool | None = None, sorts: bool = True) -> Rows:
    lenders = spares()
    driver = lenders.borrow()
    try:
        with planning(driver, sorts=sorts):
            found = _fetched(driver, statement, values, prepare)
    finally:
        lenders.give_back(driver)
    for callback in _heard_of(statement):
        callback()
    return found


def _fetched(driver: Any, statement: str, values: Mapping[str, Any], prepare: bool | None) -> list[tuple[Any, ...]]:
    cursor = driver.execute(native(statement), values, prepare=prepare)
    found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.pgresult.nfields else []
    return found


def spares() -> Spares:
    """Return this app's connections for statements outside of transactions; they close with its engine."""
    found: Spares | None = current_app.extensions.get("spares")
    if found is None:
        options = current_app.config["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]
        found = current_app.extensions["spares"] = Spares(current_app.config["SQLALCHEMY_DATABASE_URI"], options)
        event.listen(db.engine, "engine_disposed", lambda _engine: found.close())
    return found


@lru_cache(maxsize=STATEMENTS_KEPT)
def native(statement: str) -> str:
    """Return a statement with the driver's placeholders in place of `:name`."""
    return VALUE.sub(r"%(\1)s", statement.replace("%", "%%"))


@event.listens_for(Pool, "checkin")
def _note_idle(_driver: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _ask_whether_alive(driver: Any, record: Any, _proxy: Any) -> None:
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) >= IDLE_SECONDS and not is_alive(driver):
        raise InvalidatePoolError


# ── The edge of a transaction ────────────────────────────────────────────────────────────────────────────────────────


def after_commit(callback: Callable[[], None]) -> None:
    """Run a callback once the present transaction is committed; it is forgotten when the transaction is undone."""
    callbacks = db.session.info.setdefault("after_commit", [])
    if callback not in callbacks:
        callbacks.append(callback)


def when_committed(callback: Callable[[], None]) -> None:
    """Run a callback now where no transaction is open, as all that was written is committed; else `after_commit`."""
    waiting = _held_back.get()
    if waiting is not None:
        waiting.append(callback)
    elif _open_session() is None:
        callback()
    else:
        after_commit(callback)


@contextmanager
def held_back() -> Iterator[list[Callable[[], None]]]:
    """Keep the callbacks of `when_committed` back while something is not written yet; they are given to the block."""
    waiting: list[Callable[[], None]] = []
    token = _held_back.set(waiting)
    try:
        yield waiting
    finally:
        _held_back.reset(token)


def undo_open() -> None:
    """Undo what has not been committed, if there is anything."""
    if db.session.registry.has():
        db.session.rollback()
        _leave(committed=False)


def _leave(*, committed: bool) -> None:
    callbacks = db.session.info.pop("after_commit", [])
    if committed:
        for callback in callbacks:
            callback()


def in_transaction(work: Callable[[], Result]) -> Result:
    """Do the work and commit it, or undo it whole; a broken constraint is a refusal, mere `read`s begin no transaction.

    Work is done once more after a deadlock, a broken index of `repeat_on`, or when the connection broke before the
    commit was sent. Of a refused work only what the refusal itself keeps is committed (`Refusal.keeps_work`).
    """
    for attempt in (1, 2):
        is_committing = False
        try:
            result = work()
            if not db.session.registry.has():
                return result
            db.session.flush()
            is_committing = True
            db.session.commit()
        except (DBAPIError, psycopg.Error) as error:
            undo_open()
            if attempt == 1 and _is_worth_repeating(error, is_committing=is_committing):
                continue
            refusal = refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error
        except BaseException as fault:
            kept = isinstance(fault, Refusal) and fault.keeps_work
            if kept:
                db.session.commit()
                _leave(committed=True)
            else:
                undo_open()
            raise
        _leave(committed=True)
        return result
    raise AssertionError("unreachable")


def _is_worth_repeating(error: DBAPIError | psycopg.Error, *, is_committing: bool) -> bool:
    state, constraint = _said(error)
    if state in RETRIED or constraint in _repeated:
        return True
    return not is_committing and _is_broken_connection(error)


def _is_broken_connection(error: DBAPIError | psycopg.Error) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    state = error.sqlstate
    return isinstance(error, psycopg.OperationalError) and (state is None or state.startswith(("08", "57P")))


def flush() -> None:
    """Send pending rows to the database now, so that its constraints speak at this line; Refusal when one does."""
    try:
        db.session.flush()
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def check_deferred() -> None:
    """Let the rules that wait for the commit speak at this line, so that what breaks them fails alone."""
    for when in ("IMMEDIATE", "DEFERRED"):
        db.session.execute(text(f"SET CONSTRAINTS ALL {when}"))


def lock(model: type[Row], ids: Iterable[int]) -> list[Row]:
    """Lock rows in ascending id, read afresh; the order of kinds is property → contract → payment → appointment."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    statement = (
        select(model)
        .where(model.id.in_(wanted))
        .order_by(model.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(statement).unique())


def lock_one(model: type[Row], row_id: int) -> Row:
    """Lock one row that is known to exist, read afresh."""
    return lock(model, [row_id])[0]


def is_among(column: Any, ids: Collection[int]) -> Any:
    """Return the condition that a column is one of many ids, which travel as one value."""
    return column == any_(literal(as_array(ids)).cast(ARRAY(BigInteger)))


def as_array(ids: Iterable[int]) -> str:
    """Return many ids as one value, to be cast to `bigint[]`; as a list the driver would look at each."""
    return f"{{{','.join(map(str, ids))}}}"


def advisory_lock(*keys: tuple[str, int]) -> None:
    """Take transaction locks on named things in one order, so that no two wait on each other."""
    for kind, number in sorted(keys):
        db.session.execute(select(func.pg_advisory_xact_lock(lock_key(kind), number)))


def lock_key(kind: str) -> int:
    """Return the number under which a kind of named things is locked."""
    return zlib.crc32(kind.encode()) - 2**31
