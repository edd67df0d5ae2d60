"""Fields of what is asked and said about listings: amenities, places and the bounds of a search."""

import math
import re
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from sheda.core.fields import Amount, Line
from sheda.properties.filters import MOST_RADIUS_KM


class AmenityCode(Line):
    """The code of an amenity: small letters, digits and underscores."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=1, most=40, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        code = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[a-z0-9_]+", code):
            raise ValidationError("Write a code of small letters, digits and underscores, such as swimming_pool.")
        return code


class Degrees(fields.Field[float]):
    """Degrees of latitude or longitude, within a bound on both sides of zero."""

    def __init__(self, bound: float, **options: Any) -> None:
        super().__init__(validate=validate.Range(-bound, bound), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError("Write degrees as a number, such as 6.4474.")
        return read_number(value, "Write degrees as a number, such as 6.4474.")


def read_number(value: str | float, otherwise: str) -> float:
    """Read a finite number in plain digits; ValidationError with the sentence otherwise."""
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]{1,9}(\.[0-9]{0,18})?\s*", value, re.ASCII):
        raise ValidationError(otherwise)
    try:
        found = float(value)
    except OverflowError as fault:
        raise ValidationError(otherwise) from fault
    if not math.isfinite(found):
        raise ValidationError(otherwise)
    return found


class Numbers(fields.Field[tuple[float, ...]]):
    """So many numbers with commas between them, each within its bound on both sides of zero."""

    def __init__(self, bounds: tuple[float, ...], example: str, **options: Any) -> None:
        super().__init__(metadata={"description": f"Such as {example}."}, **options)
        self.bounds, self.fault = bounds, f"Write {len(bounds)} numbers with commas between them, such as {example}."

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else ",".join(f"{number:.9f}".rstrip("0").rstrip(".") for number in value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[float, ...]:
        parts = str(value).split(",")
        if len(parts) != len(self.bounds):
            raise ValidationError(self.fault)
        found = tuple(read_number(part, self.fault) for part in parts)
        if any(abs(number) > bound for number, bound in zip(found, self.bounds, strict=True)):
            raise ValidationError("Latitudes run from -90 to 90, longitudes from -180 to 180.")
        return found


class Bound(Amount):
    """A bound of prices, from nothing up."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if isinstance(value, str) and re.fullmatch(r"0+(\.0{1,2})?", value):
            return Decimal(0)
        return super()._deserialize(value, attr, data, **kwargs)


class Kilometres(fields.Field[float]):
    """A distance above nothing, up to the largest radius."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        fault = f"Write kilometres above 0, up to {MOST_RADIUS_KM:g}."
        found = read_number(str(value), fault)
        if not 0 < found <= MOST_RADIUS_KM:
            raise ValidationError(fault)
        return found
