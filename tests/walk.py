"""Every page of the admin UI that can be opened by its address: from the routes, and from what is in the database."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask_appbuilder import BaseView
from werkzeug.routing import Rule

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.chat.models import Attachment, Conversation, Message, Report
from sheda.core.access import select_visible
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.exports import TYPES
from sheda.core.generated import RoomView
from sheda.core.roles import granted
from tests import factories
from tests.pages import Browser

SOCKET = "/admin/live/socket"
"""It answers only to whoever speaks its protocol."""

ROWS = 3
"""How many rows of each kind are opened: different states have different parts."""

LOOKED_AT = 200
"""Among how many rows those are sought."""


def view_of(app: Flask, rule: Rule) -> BaseView:
    """Return the view that a route belongs to."""
    name = rule.endpoint.split(".")[0]
    return next(view for view in app.appbuilder.baseviews if view.endpoint == name)  # type: ignore[attr-defined]


def rules(app: Flask) -> list[Rule]:
    """Return the routes behind the door that are read."""
    return sorted(
        (rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin") and "GET" in (rule.methods or ())),
        key=lambda rule: rule.rule,
    )


def rows_of(view: RoomView, actor: Actor) -> list[Any]:
    """Return some rows that a view's pages are about, of as many states as there are."""
    model, further = view.datamodel.obj, view.narrow(actor)
    statement = select_visible(actor, model).order_by(model.id).limit(LOOKED_AT)
    found = db.session.scalars(statement if further is None else statement.where(further)).unique().all()
    if view.machine is None:
        return list(found[:ROWS])
    return list({view.machine.state(row): row for row in found}.values())


def others(actor: Actor) -> list[int]:
    """Return with whom somebody has spoken."""
    talks = db.session.scalars(select_visible(actor, Conversation).order_by(Conversation.id).limit(ROWS)).all()
    return [talk.low_id if talk.high_id == actor.id else talk.high_id for talk in talks]


def deals(actor: Actor) -> list[tuple[int, int]]:
    """Return the deals that somebody sees."""
    rows = db.session.scalars(select_visible(actor, Appointment).order_by(Appointment.id).limit(LOOKED_AT))
    return list(dict.fromkeys((row.property_id, row.client_id) for row in rows))[:ROWS]


def files(actor: Actor) -> Iterator[dict[str, Any]]:
    """Yield the files of somebody's chats."""
    yield from ({"pk": one.id} for one in db.session.scalars(select_visible(actor, Attachment)))


def received(actor: Actor) -> Iterator[dict[str, Any]]:
    """Yield messages that somebody was sent."""
    sent = db.session.scalars(select_visible(actor, Message).where(Message.receiver_id == actor.id).limit(ROWS))
    yield from ({"pk": one.sender_id, "message": one.id} for one in sent)


def reported_files(actor: Actor) -> Iterator[dict[str, Any]]:
    """Yield the files of messages that were reported."""
    for report in db.session.scalars(select_visible(actor, Report)):
        sent = db.session.scalars(db.select(Attachment).where(Attachment.message_id == report.message_id))
        yield from ({"pk": report.id, "number": one.id} for one in sent)


EXTRA = {
    "HomeView.home": ["/admin/", "/admin/nothing-here"],
    "ChatView.list": ["/admin/chats/list/?search=water", "/admin/chats/list/?search=nothing+of+it"],
    "CalendarView.list": ["/admin/calendar/?view=day", "/admin/calendar/?view=month"],
    "SearchView.show": ["/admin/search/?q=Funke"],
}
"""Further addresses of a route that show something else."""

Fill = Callable[[Actor], Iterator[dict[str, Any]]]

FILLS: dict[str, Fill] = {
    "ChatView.thread": lambda actor: ({"pk": number} for number in others(actor)),
    "ChatView.messages": lambda actor: ({"pk": number} for number in others(actor)),
    "ChatView.block": lambda actor: ({"pk": number} for number in others(actor)),
    "ChatView.report": received,
    "ChatView.file": files,
    "ChatView.thumb": files,
    "ReportView.file": reported_files,
    "DealView.show": lambda actor: ({"home": home, "client": client} for home, client in deals(actor)),
}
"""How the places of routes are filled in that are no rows of a generated view."""


def fill(rule: Rule, view: BaseView, actor: Actor) -> Iterator[dict[str, Any]] | None:
    """Return what a route's places can hold, None where only the pages that lead there know."""
    is_known = not rule.arguments or rule.endpoint in FILLS
    return _fill(rule, view, actor) if is_known or (isinstance(view, RoomView) and _is_rows(rule)) else None


def _is_rows(rule: Rule) -> bool:
    return rule.arguments == {"pk"} or rule.endpoint.split(".")[1] in {"export", "options", "move"}


def _fill(rule: Rule, view: BaseView, actor: Actor) -> Iterator[dict[str, Any]]:
    name = rule.endpoint.split(".")[1]
    if not rule.arguments:
        yield {}
    elif rule.endpoint in FILLS:
        yield from FILLS[rule.endpoint](actor)
    elif name == "export":
        yield from ({"kind": kind} for kind in TYPES)
    elif not isinstance(view, RoomView):
        raise TypeError(rule.rule)
    elif name == "options":
        yield from ({"name": offer} for offer in view.offers)
    elif name == "move":
        for row in rows_of(view, actor):
            yield from ({"pk": row.id, "name": move.name} for move in view.possible(actor, row) if view.moves)
    else:
        yield from ({"pk": row.id} for row in rows_of(view, actor))


def pages(app: Flask, user: User) -> list[str]:
    """Return the addresses of every page that somebody's role may open."""
    return _answering(app, user, pages=True)


def papers(app: Flask, user: User) -> list[str]:
    """Return the addresses of everything else: exports, offers of selects, proofs, papers."""
    return _answering(app, user, pages=False)


def _answering(app: Flask, user: User, *, pages: bool) -> list[str]:
    browser = Browser(app)
    browser.sign_in(user)
    found = [path for path in addresses(app, user) if path != SOCKET]
    return [path for path in found if is_page(browser.get(path)) is pages]


def is_page(answer: Any) -> bool:
    """Tell a whole page from a part of one, a file or a document; read it to its end."""
    answer.get_data()
    return answer.mimetype == "text/html" and "<!DOCTYPE html>" in answer.text


def addresses(app: Flask, user: User, *, follow: bool = True) -> list[str]:
    """Return every address that a person's role may open; `follow` also those that only pages know."""
    actor, found, unknown = factories.actor_of(user), [], set()
    with app.test_request_context():
        for rule in rules(app):
            name, view = rule.endpoint.split(".")[1], view_of(app, rule)
            filled = fill(rule, view, actor)
            if filled is None:
                unknown.add(rule.endpoint)
            for values in filled or ():
                if granted(actor.role, action_of(view, name, values), view.class_permission_name):
                    found += paths(rule, view, values)
    return [*found, *led_to(app, user, found, unknown)] if unknown and follow else found


def led_to(app: Flask, user: User, found: list[str], wanted: set[str]) -> list[str]:
    """Return where pages lead of what only they know: some addresses of each route."""
    browser, places = Browser(app), app.url_map.bind("localhost")
    browser.sign_in(user)
    led: dict[str, list[str]] = {endpoint: [] for endpoint in wanted}
    for path in found:
        browser.get(path)
        for link in browser.links():
            if link.startswith("/admin"):
                endpoint, _values = places.match(link.split("?")[0])
                if link not in (known := led.get(endpoint, [link])) and len(known) < ROWS:
                    known.append(link)
    return [link for links in led.values() for link in links]


def thinned(found: list[str]) -> list[str]:
    """Leave out what differs by its numbers alone, but for two records of a kind: a browser takes its time."""
    kinds: dict[str, list[str]] = {}
    for path in found:
        kinds.setdefault(re.sub(r"\d+", "0", path), []).append(path)
    return [path for kind, paths in kinds.items() for path in paths[: 2 if "/show/" in kind else 1]]


def action_of(view: BaseView, name: str, values: dict[str, Any]) -> str:
    """Return what a role must be granted to open a page."""
    if view.class_permission_name == "AdminUI":
        return "enter"
    return str(values["name"] if name == "move" else (view.method_permission_name or {}).get(name, name))


def paths(rule: Rule, view: BaseView, values: dict[str, Any]) -> list[str]:
    """Return the addresses that a route has with its places filled in, a list under each of its tabs."""
    path = rule.rule
    for place, value in values.items():
        path = path.replace(f"<{place}>", str(value))
    if isinstance(view, RoomView) and rule.endpoint.endswith(".list") and view.tabs:
        return [f"{path}?tab={tab}" for tab in view.tabs]
    return [*EXTRA.get(rule.endpoint, []), *([path] if path != "/admin/" else [])]
