"""Hand a connection over: a web process recognises who knocks, and the process that holds sockets keeps the socket.

The descriptor travels through a Unix socket in the state directory, with one JSON object that says whose it is. So no
web thread waits on a socket, and a web process may die without one being lost.
"""

import base64
import binascii
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, request

from sheda.core.errors import BadRequest, NotAllowed, Refusal, TooMany, Unavailable, UpgradeRequired

DOOR = "live.sock"
"""The Unix socket, in the state directory."""

LONGEST_PATH = 100
"""Bytes of a Unix socket's address that every system takes."""

ANSWER_SECONDS = 2.0
KEY_BYTES = 16
SECRET_PROTOCOLS = ("bearer.", "ticket.")


@dataclass(frozen=True)
class Knock:
    """What a request to hold a connection came with."""

    ticket: str | None
    bearer: str | None
    protocols: list[str] = field(default_factory=list)
    last_event_id: str | None = None


def knock() -> Knock:
    """Read the request: a ticket from the address or the subprotocols, a token from the subprotocols."""
    offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if one.strip()]
    bearer, ticket = (
        next((one.removeprefix(prefix) for one in offered if one.startswith(prefix)), None)
        for prefix in SECRET_PROTOCOLS
    )
    return Knock(
        request.args.get("ticket") or ticket,
        bearer,
        [one for one in offered if not one.startswith(SECRET_PROTOCOLS)],
        request.headers.get("Last-Event-ID"),
    )


def check_upgrade() -> None:
    """Refuse what is no handshake of a WebSocket (RFC 6455, 4.2.1): UpgradeRequired, or BadRequest for a broken one."""
    upgrade = request.headers.get("Upgrade", "").lower()
    connection = {one.strip().lower() for one in request.headers.get("Connection", "").split(",")}
    if upgrade != "websocket" or "upgrade" not in connection:
        raise UpgradeRequired
    try:
        key = base64.b64decode(request.headers.get("Sec-WebSocket-Key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadRequest("The header Sec-WebSocket-Key must be 16 random bytes in base64.", code="bad_handshake")
    if request.headers.get("Sec-WebSocket-Version") != "13":
        raise BadRequest(
            "Only version 13 of the protocol is spoken here.",
            code="bad_handshake",
            headers={"Sec-WebSocket-Version": "13"},
        )


def check_origin() -> None:
    """Refuse a page of another site that would ride on a cookie: its Origin is not ours."""
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise NotAllowed("Only our own pages may open this.")
        return
    ours = {request.host, urlsplit(current_app.config["PUBLIC_URL"]).netloc}
    try:
        is_ours = urlsplit(origin).netloc in ours
    except ValueError:
        is_ours = False
    if not is_ours:
        raise NotAllowed("Only our own pages may open this.")


def handshake() -> dict[str, str]:
    """Return the headers of the handshake that the other process answers."""
    names = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
    return {name: request.headers[name] for name in names}


def cross_origin() -> str | None:
    """Return the origin of a browser app that may read the answer, as `cors` allows it."""
    origin = request.headers.get("Origin")
    return origin if origin in current_app.config["CORS_ORIGINS"] else None


def holds_connections() -> bool:
    """Tell whether the server of this request lets a connection be handed over, so that a page may try to open one."""
    return isinstance(request.environ.get("gunicorn.socket"), socket.socket)


def door(state_dir: str) -> str:
    """Return the Unix socket's address; OSError for a state directory whose path is too long for one."""
    path = str(Path(state_dir) / DOOR)
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"The path {path} is too long for a Unix socket: choose a shorter SHEDA_STATE_DIR.")
    return path


class HandedOver(Response):
    """Stands for an answer that another process gives: the web server has nothing left to write."""

    def __call__(self, *_wsgi: Any) -> Any:
        """End the request as the server ends a connection that has gone."""
        raise StopIteration


def hand_over(whose: Mapping[str, Any]) -> Response:
    """Give this request's connection away; Unavailable when nobody is there, or whatever its receiver refuses."""
    own = request.environ.get("gunicorn.socket")
    if not isinstance(own, socket.socket) or request.method != "GET":
        raise Unavailable("This server cannot hold a connection. Use the ordinary requests instead.", retry_after=30)
    try:
        refused = _ask(own, json.dumps(whose).encode())
    except OSError as fault:
        raise Unavailable("Live news are not reachable just now. Try again in a moment.", retry_after=2) from fault
    if refused:
        raise _refusal(refused)
    _let_go(own)
    return HandedOver(status=101 if "handshake" in whose else 200)


def _ask(own: socket.socket, said: bytes) -> dict[str, Any]:
    """Send the descriptor and return what the receiver says against it.

    After the descriptor has left, silence is consent: the receiver may be answering on the socket already.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(door(current_app.config["STATE_DIR"]))
        socket.send_fds(line, [said], [own.fileno()])
        answer = b""
        with suppress(OSError):
            line.shutdown(socket.SHUT_WR)
            while chunk := line.recv(4096):
                answer += chunk
    found: dict[str, Any] = json.loads(answer) if answer else {}
    return found


def _refusal(said: dict[str, Any]) -> Refusal:
    kind = TooMany if said["status"] == TooMany.status else Unavailable
    return kind(said["detail"], code=said["code"], retry_after=int(said["retry_after"]))


def _let_go(own: socket.socket) -> None:
    """Put a closed connection in the place of ours: the server will shut down what it believes to be its own."""
    one, other = socket.socketpair()
    with one, other:
        os.dup2(one.fileno(), own.fileno())


def receive(line: socket.socket) -> tuple[dict[str, Any], socket.socket | None]:
    """Receive what `hand_over` sends: what it says, and the connection; OSError or ValueError for anything else."""
    said, descriptors, _flags, _address = socket.recv_fds(line, 65_536, 1)
    connection = socket.socket(fileno=descriptors[0]) if descriptors else None
    try:
        while chunk := line.recv(65_536):
            said += chunk
        found: dict[str, Any] = json.loads(said)
    except (OSError, ValueError):
        if connection:
            connection.close()
        raise
    return found, connection
