"""What one does with a list beside reading it: take it along as a file, keep a view of it, move many rows at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response, flash, redirect, stream_with_context, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access
from wtforms import TextAreaField

from sheda.core import clock, saved_views
from sheda.core.access import select_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.asking import LARGEST_PAGE_SIZE, Asked
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput, NotFound, Refusal
from sheda.core.exports import TYPES, WRITERS, table_of
from sheda.core.forms import clean
from sheda.core.moves import HARSH, MovingView
from sheda.core.states import Move, check_reason
from sheda.core.views import here, perform, query, require, row_id, sent, sent_all, way_back
from sheda.core.widgets import Button

REFUSALS_SHOWN = 3


class WorkingList(MovingView):
    """The routes of a list beside the list itself; each asks what the list asks, of the same rows."""

    bulk: Sequence[str] = ()
    """Moves that can be made on many rows at once, each row through its own service and in its own transaction."""

    @expose("/export/<kind>")
    @has_access
    def export(self, kind: str) -> Response:
        """Stream the present view of the list, all its pages, as a file."""
        if kind not in TYPES:
            raise NotFound
        table = table_of(Asked(self, current_actor(), query()))
        name = f"{self.nouns[1].replace(' ', '-')}-{clock.today(clock.here()):%Y-%m-%d}.{kind}"
        answer = Response(stream_with_context(WRITERS[kind](table)), mimetype=TYPES[kind])
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/views", methods=["POST"])
    @has_access
    def save_view(self) -> Any:
        """Save what this list is asked for under a name; what cannot be read in it is not kept."""
        back, actor = way_back(url_for(f"{self.endpoint}.list")), current_actor()
        asked = Asked(self, actor, query())
        perform(lambda: saved_views.save(actor, asked.name, sent("name"), asked.query_text()), "View saved.")
        return redirect(back)

    @expose("/views/<pk>/forget", methods=["POST"])
    @has_access
    def forget_view(self, pk: str) -> Any:
        """Forget a saved view."""
        number = row_id(pk)
        perform(lambda: saved_views.forget(current_actor(), number), "View forgotten.")
        return redirect(url_for(f"{self.endpoint}.list"))

    def bulk_buttons(self, actor: Actor) -> list[Button]:
        """Return the moves that may be tried on many rows of this list."""
        moves = [move for name in self.bulk if (move := self.rule(name)) is not None and self.may(name)]
        return [
            Button(move.label, move.name, "no" if move.name in HARSH else "default", asks=self._is_asked(move, actor))
            for move in moves
        ]

    @expose("/bulk", methods=["POST"])
    def move_many(self) -> Any:
        """Ask before many rows are moved, or move them: each by itself, saying which could not be."""
        name, actor = sent("move"), current_actor()
        move = self.rule(name) if name in self.bulk else None
        if move is None:
            raise NotFound
        require(name, self.class_permission_name)
        rows = self.rows(actor, sent_all("ids"))
        back = way_back(url_for(f"{self.endpoint}.list"))
        if not rows:
            flash("Tick the rows first.", "warning")
            return redirect(back)
        form = type("BulkForm", (DynamicForm,), {"reason": TextAreaField("Reason", [clean])})()
        if self._is_asked(move, actor) and not (sent("sure") and form.validate() and _is_reasoned(form, move, actor)):
            return self._ask_many(form, rows, move, actor, back)
        self._move_each(actor, rows, move, form["reason"].data or None)
        return redirect(back)

    def rows(self, actor: Actor, numbers: Sequence[str]) -> list[Any]:
        """Return the rows of this list that a form names; NotFound when one is not there for the actor."""
        ids = {row_id(number) for number in numbers[:LARGEST_PAGE_SIZE]}
        model, further = self.datamodel.obj, self.narrow(actor)
        statement = (
            select_visible(actor, model).where(model.id.in_(ids)).options(*self.list_options, *self.page_options)
        )
        found = db.session.scalars(statement if further is None else statement.where(further)).unique().all()
        if len(found) != len(ids):
            raise NotFound
        return sorted(found, key=lambda row: int(row.id))

    def _move_each(self, actor: Actor, rows: Sequence[Any], move: Move, reason: str | None) -> None:
        """Make the move on each row in a transaction of its own, in ascending id, and say what came of it."""
        titles = {row.id: self.title_of(row) for row in rows}
        refused = []
        for number, title in titles.items():
            try:
                in_transaction(partial(self.moves[move.name], actor, number, reason=reason))
            except Refusal as refusal:
                words = " ".join(one["message"] for one in refusal.errors) or refusal.detail
                refused.append(f"{title}: {words}")
        done = len(titles) - len(refused)
        if done:
            flash(f"{move.label}: {done} {self.nouns[done != 1]} done.", "success")
        if refused:
            more = len(refused) - REFUSALS_SHOWN
            rest = f" And {more} more." if more > 0 else ""
            flash(f"{len(refused)} could not be. {' '.join(refused[:REFUSALS_SHOWN])}{rest}", "warning")

    def _ask_many(self, form: Any, rows: Sequence[Any], move: Move, actor: Actor, back: str) -> Any:
        names = ", ".join(self.title_of(row) for row in rows[:5])
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""  # noqa: PLR2004 - as many as were named
        count = f"{len(rows)} {self.nouns[len(rows) != 1]}"
        page = {
            "confirm": f"{names}{more}. {move.confirm}".strip(),
            "must": move.wants_reason(actor),
            "fields": [],
            "reason": form["reason"] if move.wants_reason(actor) or not move.reason else None,
            "tone": "no" if move.name in HARSH else "",
            "verb": f"{move.label}: {count}",
            "back": back,
            "errors": form.form_errors,
            "hidden": [("move", move.name), ("sure", "yes"), *(("ids", row.id) for row in rows)],
            "trail": self._trail((move.label, "")),
        }
        return self.render_template(self.ask_template, title=f"{move.label}: {count}", action=here(), page=page)


def _is_reasoned(form: Any, move: Move, actor: Actor) -> bool:
    try:
        check_reason(move, actor, form["reason"].data)
    except InvalidInput as refusal:
        form["reason"].errors = [one["message"] for one in refusal.errors]
        return False
    return True
