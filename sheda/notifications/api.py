"""Notices and preferences over HTTP: one's own."""

from typing import Any

from sheda.core.access import RowScopedInterface, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, endpoint
from sheda.core.paging import Key, Page, page_of
from sheda.notifications import devices, reads, schemas, services, wishes
from sheda.notifications.models import Notification, PushDevice

NEWEST = (Key(PushDevice.id, "id"),)


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
        """Show how one hears of each kind of news, by each channel that it has.

        `app` is the list in Sheda, `digest` lets the mails of a kind wait for one a day; `push` needs a device that was
        registered, `sms` and `whatsapp` a telephone number.
        """
        return {"result": wishes.preferences_of(actor)}

    @endpoint(
        "PATCH", "/preferences", may="update", flat=True, body=schemas.PreferencesIn, answer=schemas.PreferencesAnswer
    )
    def change_preferences(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Change how one hears of some kinds; what is not named stays. Mails about safety cannot be switched off."""
        return {"result": wishes.change_preferences(actor, body)}

    @endpoint("GET", "/quiet-hours", may="read", flat=True, answer=schemas.QuietAnswer)
    def quiet_hours(self, actor: Actor) -> dict[str, Any]:
        """Show when one's devices are left alone: pushes, SMS and WhatsApp wait until then; mail does not."""
        return {"result": wishes.quiet_of(actor)}

    @endpoint("PUT", "/quiet-hours", may="update", flat=True, body=schemas.QuietIn, answer=schemas.QuietAnswer)
    def change_quiet_hours(self, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
        """Change when one's devices are left alone, by the clock of one's own time zone."""
        return {"result": wishes.change_quiet(actor, **body)}


class PushDeviceApi(RoomApi):
    """The browsers and apps that take one's pushes."""

    resource_name = "push-subscriptions"
    datamodel = RowScopedInterface(PushDevice)
    class_permission_name = "PushDevice"
    list_columns = ["id", "created_at"]
    search_columns = ["id", "created_at"]
    order_columns = ["id", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=schemas.DevicesQuery, answer=schemas.DeviceOut)
    def devices(self, actor: Actor, query: dict[str, Any]) -> Page:
        """List one's devices, the latest first."""
        return page_of(select_visible(actor, PushDevice), NEWEST, **query)

    @endpoint("GET", "/key", may="list", flat=True, answer=schemas.KeyAnswer)
    def key(self, _actor: Actor) -> dict[str, Any]:
        """Show the public key that a browser needs to subscribe (VAPID, RFC 8292)."""
        return {"result": {"public_key": devices.public_key()}}

    @endpoint("POST", "/", may="create", body=schemas.DeviceIn, answer=schemas.DeviceOut, status=201)
    def add(self, actor: Actor, body: dict[str, Any]) -> Answer:
        """Register a device, as the browser's subscription describes it; a repeat answers the first, with 200."""
        device, is_new = devices.note(actor, endpoint=body["endpoint"], **body["keys"])
        return Answer(device, 201 if is_new else 200)

    @endpoint("DELETE", "/", may="delete", body=schemas.DeviceGone, status=204)
    def drop(self, actor: Actor, body: dict[str, Any]) -> None:
        """Forget one's device by its address; a repeat is 204, too."""
        devices.forget_endpoint(actor, body["endpoint"])

    @endpoint("DELETE", "/<pk>", may="delete", subject=PushDevice, status=204)
    def remove(self, actor: Actor, pk: int) -> None:
        """Forget one's device by its id."""
        devices.forget(actor, pk)
