"""Which notices, wishes and devices are there for you: your own, whoever you are."""

from sqlalchemy import ColumnElement, false

from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.notifications.models import Notification, Preference, PushDevice


@row_rule(Notification)
def own_notices(actor: Actor) -> ColumnElement[bool]:
    """Return the notices to the actor."""
    return Notification.user_id == actor.id if actor.id is not None else false()


@row_rule(Preference)
def own_preferences(actor: Actor) -> ColumnElement[bool]:
    """Return the wishes of the actor."""
    return Preference.user_id == actor.id if actor.id is not None else false()


@row_rule(PushDevice)
def own_devices(actor: Actor) -> ColumnElement[bool]:
    """Return the devices of the actor."""
    return PushDevice.user_id == actor.id if actor.id is not None else false()
