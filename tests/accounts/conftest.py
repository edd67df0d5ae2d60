from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from sheda.core import limits


@pytest.fixture
def limited(app: Any, redis: Any) -> Iterator[limits.Limits]:
    """Turn the rate limits on for one test."""
    found = limits.init_limits({**app.config, "RATELIMIT_ENABLED": True})
    assert found is not None
    app.extensions["limits"] = found
    yield found
    app.extensions["limits"] = None


@pytest.fixture
def count_statements(db_session: Any) -> Callable[[], AbstractContextManager[list[str]]]:
    """Return a block that notes the statements sent within it; savepoints are the tests' own."""
    connection = db_session.connection()

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                seen.append(statement)

        sa.event.listen(connection, "before_cursor_execute", note)
        yield seen
        sa.event.remove(connection, "before_cursor_execute", note)

    return counting
