"""Favourites and saved searches over HTTP: one's own."""

from typing import Any

from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, ServiceApi, endpoint
from sheda.core.paging import Key, Page, page_of
from sheda.properties.models import Property
from sheda.shortlists import schemas, services
from sheda.shortlists.models import Favourite, SavedSearch

NEWEST = (Key(SavedSearch.id, "id"),)


class FavouriteApi(ServiceApi):
    """A listing as one's favourite."""

    resource_name = "properties"
    class_permission_name = "Favourite"

    @endpoint(
        "POST", "/<pk>/favourite", may="create", subject=Property, answer=schemas.FavouriteOut, status=201,
        idempotent=True,
    )  # fmt: skip
    def like(self, actor: Actor, pk: int) -> Answer:
        """Make a listing a favourite. It is one once: a repeat answers the first, with 200."""
        favourite, is_new = services.like(actor, pk)
        return Answer(favourite, 201 if is_new else 200)

    @endpoint("DELETE", "/<pk>/favourite", may="delete", subject=Property, status=204)
    def unlike(self, actor: Actor, pk: int) -> None:
        """Take a listing off one's favourites; a repeat is 204, too."""
        services.unlike(actor, pk)


class FavouritesApi(RoomApi):
    """One's favourites."""

    resource_name = "favourites"
    datamodel = RowScopedInterface(Favourite)
    class_permission_name = "Favourite"
    list_columns = ["id", "property_id", "created_at"]
    search_columns = ["id", "property_id", "created_at"]
    order_columns = ["id", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=schemas.FavouritesQuery, answer=schemas.FavouriteCard)
    def favourites(self, actor: Actor, query: dict[str, Any]) -> str:
        """List the cards of one's favourites, the latest first; what is no longer shown is left out."""
        return services.favourites(actor, limit=query["limit"], cursor=query["cursor"], count=query["count"])


class SavedSearchApi(RoomApi):
    """Searches that one has saved, and their alerts."""

    resource_name = "saved-searches"
    datamodel = RowScopedInterface(SavedSearch)
    class_permission_name = "SavedSearch"
    list_columns = ["id", "name", "filters", "alert", "last_run_at", "created_at"]
    search_columns = ["id", "name", "alert", "last_run_at", "created_at"]
    order_columns = ["id", "name", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=schemas.SearchesQuery, answer=schemas.SavedSearchOut)
    def searches(self, actor: Actor, query: dict[str, Any]) -> Page:
        """List the searches one has saved, the latest first."""
        return page_of(select_visible(actor, SavedSearch), NEWEST, **query)

    @endpoint("GET", "/<pk>", may="read", subject=SavedSearch, etag=True, answer=schemas.SavedSearchOut)
    def search(self, actor: Actor, pk: int) -> SavedSearch:
        """Read one saved search."""
        return self.representation(actor, pk)

    @endpoint(
        "POST", "/", may="create", body=schemas.NewSearch, answer=schemas.SavedSearchOut, status=201, idempotent=True
    )
    def save(self, actor: Actor, body: dict[str, Any]) -> Answer:
        """Save a search: the filters of `GET /properties`, and how to hear of new listings and lower prices.

        An alert comes by mail: at once (`instant`, within a minute or two), at seven in the morning in Lagos (`daily`),
        on Mondays at seven (`weekly`), or not at all (`none`).
        """
        search = services.save(actor, **body)
        return Answer(search, headers={"Location": f"/api/v1/saved-searches/{search.id}"})

    @endpoint(
        "PATCH", "/<pk>", may="update", subject=SavedSearch, body=schemas.SearchChanges, etag=True,
        answer=schemas.SavedSearchOut,
    )  # fmt: skip
    def change(self, actor: Actor, pk: int, body: dict[str, Any]) -> SavedSearch:
        """Change the name, the filters or the alert of a saved search."""
        return services.change(actor, pk, **body)

    @endpoint(
        "DELETE", "/<pk>", may="delete", subject=SavedSearch, etag=True, answer=schemas.SavedSearchOut, status=204
    )
    def remove(self, actor: Actor, pk: int) -> None:
        """Remove a saved search; its alerts end."""
        services.remove(actor, pk)

    def representation(self, actor: Actor, *ids: int) -> SavedSearch:
        """Return what GET answers for a saved search."""
        return get_visible(actor, SavedSearch, ids[0])
