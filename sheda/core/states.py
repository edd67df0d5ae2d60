"""A life is a table: one `Move` a row. Buttons, API verbs, jobs, CHECK constraints and documentation come from it."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock
from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role, request_id
from sheda.core.clauses import Clause, put
from sheda.core.db import Id, Model, Stamp, db, is_among
from sheda.core.errors import Conflict, InvalidInput, NotAllowed
from sheda.core.events import Event, emit, reactions_to

REASON_LENGTH = 500


@dataclass(frozen=True)
class Moved(Event):
    """A move has been made on a subject; rooms name theirs by subclasses."""

    subject: Any
    actor: Actor
    reason: str | None = None


@dataclass(frozen=True)
class Moves:
    """One move, made on many rows of a model at once: what `Moved` is to one of them."""

    kind: type[Moved]
    model: Any
    ids: list[int]
    actor: Actor
    reason: str | None = None

    def singly(self) -> Iterator[Moved]:
        """Yield the news of one row after another, in ascending id."""
        rows = select(self.model).where(is_among(self.model.id, self.ids)).order_by(self.model.id)
        for subject in db.session.scalars(rows, execution_options={"populate_existing": True}):
            yield self.kind(subject, self.actor, self.reason)


class Plural:
    """A reaction to many moves at once; one move is many of one, so that both ways write the same."""

    def __init__(self, react: Callable[[Moves], None]) -> None:
        self.together = react
        functools.update_wrapper(self, react)

    def __call__(self, event: Moved) -> None:
        """React to a single move."""
        self.together(Moves(type(event), type(event.subject), [event.subject.id], event.actor, event.reason))


def emit_together(moves: Moves) -> None:
    """Let everyone react to many moves: whoever can at once, everybody else to one after another."""
    for reaction in reactions_to(moves.kind):
        if isinstance(reaction, Plural):
            reaction.together(moves)
        else:
            for event in moves.singly():
                reaction(event)


class IllegalMove(Conflict):
    """Refuse a move that the present state does not know; `from` carries that state."""

    code = "illegal_move"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of a life: from which states, to which, by whom, and the words on its button.

    `by` holds letters: C the row's client, A its agent, S staff and admins, Y the system. `reason` is "" (optional),
    "always", or "office" (asked of staff and admins only, who act in someone's place). `confirm` says what will happen.
    """

    name: str
    source: tuple[str, ...]
    target: str
    by: str
    label: str
    event: "type[Moved] | None" = None
    reason: str = ""
    confirm: str = ""
    button: bool = True

    def wants_reason(self, actor: Actor) -> bool:
        """Tell whether this actor must give a reason."""
        return (self.reason == "always" and actor.role is not Role.SYSTEM) or (
            self.reason == "office" and actor.role in {Role.STAFF, Role.ADMIN}
        )


class History(Model):
    """One row a move, forever: what, from, to, who, why, in which request, when. Append-only by trigger."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_subject", "subject_type", "subject_id", "id"),)

    id: Mapped[Id]
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    move: Mapped[str] = mapped_column(String(40))
    from_state: Mapped[str | None] = mapped_column(String(20))
    to_state: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"))
    actor_role: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    request_id: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[Stamp]


@row_rule(History)
def _history_rows(actor: Actor) -> Any:
    return History.id.is_not(None) if actor.is_office else History.id.is_(None)


_RECORD = Clause(
    """INSERT INTO history (subject_type, subject_id, move, from_state, to_state, actor_id, actor_role, reason,
  details, request_id, at)
 VALUES (:subject_type, :subject_id, :move, :from_state, :to_state, :actor_id, :actor_role, :reason,
  CAST(:details AS jsonb), :request_id, :at)"""
)


def record(
    actor: Actor,
    subject: Any,
    move: str,
    before: str | None,
    after: str,
    *,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write one history row about a subject that has its id."""
    put(
        _RECORD,
        subject_type=subject.__tablename__,
        subject_id=subject.id,
        move=move,
        from_state=before,
        to_state=after,
        actor_id=actor.id,
        actor_role=actor.role.value,
        reason=reason,
        details=json.dumps(details or {}),
        request_id=request_id(),
        at=clock.now(),
    )


class Machine:
    """The life of one model: its state column and the table of moves, shown nowhere else."""

    def __init__(self, column: str, states: Sequence[str], moves: Sequence[Move]) -> None:
        self.column = column
        self.states = tuple(states)
        self.moves = {move.name: move for move in moves}

    def check_constraint(self) -> CheckConstraint:
        """Return the CHECK that keeps the column within the states."""
        names = ", ".join(f"'{state}'" for state in self.states)
        return CheckConstraint(f"{self.column} IN ({names})", name=self.column)

    def state(self, subject: Any) -> str:
        """Return the present state."""
        found: str = getattr(subject, self.column)
        return found

    def is_permitted(self, actor: Actor, subject: Any, name: str) -> bool:
        """Tell whether the move is this actor's to make on this row, whatever the state."""
        return bool(set(self.moves[name].by) & letters_on(actor, subject))

    def possible(self, actor: Actor, subject: Any) -> list[Move]:
        """Return the moves that this actor can make now, in table order; buttons are made from them."""
        letters, state = letters_on(actor, subject), self.state(subject)
        return [move for move in self.moves.values() if move.button and state in move.source and letters & set(move.by)]

    def check(self, actor: Actor, subject: Any, name: str, *, reason: str | None = None) -> Move | None:
        """Ask permitted, reasoned, possible; None when the move has happened already and repeating it changes nothing.

        Raises NotAllowed, InvalidInput on `reason`, or IllegalMove. The subject must be locked.
        """
        move = self.moves[name]
        if not self.is_permitted(actor, subject, name):
            raise NotAllowed
        state = self.state(subject)
        if state == move.target and state not in move.source:
            return None
        check_reason(move, actor, reason)
        if state not in move.source:
            raise illegal(name, state)
        return move

    def apply(self, actor: Actor, subject: Any, move: Move, *, reason: str | None = None, **details: Any) -> None:
        """Set the state, write its history row, tell whoever reacts; the caller has checked."""
        before, why = self.state(subject), clean_reason(reason)
        setattr(subject, self.column, move.target)
        record(actor, subject, move.name, before, move.target, reason=why, details=details)
        if move.event is not None:
            emit(move.event(subject, actor, why))

    def move(self, actor: Actor, subject: Any, name: str, *, reason: str | None = None, **details: Any) -> bool:
        """Check and apply; False when it had happened already."""
        move = self.check(actor, subject, name, reason=reason)
        if move is None:
            return False
        self.apply(actor, subject, move, reason=reason, **details)
        return True

    def move_all(
        self, actor: Actor, model: Any, ids: Sequence[int], name: str, *, reason: str | None = None, **changes: Any
    ) -> list[int]:
        """Make one move on many rows at once, with other columns' `changes`; return the ids, ascending, that it moved.

        Takes those rows that the move can start from; what `move` writes and tells, this does. The rows must be locked.
        For the office and the system: raises NotAllowed for anyone whose right hangs on the row.
        """
        move = self.moves[name]
        if not set(move.by) & letters_on(actor, None):
            raise NotAllowed
        check_reason(move, actor, reason)
        why = clean_reason(reason)
        db.session.flush()
        changes = {self.column: move.target, **changes}
        moved = list(db.session.scalars(self._moving(actor, model.__table__, ids, move, why, changes)))
        if moved and move.event is not None:
            emit_together(Moves(move.event, model, sorted(moved), actor, why))
        return sorted(moved)

    def _moving(
        self, actor: Actor, table: Any, ids: Sequence[int], move: Move, why: str | None, changes: dict[str, Any]
    ) -> Any:
        state = table.c[self.column]
        found = select(table.c.id, state.label("state")).where(is_among(table.c.id, ids), state.in_(move.source))
        was = found.with_for_update().cte("was")
        moved = (
            update(table).where(table.c.id == was.c.id).values(changes).returning(was.c.id, was.c.state).cte("moved")
        )
        row = {
            "subject_type": literal(table.name),
            "subject_id": moved.c.id,
            "move": literal(move.name),
            "from_state": moved.c.state,
            "to_state": literal(move.target),
            "actor_id": literal(actor.id, BigInteger),
            "actor_role": literal(actor.role.value),
            "reason": literal(why, Text),
            "details": literal({}, JSONB),
            "request_id": literal(request_id(), Text),
            "at": literal(clock.now()),
        }
        history: Any = History.__table__
        written = insert(history).from_select(list(row), select(*row.values()).order_by(moved.c.id))
        return written.returning(history.c.subject_id)

    def begin(self, actor: Actor, subject: Any, *, move: str = "create", **details: Any) -> None:
        """Write the history row of a subject's first state; the subject must be flushed."""
        record(actor, subject, move, None, self.state(subject), details=details)


def illegal(move: str, state: str) -> IllegalMove:
    """Build the refusal of a move from a state that does not know it."""
    refusal = IllegalMove(f"“{move.replace('_', ' ')}” is not possible while this is {state.replace('_', ' ')}.")
    refusal.extra["from"] = state
    return refusal


def letters_on(actor: Actor, subject: Any) -> set[str]:
    """Return what the actor is to this row: C its client, A its agent, S office, Y the system."""
    if actor.role is Role.SYSTEM:
        return {"Y"}
    if actor.role in {Role.STAFF, Role.ADMIN}:
        return {"S"}
    found = set()
    if actor.role is Role.CLIENT and getattr(subject, "client_id", None) == actor.id:
        found.add("C")
    if actor.role is Role.AGENT and getattr(subject, "agent_id", None) == actor.id:
        found.add("A")
    return found


def clean_reason(reason: str | None) -> str | None:
    """Trim a reason; None when nothing is left."""
    return (reason or "").strip() or None


def check_reason(move: Move, actor: Actor, reason: str | None) -> None:
    """Refuse a missing or overlong reason, 1…500 characters (api.md, Reasons)."""
    text = clean_reason(reason)
    if text is None and move.wants_reason(actor):
        raise InvalidInput.on("reason", "Give a reason, in up to 500 characters; the other side will read it.")
    if text is not None and len(text) > REASON_LENGTH:
        raise InvalidInput.on("reason", f"Shorten the reason to {REASON_LENGTH} characters.")


def latest_reason(subject: Any, move: str) -> str | None:
    """Return the reason that was given for the last such move."""
    found: str | None = db.session.scalar(
        db.select(History.reason)
        .where(History.subject_type == subject.__tablename__, History.subject_id == subject.id, History.move == move)
        .order_by(History.id.desc())
        .limit(1)
    )
    return found
