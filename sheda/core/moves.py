"""Moves as buttons: drawn from a machine's table, asked about where they end something, made by a room's services."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from flask import flash, redirect, url_for
from flask_appbuilder import ModelView, expose
from flask_appbuilder.forms import DynamicForm
from wtforms import TextAreaField

from sheda.core.actor import Actor, current_actor
from sheda.core.db import in_transaction
from sheda.core.errors import NotFound, Refusal
from sheda.core.forms import clean
from sheda.core.states import Machine, Move
from sheda.core.views import here, is_post, require, way_back
from sheda.core.widgets import Button, moment_words

Result = TypeVar("Result")

HARSH = frozenset(
    {"reject", "decline", "cancel", "archive", "terminate", "expire", "no_show", "deactivate", "sign_out"}
)
"""Moves that end something: their buttons look like it."""

PRESSING = frozenset({"confirm", "accept", "publish", "keep", "complete", "retry", "refund"})
"""Moves that somebody waits for: the one primary button of a record."""


class MovingView(ModelView):
    """Pages whose records can be moved; GET asks, POST moves."""

    ask_template = "admin/ask.html"
    machine: Machine | None = None
    moves: dict[str, Callable[..., Any]] = {}
    """Each move's service, called as `service(actor, id, reason=…)` and with the values of its `move_fields`."""
    move_fields: dict[str, dict[str, Any]] = {}
    weighty: frozenset[str] = frozenset()
    """Moves that are asked about although they end nothing, such as the judging of money."""
    done: dict[str, str] = {}
    """What is said when a move has happened."""
    words: dict[str, str] = {}
    """The states in words."""

    def rule(self, name: str) -> Move | None:
        """Return the row of the table that a move is, or None for a name that is no move here."""
        return self.machine.moves.get(name) if self.machine and name in self.moves else None

    def possible(self, actor: Actor, row: Any) -> list[Move]:
        """Return the moves that this actor can make on this row now."""
        return self.machine.possible(actor, row) if self.machine else []

    def times(self, _row: Any, _name: str) -> Sequence[tuple[str, list[tuple[str, str]]]]:
        """Return the times that a move's question offers, by days: what is sent, and how it reads."""
        return ()

    def buttons(self, actor: Actor, row: Any) -> list[Button]:
        """Draw the possible moves as buttons, without any query."""
        possible = [move for move in self.possible(actor, row) if move.name in self.moves and self.may(move.name)]
        primary = next((move for move in possible if move.name in PRESSING), None)
        return [
            Button(
                move.label,
                url_for(f"{self.endpoint}.move", pk=row.id, name=move.name),
                "no" if move.name in HARSH else "primary" if move is primary else "default",
                asks=self._is_asked(move, actor),
                subject=self.title_of(row),
            )
            for move in possible
        ]

    def _is_asked(self, move: Move, actor: Actor) -> bool:
        return move.wants_reason(actor) or move.name in HARSH | self.weighty | self.move_fields.keys()

    @expose("/move/<pk>/<name>", methods=["GET", "POST"])
    def move(self, pk: str, name: str) -> Any:
        """Ask before a move (GET changes nothing), or make it (POST)."""
        move, actor = self.rule(name), current_actor()
        if move is None:
            raise NotFound
        require(name, self.class_permission_name)
        row = self.row(pk)
        fields = {**self.move_fields.get(name, {}), "reason": TextAreaField("Reason", [clean])}
        form = type("MoveForm", (DynamicForm,), fields)()
        if is_post() and form.validate():
            values = {field: form[field].data for field in self.move_fields.get(name, {})}
            reason = form["reason"].data or None
            done = self.done.get(name, f"{move.label}: done.")
            if write_form(form, lambda: self.moves[name](actor, row.id, reason=reason, **values) or True, done):
                return redirect(way_back(self.href_of(row)))
            if not self._is_asked(move, actor):
                flash(" ".join(form.form_errors), "danger")
                return redirect(way_back(self.href_of(row)))
        return self._ask(form, row, move, actor)

    def _ask(self, form: Any, row: Any, move: Move, actor: Actor) -> Any:
        page = {
            "confirm": move.confirm,
            "must": move.wants_reason(actor),
            "times": self.times(row, move.name),
            "fields": [form[name] for name in self.move_fields.get(move.name, {})],
            "reason": form["reason"] if move.wants_reason(actor) or not move.reason else None,
            "tone": "no" if move.name in HARSH else "",
            "verb": move.label,
            "back": way_back(self.href_of(row)),
            "errors": form.form_errors,
            "trail": self._trail((self.title_of(row), self.href_of(row)), (move.label, "")),
        }
        return self.render_template(
            self.ask_template, title=f"{move.label}: {self.title_of(row)}", action=here(), page=page
        )


def write_form(form: Any, work: Callable[[], Result], done: str) -> Result | None:
    """Do a form's work in one transaction; a refusal stands at its field, or above the form."""
    try:
        result = in_transaction(work)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        put_faults(form, refusal)
        return None
    flash(done, "success")
    return result


def put_faults(form: Any, refusal: Refusal) -> None:
    """Put what a refusal says at the fields that it is about, and the rest above the form."""
    elsewhere = [one["message"] for one in refusal.errors if one["field"] not in form]
    for one in refusal.errors:
        if one["field"] in form:
            form[one["field"]].errors = [*form[one["field"]].errors, one["message"]]
    form.form_errors = [*(elsewhere if refusal.errors else [refusal.detail]), *_free_times(refusal)]


def _free_times(refusal: Refusal) -> list[str]:
    slots = [datetime.fromisoformat(slot["starts_at"]) for slot in refusal.extra.get("suggestions", [])]
    return [f"Free next: {'; '.join(moment_words(slot) for slot in slots)}."] if slots else []
