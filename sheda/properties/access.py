"""Which listings, and what hangs on them, are there for whom."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select

from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role
from sheda.properties.models import AgentViews, ListingViews, PriceHistory, Property, PropertyFee, PropertyImage


@row_rule(Property)
def _property_rows(actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        return Property.id.is_not(None)
    published = Property.listing_state == "published"
    return or_(published, Property.agent_id == actor.id) if actor.role is Role.AGENT else published


def _of_visible(model: type[Any], actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        found: ColumnElement[bool] = model.id.is_not(None)
    else:
        found = model.property_id.in_(select(Property.id).where(_property_rows(actor)))
    return found


@row_rule(PropertyImage)
def _image_rows(actor: Actor) -> ColumnElement[bool]:
    return _of_visible(PropertyImage, actor)


@row_rule(PropertyFee)
def _fee_rows(actor: Actor) -> ColumnElement[bool]:
    return _of_visible(PropertyFee, actor)


@row_rule(PriceHistory)
def _price_rows(actor: Actor) -> ColumnElement[bool]:
    """Let owners and the office see what a property has cost: to everybody else it is what the owner would take."""
    if actor.is_office:
        return PriceHistory.id.is_not(None)
    if actor.role is Role.AGENT:
        return PriceHistory.property_id.in_(select(Property.id).where(Property.agent_id == actor.id))
    return PriceHistory.id.is_(None)


@row_rule(ListingViews)
def _view_rows(actor: Actor) -> ColumnElement[bool]:
    """Let owners and the office see how often a listing is looked at."""
    if actor.is_office:
        return ListingViews.property_id.is_not(None)
    if actor.role is Role.AGENT:
        return ListingViews.property_id.in_(select(Property.id).where(Property.agent_id == actor.id))
    return ListingViews.property_id.is_(None)


@row_rule(AgentViews)
def _agent_view_rows(actor: Actor) -> ColumnElement[bool]:
    if actor.is_office:
        return AgentViews.agent_id.is_not(None)
    return AgentViews.agent_id == actor.id if actor.role is Role.AGENT else AgentViews.agent_id.is_(None)
