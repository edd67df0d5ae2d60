"""search.

Revision ID: 20261122_1000
Revises: 20261122_0900
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_1000"
down_revision = "20261122_0900"
branch_labels = None
depends_on = None

SHOWN = "listing_state = 'published' AND status = 'available'"

# Prices are compared within a currency. What stands behind the id decides nothing about the order: it is there so that
# a filter can pass over an entry without reading its row.
OFFERED = {
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

# English stems, whatever the accents: Ikẹja is Ikeja.
CONFIGURATION = """
CREATE TEXT SEARCH CONFIGURATION sheda (COPY = english);
ALTER TEXT SEARCH CONFIGURATION sheda ALTER MAPPING FOR hword, hword_part, word WITH unaccent, english_stem;
"""

# Title before place before kind; the description comes last and is no source of words to compare misspelt ones with.
# Words are inserted in one order, so that two writers of the same new words never wait on each other crosswise.
WRITER = """
CREATE FUNCTION property_names(p properties) RETURNS tsvector LANGUAGE sql STABLE AS $$
SELECT setweight(to_tsvector('sheda', normalize(p.title)), 'A')
  || setweight(to_tsvector('sheda', normalize(concat_ws(' ', p.location, p.address, p.city, p.lga, p.state))), 'B')
  || setweight(to_tsvector('sheda', concat_ws(
    ' ', replace(p.property_type, '_', ' '), p.listing_type, p.bedroom || ' bedroom')), 'C')
$$;
CREATE FUNCTION write_property_text() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE names tsvector := property_names(NEW);
BEGIN
  INSERT INTO property_texts (property_id, words)
  VALUES (NEW.id, names || setweight(to_tsvector('sheda', normalize(NEW.description)), 'D'))
  ON CONFLICT (property_id) DO UPDATE SET words = excluded.words;
  INSERT INTO search_words (word) SELECT n.lexeme FROM unnest(names) n ORDER BY n.lexeme ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER properties_text
AFTER INSERT OR UPDATE OF title, description, location, address, city, lga, state, property_type, listing_type, bedroom
ON properties FOR EACH ROW EXECUTE FUNCTION write_property_text();
"""

# Every word must be there, or one that looks like it: near ones for a word that no title has used, only very near ones
# for a known word. Numbers and words of up to three letters are taken as they are. NULL when there is no word to find.
READER = """
CREATE FUNCTION search_query(asked text) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE found tsquery; one tsquery; stem text; near text; bound real;
BEGIN
  FOR stem IN SELECT u.lexeme FROM unnest(to_tsvector('sheda', normalize(asked))) u
    ORDER BY u.positions[1] LIMIT 12
  LOOP
    one := quote_literal(stem)::tsquery;
    IF stem ~ '^[a-z]{4,}$' THEN
      bound := CASE WHEN EXISTS (SELECT FROM search_words w WHERE w.word = stem) THEN 0.6 ELSE 0.35 END;
      FOR near IN SELECT w.word FROM search_words w
        WHERE w.word % stem AND w.word <> stem AND similarity(w.word, stem) >= bound
        ORDER BY similarity(w.word, stem) DESC, w.word LIMIT 3
      LOOP
        one := one || quote_literal(near)::tsquery;
      END LOOP;
    END IF;
    found := CASE WHEN found IS NULL THEN one ELSE found && one END;
  END LOOP;
  RETURN found;
END $$;
"""

BACKFILL = """
INSERT INTO property_texts (property_id, words)
SELECT p.id, property_names(p) || setweight(to_tsvector('sheda', normalize(p.description)), 'D') FROM properties p;
INSERT INTO search_words (word) SELECT DISTINCT n.lexeme FROM properties p, unnest(property_names(p)) n;
"""


def upgrade() -> None:
    op.create_table(
        "property_texts",
        sa.Column("property_id", sa.BigInteger(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["property_id"],
            ["properties.id"],
            name=op.f("fk_property_texts_property_id_properties"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_property_texts")),
    )
    op.create_table(
        "search_words",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_words")),
    )
    for script in (CONFIGURATION, WRITER, READER, BACKFILL):
        op.execute(script)
    op.create_index("ix_property_texts_words", "property_texts", ["words"], postgresql_using="gin")
    op.create_index(
        "ix_search_words_near",
        "search_words",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.drop_index("ix_properties_price", table_name="properties", postgresql_where=sa.text(SHOWN))
    for name, columns in OFFERED.items():
        on_the_market = {"postgresql_where": sa.text("status = 'available'")}
        op.create_index(f"ix_properties_{name}", "properties", [sa.text(one) for one in columns], **on_the_market)
    op.create_index("ix_properties_created_at", "properties", ["created_at", "id"])
    op.create_index("ix_properties_updated_at", "properties", ["updated_at", "id"])
    op.create_index(
        "ix_properties_taken",
        "properties",
        ["status", "created_at", "id"],
        postgresql_where=sa.text("status <> 'available'"),
    )
    op.create_index("ix_properties_amenities", "properties", ["amenities"], postgresql_using="gin")
    op.create_index(
        "ix_properties_spot", "properties", [sa.text("point(longitude, latitude)")], postgresql_using="gist"
    )


def downgrade() -> None:
    for name in ("spot", "amenities", "taken", "updated_at", "created_at", *OFFERED):
        op.drop_index(f"ix_properties_{name}", table_name="properties")
    op.create_index("ix_properties_price", "properties", ["price", "id"], postgresql_where=sa.text(SHOWN))
    op.execute("DROP TRIGGER properties_text ON properties")
    op.drop_table("search_words")
    op.drop_table("property_texts")
    for function in ("search_query(text)", "write_property_text()", "property_names(properties)"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TEXT SEARCH CONFIGURATION sheda")
