"""Generated forms and filters: fields by column type, each one refusing what the database could not hold."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.models.filters import BaseFilter, BaseFilterConverter
from marshmallow import Schema, ValidationError
from sqlalchemy.orm import Query
from wtforms import (
    BooleanField,
    DateField,
    Field,
    IntegerField,
    SelectField,
    SelectFieldBase,
    StringField,
    TextAreaField,
    TimeField,
    validators,
)
from wtforms.fields import Choice, DateTimeLocalField, SelectChoice
from wtforms.widgets import Select

from sheda.core import clock
from sheda.core.access import LARGEST_ID
from sheda.core.errors import InvalidInput
from sheda.core.fields import UNSTORABLE, flatten
from sheda.core.money import parse_amount

LONGEST_FILTER = 200
SMALLEST_DAY, LARGEST_DAY = date(1900, 1, 1), date(2200, 1, 1)
LARGEST_NUMBER = Decimal(10) ** 12

Choices = Iterable[tuple[str, str]]


class MoneyField(StringField):
    """An amount of money, typed with or without thousands separators; the sign of the currency stands before it."""

    unit = "₦"

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:,.2f}".removesuffix(".00")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the amount; an empty field is none."""
        text = (valuelist[0] if valuelist else "").replace(",", "").replace("₦", "").replace(" ", "")
        self.data = parse_amount(text) if text else None


class LocalDateTimeField(DateTimeLocalField):
    """A moment, shown and typed in the zone of whoever reads the page and kept as an aware one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("render_kw", {"title": f"{clock.city(clock.here())} time"})
        super().__init__(*args, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **options)

    def process_data(self, value: datetime | None) -> None:
        """Turn the stored moment into the reader's time."""
        self.data = value.astimezone(clock.here()) if value else None

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read a time of the reader's; where some are offered beside the field, one of the two is filled in."""
        told = [text for text in valuelist if text]
        if len(told) > 1:
            self.raw_data = told[:1]
            raise ValueError("Choose one of the free times, or name another: not both.")
        self.raw_data = told
        super().process_formdata(told)
        if self.data:
            try:
                self.data = self.data.replace(tzinfo=clock.here()).astimezone(UTC)
            except OverflowError as fault:
                self.data = None
                raise ValueError("Choose a day of this time.") from fault


class RowField(SelectFieldBase):
    """The id of another row, found by typing; its offer says which rows there are for whoever asks."""

    widget = Select()

    def __init__(self, label: str = "", validators: Any = None, *, offer: "Offer", **options: Any) -> None:
        super().__init__(label, validators, **options)
        self.offer = offer

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the id and check that the row is there for the one who asks."""
        text = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if not text:
            return
        self.data = int(text) if text.isascii() and text.isdigit() and int(text) <= LARGEST_ID else 0
        if self.offer.text(self.data) is None:
            raise ValueError("Choose one of the rows that are offered.")

    def iter_choices(self) -> Iterable[Choice]:
        """Offer only the present one; the rest comes as one types."""
        words = self.offer.text(self.data) if self.data else None
        yield Choice(str(self.data or ""), words or "", selected=True, render_kw={})


class Offer:
    """What a RowField offers: `find(text)` returns up to twenty (id, words), `text(id)` the words of one or None."""

    def __init__(self, find: Callable[[str], list[tuple[int, str]]], text: Callable[[int], str | None]) -> None:
        self.find = find
        self.text = text


def clean(_form: Any, field: Field) -> None:
    """Refuse characters that are no text."""
    if isinstance(field.data, str) and UNSTORABLE.search(field.data):
        raise validators.ValidationError("Remove the characters that are no text.")


def make_form(
    datamodel: Any,
    columns: Iterable[str],
    *,
    labels: Mapping[str, str],
    hints: Mapping[str, Any],
    choices: Mapping[str, Choices],
    extra: Mapping[str, Any],
) -> type[DynamicForm]:
    """Generate a form class from a model's columns; `extra` holds ready fields, `choices` closed lists."""
    fields = {name: extra.get(name) or _field(datamodel, name, labels, hints, choices) for name in columns}
    return type("RoomForm", (DynamicForm,), fields)


def _field(
    datamodel: Any, name: str, labels: Mapping[str, str], hints: Mapping[str, Any], choices: Mapping[str, Choices]
) -> Any:
    label, hint = labels.get(name, name), hints.get(name, "")
    is_optional = datamodel.is_nullable(name) or datamodel.list_columns[name].server_default is not None
    presence = validators.Optional() if is_optional else validators.InputRequired("This is needed.")
    if name in choices:
        blank = [("", "—")] if is_optional else []
        coerce = _number_or_none if datamodel.is_integer(name) else _text_or_none
        offered = [SelectChoice(value, words) for value, words in [*blank, *choices[name]]]
        return SelectField(label, description=hint, choices=offered, coerce=coerce)
    for test, build in _BY_TYPE:
        if getattr(datamodel, test)(name):
            return build(label, presence, hint, datamodel.get_max_length(name))
    return StringField(label, [presence, clean], description=hint)


def _number_or_none(value: Any) -> int | None:
    return None if value in (None, "") else int(value)


def _text_or_none(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _string(label: str, presence: Any, hint: str, most: int) -> Any:
    bounds = [validators.Length(max=most, message=f"Shorten this to {most} characters.")] if most > 0 else []
    return StringField(
        label, [presence, clean, *bounds], description=hint, filters=[lambda text: text.strip() if text else text]
    )


_BY_TYPE: tuple[tuple[str, Callable[[str, Any, str, int], Any]], ...] = (
    ("is_boolean", lambda label, _presence, hint, _most: BooleanField(label, description=hint)),
    ("is_text", lambda label, presence, hint, _most: TextAreaField(label, [presence, clean], description=hint)),
    ("is_string", _string),
    (
        "is_integer",
        lambda label, presence, hint, _most: IntegerField(
            label, [presence, validators.NumberRange(0, LARGEST_ID, "Give a whole number.")], description=hint
        ),
    ),
    ("is_numeric", lambda label, presence, hint, _most: MoneyField(label, [presence], description=hint)),
    ("is_datetime", lambda label, presence, hint, _most: LocalDateTimeField(label, [presence], description=hint)),
    ("is_date", lambda label, presence, hint, _most: DateField(label, [presence], description=hint)),
)


def time_field(label: str, hint: str = "", *, needed: bool = True) -> Any:
    """Build a field for a time of day."""
    presence = validators.InputRequired("This is needed.") if needed else validators.Optional()
    return TimeField(label, [presence], description=hint)


def checked(schema: type[Schema], values: Mapping[str, Any]) -> dict[str, Any]:
    """Put a form's values through the schema that the API uses; InvalidInput with all its faults."""
    try:
        found: dict[str, Any] = schema().load({name: _wire(value) for name, value in values.items()})
    except ValidationError as fault:
        raise InvalidInput(errors=flatten(fault.messages)) from fault
    return found


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return value.isoformat() if isinstance(value, date) else value


# ── Filters: what a list can be narrowed by ──────────────────────────────────────────────────────────────────────


def read_value(datamodel: Any, column: str, text: str) -> Any:
    """Read a filter's value by its column's type; ValueError for one that the column could not hold."""
    if len(text) > LONGEST_FILTER or UNSTORABLE.search(text):
        raise ValueError(column)
    for test, read in _READERS:
        if getattr(datamodel, test)(column):
            return read(text)
    return text


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > LARGEST_ID:
        raise ValueError(text)
    return number


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not number.is_finite() or abs(number) > LARGEST_NUMBER:
        raise ValueError(text)
    return number


def _day(text: str) -> date:
    found = date.fromisoformat(text)
    if not SMALLEST_DAY <= found <= LARGEST_DAY:
        raise ValueError(text)
    return found


def _moment(text: str) -> datetime:
    return datetime.combine(_day(text), time(), clock.here())


def _boolean(text: str) -> bool:
    return {"y": True, "n": False}[text]


_READERS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("is_boolean", _boolean),
    ("is_integer", _integer),
    ("is_numeric", _decimal),
    ("is_datetime", _moment),
    ("is_date", _day),
)


class RoomFilter(BaseFilter):
    """A filter whose value has been read already; anything unreadable never reaches it."""

    def apply(self, query: "Query[Any]", value: Any) -> "Query[Any]":
        """Narrow the query."""
        return query.filter(self.clause(getattr(self.model, self.column_name), value))

    def clause(self, column: Any, value: Any) -> Any:
        """Return the condition."""
        raise NotImplementedError


class Is(RoomFilter):
    """Keep rows that have exactly this value."""

    name, arg_name = "is", "is"

    def clause(self, column: Any, value: Any) -> Any:
        """Compare."""
        return column == value


class Contains(RoomFilter):
    """Keep rows whose text contains this, whatever the case; % and _ are letters."""

    name, arg_name = "contains", "has"

    def clause(self, column: Any, value: Any) -> Any:
        """Compare."""
        return column.icontains(value, autoescape=True)


class AtLeast(RoomFilter):
    """Keep rows from this value on."""

    name, arg_name = "from", "from"

    def clause(self, column: Any, value: Any) -> Any:
        """Compare."""
        return column >= value


class AtMost(RoomFilter):
    """Keep rows up to this value; a day counts whole."""

    name, arg_name = "to", "to"

    def clause(self, column: Any, value: Any) -> Any:
        """Compare."""
        return column < value + timedelta(days=1) if isinstance(value, datetime) else column <= value


class RoomFilters(BaseFilterConverter):
    """Which filters a column offers, by its type; relations offer none, they would load whole tables."""

    conversion_table = (
        ("is_enum", [Is]),
        ("is_boolean", [Is]),
        ("is_text", [Contains]),
        ("is_string", [Contains, Is]),
        ("is_integer", [Is, AtLeast, AtMost]),
        ("is_numeric", [AtLeast, AtMost]),
        ("is_datetime", [AtLeast, AtMost]),
        ("is_date", [AtLeast, AtMost]),
    )

    def convert(self, col_name: str) -> list[BaseFilter]:
        """Return the filters of one column."""
        for test, kinds in self.conversion_table:
            if not self.datamodel.is_relation(col_name) and getattr(self.datamodel, test)(col_name):
                return [kind(col_name, self.datamodel) for kind in kinds]
        return []
