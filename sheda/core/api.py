"""The edge of the HTTP API: what each room's `api.py` declares becomes routes, permissions, checks and OpenAPI here.

One order of refusals for everybody: method 405 → token 401 → role 403 → 413, 415, 400 → row 404 → right to the move 403
→ values 422 → state 409. The order is this file's `_answer_request`.
"""

import functools
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from apispec import APISpec
from flask import Response, current_app, request
from flask_appbuilder.api import BaseApi, ModelRestApi, expose
from flask_appbuilder.security.decorators import permission_name
from marshmallow import ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from sheda.core import errors, idempotency, limits, openapi, rison
from sheda.core.access import get_visible
from sheda.core.actor import ANONYMOUS, Actor, act_as, client_address
from sheda.core.db import in_transaction, lock
from sheda.core.endpoints import WRITING, Answer, Endpoint, Raw
from sheda.core.fields import flatten
from sheda.core.paging import Page
from sheda.core.states import Machine

log = logging.getLogger(__name__)

__all__ = ["Answer", "Raw", "RoomApi", "ServiceApi", "authenticate", "bearer_token", "endpoint", "etag_of"]

LONGEST_ID = 10
"""Digits of the largest id."""

LONGEST_KNOWN_QUERY, QUERIES_KNOWN = 200, 500
"""Bytes of a query whose meaning a process keeps, and how many it keeps of each endpoint."""

HASHED_AT_ONCE = 2047
"""Bytes up to which hashlib keeps the interpreter: of the threads that wait for it, none is woken for so little."""

LARGEST_BODY = 256 * 1024
"""Bytes of a body that is no upload: many times what the longest description or a payment gateway's news takes."""


def endpoint(
    methods: str, path: str, *, may: str, **declared: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an endpoint of a room's API.

    `may` is the action in `core.roles.GRANTS`. `subject` names the model whose row the first path id is (404 before
    anything else is asked), `move` the machine's move that must be this actor's to make (403). The handler is called as
    `handler(self, actor, *path_ids, body=…, query=…, files=…)` with those of the three that are declared, in one
    transaction, and returns a value or an `Answer`. With `words` the path holds words instead of ids; with `raw` the
    body comes unread, as `body=Raw(…)`. `named` pairs fields of the body that name a row with what finds it, or
    raises NotFound. `on_replay` hears of a first answer that is given again, with its text. `admit` recognises who
    comes, where that is not by the Authorization header alone.
    """

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        spec = Endpoint(tuple(methods.split()), path, may, name=handler.__name__, doc=handler.__doc__ or "", **declared)

        @functools.wraps(handler)
        def edge(self: "RoomApi | ServiceApi", **path_ids: str) -> Response:
            bound = bind(self, spec)
            return _answer_request(self, bound, functools.partial(handler, self), list(path_ids.values()))

        edge.declared = spec  # type: ignore[attr-defined]
        # Without its slash a route matches both ways and refuses other methods by 405; with it, 404 where none came.
        routed: Callable[..., Any] = expose(path.rstrip("/"), methods=spec.methods)(permission_name(may)(edge))
        return routed

    return decorate


def bind(api: Any, spec: Endpoint) -> Endpoint:
    """Return the declaration as one API has it, under the resource that its permissions name."""
    bound: dict[str, Endpoint] = vars(api).setdefault("bound_endpoints", {})
    if spec.name not in bound:
        bound[spec.name] = replace(spec, resource=api.class_permission_name, resource_name=api.resource_name)
    return bound[spec.name]


def _answer_request(api: Any, spec: Endpoint, handler: Callable[..., Any], path_ids: list[str]) -> Response:
    actor = ANONYMOUS if spec.tokenless else (spec.admit or authenticate)()
    act_as(actor)
    allowance = None if spec.unlimited else _count(actor)
    if not current_app.appbuilder.sm.has_access(f"can_{spec.may}", spec.resource):  # type: ignore[attr-defined]
        raise errors.NotAllowed if actor.id else errors.Unauthorized
    sent = _read_body(spec)
    ids: list[Any] = [*path_ids] if spec.words else [_path_id(one) for one in path_ids]

    def work() -> Answer:
        subject = api.find_subject(actor, spec.subject, ids[0]) if spec.subject is not None else None
        if spec.move and not api.machine.is_permitted(actor, subject, spec.move):
            raise errors.NotAllowed
        try:
            values = _load(spec, sent)
        except errors.InvalidInput:
            _find_named(spec, actor, sent)
            raise
        if "If-Match" in request.headers and spec.etag and request.method in WRITING:
            _check_match(api, spec, actor, ids)
        if spec.lists and request.query_string and "q" in request.args:
            return Answer(api.generated_list(request.args["q"]))
        return _once(spec, actor, sent, lambda: _render(spec, handler(actor, *ids, **values)))

    answer = in_transaction(work)
    response = _respond(spec, answer)
    if allowance is not None:
        for name, value in allowance.headers().items():
            response.headers.setdefault(name, value)  # a narrower limit of the endpoint's own has spoken first
    return response


def _count(actor: Actor) -> limits.Allowance | None:
    return limits.hit("anonymous", client_address()) if actor is ANONYMOUS else limits.hit("token", str(actor.id))


def authenticate() -> Actor:
    """Recognise the person of the Authorization header, without one the public; Unauthorized for a bad one."""
    header = request.headers.get("Authorization")
    if header is None:
        return ANONYMOUS
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise errors.Unauthorized("Send the header Authorization: Bearer <access token>.")
    actor: Actor = current_app.appbuilder.sm.actor_of_token(token.strip())  # type: ignore[attr-defined]
    return actor


def bearer_token() -> str | None:
    """Return the bearer token that came, read by nobody yet; for endpoints that take a refresh token."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _path_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise errors.NotFound
    return int(text)


def _read_body(spec: Endpoint) -> Any:
    if not spec.writes and not spec.raw:
        return {}
    try:
        if spec.upload:
            return _uploaded(spec)
        request.max_content_length = min(LARGEST_BODY, request.max_content_length or LARGEST_BODY)
        if spec.raw:
            return Raw(request.get_data(), request.headers)
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge as fault:
        raise errors.TooLarge from fault
    if not raw:
        if spec.needs_body:
            raise errors.BadRequest("Send a JSON object.", code="body_missing")
        return {}
    if spec.form and request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return request.form.to_dict()
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise errors.UnsupportedMedia
    return read_json(raw)


def read_json(raw: bytes) -> dict[str, Any]:
    """Read a JSON object; BadRequest for anything else."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no JSON")

    try:
        body = json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError) as fault:
        raise errors.BadRequest("The body is not valid JSON.", code="malformed_json") from fault
    if not isinstance(body, dict):
        raise errors.BadRequest("The body must be a JSON object.", code="malformed_json")
    return body


def _uploaded(spec: Endpoint) -> list[FileStorage]:
    if request.mimetype != "multipart/form-data":
        raise errors.UnsupportedMedia("Send this as multipart/form-data.")
    return [one for one in request.files.getlist(spec.upload) if one.filename]


def _load(spec: Endpoint, sent: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults: list[dict[str, str]] = []
    try:
        query = _query(spec)
        if spec.query is not None:
            values["query"] = query
    except ValidationError as fault:
        faults += flatten(fault.messages)
    if spec.raw:
        values["body"] = sent
    elif spec.upload:
        if not sent:
            faults.append({"field": spec.upload, "message": "Choose a file."})
        values["files"] = sent
    else:
        try:
            body = spec.body_schema.take(sent)
            if spec.body is not None:
                values["body"] = body
        except ValidationError as fault:
            faults += flatten(fault.messages)
    if faults:
        raise errors.InvalidInput(errors=faults)
    return values


def _find_named(spec: Endpoint, actor: Actor, sent: Any) -> None:
    """Look for the rows that a body names before its other values are refused: 404 comes before 422."""
    for name, find in spec.named:
        try:
            row_id = spec.body_schema.fields[name].deserialize(sent.get(name))
        except ValidationError:
            continue
        if row_id is not None:
            find(actor, row_id)


def _query(spec: Endpoint) -> dict[str, Any]:
    """Load the query. A text means the same each time, so what short ones mean is kept."""
    text = request.query_string
    found = spec.known_queries.get(text)
    if found is None:
        found = spec.query_schema.take(_query_values(spec))
        if len(text) <= LONGEST_KNOWN_QUERY:
            if len(spec.known_queries) >= QUERIES_KNOWN:
                spec.known_queries.clear()
            spec.known_queries[text] = found
    return dict(found)


def _query_values(spec: Endpoint) -> dict[str, Any]:
    return {name: values if name in spec.repeatable else values[-1] for name, values in request.args.lists()}


def _check_match(api: Any, spec: Endpoint, actor: Actor, ids: list[int]) -> None:
    if spec.subject is not None:
        api.lock_subject(spec.subject, ids[0])
    current = etag_of(_text_of(_render(spec, api.representation(actor, *ids))))
    wanted = {one.strip() for one in request.headers["If-Match"].split(",")}
    if not wanted & {current, "*"}:
        raise errors.Stale


def _once(spec: Endpoint, actor: Actor, sent: Any, work: Callable[[], Answer]) -> Answer:
    key = request.headers.get("Idempotency-Key")
    if not spec.idempotent or key is None:
        return work()
    idempotency.check_key(key)
    email = "" if actor.id else str(sent.get("email", "")).strip().lower()[:310]
    scope = f"user:{actor.id}" if actor.id else f"email:{email}"
    route, fingerprint = f"{request.method} {request.path.rstrip('/')}"[:120], _fingerprint(sent)
    first = idempotency.recall(scope, route, key, fingerprint)
    if first is not None:
        if spec.on_replay is not None:
            spec.on_replay(actor, first.body)
        headers = {"Idempotency-Replayed": "true"} | ({"Location": first.location} if first.location else {})
        return Answer(first.body, first.status, headers)
    answer = work()
    idempotency.remember(
        scope, route, key, fingerprint,
        status=answer.status or spec.status, body=_text_of(answer), location=answer.headers.get("Location"),
    )  # fmt: skip
    return answer


def _fingerprint(sent: Any) -> str:
    if isinstance(sent, dict):
        return idempotency.fingerprint_of(json.dumps(sent, sort_keys=True).encode())
    parts = []
    for one in sent:
        parts.append(one.stream.read())
        one.stream.seek(0)
    return idempotency.fingerprint_of(*parts)


def _render(spec: Endpoint, returned: Any) -> Answer:
    answer = returned if isinstance(returned, Answer) else Answer(returned)
    value = answer.value
    if value is None or isinstance(value, str | bytes):
        return answer
    if isinstance(value, Page):
        body: Any = {
            "result": [spec.dump(row) for row in value.rows],
            "count": value.count,
            "count_is_exact": value.count_is_exact,
            "next_cursor": value.next_cursor,
        }
    elif spec.flat:
        body = spec.dump(value)
    else:
        result = spec.dump(value)
        body = {"id": result.get("id"), "result": result}
    return replace(answer, value=json.dumps(body, ensure_ascii=False))


def _text_of(answer: Answer) -> str:
    return answer.value if isinstance(answer.value, str) else ""


def etag_of(text: str) -> str:
    """Return the strong ETag of a representation."""
    digest, data = hashlib.sha256(), text.encode()
    for start in range(0, len(data), HASHED_AT_ONCE):
        digest.update(data[start : start + HASHED_AT_ONCE])
    return f'"{digest.hexdigest()[:32]}"'


def _respond(spec: Endpoint, answer: Answer) -> Response:
    if answer.finish is not None:
        return answer.finish()
    status = answer.status or spec.status
    if answer.value is None:
        return Response(status=204, headers=answer.headers)
    content_type = answer.content_type or spec.produces
    response = Response(answer.value, status, answer.headers, content_type=content_type)
    if spec.etag and status < 300 and isinstance(answer.value, str):
        response.headers["ETag"] = etag_of(answer.value)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if request.method not in WRITING and "If-None-Match" in request.headers:
            response.make_conditional(request)
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


class _Declared:
    """What both kinds of API share: routes under /api/v1, no cookies, no built-in routes, OpenAPI from declarations."""

    csrf_exempt = True
    allow_browser_login = False
    version = "v1"

    def path_helper(self, path: str | None = None, operations: Any = None, **kwargs: Any) -> str:
        """Write a path without its trailing slash."""
        found: str = super().path_helper(path=path, operations=operations, **kwargs)  # type: ignore[misc]
        return found.rstrip("/")

    def operation_helper(self, operations: Any = None, methods: Any = None, func: Any = None, **_kwargs: Any) -> None:
        """Describe the operations of one endpoint from its declaration."""
        spec = bind(self, func.declared)
        for method in methods:
            operations[method.lower()] = openapi.operation(spec, method)

    def find_subject(self, actor: Actor, model: type[Any], row_id: int) -> Any:
        """Return the row that the first path id names, when it is there for the actor; NotFound otherwise."""
        return get_visible(actor, model, row_id)

    def lock_subject(self, model: type[Any], row_id: int) -> None:
        """Lock the row whose ETag is compared; rooms late in the order of locks take the earlier rows first."""
        lock(model, [row_id])

    def add_apispec_components(self, api_spec: APISpec) -> None:
        """Add what every endpoint refers to; the framework's own response shapes are not ours."""
        openapi.add_components(api_spec)


class ServiceApi(_Declared, BaseApi):
    """An API without a generated list: sign-in, one's own account, health."""

    machine: ClassVar[Machine]


class RoomApi(_Declared, ModelRestApi):
    """An API on one model: declared endpoints, and Flask-AppBuilder's generated `q=(…)` query on its lists.

    `list_columns` is all that the generated query can show, `search_columns` all that it can filter by.
    """

    exclude_route_methods: ClassVar[set[str]] = {"info", "get_list", "get", "post", "put", "delete"}
    max_page_size = 100
    machine: ClassVar[Machine]

    def _init_model_schemas(self) -> None:
        """Make none: bodies have schemas of their own, and a row is written column by column."""

    def generated_list(self, text: str) -> str:
        """Answer a Rison query within the same row scope and caps as the list itself, as JSON text."""
        return rison.generated_list(self, text)

    def representation(self, actor: Actor, *ids: int) -> Any:
        """Return what GET answers for the row, for `If-Match`; rooms with ETags say it."""
        raise NotImplementedError
