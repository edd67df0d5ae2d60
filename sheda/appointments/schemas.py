"""What requests about viewings and hours may carry, and what is answered."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from sheda.appointments.services import DEFAULT_MINUTES
from sheda.appointments.states import APPOINTMENT
from sheda.core.fields import Choice, ClockTime, Day, Flag, Moment, RequestSchema, RowId, Several, Text, Whole
from sheda.core.paging import PageQuery
from sheda.core.states import REASON_LENGTH

SHORTEST, LONGEST = 15, 480
SORTS = ("newest", "scheduled_at", "-scheduled_at")


def _reason() -> Text:
    return Text(least=1, most=REASON_LENGTH, allow_none=True, load_default=None)


class BookBody(RequestSchema):
    """What a client asks for."""

    aliases = {"scheduled_at": "requested_time"}

    property_id = RowId(required=True)
    requested_time = Moment(required=True)
    duration_minutes = Whole(SHORTEST, LONGEST, load_default=DEFAULT_MINUTES)
    note = Text(most=1000, allow_none=True, load_default=None)
    agent_id = RowId(allow_none=True, load_default=None)


class RescheduleBody(RequestSchema):
    """Another time for a viewing; as long as before when no duration is named."""

    aliases = {"scheduled_at": "requested_time"}

    requested_time = Moment(required=True)
    duration_minutes = Whole(SHORTEST, LONGEST, allow_none=True, load_default=None)
    reason = _reason()


class DecideBody(RequestSchema):
    """The agent's answer; an empty one confirms."""

    decision = Choice(("confirm", "reject"), load_default="confirm")
    reason = _reason()


class ReasonBody(RequestSchema):
    """Why."""

    reason = _reason()


class AppointmentsQuery(PageQuery):
    """Which viewings a list shows, and in which order."""

    status = Several(Choice(APPOINTMENT.states), load_default=None)
    property_id = RowId(load_default=None)
    sort = Choice(SORTS, load_default="newest")


class AppointmentAnswer(Schema):
    """One viewing."""

    id = fields.Integer()
    property_id = fields.Integer()
    agent_id = fields.Integer()
    client_id = fields.Integer()
    scheduled_at = Moment(attribute="starts_at")
    ends_at = Moment()
    status = fields.String(metadata={"enum": list(APPOINTMENT.states)})
    expires_at = Moment(allow_none=True)
    note = fields.String(allow_none=True)
    replaces_id = fields.Integer(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class SlotsQuery(RequestSchema):
    """Days in the agent's zone, the last one exclusive."""

    first = Day(data_key="from", load_default=None, metadata={"description": "The first day; today by default."})
    beyond = Day(data_key="to", load_default=None, metadata={"description": "The day after the last; at most 31 on."})
    duration_minutes = Whole(SHORTEST, LONGEST, load_default=DEFAULT_MINUTES)


class SlotAnswer(Schema):
    """One time that can be booked."""

    starts_at = Moment()
    ends_at = Moment()


class SlotsAnswer(Schema):
    """Free times, and the zone in which the days were meant."""

    result = fields.List(fields.Nested(SlotAnswer))
    time_zone = fields.String()


class _Changes(RequestSchema):
    @validates_schema
    def _refuse_nothing(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Send at least one field to change.")


class HoursBody(RequestSchema):
    """A stretch of the week."""

    weekday = Whole(0, 6, required=True)
    start_time = ClockTime(required=True)
    end_time = ClockTime(required=True)


class HoursChanges(_Changes):
    """What changes about a stretch of the week."""

    weekday = Whole(0, 6)
    start_time = ClockTime()
    end_time = ClockTime()


class HoursAnswer(Schema):
    """One stretch of the week."""

    id = fields.Integer()
    weekday = fields.Integer()
    start_time = ClockTime()
    end_time = ClockTime()


class ExceptionBody(RequestSchema):
    """A day that differs from the week."""

    date = Day(required=True)
    is_available = Flag(required=True)
    start_time = ClockTime(allow_none=True, load_default=None)
    end_time = ClockTime(allow_none=True, load_default=None)


class ExceptionChanges(_Changes):
    """What changes about a day that differs."""

    date = Day()
    is_available = Flag()
    start_time = ClockTime(allow_none=True)
    end_time = ClockTime(allow_none=True)


class ExceptionAnswer(Schema):
    """One day that differs from the week."""

    id = fields.Integer()
    date = Day()
    is_available = fields.Boolean()
    start_time = ClockTime(allow_none=True)
    end_time = ClockTime(allow_none=True)


class FeedAnswer(Schema):
    """Whether one's calendar has a private address, and since when."""

    id = fields.Integer()
    is_shared = fields.Boolean()
    created_at = Moment(allow_none=True)


class NewFeedAnswer(FeedAnswer):
    """The private address, shown this once."""

    url = fields.String()
