"""Fields of request bodies and queries: every value that passes here is safe to store and to compute with."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import current_app
from marshmallow import RAISE, Schema, ValidationError, fields, missing, pre_load, validate

from sheda.core import money
from sheda.core.access import LARGEST_ID
from sheda.core.phones import normalise_phone

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class RequestSchema(Schema):
    """What a request may carry: unknown names are refused, nothing is guessed."""

    class Meta:
        """Refuse unknown names."""

        unknown = RAISE

    aliases: dict[str, str] = {}
    """Other names that a field may come under."""

    def take(self, data: dict[str, Any]) -> dict[str, Any]:
        """Load data as `load` does, at a fraction of its cost where all is well; ValidationError where it is not."""
        if not self._is_plain:
            return self._loaded(data)
        sent = self._rename(data)
        found: dict[str, Any] = {}
        known = 0
        try:
            for name, one in self.load_fields.items():
                key = one.data_key or name
                if key in sent:
                    found[one.attribute or name] = one.deserialize(sent[key], key, sent)
                    known += 1
                elif one.required:
                    return self._loaded(data)
                elif one.load_default is not missing:
                    default = one.load_default
                    found[one.attribute or name] = default() if callable(default) else default
        except ValidationError:
            return self._loaded(data)
        return found if known == len(sent) else self._loaded(data)

    @cached_property
    def _is_plain(self) -> bool:
        """Tell whether loading is no more than its fields: no hook beside the aliases, no nested names."""
        hooks = {kind: [hook[0] for hook in found] for kind, found in self._hooks.items() if found}
        others = {"validates", "validates_schema", "post_load"} & hooks.keys()
        return hooks["pre_load"] == ["_rename"] and not others

    def _loaded(self, data: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.load(data)
        return found

    @pre_load
    def _rename(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        if not self.aliases:
            return data
        renamed = dict(data)
        for alias, name in self.aliases.items():
            if alias in renamed and name not in renamed:
                renamed[name] = renamed.pop(alias)
        return renamed


class Text(fields.String):
    """Text that PostgreSQL can store, trimmed, within its length."""

    def __init__(self, *, least: int = 0, most: int, trim: bool = True, **options: Any) -> None:
        self.least, self.most, self.trim = least, most, trim
        options["metadata"] = {"minLength": least, "maxLength": most, **options.get("metadata", {})}
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if UNSTORABLE.search(text):
            raise ValidationError("Remove the characters that are no text (NUL or half of a pair).")
        if self.trim:
            text = text.strip()
        if len(text) < self.least:
            raise ValidationError(f"Write at least {self.least} character{'s' if self.least > 1 else ''}.")
        if len(text) > self.most:
            raise ValidationError(f"Shorten this to {self.most} characters.")
        return text


class Line(Text):
    """Text on one line, without control characters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if CONTROL.search(text):
            raise ValidationError("Write this on one line.")
        return text


class Phone(Line):
    """A telephone number, kept as E.164."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=1, most=40, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return normalise_phone(text)
        except ValueError as fault:
            raise ValidationError(str(fault)) from fault


class Whole(fields.Integer):
    """A whole number between two bounds, both allowed; booleans and fractions are none."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(least, most), **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid", input=value)
        if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
            raise self.make_error("invalid", input=value)
        found: int = super()._validated(value)
        return found


class RowId(Whole):
    """The id of a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, LARGEST_ID, **options)


class Flag(fields.Boolean):
    """Yes or no: a JSON boolean, or true/false in a query."""

    truthy = {"true", "True", "1", True}
    falsy = {"false", "False", "0", False}


class Amount(fields.Field[Decimal]):
    """Money: a decimal string or a number, above 0 and up to 10^12, at most two decimals; out as a string with two."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else money.wire(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        try:
            return money.parse_amount(value)
        except ValueError as fault:
            raise ValidationError(str(fault)) from fault


class Currency(Text):
    """A currency that this agency deals in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=3, most=3, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        code = super()._deserialize(value, attr, data, **kwargs)
        allowed = current_app.config["CURRENCIES"]
        if code not in allowed:
            raise ValidationError(f"Choose one of: {', '.join(allowed)}.")
        return code


class Moment(fields.Field[datetime]):
    """A moment with an offset (RFC 3339), in UTC on the way out."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return wire_moment(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError) as fault:
            raise ValidationError("Write a time such as 2026-12-01T14:30:00+01:00.") from fault
        if moment.tzinfo is None:
            raise ValidationError("Add the offset from UTC, such as +01:00 or Z.")
        return moment


class Day(fields.Field[date]):
    """A calendar day, YYYY-MM-DD."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.isoformat()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValidationError("Write a date such as 2026-12-01.")
        try:
            return date.fromisoformat(value)
        except ValueError as fault:
            raise ValidationError("There is no such day.") from fault


class ClockTime(fields.Field[time]):
    """A time of day, HH:MM."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.strftime("%H:%M")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> time:
        if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9](:00)?", value):
            raise ValidationError("Write a time of day such as 14:30.")
        return time.fromisoformat(value)


class Choice(Text):
    """One of a closed list of words."""

    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        self.choices = tuple(choices)
        options["metadata"] = {**options.get("metadata", {}), "enum": list(self.choices)}
        super().__init__(least=1, most=100, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        word = super()._deserialize(value, attr, data, **kwargs)
        if word not in self.choices:
            raise ValidationError(f"Choose one of: {', '.join(self.choices)}.")
        return word


class Several(fields.List[Any]):
    """A repeatable query parameter, which also takes commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        parts = [part for one in values for part in (one.split(",") if isinstance(one, str) else [one]) if part != ""]
        found: list[Any] = super()._deserialize(parts, attr, data, **kwargs)
        return found


def wire_moment(moment: datetime | None) -> str | None:
    """Write a moment in UTC as RFC 3339, to the microsecond it has."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def flatten(messages: Any, prefix: str = "") -> list[dict[str, str]]:
    """Turn marshmallow's nested messages into `[{"field", "message"}]`, paths joined by dots."""
    if isinstance(messages, dict):
        found = []
        for name, inner in messages.items():
            label = "" if name == "_schema" else str(name)
            found += flatten(inner, ".".join(part for part in (prefix, label) if part))
        return found
    texts = messages if isinstance(messages, list) else [messages]
    return [{"field": prefix or "body", "message": str(text)} for text in texts]
