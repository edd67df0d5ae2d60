"""Flask-AppBuilder's generated list query (`q=(filters:!(…),order_column:…,page:…)`), made safe for any input."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import prison
from flask_appbuilder.api.schemas import get_list_schema
from flask_appbuilder.exceptions import FABException
from flask_appbuilder.models.sqla.filters import set_value_to_type
from jsonschema import Draft7Validator
from sqlalchemy.exc import DataError, ProgrammingError, StatementError

from sheda.core import money
from sheda.core.access import COUNT_CAP
from sheda.core.errors import BadRequest
from sheda.core.fields import UNSTORABLE, wire_moment

DEEPEST = 6
LONGEST = 4000
LAST_PAGE = 10_000

_validator = Draft7Validator(get_list_schema)


def read_query(text: str) -> dict[str, Any]:
    """Read a Rison list query; BadRequest when it is malformed, too deep or names impossible pages."""
    if len(text) > LONGEST or text.count("(") > DEEPEST * 10 or UNSTORABLE.search(text):
        raise BadRequest("The query q is too long or has characters that are no text.", code="bad_rison")
    try:
        query = prison.loads(text)
    except (prison.decoder.ParserException, ValueError, IndexError, KeyError, TypeError, RecursionError) as fault:
        raise BadRequest("The query q is not valid Rison.", code="bad_rison") from fault
    if not isinstance(query, dict) or not _validator.is_valid(query):
        raise BadRequest("The query q has parts that a list does not know.", code="bad_rison")
    if not 0 <= query.get("page", 0) <= LAST_PAGE:
        raise BadRequest(f"Pages run from 0 to {LAST_PAGE}; use the list's cursor to go further.", code="bad_rison")
    for one in query.get("filters", []):
        _check_filter(one)
    return query


def _check_filter(one: Any) -> None:
    if not isinstance(one, dict) or not {"col", "opr", "value"} <= set(one):
        raise BadRequest("Each filter needs col, opr and value.", code="bad_rison")
    values = one["value"] if isinstance(one["value"], list) else [one["value"]]
    if not all(isinstance(value, str | int | float | bool | None) for value in values):
        raise BadRequest("A filter's value is a text, a number, true or false.", code="bad_rison")


def _refuse_ineffective(filters: Any, asked: list[dict[str, Any]]) -> None:
    """Refuse an unknown operation, or a day that is none: the framework leaves such a filter out and lists more."""
    for one in asked:
        column, value = one["col"], one["value"]
        known = filters._rest_check_valid_filter_operation(column, one["opr"])
        typed = value if isinstance(value, list) else set_value_to_type(filters.datamodel, column, value)
        if not known or (typed is None and value is not None):
            raise ValueError(f"{one['opr']} on {column} has no effect")


def generated_list(api: Any, text: str) -> str:
    """Answer the query by the framework's own machinery, with filters of its own for each request, as JSON text."""
    query = read_query(text)
    try:
        select_columns, chosen = api._handle_columns_args(query, api.list_select_columns, api.list_columns)
        filters = api.datamodel.get_filters(search_columns=api.search_columns, search_filters=api.search_filters)
        filters.rest_add_filters(query.get("filters", []))
        _refuse_ineffective(filters, query.get("filters", []))
        order_column, order_direction = api._handle_order_args(query)
        page, page_size = api._handle_page_args(query)
        count, rows = api.datamodel.query(
            filters.get_joined_filters(api._base_filters), order_column, order_direction,
            page=page, page_size=page_size, select_columns=select_columns,
        )  # fmt: skip
    except (FABException, ValueError, TypeError, AttributeError, OverflowError, ArithmeticError) as fault:
        raise BadRequest(
            "The query q names a column, operation or value that this list does not take.", code="bad_rison"
        ) from fault
    except (DataError, ProgrammingError, StatementError) as fault:
        raise BadRequest("The query q compares a column with a value of another kind.", code="bad_rison") from fault
    columns = chosen or api.list_columns
    body = {
        "result": [{column: _wire(row, column) for column in columns} for row in rows],
        "count": min(count, COUNT_CAP),
        "count_is_exact": count <= COUNT_CAP,
        "next_cursor": None,
        "ids": api.datamodel.get_keys(rows),
    }
    return json.dumps(body, ensure_ascii=False)


def _wire(row: Any, column: str) -> Any:
    value = row
    for part in column.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Decimal):
        return money.wire(value)
    if isinstance(value, datetime):
        return wire_moment(value)
    return value.isoformat() if isinstance(value, date | time) else value
