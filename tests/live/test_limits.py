"""What one client may do: so much at once, so often, and not for ever without a sign of life."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sheda.live import peers
from sheda.live.peers import Socket, Stream
from tests.live.machine import Machine, Person, wait_for

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class TestFrames:
    def test_a_frame_that_is_too_large_closes(self, agent: Person) -> None:
        ear = agent.listen()
        ear.socket.send("x" * (64 * 1024 + 1))
        assert ear.closed_with()[0] == 1009

    def test_the_longest_message_is_not_too_large(self, agent: Person, client_person: Person) -> None:
        """However it is written: each of its characters as two escapes of six."""
        ear = agent.listen()
        longest = "😀" * 4000
        frame = json.dumps({"type": "send", "receiver_id": client_person.id, "message": longest, "ref": "long"})
        assert len(frame) > 48_000
        ear.socket.send(frame)
        assert ear.hear_kind("sent")["ref"] == "long"

    def test_bytes_close(self, agent: Person) -> None:
        ear = agent.listen()
        ear.socket.send(b"\x00\x01")
        assert ear.closed_with()[0] == 1003

    def test_what_is_no_text_closes(self, agent: Person) -> None:
        ear = agent.listen()
        with ear.socket.protocol_mutex:
            ear.socket.protocol.send_text(b"\xff\xfe")
            ear.socket.send_data()
        assert ear.closed_with()[0] == 1007

    @pytest.mark.parametrize(
        ("frame", "status"),
        [
            ("nonsense", 400),
            ("[]", 400),
            ('{"type": null}', 422),
            ('{"type": "shout"}', 422),
            ('{"type": "send", "receiver_id": 1}', 422),
            ('{"type": "send", "receiver_id": "x", "message": "a"}', 422),
            ('{"type": "send", "receiver_id": 999999, "message": "a"}', 404),
            ('{"type": "typing", "with": 999999}', 404),
            ('{"type": "watch", "with": 5}', 422),
            (json.dumps({"type": "watch", "with": [*range(1, 52)]}), 422),
            ('{"type": "ping", "ref": 5}', 422),
            ('{"type": "ping", "more": 5}', 422),
            ('{"type": "replay", "with": 1, "after_id": -1}', 422),
            ('{"type": "send", "receiver_id": 1, "message": "\\u0000"}', 422),
        ],
    )
    def test_whatever_is_sent_is_answered(self, agent: Person, frame: str, status: int) -> None:
        ear = agent.listen()
        ear.socket.send(frame)
        assert ear.hear()["status"] == status
        ear.say("ping", ref="alive")
        assert ear.hear()["ref"] == "alive"

    def test_too_many_frames_are_refused_and_then_closed(self, agent: Person) -> None:
        ear = agent.listen()
        with suppress(ConnectionClosed):
            for _ in range(5_000):
                ear.say("ping")
        assert ear.closed_with()[0] == 4429
        refusals = [frame for frame in ear.heard if frame["type"] == "refused"]
        assert refusals[0]["code"] == "too_many_requests"


class FakeHub:
    """As much of a hub as a connection needs."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.left: list[Any] = []

    def join(self, peer: Any, _said: dict[str, Any]) -> None:
        peer.is_told = True

    def leave(self, peer: Any) -> None:
        self.left.append(peer)


def pair(kind: type[Any], work: Any) -> None:
    """Hold one connection of a kind, and do the work with it and with its other end."""

    async def run() -> None:
        hub = FakeHub()
        ours, theirs = socket.socketpair()
        said = {"user_id": 1, "family": "f", "handshake": HANDSHAKE, "protocols": []}
        ours.setblocking(False)
        theirs.settimeout(2)
        _, peer = await hub.loop.connect_accepted_socket(lambda: kind(hub, said), ours)
        try:
            await work(hub, peer, theirs)
        finally:
            peer.abort()
            theirs.close()
            await asyncio.sleep(0.05)

    # In a thread of its own: a browser's driver may have a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


class TestReaders:
    @pytest.mark.parametrize("kind", [Socket, Stream])
    def test_one_who_does_not_read_is_closed_and_keeps_little(
        self, kind: type[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(peers, "CLOSING_SECONDS", 0.2)

        async def work(hub: FakeHub, peer: Any, theirs: socket.socket) -> None:
            frame = json.dumps({"type": "pong", "ref": "x" * 10_000})
            for _ in range(500):
                peer.tell(frame)
            assert peer.is_closed
            assert peer.unsent < peers.MOST_UNSENT + 20_000
            await asyncio.sleep(0.5)
            assert hub.left == [peer]

        pair(kind, work)

    def test_one_who_pings_and_does_not_read_is_dropped(self) -> None:
        ping = b"\x89\xfd" + bytes(4) + b"x" * 125

        async def work(hub: FakeHub, peer: Any, theirs: socket.socket) -> None:
            with suppress(OSError):
                await hub.loop.run_in_executor(None, theirs.sendall, ping * 40_000)
            await asyncio.sleep(0.1)
            assert hub.left == [peer]

        pair(Socket, work)

    def test_the_code_says_to_come_back(self) -> None:
        async def work(_hub: FakeHub, peer: Any, _theirs: socket.socket) -> None:
            frame = json.dumps({"type": "pong", "ref": "x" * 10_000})
            for _ in range(500):
                peer.tell(frame)
            assert peer.protocol.close_sent.code == 1013

        pair(Socket, work)


class TestSignsOfLife:
    def test_a_ping_comes_and_who_is_silent_is_dropped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def work(hub: FakeHub, peer: Any, theirs: socket.socket) -> None:
            theirs.recv(4096)
            peer.tick(time.monotonic() + peers.BEAT_SECONDS + 1)
            await asyncio.sleep(0.05)
            assert theirs.recv(2) == b"\x89\x00"
            monkeypatch.setattr(peers, "SILENT_SECONDS", 0.0)
            peer.tick(time.monotonic() + 3 * peers.BEAT_SECONDS)
            await asyncio.sleep(0.05)
            assert hub.left == [peer]

        pair(Socket, work)

    def test_events_carry_a_comment(self) -> None:
        async def work(_hub: FakeHub, peer: Any, theirs: socket.socket) -> None:
            theirs.recv(4096)
            peer.tick(time.monotonic() + peers.BEAT_SECONDS + 1)
            await asyncio.sleep(0.05)
            assert theirs.recv(4096) == b": beat\n\n"

        pair(Stream, work)

    def test_a_client_that_breaks_off_is_forgotten(self, app: Flask, machine: Machine, agent: Person) -> None:
        ears = [agent.listen() for _ in range(20)]
        for ear in ears:
            ear.socket.socket.shutdown(socket.SHUT_RDWR)

        def is_forgotten() -> bool:
            try:
                agent.listen().close()
            except InvalidStatus:
                return False
            return True

        wait_for(is_forgotten)
