"""What an endpoint declares, and what its handler returns."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response
from marshmallow import Schema
from werkzeug.datastructures import Headers

from sheda.core.actor import Actor
from sheda.core.fields import RequestSchema, Several
from sheda.core.roles import GRANTS

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Answer:
    """What a handler returns when it is more than its value: another status, headers, or no envelope.

    `value` is a row or dict for the endpoint's `answer` schema, a `Page`, JSON text (`str`) that goes out as it is,
    `bytes` for a file, or None for 204. `finish` makes the whole answer itself, once the work is committed.
    """

    value: Any = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None
    finish: Callable[[], Response] | None = None


@dataclass(frozen=True)
class Raw:
    """A body as it came, byte by byte, and its headers: what a signature is checked against."""

    body: bytes
    headers: Headers


@dataclass(frozen=True)
class Endpoint:
    """The declaration of one endpoint; see `endpoint`."""

    methods: tuple[str, ...]
    path: str
    may: str
    subject: type[Any] | None = None
    move: str | None = None
    body: type[RequestSchema] | None = None
    query: type[RequestSchema] | None = None
    answer: type[Schema] | None = None
    status: int = 200
    idempotent: bool = False
    on_replay: Callable[[Actor, str], None] | None = None
    lists: bool = False
    flat: bool = False
    tokenless: bool = False
    admit: Callable[[], Actor] | None = None
    unlimited: bool = False
    etag: bool = False
    form: bool = False
    upload: str = ""
    raw: bool = False
    words: bool = False
    many: bool = False
    produces: str = "application/json"
    refusals: tuple[int, ...] = ()
    named: tuple[tuple[str, Callable[[Actor, int], Any]], ...] = ()
    name: str = ""
    doc: str = ""
    resource: str = ""
    resource_name: str = ""

    @functools.cached_property
    def writes(self) -> bool:
        """Tell whether it changes anything."""
        return bool(WRITING & set(self.methods))

    @functools.cached_property
    def query_schema(self) -> RequestSchema:
        """Return the schema of the query, made once; an endpoint without one takes no parameters."""
        return (self.query or RequestSchema)()

    @functools.cached_property
    def known_queries(self) -> dict[bytes, dict[str, Any]]:
        """Return what queries that came before were loaded to, by their text."""
        return {}

    @functools.cached_property
    def body_schema(self) -> RequestSchema:
        """Return the schema of the body, made once; an endpoint without one takes no fields."""
        return (self.body or RequestSchema)()

    @functools.cached_property
    def dump(self) -> Callable[[Any], Any]:
        """Return what turns a handler's value into what is sent."""
        return self.answer().dump if self.answer is not None else lambda value: value

    @functools.cached_property
    def repeatable(self) -> frozenset[str]:
        """Name the query parameters that may come several times."""
        return frozenset(name for name, one in self.query_schema.fields.items() if isinstance(one, Several))

    @functools.cached_property
    def needs_body(self) -> bool:
        """Tell whether a request without a body cannot be meant."""
        return any(one.required for one in self.body_schema.fields.values())

    @property
    def is_public(self) -> bool:
        """Tell whether the table of grants lets the public in."""
        return "P" in GRANTS[self.resource][self.may]
