"""The page of the global search; the field in the head of every page shows its results while one types."""

from typing import Any

from flask import url_for
from flask_appbuilder import expose

from sheda.core import widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.views import DEAL, InnerView, query
from sheda.workplace import search
from sheda.workplace.search import Hit

HEADINGS = {"listing": "Listings", "person": "People", "deal": "Deals"}
ICONS = {"listing": "listing", "person": "user", "deal": "deal"}
STATES = {"draft": "Draft", "published": "Live", "paused": "Paused", "archived": "Archived"}


class SearchView(InnerView):
    """Find a listing, a person or a deal among the rows that are there for whoever asks."""

    route_base = "/admin/search"
    default_view = "show"

    @expose("/")
    def show(self) -> Any:
        """Show what fits, by kinds."""
        actor, asked = current_actor(), query().get("q", "")[: search.LONGEST].strip()
        hits = search.find(actor, asked)
        groups = [
            (heading, [_line(actor, hit) for hit in hits if hit.kind == kind])
            for kind, heading in HEADINGS.items()
            if any(hit.kind == kind for hit in hits)
        ]
        page = {"asked": asked, "groups": groups, "count": len(hits), "too_short": 0 < len(asked) < search.SHORTEST}
        return self.render_template("admin/search.html", title="Search", page=page)


def _line(actor: Actor, hit: Hit) -> dict[str, Any]:
    return {
        "icon": ICONS[hit.kind],
        "title": hit.title,
        "detail": hit.detail,
        "badge": widgets.badge(hit.state, STATES) if hit.state else "",
        "href": _href(actor, hit),
    }


def _href(actor: Actor, hit: Hit) -> str:
    """Lead to a listing's page, a deal's page, and from a person to what one does with him."""
    if hit.kind == "listing":
        return url_for("PropertyView.show", pk=hit.home)
    if hit.kind == "person" and actor.is_office:
        return url_for("UserView.show", pk=hit.person)
    if hit.home is not None:
        return url_for(DEAL, home=hit.home, client=hit.person)
    return url_for("ChatView.thread", pk=hit.person)
