"""Listings, their pictures and their agents over HTTP."""

import json
from typing import Any

from sheda.core.access import RowScopedInterface
from sheda.core.actor import Actor, user_agent
from sheda.core.api import Answer, RoomApi, ServiceApi, endpoint
from sheda.core.shelf import kept_for_all
from sheda.properties import audience, cards, facets, images, schemas, search, services, suggestions
from sheda.properties.models import Property
from sheda.properties.services import OWNING
from sheda.properties.states import LISTING


class PropertyApi(RoomApi):
    """Listings: everybody searches and reads, agents write their own."""

    resource_name = "properties"
    datamodel = RowScopedInterface(Property)
    class_permission_name = "Property"
    machine = LISTING
    list_columns = [
        "id", "reference", "agent_id", "title", "price", "currency", "period", "listing_type", "property_type",
        "location", "city", "lga", "state", "latitude", "longitude", "bedroom", "bathroom", "area_sqm", "furnished",
        "is_negotiable", "amenities", "status", "listing_state", "created_at", "updated_at",
    ]  # fmt: skip
    search_columns = [
        "id", "reference", "agent_id", "title", "price", "currency", "period", "listing_type", "property_type",
        "location", "city", "lga", "state", "bedroom", "bathroom", "area_sqm", "furnished", "is_negotiable",
        "air_condition", "pop_ceiling", "floor_tiles", "running_water", "prepaid_meter", "wifi", "status",
        "listing_state", "created_at", "updated_at",
    ]  # fmt: skip
    order_columns = ["id", "title", "price", "created_at", "updated_at", "bedroom", "bathroom"]

    @endpoint("GET", "/", may="list", lists=True, etag=True, query=schemas.ListQuery, answer=schemas.PropertyCard)
    def search(self, actor: Actor, *, query: dict[str, Any]) -> str:
        """Search listings: published ones; agents find their own too, staff and admins all."""
        return kept_for_all(actor, f"list {query}", lambda: search.page(actor, query))

    @endpoint("GET", "/suggest", may="list", lists=True, query=schemas.SuggestQuery, answer=schemas.Suggestion)
    def suggest(self, _actor: Actor, *, query: dict[str, Any]) -> str:
        """Suggest places, kinds of homes and words while somebody types, the commonest first."""
        return suggestions.suggest(query["prefix"], query["limit"])

    @endpoint("GET", "/facets", may="list", flat=True, query=schemas.FacetQuery, answer=schemas.FacetAnswer)
    def facets(self, actor: Actor, *, query: dict[str, Any]) -> str:
        """Count what answers the filters, by kind, size, place, price and amenity; of many, "at least"."""
        return json.dumps({"result": facets.facets(actor, query)}, ensure_ascii=False)

    @endpoint("GET", "/<pk>", may="read", etag=True, answer=schemas.PropertyFull)
    def read(self, actor: Actor, pk: int) -> str:
        """Read all of a listing."""
        found = kept_for_all(actor, f"home {pk}", lambda: self.representation(actor, pk))
        audience.note_view(actor, pk, user_agent())
        return found

    @endpoint(
        "POST", "/", may="create", body=schemas.NewProperty, answer=schemas.PropertyFull, status=201, idempotent=True
    )
    def create(self, actor: Actor, *, body: dict[str, Any]) -> Answer:
        """Create a listing of one's own; an admin names its agent."""
        subject = services.create(actor, **body)
        return Answer(cards.detail(actor, subject.id), headers={"Location": f"/api/v1/properties/{subject.id}"})

    @endpoint(
        "PATCH PUT", "/<pk>", may="update", subject=Property, move=OWNING, body=schemas.Changes, etag=True,
        answer=schemas.PropertyFull,
    )  # fmt: skip
    def update(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> str:
        """Change any fields of a listing; kind, price and currency are frozen while a payment or contract is open."""
        services.update(actor, pk, **body)
        return cards.detail(actor, pk)

    @endpoint(
        "DELETE", "/<pk>", may="archive", subject=Property, move="archive", body=schemas.Reasoned, etag=True, status=204
    )
    def archive(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> None:
        """Archive a listing for good; its open viewings are cancelled."""
        services.archive(actor, pk, **body)

    @endpoint(
        "POST", "/<pk>/publish", may="publish", subject=Property, move="publish", body=schemas.Reasoned,
        answer=schemas.PropertyFull,
    )  # fmt: skip
    def publish(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> str:
        """Show a listing to everybody."""
        services.publish(actor, pk, **body)
        return cards.detail(actor, pk)

    @endpoint(
        "POST", "/<pk>/pause", may="pause", subject=Property, move="pause", body=schemas.Reasoned,
        answer=schemas.PropertyFull,
    )  # fmt: skip
    def pause(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> str:
        """Take a listing out of the search, for now."""
        services.pause(actor, pk, **body)
        return cards.detail(actor, pk)

    def representation(self, actor: Actor, *ids: int) -> str:
        """Return what GET answers for a listing."""
        return cards.detail(actor, ids[0])


class PropertyImageApi(ServiceApi):
    """The pictures of a listing; everybody reads them with it."""

    resource_name = "properties"
    class_permission_name = "PropertyImage"
    machine = LISTING

    @endpoint(
        "POST", "/<pk>/images", may="create", subject=Property, move=OWNING, upload="files", many=True, flat=True,
        answer=schemas.ImageBatch, status=201, idempotent=True,
    )  # fmt: skip
    def add(self, actor: Actor, pk: int, *, files: list[Any]) -> str:
        """Add pictures (JPEG, PNG or WebP); a worker renders them in three sizes. One bad file refuses them all."""
        return cards.images([image.id for image in images.add(actor, pk, files)])

    @endpoint(
        "PATCH", "/<pk>/images/<image>", may="update", subject=Property, move=OWNING, body=schemas.ImageChanges,
        answer=schemas.Image,
    )  # fmt: skip
    def change(self, actor: Actor, pk: int, image: int, *, body: dict[str, Any]) -> str:
        """Change a picture's caption or place, or make it the cover."""
        return cards.image(images.change(actor, pk, image, **body).id)

    @endpoint("DELETE", "/<pk>/images/<image>", may="delete", subject=Property, move=OWNING, status=204)
    def remove(self, actor: Actor, pk: int, image: int) -> None:
        """Remove a picture and its files."""
        images.remove(actor, pk, image)


class AgentApi(ServiceApi):
    """Agents as everybody sees them."""

    resource_name = "agents"
    class_permission_name = "AgentCard"

    @endpoint("GET", "/<pk>", may="read", etag=True, answer=schemas.AgentCard)
    def read(self, _actor: Actor, pk: int) -> str:
        """Read an agent's card: name, agency, picture and rating, and how many listings he offers now."""
        return cards.agent_card(pk)
