"""Live news over HTTP: tickets, the way to a WebSocket, and server-sent events."""

from typing import Any

from flask import Response, current_app

from sheda.core import handover
from sheda.core.actor import Actor
from sheda.core.api import Answer, ServiceApi, authenticate, endpoint
from sheda.core.errors import Unauthorized, Unavailable
from sheda.live import asyncapi, listening, schemas, services
from sheda.live.schemas import ListenQuery, TicketOut


def _admit() -> Actor:
    """Recognise who knocks: by a ticket, a token among the subprotocols, or the Authorization header."""
    knock = handover.knock()
    if knock.ticket is not None:
        return services.use_ticket(knock.ticket)
    if knock.bearer is not None:
        actor: Actor = current_app.appbuilder.sm.actor_of_token(knock.bearer)  # type: ignore[attr-defined]
        return actor
    actor = authenticate()
    if actor.id is None:
        raise Unauthorized("Send a token in the Authorization header, or a ticket from POST /api/v1/auth/ws-ticket.")
    return actor


class TicketApi(ServiceApi):
    """Tickets, for browsers, whose WebSockets carry no header."""

    resource_name = "auth/ws-ticket"
    class_permission_name = "Live"

    @endpoint("POST", "/", may="connect", answer=TicketOut, flat=True, status=201)
    def ticket(self, actor: Actor) -> dict[str, Any]:
        """Get a ticket that opens one socket, within a minute."""
        return {"ticket": services.make_ticket(actor), "expires_in": int(services.TICKET_LIFE.total_seconds())}


class SocketApi(ServiceApi):
    """The WebSocket."""

    resource_name = "ws"
    class_permission_name = "Live"

    @endpoint("GET", "/", may="connect", query=ListenQuery, flat=True, admit=_admit, refusals=(426, 503))
    def connect(self, actor: Actor, query: dict[str, Any]) -> Answer:
        """Open a WebSocket: see docs/realtime.md and GET /api/v1/asyncapi.json."""
        handover.check_upgrade()
        whose = listening.for_socket(actor, query)
        return Answer(finish=lambda: handover.hand_over(whose))


class EventsApi(ServiceApi):
    """Server-sent events."""

    resource_name = "events"
    class_permission_name = "Live"

    @endpoint("GET", "/", may="connect", query=ListenQuery, flat=True, admit=_admit, produces="text/event-stream")
    def listen(self, actor: Actor, query: dict[str, Any]) -> Answer:
        """Listen to what a WebSocket would tell. `Last-Event-ID` says from where on."""
        whose = listening.for_events(actor, query)
        return Answer(finish=lambda: listen(actor, whose))


class DescriptionApi(ServiceApi):
    """What is said on a socket."""

    resource_name = "asyncapi.json"
    class_permission_name = "ApiDocument"

    @endpoint("GET", "/", may="read", flat=True)
    def describe(self, _actor: Actor) -> Answer:
        """Describe every frame of the WebSocket and of the events, by AsyncAPI 3."""
        return Answer(asyncapi.document(schemas.INBOUND, schemas.OUTBOUND))


def listen(actor: Actor, whose: dict[str, Any]) -> Response:
    """Hold the events open; where nobody holds connections, tell what is new and let the client ask again."""
    try:
        return handover.hand_over(whose)
    except Unavailable:
        told = listening.backlog(actor, whose)
        headers = {**whose["headers"], "Cache-Control": "no-store"}
        return Response(told, content_type="text/event-stream; charset=utf-8", headers=headers)
