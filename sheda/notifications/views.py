"""The page of one's notices: what happened, newest first, and what is not read yet."""

import json
from datetime import datetime
from typing import Any

from flask import redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import ScalarSelect, func, select

from sheda.core import widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.desk import KINDS as PLACES
from sheda.core.errors import BadRequest
from sheda.core.views import DeskView, counts, perform, query, row_id
from sheda.notifications import reads, services
from sheda.notifications.access import own_notices
from sheda.notifications.models import Notification

SHOWN = 30

TABLES = {word: table for table, word in services.SUBJECTS.items()}
"""What the subjects of notices are rows of."""

OF_THE_OFFICE = {"verification": "/admin/verification/", "report": ""}
"""Subjects whose pages the office alone opens, and where everybody else is led."""


class NoticeView(DeskView):
    """One's own notices."""

    route_base = "/admin/notices"
    class_permission_name = "Notification"
    default_view = "list"
    method_permission_name = {"list": "list", "open": "read", "mark_all": "read"}

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        """Show the notices, newest first."""
        cursor = query().get("after") or None
        try:
            found = json.loads(reads.notices(current_actor(), limit=SHOWN, cursor=cursor))
        except BadRequest:
            found = json.loads(reads.notices(current_actor(), limit=SHOWN))
        older = found["next_cursor"]
        page = {
            "notices": [self._line(one) for one in found["result"]],
            "older": url_for(f"{self.endpoint}.list", after=older) if older else "",
            "newest": url_for(f"{self.endpoint}.list") if cursor else "",
            "mark_all": url_for(f"{self.endpoint}.mark_all"),
            "has_unread": any(not one["is_read"] for one in found["result"]),
        }
        return self.render_template("admin/notices.html", title="Notifications", page=page)

    @expose("/<pk>/open", methods=["POST"])
    @has_access
    def open(self, pk: str) -> Any:
        """Mark a notice as read, and lead to what it is about."""
        number = row_id(pk)
        notice = perform(lambda: services.mark_read(current_actor(), number))
        place = _place(current_actor(), notice.subject_type, notice.subject_id) if notice else ""
        return redirect(place or url_for(f"{self.endpoint}.list"))

    @expose("/read-all", methods=["POST"])
    @has_access
    def mark_all(self) -> Any:
        """Mark all of one's notices as read."""
        perform(lambda: services.mark_all_read(current_actor()), "All read.")
        return redirect(url_for(f"{self.endpoint}.list"))

    def _line(self, one: dict[str, Any]) -> dict[str, Any]:
        return {
            "text": one["text"],
            "when": widgets.moment(datetime.fromisoformat(one["created_at"])),
            "is_read": one["is_read"],
            "open": url_for(f"{self.endpoint}.open", pk=one["id"]),
            "leads": bool(_place(current_actor(), one["subject_type"], one["subject_id"])),
        }


def _place(actor: Actor, kind: str | None, number: int | None) -> str:
    """Return the page of what a notice is about, as its reader may open it; nothing for what has none."""
    if kind in OF_THE_OFFICE and not actor.is_office:
        return OF_THE_OFFICE[kind]
    room = PLACES.get(TABLES.get(kind or "", ""), ("", ""))[1]
    return f"/admin/{room}/show/{number}" if room and kind != "ab_user" and number else ""


@counts("NoticeView")
def unread(actor: Actor) -> ScalarSelect[int]:
    """Count the notices that are not read yet."""
    return select(func.count()).where(own_notices(actor), Notification.read_at.is_(None)).scalar_subquery()
