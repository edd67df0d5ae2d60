"""What the API says of listings, pictures and agents: JSON that PostgreSQL builds, each shape written once.

Aliases in the fragments: `p` a property, `i` a picture, `u` its agent's user, `a` the agent's profile; `:media` is the
address that public files begin with. Hot reads are one statement each and load no objects.
"""

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.dialects import postgresql

from sheda.core import files
from sheda.core.access import COUNT_CAP, visible_to
from sheda.core.actor import Actor, Role
from sheda.core.db import db, read_one
from sheda.core.errors import NotFound
from sheda.core.paging import json_page, read_cursor, write_cursor
from sheda.core.shelf import watch
from sheda.properties.models import Property

KEPT = 4096
"""Parsed statements and row rules that a process keeps: agents have rules of their own."""

watch("properties", "property_images", "property_fees", "profiles")

_PUBLIC = f"{files.Area.PUBLIC}/"


def _moment(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def _address(key: str, rendition: str) -> str:
    return f"concat(CAST(:media AS text), substr({key}, {len(_PUBLIC) + 1}), '.{rendition}.webp')"


IMAGE = f"""json_build_object('id', i.id, 'position', i.position, 'is_cover', i.is_cover, 'caption', i.caption,
 'width', i.width, 'height', i.height, 'status', i.status, 'urls', json_build_object(
 'thumb', {_address("i.key", "thumb")}, 'card', {_address("i.key", "card")}, 'full', {_address("i.key", "full")}))"""

COVER = f"CASE WHEN i.id IS NOT NULL THEN {IMAGE} END"

_NAME = "coalesce(nullif(trim(concat_ws(' ', u.first_name, u.last_name)), ''), a.agency_name, concat('Agent ', u.id))"

_PICTURE = f"CASE WHEN a.picture_key IS NOT NULL THEN {_address('a.picture_key', 'thumb')} END"

_AGENT_FIELDS = f"""'id', u.id, 'name', {_NAME}, 'agency_name', a.agency_name, 'picture', {_PICTURE},
 'rating', a.rating, 'is_verified', a.verified_at IS NOT NULL"""

AGENT = f"json_build_object({_AGENT_FIELDS})"

_CARD_FIELDS = f"""'id', p.id, 'reference', p.reference, 'title', p.title, 'price', p.price::text,
 'currency', p.currency, 'period', p.period, 'listing_type', p.listing_type, 'property_type', p.property_type,
 'location', p.location, 'city', p.city, 'lga', p.lga, 'state', p.state, 'latitude', p.latitude,
 'longitude', p.longitude, 'bedroom', p.bedroom, 'bathroom', p.bathroom, 'area_sqm', p.area_sqm,
 'furnished', p.furnished, 'status', p.status, 'listing_state', p.listing_state,
 'is_under_offer', p.held_by_payment_id IS NOT NULL,
 'cover_image', {COVER}, 'agent', {AGENT},
 'created_at', {_moment("p.created_at")}, 'updated_at', {_moment("p.updated_at")}"""

CARD = f"json_build_object({_CARD_FIELDS})"

CARD_WITH_DISTANCE = f"json_build_object({_CARD_FIELDS}, 'distance_km', round(p.distance::numeric, 3))"

JOINS = """JOIN ab_user u ON u.id = p.agent_id LEFT JOIN profiles a ON a.user_id = u.id
 LEFT JOIN property_images i ON i.property_id = p.id AND i.is_cover AND i.status <> 'failed'"""

# Whoever may change a listing also sees which of its pictures could not be made.
_IMAGES = f"""(SELECT coalesce(json_agg({IMAGE} ORDER BY i.position), '[]') FROM property_images i
 WHERE i.property_id = p.id AND (i.status <> 'failed' OR p.agent_id = :viewer OR :office))"""

_FEES = """(SELECT coalesce(json_agg(json_build_object('kind', f.kind, 'label', f.label, 'amount', f.amount::text)
 ORDER BY f.position), '[]') FROM property_fees f WHERE f.property_id = p.id)"""

_DETAIL = f"""SELECT (SELECT row_to_json(d) FROM (SELECT
 p.id, p.reference, p.agent_id, p.title, p.description, p.price::text AS price, p.currency, p.listing_type, p.period,
 p.property_type, p.location, p.address, p.city, p.lga, p.state, p.country, p.latitude, p.longitude,
 p.bedroom, p.bathroom, p.area_sqm, p.furnished, p.is_negotiable,
 p.air_condition, p.pop_ceiling, p.floor_tiles, p.running_water, p.prepaid_meter, p.wifi, p.amenities,
 p.time_zone, p.status, p.listing_state, p.held_by_payment_id IS NOT NULL AS is_under_offer,
 {AGENT} AS agent, {COVER} AS cover_image, {_IMAGES} AS images, {_FEES} AS fees,
 (p.price + coalesce((SELECT sum(f.amount) FROM property_fees f WHERE f.property_id = p.id), 0))::text
 AS total_move_in_cost, {_moment("p.created_at")} AS created_at, {_moment("p.updated_at")} AS updated_at,
 {_moment("p.published_at")} AS published_at) d)::text
 FROM (SELECT * FROM properties WHERE id = :id AND %s) p {JOINS}"""

_AGENT_CARD = f"""SELECT json_build_object({_AGENT_FIELDS}, 'bio', a.bio, 'licence_number', a.licence_number,
 'listings', (SELECT count(*) FROM properties p
 WHERE p.agent_id = u.id AND p.listing_state = 'published' AND p.status = 'available'),
 'member_since', {_moment("a.created_at")})::text
 FROM ab_user u LEFT JOIN profiles a ON a.user_id = u.id WHERE u.id = :id AND u.active AND EXISTS (
 SELECT FROM ab_user_role l JOIN ab_role r ON r.id = l.role_id WHERE l.user_id = u.id AND r.name = 'Agent')"""

_IMAGES_BY_ID = f"""SELECT json_agg({IMAGE} ORDER BY i.position)::text FROM property_images i WHERE i.id = ANY(:ids)"""


@lru_cache(maxsize=KEPT)
def prepared(statement: str) -> TextClause:
    """Return the statement parsed, once for all requests; statements are made of a closed set of parts."""
    return text(statement)


def rows_for(actor: Actor) -> str:
    """Return the row rule of listings as SQL on the table `properties`, by role and, for agents, by person."""
    return _rows_for(actor.role, actor.id if actor.role is Role.AGENT else None)


def media() -> str:
    """Return what the addresses of public files begin with."""
    return files.url(_PUBLIC)


def detail(actor: Actor, property_id: int) -> str:
    """Return all of a listing as this actor sees it, as JSON text; NotFound when it is not there for him."""
    statement = _DETAIL % rows_for(actor)
    found = read_one(statement, id=property_id, media=media(), viewer=actor.id or 0, office=actor.is_office)
    return _enveloped(property_id, found and found[0])


def among(actor: Actor, named: str, values: dict[str, Any], *, limit: int, cursor: str | None, count: bool) -> str:
    """Return a page of the cards of listings that another room names and this actor may see, as JSON text.

    `named` is a SELECT of `property_id` and a whole number `key`; the highest comes first.
    """
    fetched = {**values, "media": media()}
    behind = "true"
    if cursor is not None:
        (fetched["last_key"],) = read_cursor(cursor, [int])
        behind = "n.key < :last_key"
    shown = f"FROM ({named}) n JOIN properties ON properties.id = n.property_id WHERE {rows_for(actor)}"
    statement = f"""SELECT {CARD}::text AS card, p.key AS key FROM (SELECT properties.*, n.key {shown} AND {behind}
 ORDER BY n.key DESC LIMIT {limit + 1}) p {JOINS}"""
    if count:
        total = f"SELECT count(*) AS total FROM (SELECT {shown} LIMIT {COUNT_CAP + 1}) matching"
        statement = f"SELECT c.total, r.* FROM ({total}) c LEFT JOIN ({statement}) r ON true"
    rows = db.session.execute(prepared(f"{statement} ORDER BY key DESC"), fetched).all()
    found = [row for row in rows if row.card is not None]
    return json_page(
        [row.card for row in found[:limit]],
        next_cursor=write_cursor([found[limit - 1].key]) if len(found) > limit else None,
        count=min(rows[0].total, COUNT_CAP) if count else None,
        count_is_exact=not count or rows[0].total <= COUNT_CAP,
    )


def agent_card(agent_id: int) -> str:
    """Return what everybody may read of an active agent, as JSON text: never an address or a number to call."""
    return _enveloped(agent_id, db.session.scalar(prepared(_AGENT_CARD), {"id": agent_id, "media": media()}))


def find_agent_card(agent_id: int) -> Any:
    """Return the same, read; None for somebody who is no active agent."""
    found = db.session.scalar(prepared(_AGENT_CARD), {"id": agent_id, "media": media()})
    return None if found is None else json.loads(found)


def image(image_id: int) -> str:
    """Return one picture as JSON text."""
    return _enveloped(image_id, _images([image_id])[1:-1])


def images(ids: list[int]) -> str:
    """Return pictures in their order, as JSON text."""
    return f'{{"result": {_images(ids)}}}'


def _images(ids: list[int]) -> str:
    db.session.flush()
    found: str = db.session.scalar(prepared(_IMAGES_BY_ID), {"ids": ids, "media": media()})
    return found


def _enveloped(row_id: int, found: Any) -> str:
    if found is None:
        raise NotFound
    return f'{{"id": {row_id}, "result": {found}}}'


@lru_cache(maxsize=KEPT)
def _rows_for(role: Role, person: int | None) -> str:
    clause = visible_to(Actor(person, role), Property)
    return f"({clause.compile(dialect=postgresql.dialect(), compile_kwargs={'literal_binds': True})})"  # type: ignore[no-untyped-call]
