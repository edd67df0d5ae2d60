"""Webhooks in the admin UI: endpoints with their latest deliveries, and every delivery with its tries."""

import json
from typing import Any

from flask import url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from markupsafe import Markup
from sqlalchemy.orm import joinedload
from wtforms import SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from sheda.core import widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.forms import clean
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.outbound import LONGEST_URL
from sheda.core.states import Move
from sheda.core.views import perform
from sheda.hooks import services
from sheda.hooks.catalogue import EVENTS
from sheda.hooks.models import HookDelivery, HookEndpoint

SHOWN = 20

PING = Move("ping", ("on",), "on", "AS", "Send a test")
SWITCH_OFF = Move("switch_off", ("on",), "off", "AS", "Switch off", confirm="Nothing is sent there any more.")
SWITCH_ON = Move("switch_on", ("off",), "on", "AS", "Switch on")
REPLAY = Move("replay", ("delivered", "dead"), "waiting", "AS", "Send again")


class EventsField(SelectMultipleField):
    """Events to tick."""

    width = 12
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _endpoint_badge(row: HookEndpoint) -> Markup:
    if row.stopped_at:
        return widgets.badge("off", tone="bad")
    if row.secret_shown_at is None:
        return widgets.badge("secret", {"secret": "Needs its secret"}, tone="info")
    if row.failing_since:
        return widgets.badge("failing", {"failing": f"Failing, {row.failures} in a row"}, tone="bad")
    return widgets.badge("on", tone="good")


def _delivery_badge(row: HookDelivery) -> Markup:
    if row.delivered_at:
        return widgets.badge("delivered", tone="good")
    if row.dead_at:
        return widgets.badge("dead", {"dead": "Gave up"}, tone="bad")
    return widgets.badge("waiting", {"waiting": "Waits for next try" if row.attempts else "Waiting"}, tone="info")


class HookView(RoomView):
    """Where an agency's own programs hear of what happens."""

    datamodel = RoomInterface(HookEndpoint)
    class_permission_name = "Hook"
    route_base = "/admin/webhooks"
    show_template = "admin/hook_show.html"
    method_permission_name = {**RoomView.method_permission_name, "secret": "secret"}
    nouns = ("webhook", "webhooks")
    icon = "send"
    list_columns = ["host", "state", "owner", "number", "created_at"]
    show_columns = ["url", "state", "whose", "owner", "note", "events", "secret_shown_at", "created_at"]
    add_columns = edit_columns = ["url", "note", "events"]
    order_columns = ["created_at"]
    base_order = ("id", "desc")
    label_columns = {
        "host": "Address",
        "url": "Address",
        "owner": "Owner",
        "number": "Events",
        "whose": "Hears of",
        "secret_shown_at": "Secret made",
        "created_at": "Made",
        "note": "Note",
    }
    looks = {"created_at": "s-p2", "number": "s-num s-p3"}
    add_form_extra_fields = {
        "url": StringField(
            "Address",
            [InputRequired("This is needed."), Length(max=LONGEST_URL), clean],
            description="It must begin with https:// and be reachable from the internet.",
        ),
        "events": EventsField(
            "Events", choices=[SelectChoice(name, f"{words} ({name})") for name, words in EVENTS.items()]
        ),
    }
    edit_form_extra_fields = add_form_extra_fields
    moves = {"ping": services.ping, "switch_off": services.switch_off, "switch_on": services.switch_on}
    weighty = frozenset({"switch_off"})
    done = {
        "ping": "A test is on its way; it appears among the deliveries.",
        "switch_off": "Switched off.",
        "switch_on": "Switched on.",
    }
    list_options = (joinedload(HookEndpoint.owner),)
    empty = Empty(
        "No webhook yet",
        "A webhook tells a program of yours at once when a viewing, payment, contract or listing changes.",
        "/admin/webhooks/add",
        "Add a webhook",
    )
    cells = {
        "host": services.host_of,
        "state": _endpoint_badge,
        "owner": lambda row: row.owner.get_full_name(),
        "number": lambda row: len(row.events),
        "whose": lambda row: "the owner's own deals and listings" if row.agent_id else "the whole agency",
        "events": lambda row: list(row.events),
    }

    def own_routes(self) -> list[str]:
        """Name the route that makes a secret."""
        return ["secret"]

    def title_of(self, row: HookEndpoint) -> str:
        """Name an endpoint by its host."""
        return services.host_of(row)

    def rule(self, name: str) -> Move | None:
        """Return what can be done."""
        return {one.name: one for one in (PING, SWITCH_OFF, SWITCH_ON)}.get(name)

    def possible(self, _actor: Actor, row: HookEndpoint) -> list[Move]:
        """Offer a test while it is on, and the other way of the switch."""
        return [SWITCH_ON] if row.stopped_at else [PING, SWITCH_OFF]

    def extras(self, _actor: Actor, row: HookEndpoint) -> dict[str, Any]:
        """Show the latest deliveries, and where a secret is made."""
        return {
            "note": row.stopped_why and f"Switched off: {row.stopped_why}.",
            "deliveries": [_line(one) for one in services.latest(row, SHOWN)],
            "secret": url_for(f"{self.endpoint}.secret", pk=row.id),
            "has_secret": row.secret_shown_at is not None,
            "old_until": widgets.moment(row.old_until) if len(services.keys_of(row)) > 1 else "",
        }

    def create(self, actor: Actor, values: dict[str, Any]) -> HookEndpoint:
        """Add an endpoint."""
        return services.add(actor, **values)

    def update(self, actor: Actor, row: HookEndpoint, values: dict[str, Any]) -> HookEndpoint:
        """Change an endpoint."""
        return services.change(actor, row.id, **values)

    def remove(self, actor: Actor, row: HookEndpoint) -> None:
        """Remove an endpoint."""
        services.remove(actor, row.id)

    @expose("/secret/<pk>", methods=["POST"])
    @has_access
    def secret(self, pk: str) -> Any:
        """Make a new secret, and show it on this page alone."""
        row = self.row(pk)
        made = perform(lambda: services.renew_secret(current_actor(), row.id))
        page = {
            "trail": self._trail((self.title_of(row), self.href_of(row)), ("Secret", "")),
            "secret": made or "",
            "back": self.href_of(row),
        }
        return self.render_template("admin/hook_secret.html", title="The new secret", page=page)


def _line(row: HookDelivery) -> dict[str, Any]:
    return {
        "href": url_for("HookDeliveryView.show", pk=row.id),
        "event": row.event,
        "state": _delivery_badge(row),
        "status": row.status_code or row.last_error or "",
        "attempts": row.attempts,
        "when": widgets.moment(row.created_at),
    }


class HookDeliveryView(RoomView):
    """What was sent to webhooks, with its tries."""

    datamodel = RoomInterface(HookDelivery)
    class_permission_name = "HookDelivery"
    route_base = "/admin/webhook-deliveries"
    nouns = ("delivery", "deliveries")
    list_title = "Webhook deliveries"
    icon = "send"
    list_columns = ["event", "to", "created_at", "state", "status_code", "attempts"]
    show_columns = [
        "event",
        "to",
        "state",
        "status_code",
        "last_error",
        "attempts",
        "replays",
        "took_ms",
        "created_at",
        "due_at",
        "delivered_at",
        "message_id",
        "payload",
    ]
    order_columns = ["created_at"]
    base_order = ("id", "desc")
    search_columns = ["event", "status_code", "endpoint_id", "created_at"]
    label_columns = {
        "to": "To",
        "state": "State",
        "status_code": "Answer",
        "attempts": "Tries",
        "replays": "Sent again",
        "took_ms": "Milliseconds",
        "created_at": "Written",
        "due_at": "Next try",
        "last_error": "Fault",
        "message_id": "webhook-id",
        "endpoint_id": "Webhook's number",
    }
    looks = {"attempts": "s-num s-p3", "status_code": "s-num", "created_at": "s-p2"}
    list_options = (joinedload(HookDelivery.endpoint),)
    moves = {"replay": services.replay}
    bulk = ("replay",)
    done = {"replay": "It is on its way again."}
    empty = Empty("Nothing sent yet", "What is sent to webhooks is listed here for a month.")
    tabs = {
        "all": ("All", lambda _actor: None),
        "waiting": ("Waiting", lambda _actor: HookDelivery.delivered_at.is_(None) & HookDelivery.dead_at.is_(None)),
        "dead": ("Given up", lambda _actor: HookDelivery.dead_at.is_not(None)),
    }
    cells = {
        "to": lambda row: services.host_of(row.endpoint),
        "state": _delivery_badge,
        "message_id": lambda row: f"msg_{row.message_id.hex}",
        "payload": lambda row: json.dumps(json.loads(row.payload), ensure_ascii=False),
    }

    def title_of(self, row: HookDelivery) -> str:
        """Name a delivery by its event."""
        return f"{row.event} {row.id}"

    def rule(self, name: str) -> Move | None:
        """Return the one thing that can be done."""
        return REPLAY if name == REPLAY.name else None

    def possible(self, _actor: Actor, row: HookDelivery) -> list[Move]:
        """Offer to send again what was taken or given up."""
        return [REPLAY] if row.delivered_at or row.dead_at else []
