"""The page on which somebody says how he wants to hear of what: kinds by channels, quiet hours, devices."""

from datetime import time
from typing import Any
from urllib.parse import urlsplit

from flask import redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import select

from sheda.core import clock, widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db
from sheda.core.errors import InvalidInput
from sheda.core.views import DeskView, perform, row_id, sent, sent_all
from sheda.notifications import devices, wishes
from sheda.notifications.access import own_devices
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import CHANNELS, PushDevice

LABELS = {
    "app": "In Sheda",
    "mail": "Mail",
    "digest": "Daily mail",
    "push": "Push",
    "sms": "SMS",
    "whatsapp": "WhatsApp",
}


class PreferenceView(DeskView):
    """How one wants to hear of what."""

    route_base = "/admin/notification-preferences"
    class_permission_name = "Notification"
    default_view = "show"
    method_permission_name = {
        "show": "list",
        "save": "update",
        "save_quiet": "update",
        "add_device": "update",
        "drop_device": "update",
    }

    @expose("/")
    @has_access
    def show(self) -> Any:
        """Show every kind that reaches somebody of one's role, by its channels."""
        actor = current_actor()
        quiet = wishes.quiet_of(actor)
        page = {
            "trail": [("Notifications", url_for("NoticeView.list")), ("Preferences", "")],
            "channels": [(name, LABELS[name]) for name in _offered()],
            "groups": _groups(actor),
            "quiet": quiet,
            "zone": clock.city(quiet.zone),
            "devices": [_device(row) for row in _devices(actor)],
            "key": devices.public_key(),
            "save": url_for(f"{self.endpoint}.save"),
            "save_quiet": url_for(f"{self.endpoint}.save_quiet"),
            "add_device": url_for(f"{self.endpoint}.add_device"),
            "drop": f"{self.endpoint}.drop_device",
        }
        return self.render_template("admin/preferences.html", title="How you hear from us", page=page)

    @expose("/save", methods=["POST"])
    @has_access
    def save(self) -> Any:
        """Keep what is ticked."""
        actor, ticked = current_actor(), set(sent_all("on"))
        shown = [kind for kind, about in KINDS.items() if about.reaches(actor.role)]

        def work() -> None:
            before = wishes.preferences_of(actor)
            changes: dict[str, dict[str, bool]] = {}
            for kind in shown:
                for channel in KINDS[kind].channels:
                    is_fixed = (channel == "mail" and KINDS[kind].is_security) or channel not in _offered()
                    is_on = f"{kind}.{channel}" in ticked
                    if not is_fixed and before[kind][channel] != is_on:
                        changes.setdefault(kind, {})[channel] = is_on
            wishes.change_preferences(actor, changes)

        perform(work, "Saved.")
        return redirect(url_for(f"{self.endpoint}.show"))

    @expose("/quiet", methods=["POST"])
    @has_access
    def save_quiet(self) -> Any:
        """Keep the quiet hours; two empty fields are none."""
        actor = current_actor()
        perform(lambda: wishes.change_quiet(actor, begins=_time("begins"), ends=_time("ends")), "Saved.")
        return redirect(url_for(f"{self.endpoint}.show"))

    @expose("/devices", methods=["POST"])
    @has_access
    def add_device(self) -> Any:
        """Note the browser that the page runs in."""
        actor = current_actor()
        keys = {"endpoint": sent("endpoint"), "p256dh": sent("p256dh"), "auth": sent("auth")}
        perform(lambda: devices.note(actor, **keys), "This browser shows notifications from now on.")
        return redirect(url_for(f"{self.endpoint}.show"))

    @expose("/devices/<pk>/remove", methods=["POST"])
    @has_access
    def drop_device(self, pk: str) -> Any:
        """Forget a device."""
        number = row_id(pk)
        perform(lambda: devices.forget(current_actor(), number), "It shows no notifications any more.")
        return redirect(url_for(f"{self.endpoint}.show"))


def _offered() -> list[str]:
    return [name for name in CHANNELS if name not in wishes.TEXTS or wishes.text_url(name)]


def _groups(actor: Actor) -> list[tuple[str, list[dict[str, Any]]]]:
    said = wishes.preferences_of(actor)
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind, about in KINDS.items():
        if about.reaches(actor.role):
            row = {"kind": kind, "label": about.label, "is_security": about.is_security, "said": said[kind]}
            groups.setdefault(about.group, []).append(row)
    return list(groups.items())


def _devices(actor: Actor) -> list[PushDevice]:
    return list(db.session.scalars(select(PushDevice).where(own_devices(actor)).order_by(PushDevice.id.desc())))


def _device(row: PushDevice) -> dict[str, Any]:
    return {"id": row.id, "host": urlsplit(row.endpoint).hostname, "since": widgets.moment(row.created_at)}


def _time(name: str) -> time | None:
    text = sent(name).strip()
    try:
        return time.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0) if text else None
    except ValueError as fault:
        raise InvalidInput.on(name, "Write a time such as 22:00.") from fault
