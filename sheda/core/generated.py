"""Generated pages over own rows only: list, record, forms and moves, declared by a room's `views.py` in lists.

Closed here, once: foreign rows read as missing in every route, no parameter or value is a fault, nothing changes by
GET, no form holds a state, and a page is a fixed number of statements.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, current_app, jsonify, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.hooks import before_request
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import ColumnElement, or_

from sheda.core import widgets
from sheda.core.access import select_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.forms import Offer, make_form
from sheda.core.lists import Empty, ListPage
from sheda.core.moves import write_form
from sheda.core.roles import granted
from sheda.core.timeline import history_of
from sheda.core.views import here, is_post, perform, query, row_id, turned_away
from sheda.core.widgets import Link
from sheda.core.working_lists import WorkingList


class RoomView(WorkingList):
    """A room's generated pages: list, record, forms and moves over the rows that are there for whoever looks."""

    list_template, show_template, add_template, edit_template = (
        "admin/list.html",
        "admin/show.html",
        "admin/form.html",
        "admin/form.html",
    )
    base_permissions: Any = None
    list_title: str = ""
    label_columns: dict[str, str] = {}
    method_permission_name = {
        "list": "list",
        "options": "list",
        "show": "read",
        "add": "create",
        "edit": "update",
        "delete": "delete",
        "export": "list",
        "save_view": "list",
        "forget_view": "list",
    }

    cells: dict[str, Callable[[Any], Any]] = {}
    """How a column is shown, from the whole row; columns that are none of the model's live here too."""
    looks: dict[str, str] = {}
    """CSS classes of a list's columns: s-num, and s-p2 … s-p4 for those that leave first on a narrow desk."""
    choices: dict[str, Sequence[tuple[str, str]]] = {}
    """Closed lists of values, for forms and filters."""
    offers: dict[str, Offer] = {}
    """What fields that name another row offer while one types."""
    tabs: dict[str, tuple[str, Callable[[Actor], ColumnElement[bool] | None]]] = {}
    """Saved views: a label and a condition; the first is what the list opens with."""
    find_columns: Sequence[Any] = ()
    find_label = "Find"
    list_options: Sequence[Any] = ()
    """What to load with the rows, so that a list is a fixed number of statements."""
    page_options: Sequence[Any] = ()
    """What pages show beside the columns, such as thumbs and buttons, and files do not."""
    more_columns: Sequence[str] = ()
    office_columns: Sequence[str] = ()
    """What the office sees beside, which looks at everybody's rows."""
    office_notes: dict[str, str] = {}
    """What the office reads above the list, by the name of its tab."""
    """Columns that one may choose beside those of the list and the record's plain ones."""
    tells_history = False
    """Whether a record without a machine tells what has happened to it."""
    list_buttons = 2
    page_size = 25
    icon = "doc"
    nouns = ("record", "records")
    empty = Empty()
    search_columns: list[str] = []

    def __init__(self) -> None:
        able = {"list", "show", "move", "options", "export", "save_view", "forget_view", "move_many"}
        for route, method in (("add", "create"), ("edit", "update"), ("delete", "remove")):
            if getattr(type(self), method) is not getattr(RoomView, method):
                able.add(route)
        self.include_route_methods = able | set(self.own_routes())
        self.list_title = self.list_title or self.nouns[1].capitalize()
        self.label_columns = dict(self.label_columns or {})
        super().__init__()
        self.choosable = self._choosable()
        self.base_permissions = sorted({*self.base_permissions, *(f"can_{name}" for name in self.moves)})

    # ── What a room fills in ──────────────────────────────────────────────────────────────────────────────────────

    def own_routes(self) -> Sequence[str]:
        """Name the room's own exposed methods."""
        return ()

    def narrow(self, _actor: Actor) -> ColumnElement[bool] | None:
        """Return a further condition of the rows that these pages are about, beside the row rule."""
        return None

    def prefetch(self, _rows: Sequence[Any]) -> Sequence[Any]:
        """Load what the cells of these rows need beside them, in a fixed number of statements, and return it."""
        return ()

    def title_of(self, row: Any) -> str:
        """Return what a record is called."""
        return f"{self.nouns[0].capitalize()} {row.id}"

    def thumb(self, _row: Any) -> str | None:
        """Return the address of a small picture; None for lists without pictures."""
        return None

    def under(self, _row: Any) -> Any:
        """Return the quiet line under a row's name."""
        return ""

    def extras(self, _actor: Actor, _row: Any) -> dict[str, Any]:
        """Return what a room's own show template needs beside the facts."""
        return {}

    def links(self, _actor: Actor, _row: Any) -> list[Link]:
        """Return further ways from a record."""
        return []

    def prefill_form(self, form: Any, row: Any) -> None:
        """Fill in fields that are no columns, before a form is shown."""

    def fields_for(self, _actor: Actor, columns: Sequence[str]) -> list[str]:
        """Return the fields of a form that are this actor's to fill in."""
        return list(columns)

    def create(self, actor: Actor, values: dict[str, Any]) -> Any:
        """Create a row through the room's service and return it."""
        raise NotImplementedError

    def update(self, actor: Actor, row: Any, values: dict[str, Any]) -> Any:
        """Change a row through the room's service; `values` holds only what differs."""
        raise NotImplementedError

    def remove(self, actor: Actor, row: Any) -> Any:
        """Remove a row through the room's service."""
        raise NotImplementedError

    def finds(self, _actor: Actor, words: str) -> ColumnElement[bool]:
        """Return the condition of the rows that somebody looks for by words."""
        return or_(*(column.icontains(words, autoescape=True) for column in self.find_columns))

    # ── Rows and buttons ──────────────────────────────────────────────────────────────────────────────────────────

    def may(self, action: str) -> bool:
        """Tell whether the present role may try an action here."""
        return granted(current_actor().role, action, self.class_permission_name)

    def row(self, pk: str) -> Any:
        """Return the row that an address names, when it is one of the list's for whoever asks; NotFound otherwise."""
        actor, model = current_actor(), self.datamodel.obj
        statement = (
            select_visible(actor, model).where(model.id == row_id(pk)).options(*self.list_options, *self.page_options)
        )
        further = self.narrow(actor)
        found = db.session.scalars(statement if further is None else statement.where(further)).unique().one_or_none()
        if found is None:
            raise NotFound
        return found

    def href_of(self, row: Any) -> str:
        """Return the address of a row's page."""
        return url_for(f"{self.endpoint}.show", pk=row.id)

    def list_href(self, tab: str = "") -> str:
        """Return the address of the list, at a saved view."""
        return url_for(f"{self.endpoint}.list", tab=tab or None)

    def cell(self, row: Any, column: str) -> Any:
        """Show one value of a row."""
        if column in self.cells:
            return widgets.show(self.cells[column](row))
        value = getattr(row, column)
        if self.machine is not None and column == self.machine.column:
            return widgets.badge(value, self.words)
        words = dict(self.choices.get(column, ()))
        return widgets.show(words.get(value, value) if words else value)

    def _choosable(self) -> list[str]:
        """Return the columns that one may choose from: the list's own, and what needs no further statement."""
        groups = self.show_fieldsets or [("", {"fields": self.show_columns})]
        plain = [
            name
            for _heading, group in groups
            for name in group["fields"]
            if name in self.datamodel.list_columns
            and name not in self.cells
            and not self.datamodel.is_relation(name)
            and not self.datamodel.is_text(name)
        ]
        return list(dict.fromkeys([*self.list_columns, *self.office_columns, *self.more_columns, *plain]))

    def _prettify_column(self, name: str) -> str:
        """Turn a column into words: "created_at" into "Created at"."""
        return widgets.plain(name)

    # ── Generated forms ───────────────────────────────────────────────────────────────────────────────────────────

    def _init_forms(self) -> None:
        """Generate both forms; there is no search form, the filters of a list come from its columns."""
        self.search_form = DynamicForm
        ready = {"labels": self.label_columns, "hints": self.description_columns, "choices": self.choices}
        self.add_form = make_form(self.datamodel, self.add_columns, extra=self.add_form_extra_fields, **ready)
        self.edit_form = make_form(self.datamodel, self.edit_columns, extra=self.edit_form_extra_fields, **ready)

    def _init_properties(self) -> None:
        """Keep what is not declared empty: no column is shown, ordered by or searched by default."""
        declared = {
            name: list(getattr(self, name) or [])
            for name in ("order_columns", "add_columns", "edit_columns", "search_columns")
        }
        super()._init_properties()
        if not self.add_fieldsets:
            self.add_columns = declared["add_columns"]
        if not self.edit_fieldsets:
            self.edit_columns = declared["edit_columns"]
        self.order_columns = declared["order_columns"]
        self.search_columns = declared["search_columns"]
        self._filters = self.datamodel.get_filters(self.search_columns)

    def update_redirect(self) -> None:
        """Keep no history of pages in the cookie."""

    @before_request
    def _enter(self) -> Any:
        return turned_away()

    def _list(self, **_ignored: Any) -> dict[str, Any]:
        links = []
        if "add" in self.include_route_methods and self.may("create"):
            links.append(Link(f"New {self.nouns[0]}", url_for(f"{self.endpoint}.add"), "plus", "primary"))
        return {"page": ListPage(self, current_actor(), query(), here(), links)}

    def _show(self, pk: str) -> dict[str, Any]:
        actor, row = current_actor(), self.row(pk)
        links = self.links(actor, row)
        if "edit" in self.include_route_methods and self.may("update"):
            links.append(Link("Edit", url_for(f"{self.endpoint}.edit", pk=row.id), "edit"))
        groups = self.show_fieldsets or [("", {"fields": self.show_columns})]
        sections = [
            (heading, [(self.label_columns.get(name, name), self.cell(row, name)) for name in group["fields"]])
            for heading, group in groups
        ]
        page = {
            "title": self.title_of(row),
            "trail": self._trail((self.title_of(row), "")),
            "badge": widgets.badge(self.machine.state(row), self.words) if self.machine else "",
            "links": links,
            "sections": sections,
            "buttons": self.buttons(actor, row),
            "remove": self._remove_href(row),
            "history": history_of(row, self.machine) if self.machine or self.tells_history else [],
            **self.extras(actor, row),
        }
        return {"page": page, "row": row}

    def _remove_href(self, row: Any) -> str:
        able = "delete" in self.include_route_methods and self.may("delete")
        return url_for(f"{self.endpoint}.delete", pk=row.id) if able else ""

    def _trail(self, *steps: tuple[str, str]) -> list[tuple[str, str]]:
        return [(str(self.list_title), url_for(f"{self.endpoint}.list")), *steps]

    def _form_page(self, form: Any, columns: Sequence[str], groups: Any, title: str, back: str) -> dict[str, Any]:
        shown = groups or [("", {"fields": columns})]
        sections = [(heading, [form[name] for name in group["fields"] if name in columns]) for heading, group in shown]
        errors, trail = form.form_errors, self._trail((title, ""))
        return {"title": title, "sections": sections, "back": back, "errors": errors, "trail": trail}

    def _changes(self, form: Any, row: Any, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values that differ from what the form was filled with."""
        before = self.edit_form(formdata=None, obj=row)
        self.prefill_form(before, row)
        return {name: form[name].data for name in columns if form[name].data != before[name].data}

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        """Show the form of a new record, or make it."""
        columns = self.fields_for(current_actor(), self.add_columns)
        form = _only(self.add_form(), self.add_columns, columns)
        if is_post() and form.validate():
            values = {name: form[name].data for name in columns}
            made = write_form(
                form, lambda: self.create(current_actor(), values).id, f"{self.nouns[0].capitalize()} saved."
            )
            if made is not None:
                return redirect(url_for(f"{self.endpoint}.show", pk=made))
        page = self._form_page(form, columns, self.add_fieldsets, f"New {self.nouns[0]}", self.list_href())
        return self.render_template(self.add_template, title=page["title"], page=page)

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Any:
        """Show the form of a record, or change what differs."""
        row, actor = self.row(pk), current_actor()
        columns = self.fields_for(actor, self.edit_columns)
        form = _only(self.edit_form() if is_post() else self.edit_form(obj=row), self.edit_columns, columns)
        if not is_post():
            self.prefill_form(form, row)
        elif form.validate():
            changed = self._changes(form, row, columns)
            if not changed or write_form(form, lambda: self.update(actor, row, changed) or True, "Saved."):
                return redirect(self.href_of(row))
        page = self._form_page(form, columns, self.edit_fieldsets, f"Edit {self.title_of(row)}", self.href_of(row))
        return self.render_template(self.edit_template, title=page["title"], page=page, row=row)

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> Any:
        """Remove a record."""
        row = self.row(pk)
        perform(lambda: self.remove(current_actor(), row), f"{self.nouns[0].capitalize()} removed.")
        return redirect(self.list_href())

    # ── Offers ──────────────────────────────────────────────────────────────────────────────────────────

    @expose("/options/<name>")
    @has_access
    def options(self, name: str) -> Response:
        """Offer rows for a field, by what has been typed."""
        offer = self.offers.get(name)
        if offer is None:
            raise NotFound
        return jsonify(
            result=[
                {"id": key, "text": text} for key, text in offer.find(query().get("q", "")[:100].replace("\x00", ""))
            ]
        )


def pages_of(model: type[Any]) -> RoomView:
    """Return the registered pages of a model: rooms on the right draw its buttons and states with them."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    found: RoomView = next(view for view in views if isinstance(view, RoomView) and view.datamodel.obj is model)
    return found


def _only(form: Any, all_columns: Sequence[str], columns: Sequence[str]) -> Any:
    """Take the fields out of a form that are not this actor's, so that what was sent for them counts for nothing."""
    for name in all_columns:
        if name not in columns:
            del form[name]
    return form
