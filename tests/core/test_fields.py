"""What a request carries, read the short way and the long way: both say the same."""

from typing import Any

import pytest
from marshmallow import ValidationError, validates_schema

from sheda.core import fields
from sheda.core.fields import RequestSchema


class Wish(RequestSchema):
    """What somebody may ask for."""

    aliases = {"called": "name"}
    name = fields.Text(least=1, most=10, required=True)
    size = fields.Whole(1, 5, load_default=2)
    since = fields.Day(data_key="from", load_default=None)
    is_new = fields.Flag()


class Guarded(Wish):
    """The same, with a rule across fields."""

    @validates_schema
    def _refuse(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["size"] == 5:
            raise ValidationError("Not five.")


class TestTake:
    @pytest.mark.parametrize(
        "sent",
        [
            {"name": " Ada "},
            {"called": "Ada", "size": "3", "from": "2026-12-01"},
            {"name": "Ada", "is_new": True, "from": None},
        ],
    )
    def test_what_is_well_reads_as_by_load(self, sent: dict[str, Any]) -> None:
        assert Wish().take(dict(sent)) == Wish().load(dict(sent))

    @pytest.mark.parametrize("sent", [{}, {"name": "", "size": 9}, {"name": "Ada", "sise": 1}, {"name": None}])
    def test_what_is_not_is_refused_with_the_same_words(self, sent: dict[str, Any]) -> None:
        with pytest.raises(ValidationError) as long:
            Wish().load(dict(sent))
        with pytest.raises(ValidationError) as short:
            Wish().take(dict(sent))
        assert short.value.messages == long.value.messages

    def test_rules_across_fields_are_kept(self) -> None:
        assert Guarded().take({"name": "Ada"})["size"] == 2
        with pytest.raises(ValidationError, match="Not five"):
            Guarded().take({"name": "Ada", "size": 5})
