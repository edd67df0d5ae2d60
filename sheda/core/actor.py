"""Who acts: a person in one role, the public, or Sheda itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import getrandbits

from flask import g, has_request_context, request

REQUEST_ID_LENGTH = 64


class Role(StrEnum):
    """The five roles of access.md, as Flask-AppBuilder names them, and the system's own."""

    PUBLIC = "Public"
    CLIENT = "Client"
    AGENT = "Agent"
    STAFF = "Staff"
    ADMIN = "Admin"
    SYSTEM = "System"

    @property
    def letter(self) -> str:
        """Return the letter that tables of access use: P C A S X, and Y for the system."""
        return {"Admin": "X", "System": "Y"}.get(self.value, self.value[0])


OFFICE = frozenset({Role.STAFF, Role.ADMIN, Role.SYSTEM})


@dataclass(frozen=True, slots=True)
class Actor:
    """The one on whose behalf code runs; `session` names the token family or cookie that he came with.

    `is_held` is somebody who must set up his second step of signing in before any other page opens; `language` is the
    one that he has chosen to read, `time_zone` the one that he lives by.
    """

    id: int | None
    role: Role
    name: str = ""
    email: str = ""
    session: str | None = None
    is_held: bool = False
    language: str | None = None
    time_zone: str | None = None

    @property
    def is_office(self) -> bool:
        """Tell whether he sees every row: staff, admins and the system."""
        return self.role in OFFICE

    @property
    def user_id(self) -> int:
        """Return the id of a signed-in person; AttributeError for the public and the system."""
        if self.id is None:
            raise AttributeError(f"{self.role} has no user id")
        return self.id


ANONYMOUS = Actor(None, Role.PUBLIC)
SYSTEM = Actor(None, Role.SYSTEM, name="Sheda")


def current_actor() -> Actor:
    """Return who acts in this request; the public before anyone is recognised, the system outside requests."""
    if not has_request_context():
        return SYSTEM
    actor: Actor = g.get("actor", ANONYMOUS)
    return actor


def act_as(actor: Actor) -> None:
    """Set who acts for the rest of this request."""
    g.actor = actor


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Set who acts for the length of a block within a request."""
    before = current_actor()
    g.actor = actor
    try:
        yield
    finally:
        g.actor = before


def request_id() -> str | None:
    """Return the id of this request: the caller's own when it is printable and short, else a new one; None outside."""
    if not has_request_context():
        return None
    if "request_id" not in g:
        sent = request.headers.get("X-Request-ID", "")
        usable = 0 < len(sent) <= REQUEST_ID_LENGTH and sent.isascii() and sent.isprintable()
        g.request_id = sent if usable else f"{getrandbits(128):032x}"  # it names and hides nothing: no secret needed
    found: str = g.request_id
    return found


def accepted_language(offered: list[str]) -> str | None:
    """Return the one of some languages that this request would rather have; None when it does not say."""
    return request.accept_languages.best_match(offered) if has_request_context() else None


def client_address() -> str:
    """Return the address the request came from, as the trusted proxies report it."""
    return (request.remote_addr if has_request_context() else None) or "local"


def user_agent() -> str:
    """Return what the program that asks calls itself; empty when it does not say, or only asks whether a page is."""
    return request.headers.get("User-Agent", "") if has_request_context() and request.method != "HEAD" else ""
