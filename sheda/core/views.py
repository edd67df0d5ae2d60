"""The shell of the admin UI: what a page may ask of its request, its frame, the door and error pages."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_appbuilder.hooks import before_request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from sheda.core import files, handover, languages, widgets
from sheda.core.access import LARGEST_ID
from sheda.core.actor import ANONYMOUS, Actor, current_actor, request_id
from sheda.core.db import db, in_transaction
from sheda.core.errors import NotAllowed, NotFound, Refusal, Unauthorized
from sheda.core.roles import granted
from sheda.core.widgets import Section

Result = TypeVar("Result")
View = TypeVar("View", bound=BaseView)

DOOR, LOGOUT, HOME, MORE = "SignIn.login", "SignIn.logout", "HomeView.home", "HomeView.more"
DEAL, SEARCH, NOTICES = "DealView.show", "SearchView.show", "NoticeView.list"
SECURITY = "SecurityView.show"

PLAIN = frozenset({"application/json", "application/problem+json"})
"""Types of answers that no browser shows as a page; their headers never change, see `web`."""

PAGE_PATHS = ("/admin", "/login", "/logout")
"""Where people with browsers go: a refusal there is a page, elsewhere a problem."""

HEADINGS = {
    400: "We could not read that",
    403: "That is not yours to do",
    404: "We cannot find that page",
    405: "That address is for a form",
    409: "That has changed meanwhile",
    413: "That file is too large",
    429: "One moment",
    503: "A part of Sheda is not reachable",
}

# ── What a page may ask of its request ───────────────────────────────────────────────────────────────────────────


def is_post() -> bool:
    """Tell whether this request sends a form."""
    return request.method == "POST"


def here() -> str:
    """Return the path of this request."""
    return request.path


def query() -> Mapping[str, str]:
    """Return what this address asks for."""
    return request.args


def sent(name: str) -> str:
    """Return one value of this form."""
    return request.form.get(name, "")


def sent_all(name: str) -> list[str]:
    """Return every value of this form under a name."""
    return request.form.getlist(name)


def uploaded(name: str) -> list[FileStorage]:
    """Return the files that came with this form under a name; empty choices are none."""
    return [file for file in request.files.getlist(name) if file.filename]


def header(name: str) -> str:
    """Return a header of this request; empty when there is none."""
    return request.headers.get(name, "")


def is_quiet() -> bool:
    """Tell whether a page's own script asks, which reads data and problems where people read pages."""
    return header("X-Requested-With") == "fetch"


def row_id(text: str) -> int:
    """Read an id from an address; NotFound when no row could have it."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID)) and int(text) <= LARGEST_ID):
        raise NotFound
    return int(text)


def way_back(default: str) -> str:
    """Return the page of ours that this request came from, or the default: never an address elsewhere."""
    for place in (request.form.get("back", ""), request.headers.get("Referer", "")):
        try:
            parts = urlsplit(place.replace("\\", "/"))
        except ValueError:
            continue
        is_ours = parts.netloc in {"", request.host} and not place.startswith("//")
        if is_ours and parts.path.startswith("/admin/") and "//" not in parts.path and "/move/" not in parts.path:
            return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return default


def perform(work: Callable[[], Result], done: str = "") -> Result | None:
    """Do a form's work in one transaction; a refusal becomes a notice, everything else is a fault of ours."""
    try:
        result = in_transaction(work)
    except NotFound:
        raise
    except Refusal as refusal:
        flash(" ".join(one["message"] for one in refusal.errors) or refusal.detail, "danger")
        return None
    if done:
        flash(done, "success")
    return result


def visitor() -> Actor:
    """Recognise the person of the session cookie, and return who acts."""
    return current_actor() if current_user.is_authenticated else ANONYMOUS


def turned_away() -> Any:
    """Return the way to the door for someone who is not signed in; NotAllowed for one whose role has no desk here."""
    actor = visitor()
    if actor.id is None and is_quiet():
        raise Unauthorized("You are signed out. Sign in again in another window; what you wrote stays here.")
    if actor.id is None:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for(DOOR, next=wanted))
    if not granted(actor.role, "enter", "AdminUI"):
        raise NotAllowed("These pages are for agents and staff. Clients use the Sheda app.")
    if actor.is_held and not request.path.startswith(url_for(SECURITY)):
        flash("Set up two-step sign-in first; it is asked of everybody in the office.", "info")
        return redirect(url_for(SECURITY))
    return None


def require(action: str, resource: str) -> None:
    """Refuse an action that the stored permissions do not give to whoever acts."""
    if not current_app.appbuilder.sm.has_access(f"can_{action}", resource):  # type: ignore[attr-defined]
        raise NotAllowed


def deal_href(row: Any) -> str:
    """Return the address of the deal that a viewing, payment or contract belongs to: one client and one home."""
    return url_for(DEAL, home=row.property_id, client=row.client_id)


def view_of(kind: type[View]) -> View:
    """Return the registered view of a class; pages of other rooms draw their buttons with it."""
    found: View = next(view for view in current_app.appbuilder.baseviews if isinstance(view, kind))  # type: ignore[attr-defined]
    return found


class DeskView(BaseView):
    """Pages behind the door, each with a permission of its own."""

    @before_request
    def _enter(self) -> Any:
        return turned_away()


class InnerView(DeskView):
    """Pages behind the door: open to whoever may enter the admin UI, showing each the rows that are there for him."""

    class_permission_name = "AdminUI"
    base_permissions = ["can_enter"]
    method_permission_name = {"list": "enter", "show": "enter"}


# ── The frame around every page ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Item:
    """A line of the menu."""

    label: str
    href: str
    icon: str
    current: bool
    count: int = 0
    view: str = ""


def csp_nonce() -> str:
    """Return this response's nonce; the policy names it when it was asked for."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    found: str = g.csp_nonce
    return found


def secure_headers(response: Response) -> Response:
    """Set the headers of other answers; pages run only scripts with the nonce and load nothing from elsewhere."""
    if response.content_type in PLAIN:
        return response
    media = urlsplit(files.url(f"{files.Area.PUBLIC}/"))
    pictures = f" {media.scheme}://{media.netloc}" if media.netloc else ""
    policy = (
        f"default-src 'none'; script-src 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self' data:{pictures}; "
        "connect-src 'self'; worker-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    is_page = response.mimetype == "text/html"
    # To a browser its own viewer of PDF files is a plugin of this site's.
    plugins = "; object-src 'self'" if response.mimetype == "application/pdf" else ""
    bare = f"default-src 'none'; frame-ancestors 'none'{plugins}"
    response.headers.setdefault("Content-Security-Policy", policy if is_page else bare)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if is_page and request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


Count = Callable[[Actor], Any]
_counts: dict[str, Count] = {}


def counts(view: str) -> Callable[[Count], Count]:
    """Register what a view's line in the menu counts: a scalar subquery of what waits for an actor."""

    def register(count: Count) -> Count:
        _counts[view] = count
        return count

    return register


def waiting_counts() -> dict[str, int]:
    """Return what waits for whoever looks, by the names of views: one statement a request, however often asked."""
    if "waiting_counts" not in g:
        actor = current_actor()
        found = db.session.execute(select(*(count(actor) for count in _counts.values()))).one() if actor.id else ()
        g.waiting_counts = dict(zip(_counts, found, strict=False))
    kept: dict[str, int] = g.waiting_counts
    return kept


def navigation() -> list[tuple[str, list[Item]]]:
    """Return the menu of whoever looks, by headings; the first group has none."""
    actor, groups = current_actor(), [("", [_item(languages.menu_home(), url_for(HOME), "home")])]
    for entry in current_app.appbuilder.menu.get_list():  # type: ignore[attr-defined]
        if not entry.childs:
            groups[0][1].extend(_entries([entry], actor))
        elif items := _entries(entry.childs, actor):
            groups.append((languages.translated(entry.label), items))
    return groups


def _entries(entries: Any, actor: Actor) -> list[Item]:
    return [
        _item(entry.label, entry.get_url(), entry.icon, type(entry.baseview).__name__)
        for entry in entries
        if entry.baseview
        and granted(
            actor.role,
            entry.baseview.method_permission_name.get(entry.baseview.default_view, "list"),
            entry.baseview.class_permission_name,
        )
    ]


def _item(label: str, href: str, icon: str, view: str = "") -> Item:
    section = href.removesuffix("list/")
    is_current = request.path == href or (section != href and request.path.startswith(section))
    return Item(languages.translated(str(label)), href, icon, is_current, waiting_counts().get(view, 0), view)


def is_page() -> bool:
    """Tell whether this request is a browser's, which reads pages rather than problems."""
    return (request.path == "/" or request.path.startswith(PAGE_PATHS)) and not is_quiet()


def error_page(refusal: Refusal) -> Response:
    """Write a refusal as a page; staff get its number when it is our fault."""
    ours = refusal.status >= 500  # noqa: PLR2004 - the server's half of the statuses
    heading = HEADINGS.get(refusal.status, "That was our fault" if ours else "That did not work")
    body = render_template(
        "admin/error.html",
        status=refusal.status,
        heading=heading,
        detail=refusal.detail,
        request_number=request_id() if ours else None,
        plain=visitor().id is None,
    )
    return Response(body, refusal.status, {**refusal.headers}, content_type="text/html; charset=utf-8")


def install(app: Flask) -> None:
    """Give the templates what they ask for, and every response its headers."""
    app.jinja_env.globals.update(
        csp_nonce=csp_nonce,
        holds_connections=handover.holds_connections,
        navigation=navigation,
        waiting_counts=waiting_counts,
        home_endpoint=HOME,
        more_endpoint=MORE,
        search_endpoint=SEARCH,
        notices_endpoint=NOTICES,
        logout_endpoint=LOGOUT,
        spoken=languages.present,
        reviewed=languages.REVIEWED.__contains__,
    )
    app.jinja_env.filters.update(initials=widgets.initials, show=widgets.show, moment=widgets.moment, day=widgets.day)
    app.context_processor(lambda: {"actor": current_actor()})
    app.after_request(secure_headers)


# ── Home: what waits for a decision ──────────────────────────────────────────────────────────────────────────────

Source = Callable[[Actor], Section | Sequence[Section] | None]
_sources: list[Source] = []


def waits(source: Source) -> Source:
    """Register what a room shows on the home page: sections of cards, or None when nothing waits."""
    if source not in _sources:
        _sources.append(source)
    return source


def waiting(actor: Actor) -> list[Section]:
    """Return what waits for an actor in every room, the more pressing kinds first."""
    found: list[Section] = []
    for source in _sources:
        told = source(actor)
        found += [told] if isinstance(told, Section) else told or []
    return sorted((section for section in found if section.cards), key=lambda section: section.rank)
