"""The two kinds of connections that are held: WebSockets, by the `websockets` library, and server-sent events."""

import asyncio
import json
import logging
import socket
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from sheda.live.frames import as_event

if TYPE_CHECKING:
    from sheda.live.hub import Hub

PROTOCOL = "sheda.v1"
"""The subprotocol that is chosen when a client offers it."""

LARGEST_FRAME = 64 * 1024
"""Bytes of what a client may say at once: the longest message, written in the longest way."""

MOST_UNSENT = 256 * 1024
"""Bytes that wait for a slow reader before his connection is closed."""

KERNEL_BUFFER = 128 * 1024
"""Bytes that the system keeps for a reader, beside."""

FRAMES_A_SECOND, FRAMES_AT_ONCE = 20.0, 60.0
MOST_REFUSED = 200
"""Frames over the rate, in a row, before the connection is closed."""

MOST_WAITING = 32
"""Frames of one client that wait to be worked on, before nothing more is read from him."""

BEAT_SECONDS = 25.0
SILENT_SECONDS = 60.0
CLOSING_SECONDS = 3.0

GOING_AWAY, TRY_AGAIN_LATER, RESTART, SESSION_ENDED, TOO_FAST = 1001, 1013, 1012, 4401, 4429
UNSUPPORTED, NO_TEXT = 1003, 1007

_quiet = logging.getLogger("sheda.live.protocol")
_quiet.setLevel(logging.WARNING)


class Peer(asyncio.Protocol):
    """One connection of one person's session, held until either side ends it."""

    kind = ""

    def __init__(self, hub: "Hub", said: dict[str, Any]) -> None:
        self.hub = hub
        self.said: dict[str, Any] | None = said
        self.user_id: int = said["user_id"]
        self.family: str = said["family"]
        self.transport: asyncio.Transport | None = None
        self.pending: list[str] | None = None
        self.is_told = False
        self.is_closed = False
        self.watched: frozenset[int] = frozenset()
        self.heard_at = self.next_beat = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: greet, and be told from the position that was asked for."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream socket has
        self.transport = transport
        connection = transport.get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        self.next_beat = time.monotonic() + BEAT_SECONDS
        said, self.said = self.said or {}, None
        self.greet(said)
        if not self.is_closed:
            self.hub.join(self, said)

    def connection_lost(self, _fault: Exception | None) -> None:
        """End."""
        self.is_closed = True
        self.hub.leave(self)

    def greet(self, said: dict[str, Any]) -> None:
        """Answer the request that opened the connection."""
        raise NotImplementedError

    def tell(self, frame: str) -> None:
        """Send one frame, or close the connection of a reader who is too slow."""
        raise NotImplementedError

    def beat(self) -> None:
        """Send a sign of life."""
        raise NotImplementedError

    def close(self, code: int, reason: str) -> None:
        """End the connection, saying why where the kind of connection can."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Send the sign of life that is due, and give up on a client who gives none."""
        if now >= self.next_beat and not self.is_closed:
            self.next_beat = now + BEAT_SECONDS
            self.beat()

    def abort(self) -> None:
        """End the connection without a word."""
        if self.transport is not None:
            self.transport.abort()

    def end_soon(self) -> None:
        """Let what was said last arrive, and then end whether it has or not."""
        self.is_closed = True
        self.hub.loop.call_later(CLOSING_SECONDS, self.abort)

    @property
    def unsent(self) -> int:
        """Return how many bytes wait for this reader."""
        return self.transport.get_write_buffer_size() if self.transport is not None else 0


class Socket(Peer):
    """A WebSocket."""

    kind = "websocket"

    def __init__(self, hub: "Hub", said: dict[str, Any]) -> None:
        super().__init__(hub, said)
        self.protocol = ServerProtocol(max_size=LARGEST_FRAME, logger=_quiet)
        self.inbox: deque[str] = deque()
        self.is_answering = False
        self._parts: list[bytes] = []
        self._allowance, self._counted_at, self._refused = FRAMES_AT_ONCE, time.monotonic(), 0

    def greet(self, said: dict[str, Any]) -> None:
        """Answer the handshake."""
        self.protocol.receive_data(Request("/", Headers(said["handshake"])).serialize())
        [request] = self.protocol.events_received()
        assert isinstance(request, Request)  # noqa: S101 - the first thing that was received
        response = self.protocol.accept(request)
        if PROTOCOL in said["protocols"]:
            response.headers["Sec-WebSocket-Protocol"] = PROTOCOL
        self.protocol.send_response(response)
        self._flush()
        if self.protocol.state is not State.OPEN:
            self.end_soon()

    def tell(self, frame: str) -> None:
        """Send one frame."""
        if self.is_closed or self.protocol.state is not State.OPEN:
            return
        if self.unsent > MOST_UNSENT:
            self.close(TRY_AGAIN_LATER, "You read too slowly: connect again, from your last position.")
            return
        self.protocol.send_text(frame.encode())
        self._flush()

    def beat(self) -> None:
        """Send a ping, or give up on a client who has not answered the last ones."""
        if time.monotonic() - self.heard_at > SILENT_SECONDS:
            self.abort()
        elif self.protocol.state is State.OPEN:
            self.protocol.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Close with a code that says whether to come back."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self._flush()
        self.end_soon()

    def data_received(self, data: bytes) -> None:
        """Take what the client says."""
        self.heard_at = time.monotonic()
        self.protocol.receive_data(data)
        self._flush()
        if self.unsent > MOST_UNSENT:
            # The protocol answers pings by itself: whoever sends them and reads nothing would fill our memory.
            self.abort()
            return
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        if self.protocol.state is not State.OPEN and not self.is_closed:
            self.end_soon()

    def eof_received(self) -> None:
        """Let the protocol know that the client has ended."""
        self.protocol.receive_eof()
        self._flush()

    def _take(self, frame: Frame) -> None:
        if self.is_closed or frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        if frame.opcode is Opcode.BINARY:
            self._fail(UNSUPPORTED, "Frames are text.")
            return
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        whole, self._parts = b"".join(self._parts), []
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            self._fail(NO_TEXT, "Frames are UTF-8.")
            return
        if self._is_allowed():
            self.inbox.append(text)
            self._mind_the_inbox()
            self.hub.answer(self)

    def _fail(self, code: int, reason: str) -> None:
        self.protocol.fail(code, reason)
        self._flush()
        self.end_soon()

    def _is_allowed(self) -> bool:
        now = time.monotonic()
        refilled = self._allowance + (now - self._counted_at) * FRAMES_A_SECOND
        self._allowance, self._counted_at = min(FRAMES_AT_ONCE, refilled), now
        if self._allowance >= 1:
            self._allowance, self._refused = self._allowance - 1, 0
            return True
        self._refused += 1
        if self._refused > MOST_REFUSED:
            self.close(TOO_FAST, "You send too much.")
        elif self._refused == 1:
            refusal = {"status": 429, "code": "too_many_requests", "detail": "Too many frames. Wait a second."}
            self.tell(json.dumps({"type": "refused", "ref": None, "of": None, **refusal, "errors": []}))
        return False

    def _mind_the_inbox(self) -> None:
        if self.transport is not None and len(self.inbox) >= MOST_WAITING and self.transport.is_reading():
            self.transport.pause_reading()

    def next_frame(self) -> str | None:
        """Return the next frame to work on, and read on where reading had stopped."""
        found = self.inbox.popleft() if self.inbox else None
        is_open = self.transport is not None and not self.transport.is_closing()
        if is_open and self.transport and len(self.inbox) < MOST_WAITING // 2 and not self.transport.is_reading():
            self.transport.resume_reading()
        return found

    def _flush(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        for data in self.protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()


class Stream(Peer):
    """Server-sent events: frames in one direction, each with its position as the id to come back with."""

    kind = "events"

    def greet(self, said: dict[str, Any]) -> None:
        """Begin the answer; it ends with the connection."""
        head = [
            "HTTP/1.1 200 OK",
            "Content-Type: text/event-stream; charset=utf-8",
            "Cache-Control: no-store",
            "X-Accel-Buffering: no",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in said.get("headers", {}).items()),
        ]
        self._write("\r\n".join([*head, "", "retry: 2000\n\n"]).encode())

    def tell(self, frame: str) -> None:
        """Send one frame as an event."""
        if self.unsent > MOST_UNSENT:
            self.close(TRY_AGAIN_LATER, "")
            return
        self._write(as_event(frame).encode())

    def beat(self) -> None:
        """Send a comment: a reader that has gone shows by not acknowledging it."""
        self._write(b": beat\n\n")

    def close(self, _code: int, _reason: str) -> None:
        """End the answer; the client comes back by itself, and is refused there if it has to be."""
        if self.transport is not None:
            self.transport.close()
        self.end_soon()

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
