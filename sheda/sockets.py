"""The process that holds sockets, as `python -m sheda.sockets` starts it: one a machine, beside its web processes.

Web processes hand it the connections of whom they have recognised, through a Unix socket in the state directory.
"""

import asyncio
import json
import logging
import os
import resource
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask

from sheda.app import create_app
from sheda.core.handover import door, receive
from sheda.live.hub import Hub
from sheda.live.peers import Peer, Socket, Stream
from sheda.live.schemas import INBOUND
from sheda.processes import keep_what_is_there

log = logging.getLogger(__name__)

RESERVED = 128
"""Descriptors that are kept for the database, Redis and the door."""

HAND_SECONDS = 1.0
KINDS: dict[str, type[Peer]] = {"websocket": Socket, "events": Stream}


class Door:
    """The Unix socket where connections are handed in; it is served by a thread of its own."""

    def __init__(self, hub: Hub, path: str) -> None:
        self._hub, self._most = hub, room_for_sockets()
        with suppress(FileNotFoundError):
            Path(path).unlink()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        Path(path).chmod(0o600)
        self._listener.listen(512)
        threading.Thread(target=self._serve, name="live-door", daemon=True).start()

    def _serve(self) -> None:
        while True:
            line, _ = self._listener.accept()
            with line:
                line.settimeout(HAND_SECONDS)
                try:
                    self._take(line)
                except (OSError, ValueError, KeyError) as fault:
                    log.warning("a connection could not be taken: %s", fault)

    def _take(self, line: socket.socket) -> None:
        said, connection = receive(line)
        if connection is None:
            return
        if refused := self._refusal(said["user_id"]):
            connection.close()
            line.sendall(json.dumps(refused).encode())
            return
        # The answer comes first: from then on the web process keeps its hands off the connection.
        line.shutdown(socket.SHUT_WR)
        asyncio.run_coroutine_threadsafe(self._seat(connection, said), self._hub.loop)

    def _refusal(self, user_id: int) -> dict[str, Any] | None:
        if self._hub.count >= self._most:
            return {"status": 503, "code": "full", "detail": "No more can be held here just now.", "retry_after": 10}
        if len(self._hub.people.get(user_id, ())) >= self._hub.app.config["MOST_SOCKETS"]:
            detail = "You have too many connections open. Close some of them."
            return {"status": 429, "code": "too_many_sockets", "detail": detail, "retry_after": 30}
        return None

    async def _seat(self, connection: socket.socket, said: dict[str, Any]) -> None:
        connection.setblocking(False)
        try:
            await self._hub.loop.connect_accepted_socket(lambda: KINDS[said["kind"]](self._hub, said), connection)
        except OSError:
            connection.close()


def room_for_sockets() -> int:
    """Return how many connections this process may hold, after asking the system for as many as it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(RESERVED, soft - RESERVED)


async def hold(app: Flask) -> None:
    """Hold sockets until asked to stop."""
    hub = Hub(app, {kind: schema() for kind, schema in INBOUND.items()})
    telling = hub.loop.create_task(hub.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        hub.loop.add_signal_handler(number, telling.cancel)
    Door(hub, door(app.config["STATE_DIR"]))
    log.info("holding sockets, process %s", os.getpid())
    with suppress(asyncio.CancelledError):
        await telling
    await hub.close()


def main() -> None:
    """Run the process."""
    app = create_app()
    keep_what_is_there()
    asyncio.run(hold(app))
    # What the threads were at is either committed or undone by now.
    os._exit(0)


if __name__ == "__main__":
    main()
