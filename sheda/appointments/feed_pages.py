"""The page on which an agent makes and revokes the private address of his calendar."""

from typing import Any

from flask import redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access

from sheda.appointments import calendars
from sheda.core import widgets
from sheda.core.actor import current_actor
from sheda.core.views import DeskView, perform


class CalendarLinkView(DeskView):
    """The private address at which an agent's calendar program reads his viewings."""

    route_base = "/admin/calendar-link"
    class_permission_name = "CalendarFeed"
    default_view = "show"
    method_permission_name = {"show": "read", "make": "create", "revoke": "delete"}

    @expose("/")
    @has_access
    def show(self) -> Any:
        """Say whether there is an address."""
        return self._page("")

    @expose("/make", methods=["POST"])
    @has_access
    def make(self) -> Any:
        """Make an address, and show it on this page alone."""
        return self._page(perform(lambda: calendars.share_feed(current_actor())) or "")

    @expose("/revoke", methods=["POST"])
    @has_access
    def revoke(self) -> Any:
        """Let the address answer nobody any more."""
        perform(lambda: calendars.revoke_feed(current_actor()), "The address answers nobody any more.")
        return redirect(url_for(f"{self.endpoint}.show"))

    def _page(self, url: str) -> Any:
        feed = calendars.find_feed(current_actor())
        page = {
            "trail": [("Weekly hours", url_for("HoursView.list")), ("Calendar link", "")],
            "url": url,
            "since": widgets.moment(feed.created_at) if feed else "",
            "make": url_for(f"{self.endpoint}.make"),
            "revoke": url_for(f"{self.endpoint}.revoke"),
        }
        return self.render_template("admin/calendar_link.html", title="Calendar link", page=page)
