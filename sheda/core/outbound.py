"""Requests to addresses that people gave us: https alone, never into a private network, never longer than was said.

The name is resolved once, each of its addresses is looked at, and the connection goes to the one that was looked at:
a name that answers otherwise a moment later leads nowhere. No redirect is followed and no answer's body is read.
"""

import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore
from flask import current_app

LONGEST_URL = 2000

EMBEDDING = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 networks whose addresses stand for IPv4 ones, private ones among them."""


class AddressRefused(Exception):
    """Say in a sentence why an address is not asked; asking again would not help."""


class Unanswered(OSError):
    """Say in a few words how an address did not answer; asking again later may help."""


def check_url(url: str, *, resolve: bool) -> None:
    """Raise AddressRefused for an address that is never asked; with `resolve`, also for where its name leads."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise AddressRefused("This is no address on the web.") from fault
    schemes = {"https", "http"} if is_local_allowed() else {"https"}
    if len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or " " in url:
        raise AddressRefused("This is no address on the web.")
    if parts.scheme not in schemes or not host:
        raise AddressRefused("The address must begin with https://.")
    if parts.username or parts.password or parts.fragment:
        raise AddressRefused("Leave names, passwords and fragments out of the address.")
    literal = _literal(host)
    if literal is not None:
        _check_addresses([literal])
    elif not is_local_allowed() and ("." not in host.rstrip(".") or host.rstrip(".").endswith((".local", ".internal"))):
        raise AddressRefused("The address leads into a private network.")
    elif resolve:
        try:
            _addresses(host, port or 443)
        except Unanswered as fault:
            raise AddressRefused("No server has this name.") from fault


def post(url: str, *, headers: dict[str, str], body: bytes, within: float) -> int:
    """Send a body and return the status of the answer. Raises AddressRefused, Unanswered."""
    check_url(url, resolve=False)
    guard = Guard(time.monotonic() + within)
    patience = {"connect": within, "read": within, "write": within, "pool": within}
    try:
        with (
            httpcore.ConnectionPool(network_backend=guard, retries=0) as pool,
            pool.stream(
                "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": patience}
            ) as answer,
        ):
            return int(answer.status)
    except httpcore.TimeoutException as fault:
        raise Unanswered(f"no answer within {within:g} seconds") from fault
    except httpcore.NetworkError as fault:
        raise Unanswered("no connection") from fault
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as fault:
        raise Unanswered("an answer that is no HTTP") from fault


def is_local_allowed() -> bool:
    """Tell whether plain HTTP and private addresses may be asked: for trying things out, never in production."""
    return bool(current_app.config["OUTBOUND_LOCAL"])


class Guard(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, and cuts every exchange when its time is over."""

    def __init__(self, ends: float) -> None:
        self._ends = ends
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve a name, look at every address it has, and connect to one of them."""
        fault: Exception | None = None
        for address in _addresses(host, port):
            try:
                left = _left(self._ends, timeout, httpcore.ConnectTimeout)
                return Timed(self._inner.connect_tcp(address, port, left, local_address, socket_options), self._ends)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                fault = refused
        raise fault or httpcore.ConnectError


class Timed(httpcore.NetworkStream):
    """A connection of which every single exchange ends with the whole."""

    def __init__(self, inner: httpcore.NetworkStream, ends: float) -> None:
        self._inner, self._ends = inner, ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come."""
        return self._inner.read(max_bytes, _left(self._ends, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self._inner.write(buffer, _left(self._ends, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on under TLS, with the name that was asked for."""
        left = _left(self._ends, timeout, httpcore.ConnectTimeout)
        return Timed(self._inner.start_tls(ssl_context, server_hostname, left), self._ends)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._inner.get_extra_info(info)


def _left(ends: float, timeout: float | None, over: type[httpcore.TimeoutException]) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise over
    return left if timeout is None else min(left, timeout)


def _addresses(host: str, port: int) -> list[str]:
    """Resolve a name; Unanswered when it has no address, AddressRefused when one of them is private."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise Unanswered("no server has this name") from fault
    addresses = list(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_rest, sockaddr in found))
    _check_addresses(addresses)
    return addresses


def _check_addresses(addresses: Iterable[str]) -> None:
    if is_local_allowed():
        return
    for text in addresses:
        address = ipaddress.ip_address(text)
        inner = getattr(address, "ipv4_mapped", None) or address
        is_embedded = any(inner in net for net in EMBEDDING if net.version == inner.version)
        if not inner.is_global or inner.is_multicast or inner.is_reserved or is_embedded:
            raise AddressRefused("The address leads into a private network.")


def _literal(host: str) -> str | None:
    """Return a host that is an address itself, however it is written; None for a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))  # 127.1, 0x7f000001 and 2130706433 are addresses, too
    except OSError:
        return None
