"""The API's own description: OpenAPI for programs, Swagger for people; open in development, for staff in production."""

import json
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import current_app
from flask_appbuilder import BaseView, expose
from flask_appbuilder.api import BaseApi
from marshmallow import fields as stock
from marshmallow.validate import Range

from sheda.core import fields
from sheda.core.actor import Actor
from sheda.core.api import Answer, ServiceApi, endpoint
from sheda.core.errors import NotAllowed, Unauthorized
from sheda.core.views import visitor

MONEY = r"^[0-9]{1,13}(\.[0-9]{1,2})?$"
SHAPES: dict[type[stock.Field[Any]], dict[str, Any]] = {
    fields.Amount: {"type": "string", "pattern": MONEY, "example": "2500000.00"},
    fields.Moment: {"type": "string", "format": "date-time"},
    fields.Day: {"type": "string", "format": "date"},
    fields.ClockTime: {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "14:30"},
}
"""How our own fields look in OpenAPI."""


def _shape_of(_converter: Any, field: Any, **_options: Any) -> dict[str, Any]:
    return next((dict(shape) for kind, shape in SHAPES.items() if isinstance(field, kind)), {})


def _bounds_of(_converter: Any, field: Any, **_options: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in field.validators:
        if isinstance(one, Range):
            found |= {"minimum": one.min} if one.min is not None else {}
            found |= {"maximum": one.max} if one.max is not None else {}
    return found


def _name_of(schema: Any) -> str:
    """Name a schema by its room, so that two rooms may use the same word."""
    found: Any = resolve_schema_cls(schema)
    _, _, place = found.__module__.partition(".")
    return f"{place.partition('.')[0] or 'made'}.{found.__name__}"


def document() -> str:
    """Return the OpenAPI document of every registered API as JSON text, made once per process."""
    kept: str | None = current_app.extensions.get("openapi")
    if kept is None:
        plugin = MarshmallowPlugin(schema_name_resolver=_name_of)
        spec = APISpec(
            title="Sheda",
            version="v1",
            openapi_version="3.0.2",
            info={"description": "Homes to rent and to buy: from a listing to an expired contract."},
            servers=current_app.config["FAB_OPENAPI_SERVERS"],
            plugins=[plugin],
        )
        converter: Any = plugin.converter
        converter.add_attribute_function(_shape_of)
        converter.add_attribute_function(_bounds_of)
        for api in current_app.appbuilder.baseviews:  # type: ignore[attr-defined]
            if isinstance(api, BaseApi) and hasattr(api, "operation_helper"):
                api.add_api_spec(spec)
        kept = json.dumps(spec.to_dict(), default=float)
        current_app.extensions["openapi"] = kept
    return kept


def _admit(actor: Actor) -> None:
    if current_app.config["ENVIRONMENT"] == "production" and not actor.is_office:
        raise NotAllowed if actor.id else Unauthorized


class DocumentApi(ServiceApi):
    """The OpenAPI document."""

    resource_name = "_openapi"
    class_permission_name = "ApiDocument"

    @endpoint("GET", "/", may="read", flat=True)
    def document(self, actor: Actor) -> Answer:
        """Describe every route of the API."""
        _admit(actor)
        return Answer(document())


class SwaggerView(BaseView):
    """The page that shows the document and tries requests."""

    route_base = "/swagger/v1"
    default_view = "page"
    class_permission_name = "ApiDocument"

    @expose("/")
    def page(self) -> Any:
        """Show Swagger."""
        _admit(visitor())
        return self.render_template("admin/swagger.html", title="API")

    @expose("/openapi.json")
    def described(self) -> Any:
        """Give the page its document."""
        _admit(visitor())
        return current_app.response_class(document(), content_type="application/json")
