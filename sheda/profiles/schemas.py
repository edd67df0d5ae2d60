"""What people tell about themselves, and read of it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from sheda.core.banks import BANKS, check_account_number
from sheda.core.fields import (
    Amount,
    Choice,
    ClockTime,
    Currency,
    Flag,
    Line,
    Moment,
    Phone,
    RequestSchema,
    Text,
    Whole,
)
from sheda.core.languages import LANGUAGES
from sheda.profiles.states import VERIFICATION
from sheda.profiles.verification import KINDS

ZONES = available_timezones()


class Zone(Line):
    """The name of a time zone, such as Africa/Lagos."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=1, most=40, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name not in ZONES:
            raise ValidationError("Write the name of a time zone, such as Africa/Lagos.")
        return name


class HoursIn(RequestSchema):
    """One stretch of an agent's week."""

    weekday = Whole(0, 6, required=True, metadata={"description": "0 is Monday."})
    start_time = ClockTime(required=True)
    end_time = ClockTime(required=True)


class MeChange(RequestSchema):
    """What people may change about themselves; the second part is an agent's, the third a client's."""

    first_name = Line(most=64)
    last_name = Line(most=64)
    phone = Phone(allow_none=True)
    language = Choice(LANGUAGES, allow_none=True)
    time_zone = Zone()

    agency_name = Line(most=120, allow_none=True)
    bio = Text(most=2000, allow_none=True)
    licence_number = Line(most=40, allow_none=True)
    hours = fields.List(fields.Nested(HoursIn), validate=validate.Length(max=50))

    budget = Amount(allow_none=True)
    budget_currency = Currency(allow_none=True)
    preferred_areas = fields.List(Line(least=1, most=80), allow_none=True, validate=validate.Length(max=20))


class HoursOut(Schema):
    """One stretch of an agent's week."""

    weekday = fields.Integer()
    start_time = ClockTime()
    end_time = ClockTime()


class MeOut(Schema):
    """A person as he sees himself; some fields are agents' only, others clients'."""

    id = fields.Integer()
    email = fields.String()
    username = fields.String()
    role = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    phone = fields.String(allow_none=True)
    verified = fields.Boolean()
    picture = fields.String(allow_none=True, metadata={"description": "The address of a picture 320 pixels wide."})
    language = fields.String(allow_none=True, metadata={"description": "Of mails and the menu; none is English."})
    time_zone = fields.String()
    agency_name = fields.String(allow_none=True)
    bio = fields.String(allow_none=True)
    licence_number = fields.String(allow_none=True)
    rating = fields.Float(allow_none=True)
    is_verified = fields.Boolean(metadata={"description": "Of agents: the office has seen who they are."})
    hours = fields.List(fields.Nested(HoursOut))
    budget = Amount(allow_none=True)
    budget_currency = fields.String(allow_none=True)
    preferred_areas = fields.List(fields.String(), allow_none=True)
    created_at = Moment()


class PaperOut(Schema):
    """A paper of an agent."""

    kind = fields.String(metadata={"enum": list(KINDS)})
    content_type = fields.String()
    size = fields.Integer(metadata={"description": "Bytes."})
    created_at = Moment()


class VerificationOut(Schema):
    """Where an agent stands with his papers."""

    id = fields.Integer(allow_none=True)
    status = fields.String(metadata={"enum": list(VERIFICATION.states)})
    submitted_at = Moment(allow_none=True)
    decided_at = Moment(allow_none=True)
    reason = fields.String(allow_none=True)
    documents = fields.List(fields.Nested(PaperOut))
    missing = fields.List(fields.String(), metadata={"description": "Papers to add before they can be sent in."})


class PasswordChange(RequestSchema):
    """The present password and the new one."""

    current_password = Text(least=1, most=1024, trim=False, required=True, metadata={"format": "password"})
    new_password = Text(most=1024, trim=False, required=True, metadata={"format": "password"})


class TokenOut(Schema):
    """The tokens of a new session."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()


class BankAccountChange(RequestSchema):
    """What may be changed of a bank account."""

    bank_code = Choice(BANKS)
    account_number = Line(least=1, most=20)
    account_name = Line(least=2, most=120)
    is_default = Flag()


class BankAccountIn(BankAccountChange):
    """A new bank account; its number must fit its bank (NUBAN)."""

    bank_code = Choice(BANKS, required=True)
    account_number = Line(least=1, most=20, required=True)
    account_name = Line(least=2, most=120, required=True)
    is_default = Flag(load_default=False)

    @validates_schema
    def _number_fits(self, data: dict[str, Any], **_kwargs: Any) -> None:
        try:
            check_account_number(data["bank_code"], data["account_number"])
        except ValueError as fault:
            raise ValidationError(str(fault), "account_number") from fault


class BankAccountOut(Schema):
    """A bank account, in full to its owner."""

    id = fields.Integer()
    bank_code = fields.String()
    bank_name = fields.String()
    account_name = fields.String()
    account_number = fields.String()
    is_default = fields.Boolean()
