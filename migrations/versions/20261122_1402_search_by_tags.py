"""Search by tags, one wide index an order, and suggestions.

Revision ID: 20261122_1402
Revises: 20261122_1320
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_1402"
down_revision = "20261122_1320"
branch_labels = None
depends_on = None

ON_OFFER = "status = 'available'"
SHOWN = "listing_state = 'published' AND status = 'available'"
FLAGS = ("air_condition", "pop_ceiling", "floor_tiles", "running_water", "prepaid_meter", "wifi")

# What stands behind the id decides nothing about the order: a filter passes over an entry without reading its row.
TRAITS = (
    "listing_state", "listing_type", "property_type", "bedroom", "furnished", "period", "bathroom", "latitude",
    "longitude", "currency", "price", "lower(lga)", "lower(city)", "lower(state)", *FLAGS,
)  # fmt: skip

ORDERS = {
    "newest": ("created_at", "id", "updated_at"),
    "price": ("currency", "price", "id"),
    "listing_type_price": ("currency", "listing_type", "price", "id"),
    "property_type_price": ("currency", "property_type", "price", "id"),
    "period_price": ("currency", "period", "price", "id"),
    "state_price": ("lower(state)", "currency", "price", "id"),
    "lga_price": ("lower(lga)", "currency", "price", "id"),
    "city_price": ("lower(city)", "currency", "price", "id"),
    "city_newest": ("lower(city)", "created_at", "id"),
    "traits": (
        "property_type", "listing_type", "period", "furnished", "bedroom", "bathroom", "listing_state", "currency",
        "price", "id", "created_at",
    ),
}  # fmt: skip

BEFORE = {
    "price": ("currency", "price", "id"),
    "listing_type_price": ("currency", "listing_type", "price", "id"),
    "property_type_price": ("currency", "property_type", "price", "id"),
    "types_price": ("currency", "listing_type", "property_type", "price", "id"),
    "state_price": ("lower(state)", "currency", "price", "id"),
    "lga_price": ("lower(lga)", "currency", "price", "id", "property_type", "bedroom"),
    "city_price": ("lower(city)", "currency", "price", "id", "property_type", "bedroom"),
    "city_newest": ("lower(city)", "created_at", "id", "property_type", "bedroom"),
    "place": ("latitude", "longitude"),
}

# Whatever depends on each other: a shortlet has a price by the night, and Ikeja lies in Lagos State.
STATISTICS = """
CREATE STATISTICS properties_traits (mcv) ON property_type, listing_type, period, furnished, bedroom, bathroom
FROM properties;
ALTER STATISTICS properties_traits SET STATISTICS 300;
CREATE STATISTICS properties_places (mcv) ON lower(state), lower(lga), lower(city) FROM properties;
ALTER STATISTICS properties_places SET STATISTICS 300;
"""

# Lexemes that no word can be. Two amenities make one of their own, far rarer than each.
TAGS = """
CREATE FUNCTION property_tags(p properties) RETURNS tsvector LANGUAGE sql STABLE AS $$
SELECT array_to_tsvector(array_remove(ARRAY[
    '#' || p.listing_type, '#' || p.property_type, '#' || p.period,
    '#state:' || lower(p.state), '#lga:' || lower(p.lga), '#city:' || lower(p.city),
    CASE WHEN p.furnished THEN '#furnished' ELSE '#unfurnished' END,
    CASE WHEN p.air_condition THEN '#air_condition' END, CASE WHEN p.pop_ceiling THEN '#pop_ceiling' END,
    CASE WHEN p.floor_tiles THEN '#floor_tiles' END, CASE WHEN p.running_water THEN '#running_water' END,
    CASE WHEN p.prepaid_meter THEN '#prepaid_meter' END, CASE WHEN p.wifi THEN '#wifi' END], NULL)
  || ARRAY(SELECT '#has:' || one FROM unnest(p.amenities) one)
  || ARRAY(SELECT '#has:' || one || '+' || other FROM unnest(p.amenities) one, unnest(p.amenities) other
    WHERE one < other))
$$;
"""

WRITER = """
CREATE OR REPLACE FUNCTION write_property_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE names tsvector := property_names(NEW);
BEGIN
  INSERT INTO property_texts (property_id, created_at, words)
  VALUES (NEW.id, NEW.created_at,
    names || setweight(to_tsvector('sheda', normalize(coalesce(NEW.description, ''))), 'D') || property_tags(NEW))
  ON CONFLICT (property_id) DO UPDATE SET words = excluded.words, created_at = excluded.created_at;
  INSERT INTO search_words (word) SELECT n.lexeme FROM unnest(names) n ORDER BY n.lexeme ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
DROP TRIGGER properties_text ON properties;
CREATE TRIGGER properties_text
AFTER INSERT OR UPDATE OF title, description, location, address, city, lga, state, property_type, listing_type, bedroom,
  period, furnished, air_condition, pop_ceiling, floor_tiles, running_water, prepaid_meter, wifi, amenities, created_at
ON properties FOR EACH ROW EXECUTE FUNCTION write_property_text();
"""

WRITER_BEFORE = """
CREATE OR REPLACE FUNCTION write_property_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE names tsvector := property_names(NEW);
BEGIN
  INSERT INTO property_texts (property_id, words)
  VALUES (NEW.id, names || setweight(to_tsvector('sheda', normalize(NEW.description)), 'D'))
  ON CONFLICT (property_id) DO UPDATE SET words = excluded.words;
  INSERT INTO search_words (word) SELECT n.lexeme FROM unnest(names) n ORDER BY n.lexeme ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
DROP TRIGGER properties_text ON properties;
CREATE TRIGGER properties_text
AFTER INSERT OR UPDATE OF title, description, location, address, city, lga, state, property_type, listing_type, bedroom
ON properties FOR EACH ROW EXECUTE FUNCTION write_property_text();
"""

# Written anew in the order of time, so that walking through the newest reads neighbours.
REFILL = """
CREATE TEMPORARY TABLE texts_before ON COMMIT DROP AS
SELECT p.id, p.created_at, t.words || property_tags(p) AS words
FROM property_texts t JOIN properties p ON p.id = t.property_id ORDER BY p.created_at, p.id;
TRUNCATE property_texts;
INSERT INTO property_texts (property_id, created_at, words) SELECT id, created_at, words FROM texts_before;
"""


def _on_offer(name: str, columns: tuple[str, ...]) -> None:
    where = {"postgresql_where": sa.text(ON_OFFER)}
    op.create_index(f"ix_properties_{name}", "properties", [sa.text(one) for one in columns], **where)


def upgrade() -> None:
    """Make what search reads now: minutes where there are a million listings."""
    op.execute("SET LOCAL statement_timeout = 0")
    for name in (*BEFORE, "newest", "spot", "amenities"):
        op.drop_index(f"ix_properties_{name}", table_name="properties", if_exists=True)
    for name, columns in ORDERS.items():
        _on_offer(name, columns + tuple(one for one in TRAITS if one not in columns))
    where = {"postgresql_where": sa.text(ON_OFFER)}
    op.create_index("ix_properties_amenities", "properties", ["amenities"], postgresql_using="gin", **where)
    spot = [sa.text("point(longitude, latitude)")]
    op.create_index("ix_properties_spot", "properties", spot, postgresql_using="gist", **where)
    op.create_index("ix_properties_title", "properties", ["title", "id"])
    op.create_index("ix_properties_any_price", "properties", ["price", "id"])
    for name, columns in (("created_at", ["created_at", "id"]), ("updated_at", ["updated_at", "id"])):
        op.create_index(f"ix_properties_{name}", "properties", columns, if_not_exists=True)
    taken = ["status", "created_at", "id"]
    elsewhere = {"postgresql_where": sa.text("status <> 'available'")}
    op.create_index("ix_properties_taken", "properties", taken, if_not_exists=True, **elsewhere)
    op.execute(STATISTICS)

    op.execute(TAGS)
    op.drop_index("ix_property_texts_words", table_name="property_texts")
    op.add_column("property_texts", sa.Column("created_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(REFILL)
    op.alter_column("property_texts", "created_at", nullable=False)
    op.create_index("ix_property_texts_words", "property_texts", ["words"], postgresql_using="gin")
    op.create_index("ix_property_texts_newest", "property_texts", ["created_at", "property_id"])
    op.execute(WRITER)
    op.create_index("ix_appointments_starts_at", "appointments", ["starts_at", "id"])

    op.create_table(
        "suggestions",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("within", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("listings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "within", name="pk_suggestions"),
    )
    op.execute("ANALYZE properties, property_texts")


def downgrade() -> None:
    """Make what search read before."""
    op.execute("SET LOCAL statement_timeout = 0")
    op.drop_table("suggestions")
    op.drop_index("ix_appointments_starts_at", table_name="appointments")
    op.execute(WRITER_BEFORE)
    op.drop_index("ix_property_texts_newest", table_name="property_texts")
    op.drop_column("property_texts", "created_at")
    op.execute("""UPDATE property_texts SET words = ts_delete(words, ARRAY(
        SELECT u.lexeme FROM unnest(words) u WHERE u.lexeme LIKE '#%'))""")
    op.execute("DROP FUNCTION property_tags(properties)")
    op.execute("DROP STATISTICS properties_traits, properties_places")
    for name in ("any_price", "title", "spot", "amenities", *ORDERS):
        op.drop_index(f"ix_properties_{name}", table_name="properties")
    for name, columns in BEFORE.items():
        _on_offer(name, columns)
    op.create_index("ix_properties_newest", "properties", ["created_at", "id"], postgresql_where=sa.text(SHOWN))
    op.create_index("ix_properties_amenities", "properties", ["amenities"], postgresql_using="gin")
    spot = [sa.text("point(longitude, latitude)")]
    op.create_index("ix_properties_spot", "properties", spot, postgresql_using="gist")
