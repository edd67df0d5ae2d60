"""What the sign-in endpoints take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validates_schema

from sheda.accounts import codes, names, passwords, services
from sheda.core.fields import Choice, Line, Phone, RequestSchema, Text

NAME, EMAIL = 64, 254


class Email(Line):
    """An e-mail address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=3, most=EMAIL, metadata={"format": "email"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not names.ADDRESS.fullmatch(text):
            raise ValidationError(names.ADVICE)
        return text


class Username(Line):
    """A user name: 3…30 characters, no @, which would make it look like an address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=3, most=30, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "@" in text:
            raise ValidationError("A user name has no @ in it.")
        return text


class Password(Text):
    """A password, exactly as it was typed."""

    def __init__(self, **options: Any) -> None:
        metadata = {"format": "password", "minLength": passwords.SHORTEST, "maxLength": passwords.LONGEST}
        super().__init__(most=1024, trim=False, metadata=metadata, **options)


class Registration(RequestSchema):
    """A new account; an empty optional field counts as none, as forms send it."""

    email = Email(required=True)
    password = Password(required=True)
    role = Choice(("client", "agent"), load_default="client")
    username = Username(load_default=None)
    first_name = Line(most=NAME, load_default="")
    last_name = Line(most=NAME, load_default="")
    phone = Phone(load_default=None)
    agency_name = Line(most=120, load_default=None)

    @pre_load
    def _drop_empty(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        needed = {"email", "password", "role"}
        return {name: value for name, value in data.items() if name in needed or value not in ("", None)}

    @validates_schema
    def _agency_is_an_agents(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data.get("agency_name") is not None and data.get("role") == "client":
            raise ValidationError("Only agents have an agency.", "agency_name")


class Login(RequestSchema):
    """A sign-in by one of three names."""

    username = Text(least=1, most=320)
    email = Text(least=1, most=320)
    phone = Text(least=1, most=320)
    password = Text(least=1, most=1024, trim=False, required=True, metadata={"format": "password"})

    @validates_schema
    def _one_name(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if sum(name in data for name in ("username", "email", "phone")) != 1:
            raise ValidationError("Give one of: user name, e-mail address, telephone number.", "username")


class TotpBody(RequestSchema):
    """The second step of a sign-in."""

    challenge = Text(least=1, most=100, required=True)
    code = Text(least=1, most=40, required=True, metadata={"description": "Six digits, or a recovery code."})


class RefreshBody(RequestSchema):
    """A token in the body, for those who do not send it as Bearer."""

    refresh_token = Text(least=1, most=4000)


class OtpBody(RequestSchema):
    """The wish for a one-time code."""

    email = Email(required=True)
    purpose = Choice((codes.VERIFY, codes.RESET), required=True)


class VerifyBody(RequestSchema):
    """A code that proves an address."""

    email = Email(required=True)
    otp = Text(least=1, most=20, required=True)


class ResetBody(VerifyBody):
    """A code and the new password it allows."""

    password = Password(required=True)


class UserOut(Schema):
    """A person as he sees himself."""

    id = fields.Integer()
    email = fields.String()
    username = fields.String()
    role = fields.Function(lambda user: services.role_of(user).value.lower(), metadata={"type": "string"})
    first_name = fields.String()
    last_name = fields.String()
    phone = fields.String(allow_none=True)
    verified = fields.Function(lambda user: user.verified_at is not None, metadata={"type": "boolean"})


class TokenOut(Schema):
    """The tokens of a session."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "Seconds of the access token's life."})


class LoginOut(TokenOut):
    """The tokens of a session and whose it is."""

    user = fields.Nested(UserOut)
