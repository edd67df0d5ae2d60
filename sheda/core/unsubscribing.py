"""The way out of mails without signing in (RFC 8058): one address for everything that can be unsubscribed from.

Whoever holds the mail may: the token in its address is signed with the server's key and never ends. Rooms say what
their tokens mean; a token's first sign tells them apart.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flask import current_app, render_template
from marshmallow import Schema, fields

from sheda.core.actor import Actor
from sheda.core.api import Answer, ServiceApi, endpoint
from sheda.core.errors import NotFound
from sheda.core.fields import Choice, Flag, RequestSchema

PAGE = "text/html; charset=utf-8"
SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class Subject:
    """What somebody unsubscribes from: its name (empty when it is gone), and what a page says before and after."""

    name: str
    asks: str
    done: str


class Way(Protocol):
    """What a room's tokens mean."""

    def __call__(self, token: str, *, stop: bool) -> Subject:
        """Name what a token is about, and end it when `stop` says so; NotFound for a token that is none."""


_ways: dict[str, Way] = {}


def leads_out(first: str) -> Callable[[Way], Way]:
    """Register what tokens that begin with this sign mean; "" for those that begin with a digit."""

    def register(way: Way) -> Way:
        _ways[first] = way
        return way

    return register


def sign(words: str) -> str:
    """Return the signature of what a token says."""
    key = current_app.config["SECRET_KEY"].encode()
    signature = hmac.new(key, f"unsubscribe\n{words}".encode(), hashlib.sha256).digest()[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


def is_signed(token: str, genuine: str) -> bool:
    """Compare a token with the genuine one, in constant time."""
    return hmac.compare_digest(genuine.encode(), token.encode())


def one_click(address: str) -> dict[str, str]:
    """Return the headers by which a mail program offers the way out."""
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _subject_of(token: str, *, stop: bool) -> Subject:
    first = "" if token[:1].isdigit() else token[:1]
    way = _ways.get(first)
    if way is None:
        raise NotFound
    return way(token, stop=stop)


class OneClick(RequestSchema):
    """What a mail program sends (RFC 8058); `page` asks for a page to read in answer."""

    one_click = Choice(("One-Click",), data_key="List-Unsubscribe", load_default="One-Click")
    page = Flag(load_default=False)


class StoppedOut(Schema):
    """What was stopped: its name, empty when it is gone."""

    name = fields.String()
    alert = fields.String(metadata={"enum": ["none"]})


class StoppedAnswer(Schema):
    """The envelope of what was stopped."""

    result = fields.Nested(StoppedOut)


class UnsubscribeApi(ServiceApi):
    """The end of a kind of mails, from one of them and without signing in."""

    resource_name = "unsubscribe"
    class_permission_name = "Unsubscribe"

    @endpoint("GET", "/<token>", may="use", words=True, tokenless=True, produces="text/html")
    def ask(self, _actor: Actor, token: str) -> Answer:
        """Show a page with a button: a mail's link is opened by machines too, so opening it changes nothing."""
        subject = _subject_of(token, stop=False)
        return Answer(
            render_template("admin/unsubscribe.html", subject=subject, done=not subject.name), content_type=PAGE
        )

    @endpoint(
        "POST", "/<token>", may="use", words=True, tokenless=True, form=True, flat=True,
        body=OneClick, answer=StoppedAnswer,
    )  # fmt: skip
    def stop(self, _actor: Actor, token: str, body: dict[str, Any]) -> Any:
        """End these mails at once, as `List-Unsubscribe=One-Click`; a repeat is 200, too."""
        subject = _subject_of(token, stop=True)
        if body["page"]:
            return Answer(render_template("admin/unsubscribe.html", subject=subject, done=True), content_type=PAGE)
        return {"result": {"name": subject.name, "alert": "none"}}
