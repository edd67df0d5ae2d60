"""What every test stands on: servers of its own, a migrated database, and the invariants looked at after each test.

`db_session` is the rule: one outer transaction, undone at the end; what the application commits is a savepoint in it.
`live_db` is for tests whose commits other connections must see (races, workers, HTTP): rows are removed afterwards.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from flask import Flask
from flask.cli import ScriptInfo
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from sheda.embedded import free_port, remove_state, servers

SLOWEST = "test_schema.py"

_stack = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and point the settings at them, before any test module can read a setting."""
    if config.option.collectonly or config.option.help or config.option.version:
        return
    if config.option.numprocesses and not hasattr(config, "workerinput"):
        return  # each worker has servers of its own; the one that hands out the tests needs none
    state_dir = Path(tempfile.mkdtemp(prefix="sheda-tests-"))
    _stack.callback(remove_state, state_dir)
    held = _stack.enter_context(servers(state_dir, fsync=False))
    for name in [name for name in os.environ if name.startswith(("SHEDA_", "RATE", "SMTP_", "MEDIA_", "CORS_"))]:
        del os.environ[name]
    os.environ |= {
        "DATABASE_URL": held.database_url,
        "REDIS_URL": held.redis_url,
        "SHELF_SECONDS": "0",  # what a test undoes was never written, and would be shown to the next
        "SHEDA_STATE_DIR": str(state_dir),
        "SECRET_KEY": "a secret key for the tests, and for nothing else",
        "JWT_SECRET_KEY": "another secret key for the tests, and for nothing else",
        "RATELIMIT_ENABLED": "false",
        "PASSWORD_HASH": "pbkdf2:sha256:1",
        "VIEWS_EVERY": "0",
    }


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one worker, as they share what they stand on, and begin with what takes longest."""
    slow = [item for item in items if item.path.name == SLOWEST]
    items[:] = slow + [item for item in items if item.path.name != SLOWEST]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.name if item in slow else str(item.path)))


def pytest_unconfigure() -> None:
    """Stop the servers and remove what they kept."""
    _stack.close()


class MailSink:
    """An SMTP server that keeps every message it is given."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.messages.append(message_from_bytes(envelope.content, EmailMessage, policy=policy.default))
        return "250 OK"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def to(self, address: str) -> list[EmailMessage]:
        """Return the messages for an address, in the order of their arrival."""
        return [message for message in self.messages if address in str(message["To"])]


class FreshClient(FlaskClient):
    """A client whose every request has an application context, and so a session, of its own, as in life."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        from sheda.core.db import db

        db.session.flush()
        with self.application.app_context():
            answer = super().open(*args, **kwargs)
        db.session.expire_all()
        return answer


class OneConnection:
    """The connection of a test's transaction, for statements that would run outside of any."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def borrow(self) -> Any:
        """Return it."""
        return self._driver

    def give_back(self, driver: Any) -> None:
        """Leave it as it is."""


class Clock:
    """The house's clock, held where a test puts it."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def at(self, moment: datetime) -> datetime:
        """Hold the clock at a moment and return it."""
        from sheda.core import clock

        self._held.close()
        self._held.enter_context(clock.travel(moment))
        return clock.now()

    def advance(self, by: timedelta) -> datetime:
        """Move the clock on, from where it stands, and return the new moment."""
        from sheda.core import clock

        return self.at(clock.now() + by)

    def release(self) -> None:
        """Let the clock run again."""
        self._held.close()


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[MailSink]:
    """Run one mail server for the whole session."""
    sink = MailSink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def app(smtp_server: MailSink) -> Iterator[Flask]:
    """Make the application on a database migrated to head, with its roles and permissions."""
    from sheda.app import create_app
    from sheda.core.db import db

    app = create_app(TESTING=True, SMTP_URL=smtp_server.url)
    app.test_client_class = FreshClient
    for command in (["db", "upgrade"], ["sheda", "sync-roles"]):
        app.cli.main(command, prog_name="flask", obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
    db.session.session_factory.configure(join_transaction_mode="create_savepoint")
    yield app
    _close_connections(app)


@pytest.fixture(scope="module")
def make_app(app: Flask) -> Iterator[Callable[..., Flask]]:
    """Make further applications on the same database, with other settings; their connections are closed at the end."""
    from sheda.app import create_app
    from sheda.core.db import db

    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        made.append(create_app(TESTING=True, **settings))
        return made[-1]

    yield make
    for one in made:
        with one.app_context():
            db.session.remove()
        _close_connections(one)


@pytest.fixture(scope="session")
def reference_tables(app: Flask) -> frozenset[str]:
    """Name the tables that hold rows in an empty Sheda: roles, permissions and what migrations write."""
    from sheda.core.db import db

    with app.app_context(), db.engine.connect() as connection:
        return frozenset({"alembic_version", *_tables_with_rows(connection)})


@pytest.fixture
def db_session(
    app: Flask, reference_tables: frozenset[str], excused_invariants: set[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Yield the session inside a transaction that is undone at the end."""
    import sheda.core.db
    from sheda.core.db import db

    with app.app_context():
        engine = db.engine
        with engine.connect() as connection:
            outer = connection.begin()
            db.engines[None] = connection  # type: ignore[assignment]  # a session takes either
            driver = connection.connection.driver_connection
            monkeypatch.setattr(sheda.core.db, "spares", lambda: OneConnection(driver))
            try:
                yield db.session
                db.session.commit()
                connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
                _assert_invariants(connection, excused_invariants)
            finally:
                db.session.remove()
                outer.rollback()
                db.engines[None] = engine


@pytest.fixture
def count_statements(
    db_session: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[list[str]]]:
    """Return a block that notes the statements sent within it; savepoints are the tests' own."""
    import sheda.core.db

    connection = db_session.connection()
    native = sheda.core.db.native

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                seen.append(statement)

        def note_native(statement: str) -> str:
            seen.append(statement)
            return native(statement)

        sa.event.listen(connection, "before_cursor_execute", note)
        with monkeypatch.context() as patched:
            patched.setattr(sheda.core.db, "native", note_native)
            yield seen
        sa.event.remove(connection, "before_cursor_execute", note)

    return counting


@pytest.fixture
def live_db(app: Flask, reference_tables: frozenset[str], redis: Any, excused_invariants: set[str]) -> Iterator[Any]:
    """Yield the session with commits that are real; remove every row at the end."""
    from sheda.core.db import db

    with app.app_context():
        try:
            yield db.session
            db.session.rollback()
            with db.engine.connect() as connection:
                _assert_invariants(connection, excused_invariants)
        finally:
            db.session.remove()
            with db.engine.begin() as connection:
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
                for table in _tables_with_rows(connection) - reference_tables:
                    connection.execute(sa.text(f'DELETE FROM "{table}"'))


@pytest.fixture
def excused_invariants() -> set[str]:
    """Let a test that breaks the data on purpose add the numbers of the invariants it breaks, such as "I8"."""
    return set()


@pytest.fixture
def client(app: Flask, db_session: Any) -> FlaskClient:
    """Return a client inside the test's transaction."""
    return app.test_client()


@pytest.fixture
def live_client(app: Flask, live_db: Any) -> FlaskClient:
    """Return a client whose commits are real."""
    return app.test_client()


@pytest.fixture
def base_url(app: Flask, live_db: Any) -> Iterator[str]:
    """Serve the application over HTTP, a thread a request, and yield its address."""
    server = make_server("127.0.0.1", 0, _answering_whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _answering_whole(app: Flask) -> Callable[..., list[bytes]]:
    """Read each answer before it is sent: werkzeug's server leaves a file open whose reader goes away meanwhile."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with closing(app(environ, start_response)) as body:
            return [b"".join(body)]

    return answer


@pytest.fixture
def redis() -> Iterator[Any]:
    """Yield a client of the test's Valkey, emptied before and after."""
    with redis_client.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        connection.flushdb()
        yield connection
        connection.flushdb()


@pytest.fixture
def mail_sink(smtp_server: MailSink) -> MailSink:
    """Return the mail server of the session, emptied."""
    smtp_server.messages.clear()
    return smtp_server


@pytest.fixture(scope="module")
def celery_worker(app: Flask, smtp_server: MailSink) -> Iterator[Any]:
    """Run a real worker, with connections of its own; use it with `live_db`.

    It ends with the module: other tests count what their own sweeps do.
    """
    from celery.contrib.testing.worker import start_worker

    from sheda.app import create_app

    own = create_app(TESTING=True, SMTP_URL=smtp_server.url)
    with start_worker(own.extensions["celery"], pool="solo", perform_ping_check=False, shutdown_timeout=30) as worker:
        yield worker
    _close_connections(own)


@pytest.fixture
def frozen_clock() -> Iterator[Clock]:
    """Yield the clock, for a test to hold and move."""
    clock = Clock()
    yield clock
    clock.release()


@pytest.fixture
def agent(db_session: Any) -> Any:
    """Return an agent."""
    from sheda.core.actor import Role
    from tests.factories import make_user

    return make_user(Role.AGENT)


@pytest.fixture
def browser(app: Flask, agent: Any) -> Any:
    """Return the browser of that agent, who is signed in."""
    from tests.pages import browser_of

    return browser_of(app, agent)


@pytest.fixture
def strict(app: Flask) -> Iterator[None]:
    """Let a template that names what nobody gives it fail."""
    before, app.jinja_env.undefined = app.jinja_env.undefined, StrictUndefined
    app.jinja_env.cache.clear()  # type: ignore[union-attr]  # an app always has one
    yield
    app.jinja_env.undefined = before
    app.jinja_env.cache.clear()  # type: ignore[union-attr]


def _close_connections(app: Flask) -> None:
    from sheda.core.db import db

    with app.app_context():
        db.engine.dispose()


def _tables_with_rows(connection: sa.Connection) -> set[str]:
    names = connection.scalars(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    probes = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in names)
    return set(connection.scalars(sa.text(probes)))


def _assert_invariants(connection: sa.Connection, excused: set[str]) -> None:
    """Fail when the database holds what must never be: the invariants of `flask sheda check`."""
    from sheda.check import broken_invariants

    with Session(connection, join_transaction_mode="create_savepoint") as session:
        broken = {
            name: rows for name, rows in broken_invariants(session).items() if rows and name.split()[0] not in excused
        }
    assert not broken, f"broken invariants: {broken}"
