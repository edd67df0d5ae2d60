"""What requests about favourites and saved searches may carry, and what they answer."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from sheda.core.fields import Choice, Line, Moment, RequestSchema
from sheda.core.paging import PageQuery
from sheda.properties.schemas import ListQuery, PropertyCard
from sheda.shortlists.models import ALERTS
from sheda.shortlists.services import Filters

LONGEST_NAME = 80


class FavouritesQuery(PageQuery):
    """Which favourites."""


class FavouriteCard(PropertyCard):
    """A favourite in the list: the card of its listing."""

    class Meta:
        """Leave out what only a search near somewhere has."""

        exclude = ("distance_km",)


class FavouriteOut(Schema):
    """A favourite."""

    id = fields.Integer()
    property_id = fields.Integer()
    created_at = Moment()


class SavedFilters(ListQuery):
    """The filters of the list of listings, without what is one page's or one person's."""

    class Meta(ListQuery.Meta):
        """Leave out pages and `mine`."""

        exclude = ("limit", "cursor", "count", "q", "mine")

    @post_load
    def _both(self, data: dict[str, Any], **_kwargs: Any) -> Filters:
        written: dict[str, Any] = self.dump(data)
        defaults = {name: field.load_default for name, field in self.fields.items()}
        shown = {
            name: value for name, value in written.items() if value not in (None, "", []) and value != defaults[name]
        }
        return Filters(shown, data)


class NewSearch(RequestSchema):
    """A search to keep."""

    name = Line(least=1, most=LONGEST_NAME, required=True)
    filters = fields.Nested(SavedFilters, required=True)
    alert = Choice(ALERTS, load_default="none")


class SearchChanges(RequestSchema):
    """Any of what a saved search has; `filters` replaces them all."""

    name = Line(least=1, most=LONGEST_NAME)
    filters = fields.Nested(SavedFilters)
    alert = Choice(ALERTS)

    @validates_schema
    def _some(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Send at least one field to change.")


class SavedSearchOut(Schema):
    """A saved search; `last_run_at` is when its alert last had something to tell."""

    id = fields.Integer()
    name = fields.String()
    filters = fields.Dict()
    alert = fields.String(metadata={"enum": list(ALERTS)})
    last_run_at = Moment(allow_none=True)
    created_at = Moment()


class SearchesQuery(PageQuery):
    """Which saved searches."""
