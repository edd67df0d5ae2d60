"""Which endpoints and deliveries are there for you: an agent's own; the office's, all of the agency's."""

from sqlalchemy import ColumnElement, false, select, true

from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role
from sheda.hooks.models import HookDelivery, HookEndpoint


@row_rule(HookEndpoint)
def own_endpoints(actor: Actor) -> ColumnElement[bool]:
    """Return an agent's own endpoints, or for the office every one."""
    if actor.is_office:
        return true()
    return HookEndpoint.owner_id == actor.id if actor.role is Role.AGENT else false()


@row_rule(HookDelivery)
def own_deliveries(actor: Actor) -> ColumnElement[bool]:
    """Return what was sent to the endpoints that are there for the actor."""
    return HookDelivery.endpoint_id.in_(select(HookEndpoint.id).where(own_endpoints(actor)))
