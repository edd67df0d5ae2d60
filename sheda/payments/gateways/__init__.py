"""Payment gateways behind one small interface: each module is one, and none of them knows what a payment of ours is.

A gateway begins a checkout, tells whether a webhook is its own, reads what it says, and is asked again what is true:
nothing moves on the word of a webhook alone.
"""

from types import MappingProxyType
from typing import Any, Protocol

from werkzeug.datastructures import Headers

from sheda.payments.gateways import fake, flutterwave, paystack, stripe
from sheda.payments.gateways.wire import GatewayDown, News, Order, Receipt

__all__ = ["GATEWAYS", "Gateway", "GatewayDown", "News", "Order", "Receipt", "find_gateway"]


class Gateway(Protocol):
    """What each gateway's module offers."""

    CURRENCIES: frozenset[str]

    def is_open(self) -> bool:
        """Tell whether its keys are set."""

    def start(self, order: Order) -> str:
        """Begin a checkout and return the address where the client pays. Raises GatewayDown."""

    def is_signed(self, body: bytes, headers: Headers) -> bool:
        """Tell, in constant time, whether a webhook's raw body is signed with one of the live keys."""

    def read(self, event: dict[str, Any]) -> News:
        """Read a signed webhook. KeyError, TypeError or ValueError for a shape that is not known."""

    def find(self, news: News) -> Receipt:
        """Ask the gateway what is true of the transaction that a webhook is about. Raises GatewayDown."""


GATEWAYS: MappingProxyType[str, Gateway] = MappingProxyType(
    {"paystack": paystack, "flutterwave": flutterwave, "stripe": stripe, "fake": fake}
)


def find_gateway(provider: str) -> Gateway | None:
    """Return a gateway whose keys are set; None for any other name."""
    found = GATEWAYS.get(provider)
    return found if found is not None and found.is_open() else None
