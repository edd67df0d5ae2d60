"""What requests about listings may carry, and what their answers look like in OpenAPI."""

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from sheda.core.fields import (
    Amount,
    Choice,
    Currency,
    Flag,
    Line,
    Moment,
    RequestSchema,
    RowId,
    Several,
    Text,
    Whole,
)
from sheda.core.paging import PageQuery
from sheda.core.states import REASON_LENGTH
from sheda.properties import models
from sheda.properties.fields import AmenityCode, Bound, Degrees, Kilometres, Numbers
from sheda.properties.orders import ORDERS
from sheda.properties.readiness import LEAST_TITLE, misfits

LONGEST_DESCRIPTION = 10_000
MOST_FEES = 20
MOST_AMENITIES = 50
MOST_ROOMS = 100
LARGEST_AREA = Decimal("99999999.99")
MOST_IMAGES_AT_ONCE = 20


class ListQuery(PageQuery):
    """The filters of the list of listings. Prices are compared within one currency: NGN unless another is named."""

    search = Line(most=200, load_default="", metadata={"description": "Words; misspelt ones are understood."})
    listing_type = Choice(models.LISTING_TYPES, load_default=None)
    property_type = Several(
        Choice(models.PROPERTY_TYPES), load_default=None, validate=validate.Length(max=MOST_AMENITIES)
    )
    status = Choice(("available", "rented", "sold"), load_default=None)
    min_price = Bound(load_default=None)
    max_price = Bound(load_default=None)
    currency = Currency(load_default=None)
    period = Choice(models.PERIODS, load_default=None)
    min_bedrooms = Whole(0, MOST_ROOMS, load_default=None)
    max_bedrooms = Whole(0, MOST_ROOMS, load_default=None)
    min_bathrooms = Whole(0, MOST_ROOMS, load_default=None)
    state = Line(most=80, load_default="")
    lga = Line(most=80, load_default="")
    city = Line(most=80, load_default="")
    amenities = Several(AmenityCode(), load_default=None, validate=validate.Length(max=MOST_AMENITIES))
    furnished = Flag(load_default=None)
    agent_id = RowId(load_default=None)
    near = Numbers((90.0, 180.0), "6.4474,3.4723", load_default=None)
    radius_km = Kilometres(load_default=None)
    bbox = Numbers((180.0, 90.0, 180.0, 90.0), "3.30,6.40,3.60,6.60", load_default=None)
    updated_since = Moment(load_default=None)
    sort = Choice(ORDERS, load_default="newest")
    mine = Flag(load_default=False, metadata={"description": "One's own listings, in every state."})

    @validates_schema
    def _fit(self, data: dict[str, Any], **_kwargs: Any) -> None:
        faults: dict[str, list[str]] = {}
        for least, most in (("min_price", "max_price"), ("min_bedrooms", "max_bedrooms")):
            if data[least] is not None and data[most] is not None and data[least] > data[most]:
                faults[least] = [f"{least} is above {most}."]
        if data["bbox"] is not None and (data["bbox"][0] > data["bbox"][2] or data["bbox"][1] > data["bbox"][3]):
            faults["bbox"] = ["Write west,south,east,north: west not above east, south not above north."]
        if data["radius_km"] is not None and data["near"] is None:
            faults["radius_km"] = ["A radius needs near=latitude,longitude."]
        if data.get("sort") == "distance" and data["near"] is None:
            faults["sort"] = ["The order by distance needs near=latitude,longitude."]
        if data.get("sort") == "relevance" and not data["search"]:
            faults["sort"] = ["The order by relevance needs search."]
        if faults:
            raise ValidationError(faults)


class FacetQuery(ListQuery):
    """The filters of the list, without its order and pages."""

    class Meta(ListQuery.Meta):
        """Leave out what only pages have."""

        exclude = ("q", "limit", "cursor", "count", "sort")


class SuggestQuery(RequestSchema):
    """What somebody has typed so far, from the beginning of a word; nothing yet gives what is commonest."""

    prefix = Line(most=80, load_default="")
    limit = Whole(1, 20, load_default=10)


class FeeBody(RequestSchema):
    """A fee due once, beside the price."""

    kind = Choice(models.FEE_KINDS, required=True)
    label = Line(most=80, load_default=None, allow_none=True)
    amount = Amount(required=True)


def _flag() -> Flag:
    return Flag(load_default=False)


def _place(most: int) -> Line:
    return Line(most=most, load_default=None, allow_none=True)


class Terms(RequestSchema):
    """What an agent writes of a listing."""

    title = Line(least=LEAST_TITLE, most=100, required=True)
    description = Text(least=1, most=LONGEST_DESCRIPTION, required=True)
    price = Amount(required=True)
    currency = Currency()
    listing_type = Choice(models.LISTING_TYPES, required=True)
    period = Choice(models.PERIODS, load_default=None, allow_none=True)
    property_type = Choice(models.PROPERTY_TYPES, required=True)
    location = Line(least=1, most=200, required=True)
    address = _place(200)
    city = _place(80)
    lga = _place(80)
    state = _place(80)
    country = Line(most=2, load_default="NG", validate=validate.Regexp("^[A-Z]{2}$", error="Write a code such as NG."))
    latitude = Degrees(90, load_default=None, allow_none=True)
    longitude = Degrees(180, load_default=None, allow_none=True)
    bedroom = Whole(0, MOST_ROOMS, load_default=None, allow_none=True)
    bathroom = Whole(0, MOST_ROOMS, load_default=None, allow_none=True)
    area_sqm = Amount(load_default=None, allow_none=True, validate=validate.Range(max=LARGEST_AREA))
    furnished = _flag()
    is_negotiable = _flag()
    air_condition = Flag()
    pop_ceiling = Flag()
    floor_tiles = Flag()
    running_water = Flag()
    prepaid_meter = Flag()
    wifi = Flag()
    amenities = fields.List(AmenityCode(), load_default=list, validate=validate.Length(max=MOST_AMENITIES))
    fees = fields.List(fields.Nested(FeeBody), load_default=list, validate=validate.Length(max=MOST_FEES))


class NewProperty(Terms):
    """A listing to be; only an admin names its agent."""

    agent_id = RowId()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _fit_together(self, data: dict[str, Any], original: dict[str, Any], **_kwargs: Any) -> None:
        # A field whose own value was refused is not judged again.
        judged = {name: [why] for name, why in misfits(data.get) if name in data or name not in original}
        if judged:
            raise ValidationError(judged)


class Changes(Terms):
    """Any subset of what an agent writes; `fees` replaces them all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})

    @validates_schema
    def _some(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Send at least one field to change.")


class DraftTerms(Changes):
    """Any subset of what an agent writes, which may still lack its words and its price."""

    title = Line(most=100)
    description = Text(most=LONGEST_DESCRIPTION)
    price = Bound()
    location = Line(most=200)


class Reasoned(RequestSchema):
    """A move; staff and admins, who act in someone's place, give a reason."""

    reason = Text(most=REASON_LENGTH, load_default=None, allow_none=True)


class ImageChanges(RequestSchema):
    """What can be changed about a picture: its caption, its place among the others (from 0), and being the cover."""

    aliases = {"is_cover": "primary"}

    caption = Line(most=200, allow_none=True)
    position = Whole(0, MOST_IMAGES_AT_ONCE - 1)
    primary = Flag()

    @validates_schema
    def _some(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data:
            raise ValidationError("Send at least one field to change.")


# ── Answers: PostgreSQL writes them (cards.py), these say so in OpenAPI ──────────────────────────────────────────────


class ImageUrls(Schema):
    """The addresses of a picture's renditions: longest edges of 320, 800 and 2048 pixels."""

    thumb = fields.String()
    card = fields.String()
    full = fields.String()


class Image(Schema):
    """A picture."""

    id = fields.Integer()
    position = fields.Integer()
    is_cover = fields.Boolean()
    caption = fields.String(allow_none=True)
    width = fields.Integer()
    height = fields.Integer()
    status = fields.String(metadata={"enum": list(models.IMAGE_STATUSES)})
    urls = fields.Nested(ImageUrls)


class ImageBatch(Schema):
    """Pictures that were just accepted."""

    result = fields.List(fields.Nested(Image))


class Agent(Schema):
    """Who offers it."""

    id = fields.Integer()
    name = fields.String()
    agency_name = fields.String(allow_none=True)
    picture = fields.String(allow_none=True)
    rating = fields.Float(allow_none=True)


class AgentCard(Agent):
    """An agent as everybody sees him; `listings` counts what he offers now."""

    bio = fields.String(allow_none=True)
    licence_number = fields.String(allow_none=True)
    is_verified = fields.Boolean(metadata={"description": "The office has seen who this is."})
    listings = fields.Integer()
    member_since = Moment(allow_none=True)


class PropertyCard(Schema):
    """A listing in a list; `distance_km` only where `near` was asked."""

    id = fields.Integer()
    reference = fields.String()
    title = fields.String()
    price = Amount()
    currency = fields.String()
    period = fields.String(allow_none=True)
    listing_type = fields.String()
    property_type = fields.String()
    location = fields.String()
    city = fields.String(allow_none=True)
    lga = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    latitude = fields.Float(allow_none=True)
    longitude = fields.Float(allow_none=True)
    bedroom = fields.Integer(allow_none=True)
    bathroom = fields.Integer(allow_none=True)
    area_sqm = fields.Float(allow_none=True)
    furnished = fields.Boolean()
    status = fields.String()
    listing_state = fields.String()
    is_under_offer = fields.Boolean()
    cover_image = fields.Nested(Image, allow_none=True)
    agent = fields.Nested(Agent)
    created_at = Moment()
    updated_at = Moment()
    distance_km = fields.Float()


class Suggestion(Schema):
    """What may be meant; `filters` are parameters of the list that ask for it."""

    kind = fields.String(metadata={"enum": ["area", "city", "lga", "state", "property_type", "listing_type", "word"]})
    text = fields.String()
    within = fields.String(allow_none=True)
    listings = fields.Integer(allow_none=True)
    filters = fields.Dict(keys=fields.String(), values=fields.String())


class FacetCount(Schema):
    """How many listings have a value: all of them, or at least so many."""

    value = fields.Raw()
    count = fields.Integer()
    count_is_exact = fields.Boolean()


class PriceBand(Schema):
    """How many listings cost that much."""

    min_price = Amount()
    max_price = Amount(allow_none=True)
    currency = fields.String()
    count = fields.Integer()
    count_is_exact = fields.Boolean()


class Facets(Schema):
    """Counts beside the filters, at most 20 values of each, the commonest first."""

    count = fields.Integer()
    count_is_exact = fields.Boolean()
    currency = fields.String()
    listing_type = fields.List(fields.Nested(FacetCount))
    property_type = fields.List(fields.Nested(FacetCount))
    period = fields.List(fields.Nested(FacetCount))
    bedrooms = fields.List(fields.Nested(FacetCount))
    furnished = fields.List(fields.Nested(FacetCount))
    state = fields.List(fields.Nested(FacetCount))
    city = fields.List(fields.Nested(FacetCount))
    area = fields.List(fields.Nested(FacetCount))
    amenities = fields.List(fields.Nested(FacetCount))
    price = fields.List(fields.Nested(PriceBand))


class FacetAnswer(Schema):
    """The counts."""

    result = fields.Nested(Facets)


class Fee(Schema):
    """A fee due once."""

    kind = fields.String()
    label = fields.String(allow_none=True)
    amount = Amount()


class PropertyFull(PropertyCard):
    """All of a listing; `total_move_in_cost` is one period's price, or the sale price, and every fee."""

    class Meta:
        """Leave out what only lists have."""

        exclude = ("distance_km",)

    agent_id = fields.Integer()
    description = fields.String()
    address = fields.String(allow_none=True)
    country = fields.String()
    is_negotiable = fields.Boolean()
    air_condition = fields.Boolean()
    pop_ceiling = fields.Boolean()
    floor_tiles = fields.Boolean()
    running_water = fields.Boolean()
    prepaid_meter = fields.Boolean()
    wifi = fields.Boolean()
    amenities = fields.List(fields.String())
    time_zone = fields.String()
    images = fields.List(fields.Nested(Image))
    fees = fields.List(fields.Nested(Fee))
    total_move_in_cost = Amount()
    published_at = Moment(allow_none=True)
