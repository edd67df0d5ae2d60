"""Requests to given addresses: never into a private network, to the address that was looked at, and never for long."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from sheda.core import outbound
from tests.receivers import Receiver

PUBLIC = "93.184.216.34"


@pytest.fixture
def closed(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def local(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(app.config, "OUTBOUND_LOCAL", True)
    with app.app_context():
        yield


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []

    def look(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr("socket.getaddrinfo", look)
    return asked


class TestAddresses:
    def test_one_private_address_among_public_ones_is_enough(
        self, closed: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leads_to(monkeypatch, PUBLIC, "10.0.0.1")
        with pytest.raises(outbound.AddressRefused):
            outbound.check_url("https://hooks.agency.example/", resolve=True)

    def test_a_name_that_answers_otherwise_a_moment_later_leads_nowhere(
        self, closed: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leads_to(monkeypatch, PUBLIC)
        outbound.check_url("https://hooks.agency.example/", resolve=True)
        leads_to(monkeypatch, "127.0.0.1")
        with pytest.raises(outbound.AddressRefused):
            outbound.post("https://hooks.agency.example/", headers={}, body=b"", within=1)

    def test_the_connection_goes_to_the_address_that_was_looked_at(
        self, closed: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, dialled = leads_to(monkeypatch, PUBLIC), []

        def dial(address: Any, *_rest: Any, **_options: Any) -> Any:
            dialled.append(address[0])
            raise OSError("nobody there")

        monkeypatch.setattr("socket.create_connection", dial)
        with pytest.raises(outbound.Unanswered):
            outbound.post("https://hooks.agency.example/", headers={}, body=b"", within=1)
        assert (asked, dialled) == (["hooks.agency.example"], [PUBLIC])

    @pytest.mark.parametrize(
        "host", ["127.1", "0177.0.0.1", "0x7f.1", "2130706433", "[::ffff:7f00:1]", "[2002:7f00:1::]"]
    )
    def test_addresses_in_disguise_are_addresses(self, closed: None, host: str) -> None:
        with pytest.raises(outbound.AddressRefused):
            outbound.check_url(f"https://{host}/", resolve=False)

    def test_production_refuses_the_setting_that_opens_it(self, make_app: Callable[..., Flask]) -> None:
        with pytest.raises(RuntimeError, match="OUTBOUND_LOCAL"):
            make_app(ENVIRONMENT="production", RATELIMIT_ENABLED=True, OUTBOUND_LOCAL=True)


class TestTime:
    def test_a_server_that_answers_drop_by_drop_is_left_in_time(self, local: None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            over = threading.Event()

            def drip() -> None:
                connection, _ = server.accept()
                with connection:
                    for sign in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
                        if over.wait(0.1):
                            return
                        try:
                            connection.send(bytes([sign]))
                        except OSError:
                            return

            thread = threading.Thread(target=drip)
            thread.start()
            began = time.monotonic()
            with pytest.raises(outbound.Unanswered, match="no answer within"):
                outbound.post(f"http://127.0.0.1:{server.getsockname()[1]}/", headers={}, body=b"x", within=0.5)
            assert time.monotonic() - began < 10
            over.set()
            thread.join()

    def test_what_is_no_http_is_a_fault_and_no_crash(self, local: None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def babble() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"220 mail.example ESMTP\r\n")

            thread = threading.Thread(target=babble)
            thread.start()
            with pytest.raises(outbound.Unanswered, match="no HTTP"):
                outbound.post(f"http://127.0.0.1:{server.getsockname()[1]}/", headers={}, body=b"", within=2)
            thread.join()

    def test_an_answer_is_its_status(self, local: None) -> None:
        with Receiver() as receiver:
            receiver.status = 418
            assert outbound.post(receiver.url, headers={"X-One": "1"}, body=b"body", within=2) == 418
            assert (receiver.taken[0].body, receiver.taken[0].headers["x-one"]) == (b"body", "1")
