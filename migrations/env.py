"""How Alembic reaches the database: through the app's own engine, or through a connection that it is handed."""

from alembic import context
from flask import current_app

config = context.config
database = current_app.extensions["migrate"].db


def run(connection) -> None:
    context.configure(
        connection=connection, target_metadata=database.metadata, compare_type=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


with database.engine.connect() as connection:
    run(connection)
