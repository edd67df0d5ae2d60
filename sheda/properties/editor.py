"""The editor of a listing: its form, what the form says of a listing, and what stands beside it."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import current_app
from flask_appbuilder.forms import DynamicForm
from wtforms import (
    BooleanField,
    DecimalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    validators,
)
from wtforms.fields import SelectChoice

from sheda.core import files
from sheda.core.forms import MoneyField, RowField, clean
from sheda.core.money import SYMBOLS, format_money
from sheda.properties import drafts, places
from sheda.properties.costs import move_in_cost, share_of
from sheda.properties.models import AMENITY_FLAGS, Property, PropertyImage
from sheda.properties.words import AMENITY_WORDS, FEE_WORDS, FLAG_WORDS, KINDS, PERIODS, RULE_WORDS, amenity_words

FEE_FIELDS = {f"fee_{kind}": kind for kind in FEE_WORDS if kind != "other"}
_OPTIONAL = validators.Optional()
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*%", re.ASCII)


class FeeField(MoneyField):
    """A fee: an amount, or a share of the price such as 10%, which becomes an amount once the price is known."""

    share: Decimal | None = None

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read an amount or a share."""
        found = _SHARE.fullmatch((valuelist[0] if valuelist else "").strip())
        if found is None:
            super().process_formdata(valuelist)
        else:
            self.data, self.share = None, Decimal(found[1])


class Ticks(SelectMultipleField):
    """Several of a closed list of codes; those that are no longer offered stay, until they are unticked."""

    def pre_validate(self, form: Any) -> None:
        """Leave it to the schema to refuse what is no code."""


def _choices(known: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    return [SelectChoice(value, words) for value, words in known]


def _line(label: str, most: int, hint: str = "", **attributes: str) -> Any:
    bound = validators.Length(max=most, message=f"Shorten this to {most} characters.")
    return StringField(
        label,
        [_OPTIONAL, clean, bound],
        description=hint,
        filters=[lambda text: text.strip() if text else None],
        render_kw={"maxlength": str(most), "autocomplete": "off", **attributes},
    )


def _rooms(label: str) -> Any:
    bounds = validators.NumberRange(0, 100, "Give a whole number, up to 100.")
    return IntegerField(label, [_OPTIONAL, bounds], render_kw={"inputmode": "numeric"})


def _or_none(value: Any) -> str | None:
    return str(value) if value else None


class ListingForm(DynamicForm):
    """Everything that an agent writes of a listing; nothing is needed until it is to be shown."""

    version = HiddenField()
    key = HiddenField("Key", [_OPTIONAL, clean, validators.Length(max=64)])
    agent_id: Any = None
    title = _line("Title", 100, "What, where. Clients search these words.")
    property_type = SelectField("Kind of home", choices=_choices(KINDS))
    listing_type = RadioField("Offered for", choices=_choices([("rent", "Rent"), ("sale", "Sale")]))
    bedroom = _rooms("Bedrooms")
    bathroom = _rooms("Bathrooms")
    area_sqm = DecimalField(
        "Area, m²", [_OPTIONAL, validators.NumberRange(1, 10_000_000)], render_kw={"inputmode": "decimal"}
    )
    description = TextAreaField(
        "Description",
        [_OPTIONAL, clean],
        filters=[lambda text: "\n".join(text.splitlines()).strip() if text else None],
        render_kw={"rows": "6"},
    )
    state = SelectField("State", coerce=_or_none, validate_choice=False)
    lga = _line("Local government", 80, list="lgas")
    city = _line("Town", 80, list="towns")
    location = _line("As clients read it", 200, "Such as “Opebi, Ikeja”. Filled in from the town while it is empty.")
    address = _line("Street address", 200, "House number and street.")
    price = MoneyField("Price", [_OPTIONAL], render_kw={"inputmode": "decimal", "autocomplete": "off"})
    currency = SelectField("Currency")
    period = SelectField("For each", choices=_choices(PERIODS))
    furnished = BooleanField("Furnished")
    is_negotiable = BooleanField("Price can be talked about")
    amenities = Ticks("What it has")
    rules = Ticks("What may and may not be done here")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = {"": "—"} | {name: places.LABELS.get(name, name) for name in places.states()}
        if self.state.data:
            known.setdefault(self.state.data, self.state.data)
        self.state.choices = _choices(known.items())
        currencies = dict.fromkeys([*current_app.config["CURRENCIES"], *filter(None, [self.currency.data])])
        self.currency.choices = _choices((code, f"{SYMBOLS.get(code, '')} {code}".strip()) for code in currencies)
        self.amenities.choices = _offered(
            AMENITY_WORDS, [one for one in self.amenities.data or () if one not in RULE_WORDS]
        )
        self.rules.choices = _offered(RULE_WORDS, [])
        self.price.unit = SYMBOLS.get(self.currency.data or "", self.currency.data or "₦")

    def settle(self) -> bool:
        """Tell whether everything could be read, having turned shares of the price into amounts."""
        is_read = bool(self.validate())
        for name in FEE_FIELDS:
            field = self[name]
            if field.share is not None and self.price.data:
                field.data = share_of(self.price.data, field.share) or None
            elif field.share is not None:
                field.errors = [*field.errors, "Say the price first: this is a share of it."]
                is_read = False
        return is_read


for _flag, _label in FLAG_WORDS.items():
    setattr(ListingForm, _flag, BooleanField(_label))
for _name, _kind in FEE_FIELDS.items():
    _attributes = {"inputmode": "decimal", "autocomplete": "off", "data-fee": FEE_WORDS[_kind]}
    setattr(ListingForm, _name, FeeField(FEE_WORDS[_kind], [_OPTIONAL], render_kw=_attributes))


def _offered(words: Mapping[str, str], more: Sequence[str]) -> list[SelectChoice]:
    return _choices([*words.items(), *((code, amenity_words(code)) for code in more if code not in words)])


def form_for(row: Property | None, agent: RowField | None = None, *, is_sent: bool) -> Any:
    """Return the form, filled in as it was sent, or from a listing; `agent` is the field that names a new one's."""
    kind = type("ListingForm", (ListingForm,), {"agent_id": agent}) if agent is not None else ListingForm
    if is_sent:
        return kind()
    if row is None:
        first = {"listing_type": "rent", "period": "year", "currency": current_app.config["CURRENCIES"][0]}
        return kind(formdata=None, key=secrets.token_urlsafe(16), **first)
    form = kind(formdata=None, obj=row, data={"rules": [code for code in row.amenities if code in RULE_WORDS]})
    form.version.data, form.price.data = drafts.version_of(row), row.price or None
    for name, kind_of_fee in FEE_FIELDS.items():
        form[name].data = next((fee.amount for fee in row.fees if fee.kind == kind_of_fee), None)
    return form


_TERMS = (
    "title", "property_type", "listing_type", "bedroom", "bathroom", "area_sqm", "description", "state", "lga", "city",
    "location", "address", "price", "currency", "period", "furnished", "is_negotiable", *AMENITY_FLAGS,
)  # fmt: skip
_NEVER_NONE = {"title": "", "description": "", "location": "", "price": "0"}


def values_of(form: Any, row: Property | None) -> dict[str, Any]:
    """Return what a readable form says of a listing, as the API would be told; fields with faults are left out."""
    found = {name: form[name].data for name in _TERMS if not form[name].errors}
    found |= {name: blank for name, blank in _NEVER_NONE.items() if name in found and found[name] is None}
    if found.get("listing_type") == "sale":
        found["period"] = None
    if found.get("property_type") == "land":
        found |= {"bedroom": None, "bathroom": None}
    if found.get("location") == "":
        found["location"] = places.words(found.get("city"), found.get("lga"), found.get("state"))
    found["amenities"] = sorted({*(form.amenities.data or ()), *(form.rules.data or ())} - set(AMENITY_FLAGS))
    found["fees"] = _fees(form, row)
    return found


def _fees(form: Any, row: Property | None) -> list[dict[str, Any]]:
    """Return all fees: those of the form, where the listing's own are the same with their words, and its others."""
    before = list(row.fees) if row else []
    fees = []
    for name, kind in FEE_FIELDS.items():
        old = next((fee for fee in before if fee.kind == kind), None)
        if old is not None:
            before.remove(old)
        amount = old.amount if form[name].errors and old else form[name].data
        if amount:
            is_same = old is not None and old.amount == amount
            fees.append({"kind": kind, "label": old.label if old and is_same else None, "amount": f"{amount:.2f}"})
    return fees + [{"kind": fee.kind, "label": fee.label, "amount": f"{fee.amount:.2f}"} for fee in before]


def changes(form: Any, row: Property) -> dict[str, Any]:
    """Return what a readable form says otherwise than the listing does."""
    before = values_of(form_for(row, is_sent=False), row)
    return {name: value for name, value in values_of(form, row).items() if value != before[name]}


def cost_lines(row: Property) -> list[tuple[str, str]]:
    """Return what is paid to move in, line by line."""
    first = f"Rent, 1 {row.period}" if row.period else "Price"
    amounts = [(first, row.price), *((fee.label or FEE_WORDS[fee.kind], fee.amount) for fee in row.fees)]
    return [(words, format_money(amount, row.currency)) for words, amount in amounts]


def cost_of(row: Property | None) -> dict[str, Any]:
    """Return what moving in costs, in words; nothing before there is a price."""
    if row is None or not row.price:
        return {"total": "", "lines": []}
    total = move_in_cost(row.price, (fee.amount for fee in row.fees))
    return {"total": format_money(total, row.currency), "lines": cost_lines(row)}


def others(row: Property | None) -> list[dict[str, str]]:
    """Return the fees that the form has no field for: they count, and are changed through the API alone."""
    before = list(row.fees) if row else []
    for kind in FEE_FIELDS.values():
        first = next((fee for fee in before if fee.kind == kind), None)
        if first is not None:
            before.remove(first)
    return [{"words": fee.label or FEE_WORDS[fee.kind], "amount": f"{fee.amount:.2f}"} for fee in before]


def photo(base: str, image: PropertyImage) -> dict[str, Any]:
    """Return what a page shows of a picture, and where its buttons lead."""
    return {
        "id": image.id,
        "src": files.url(files.rendition_key(image.key, "card")) if image.status == "ready" else "",
        "failed": image.status == "failed",
        "caption": image.caption,
        "is_cover": image.is_cover,
        "width": image.width,
        "height": image.height,
        "action": f"{base}/photos/{image.property_id}/{image.id}",
    }


def preview_of(home: Mapping[str, Any], agent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what an app shows of a listing, from the API's own answers about it and its agent."""
    pictures = sorted(
        (one for one in home["images"] if one["status"] == "ready"),
        key=lambda one: (not one["is_cover"], one["position"]),
    )
    flags = [code for code in (*AMENITY_FLAGS, "furnished") if home[code]]
    codes = [*flags, *home["amenities"]]
    per = f" / {home['period']}" if home["period"] else ""
    rooms = ((home["bedroom"], "bedroom"), (home["bathroom"], "bathroom"))
    facts = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in rooms if number is not None]
    return {
        "home": home,
        "agent": agent,
        "pictures": pictures,
        "price": format_money(Decimal(home["price"]), home["currency"]) + per if Decimal(home["price"]) else "",
        "kind": dict(KINDS)[home["property_type"]],
        "offer": "To let" if home["listing_type"] == "rent" else "For sale",
        "facts": facts + ([f"{home['area_sqm']:g} m²"] if home["area_sqm"] else []),
        "has": [amenity_words(code) for code in codes if code not in RULE_WORDS],
        "rules": [amenity_words(code) for code in codes if code in RULE_WORDS],
    }
