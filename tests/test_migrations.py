"""One history of the database: it goes up, down and up again, and ends where the models are."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy.engine import make_url


@pytest.fixture
def empty_app(app: Flask) -> Iterator[Flask]:
    """Return an application on an empty database of its own."""
    from sheda.app import create_app

    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS sheda_migrations"))
        connection.execute(sa.text("CREATE DATABASE sheda_migrations TEMPLATE template0"))
    other = url.set(database="sheda_migrations").render_as_string(hide_password=False)
    fresh = create_app(TESTING=True, SQLALCHEMY_DATABASE_URI=other)
    yield fresh
    with fresh.app_context():
        from sheda.core.db import db

        db.session.remove()
        db.engine.dispose()
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE sheda_migrations"))
    admin.dispose()


def tables(app: Flask) -> set[str]:
    from sheda.core.db import db

    return set(sa.inspect(db.engine).get_table_names()) - {"alembic_version"}


def differences(app: Flask) -> Any:
    from sheda.core.db import db

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, db.metadata)


class TestHistory:
    def test_empty_to_head_to_base_to_head(self, empty_app: Flask) -> None:
        with empty_app.app_context():
            upgrade()
            full = tables(empty_app)
            assert "contracts" in full
            downgrade(revision="base")
            assert tables(empty_app) == set()
            upgrade()
            assert tables(empty_app) == full

    def test_the_models_are_what_the_migrations_make(self, empty_app: Flask) -> None:
        with empty_app.app_context():
            upgrade()
            assert differences(empty_app) == []

    def test_there_is_one_head(self, app: Flask) -> None:
        with app.app_context():
            script = ScriptDirectory(str(app.extensions["migrate"].directory))
            assert len(script.get_heads()) == 1
