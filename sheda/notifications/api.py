"""Notices and preferences over HTTP: one's own."""

from typing import Any

from sheda.core.access import RowScopedInterface
from sheda.core.actor import Actor
from sheda.core.api import RoomApi, endpoint
from sheda.notifications import reads, schemas, services
from sheda.notifications.models import Notification


class NotificationApi(RoomApi):
    """What one was told, and how one wants to hear."""

    resource_name = "notifications"
    datamodel = RowScopedInterface(Notification)
    class_permission_name = "Notification"
    list_columns = ["id", "kind", "text", "subject_type", "subject_id", "created_at", "read_at"]
    search_columns = ["id", "kind", "subject_type", "subject_id", "created_at", "read_at"]
    order_columns = ["id", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=schemas.NoticesQuery, answer=schemas.NoticeOut)
    def notices(self, actor: Actor, query: dict[str, Any]) -> str:
        """List one's notices, newest first."""
        return reads.notices(actor, **query)

    @endpoint("POST", "/<pk>/read", may="read", subject=Notification, answer=schemas.NoticeOut)
    def mark_as_read(self, actor: Actor, pk: int) -> Notification:
        """Mark a notice as read."""
        return services.mark_read(actor, pk)

    @endpoint("POST", "/read-all", may="read", answer=schemas.AllReadOut)
    def mark_all_as_read(self, actor: Actor) -> dict[str, int]:
        """Mark all of one's notices as read."""
        return {"read": services.mark_all_read(actor), "unread_count": 0}

    @endpoint("GET", "/preferences", may="read", flat=True, answer=schemas.PreferencesAnswer)
    def preferences(self, actor: Actor) -> dict[str, Any]:
        """Show how one hears of each kind of news, in Sheda (`app`) and by mail."""
        return {"result": services.preferences_of(actor)}

    @endpoint(
        "PATCH", "/preferences", may="update", flat=True, body=schemas.PreferencesIn, answer=schemas.PreferencesAnswer
    )
    def change_preferences(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Change how one hears of some kinds; what is not named stays. Mails about safety cannot be switched off."""
        return {"result": services.change_preferences(actor, body)}
