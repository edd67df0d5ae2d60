"""What OpenAPI says of an endpoint, made from its declaration: no second description to keep in step."""

from typing import Any

from apispec import APISpec
from apispec.exceptions import DuplicateComponentNameError
from marshmallow import Schema

from sheda.core import problems

STATUSES = {
    400: "The body, a cursor or a Rison query cannot be read",
    401: "No token, or one that is no longer valid",
    403: "The right person in the wrong role",
    404: "Absent, or not yours to see",
    409: "The present state does not allow it",
    412: "Changed since it was read",
    413: "Larger than allowed",
    415: "Not a kind that this address takes",
    422: "Readable, with wrong values",
    426: "Speaks WebSocket only",
    429: "Too many requests",
    503: "Something that this needs is down",
}

QUERY_TYPES = {"Whole": "integer", "RowId": "integer", "Flag": "boolean", "Float": "number"}


def add_components(spec: APISpec) -> None:
    """Add the problem shape and the token scheme, once."""
    try:
        spec.components.schema("Problem", problems.SCHEMA)
        spec.components.security_scheme("jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    except DuplicateComponentNameError:
        return


def operation(endpoint: Any, method: str) -> dict[str, Any]:
    """Describe one endpoint for one of its methods."""
    path_ids = [part for part in endpoint.path.split("/") if part.startswith("<")]
    doc = " ".join((endpoint.doc or "").split())
    shape = {"type": "string", "maxLength": 200} if endpoint.words else {"type": "integer", "minimum": 1}
    found: dict[str, Any] = {
        "summary": doc.split(". ")[0].rstrip("."),
        "description": doc,
        "operationId": f"{method.lower()}_{endpoint.resource_name}_{endpoint.name}",
        "parameters": [
            {"in": "path", "name": part[1:].partition(">")[0], "required": True, "schema": shape} for part in path_ids
        ],
        "responses": _responses(endpoint),
    }
    if endpoint.query is not None:
        found["parameters"] += _query(endpoint.query())
    if endpoint.idempotent:
        found["parameters"].append(
            {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string", "minLength": 1, "maxLength": 255}}
        )
    if endpoint.upload:
        properties = {
            name: {"type": "array", "items": {"type": "string", "format": "binary"}}
            if endpoint.many
            else {"type": "string", "format": "binary"}
            for name in [endpoint.upload]
        }
        found["requestBody"] = {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": properties, "required": [endpoint.upload]}
                }
            },
        }
    elif endpoint.raw:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    elif endpoint.body is not None:
        found["requestBody"] = {"required": endpoint.needs_body, "content": _content(endpoint)}
    if not endpoint.tokenless:
        found["security"] = [{}, {"jwt": []}] if endpoint.is_public else [{"jwt": []}]
    return found


def _content(endpoint: Any) -> dict[str, Any]:
    kinds = ["application/json"] + (["application/x-www-form-urlencoded"] if endpoint.form else [])
    return {kind: {"schema": endpoint.body} for kind in kinds}


def _query(schema: Schema) -> list[dict[str, Any]]:
    parameters = []
    for name, field in schema.fields.items():
        kind = QUERY_TYPES.get(type(field).__name__, "string")
        shape: dict[str, Any] = {"type": kind}
        for option in ("enum", "maxLength", "minLength"):
            if option in field.metadata and not (option == "minLength" and not field.metadata[option]):
                shape[option] = field.metadata[option]
        for validator in field.validators:
            for option, key in (("minimum", "min"), ("maximum", "max")):
                if getattr(validator, key, None) is not None:
                    shape[option] = getattr(validator, key)
        if type(field).__name__ == "Several":
            shape = {"type": "array", "items": shape}
        parameters.append(
            {
                "in": "query",
                "name": field.data_key or name,
                "required": field.required,
                "schema": shape,
                "description": field.metadata.get("description", ""),
            }
        )
    return parameters


def _responses(endpoint: Any) -> dict[str, Any]:
    description = "Done" if endpoint.status == 204 else "The answer"
    answer: dict[str, Any] = {"description": description}
    if endpoint.status != 204:
        answer["content"] = {endpoint.produces: {"schema": _answer_schema(endpoint)}}
    statuses = {400, 422, 429} | (set() if endpoint.tokenless else {401, 403})
    statuses |= {404} if "<" in endpoint.path or endpoint.body is not None else set()
    statuses |= {409} if endpoint.writes else set()
    statuses |= {412} if endpoint.etag else set()
    statuses |= {413, 415} if endpoint.writes else set()
    statuses |= set(endpoint.refusals)
    responses: dict[str, Any] = {str(endpoint.status): answer}
    if endpoint.writes and endpoint.status == 201:
        responses["200"] = {**answer, "description": "It had been done already; the first answer"}
    schema = {"$ref": "#/components/schemas/Problem"}
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": STATUSES[status],
            "content": {"application/problem+json": {"schema": schema}},
        }
    return responses


def _answer_schema(endpoint: Any) -> dict[str, Any]:
    if endpoint.produces != "application/json":
        return {"type": "string", "format": "binary"}
    inner = endpoint.answer if endpoint.answer is not None else {"type": "object"}
    if endpoint.flat:
        return inner if isinstance(inner, dict) else {"allOf": [inner]}
    if endpoint.lists:
        return {
            "type": "object",
            "properties": {
                "result": {"type": "array", "items": inner},
                "count": {"type": "integer", "nullable": True},
                "count_is_exact": {"type": "boolean"},
                "next_cursor": {"type": "string", "nullable": True},
            },
        }
    return {"type": "object", "properties": {"id": {"type": "integer"}, "result": inner}}
