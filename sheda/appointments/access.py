"""Whose viewings and hours are there for whom."""

from typing import Any

from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours, CalendarFeed
from sheda.core.access import row_rule
from sheda.core.actor import Actor, Role


@row_rule(Appointment)
def _appointment_rows(actor: Actor) -> Any:
    if actor.is_office:
        return Appointment.id.is_not(None)
    if actor.role is Role.CLIENT:
        return Appointment.client_id == actor.id
    if actor.role is Role.AGENT:
        return Appointment.agent_id == actor.id
    return Appointment.id.is_(None)


@row_rule(AvailabilityHours)
def _hours_rows(actor: Actor) -> Any:
    return AvailabilityHours.agent_id == actor.id if actor.role is Role.AGENT else AvailabilityHours.id.is_(None)


@row_rule(AvailabilityException)
def _exception_rows(actor: Actor) -> Any:
    model = AvailabilityException
    return model.agent_id == actor.id if actor.role is Role.AGENT else model.id.is_(None)


@row_rule(CalendarFeed)
def _feed_rows(actor: Actor) -> Any:
    return CalendarFeed.agent_id == actor.id if actor.role is Role.AGENT else CalendarFeed.id.is_(None)
