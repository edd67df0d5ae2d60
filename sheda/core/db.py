"""The database: one session, one MetaData for Flask-AppBuilder's tables and ours, one edge where work is committed."""

import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import flask_appbuilder
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, ForeignKey, Numeric, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import mapped_column

from sheda.core.errors import Conflict, Refusal

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

_refusals: dict[str, Callable[[], Refusal]] = {}


def refuse_on(constraint: str, refusal: Callable[[], Refusal]) -> None:
    """Say which refusal a broken constraint or unique index stands for."""
    _refusals[constraint] = refusal


def refusal_of(error: DBAPIError) -> Refusal | None:
    """Translate what the database refused; None when it is a bug of ours."""
    original: Any = error.orig
    state, name = getattr(original, "sqlstate", None), getattr(getattr(original, "diag", None), "constraint_name", None)
    if name in _refusals:
        return _refusals[name]()
    if state in RETRIED or state in {"23505", "23P01"}:
        return Conflict()
    return None


def after_commit(callback: Callable[[], None]) -> None:
    """Run a callback once the present transaction is committed; it is forgotten when the transaction is undone."""
    db.session.info.setdefault("after_commit", []).append(callback)


def _leave(*, committed: bool) -> None:
    callbacks = db.session.info.pop("after_commit", [])
    if committed:
        for callback in dict.fromkeys(callbacks):
            callback()


def in_transaction(work: Callable[[], Result]) -> Result:
    """Do the work and commit it, or undo it whole; a deadlock is retried once, a broken constraint is a refusal.

    Of a refused work only what the refusal itself keeps is committed (`Refusal.keeps_work`).
    """
    for attempt in (1, 2):
        try:
            result = work()
            db.session.commit()
        except DBAPIError as error:
            db.session.rollback()
            _leave(committed=False)
            if attempt == 1 and getattr(error.orig, "sqlstate", None) in RETRIED:
                continue
            refusal = refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error
        except BaseException as fault:
            kept = isinstance(fault, Refusal) and fault.keeps_work
            db.session.commit() if kept else db.session.rollback()
            _leave(committed=kept)
            raise
        _leave(committed=True)
        return result
    raise AssertionError("unreachable")


def flush() -> None:
    """Send pending rows to the database now, so that its constraints speak at this line; Refusal when one does."""
    try:
        db.session.flush()
    except IntegrityError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


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


def advisory_lock(*keys: tuple[str, int]) -> None:
    """Take transaction locks on named things in one order, so that no two wait on each other."""
    for kind, number in sorted(keys):
        db.session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(kind.encode()) - 2**31, number)))
