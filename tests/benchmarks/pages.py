"""Measure every page of the admin UI over a demo of a size (else l: 100 000 listings), as an agent and as an admin.

`python3 run.py bench pages [size [folder]]`. Prints each page's median time in this process and its statements, the
slowest first, and fails when a page takes more than 200 ms or 12 statements. A folder keeps the data for the next time.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.cli import ScriptInfo

from sheda.embedded import remove_state, servers

MOST_MS, MOST_STATEMENTS = 200, 12
TURNS = 5
PASSWORD = "benchmarks only: never served"


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """Note the statements that are sent."""
    import sheda.core.db

    seen: list[str] = []
    native = sheda.core.db.native

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    def note_native(statement: str) -> str:
        seen.append(statement)
        return native(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    sheda.core.db.native = note_native
    try:
        yield seen
    finally:
        sheda.core.db.native = native
        sa.event.remove(engine, "before_cursor_execute", note)


def measure(app: Flask, name: str) -> list[tuple[float, int, str]]:
    """Open each page of a demo account, and return the median milliseconds, the statements and the address."""
    from sheda.accounts.models import User
    from sheda.core.db import db
    from tests import walk
    from tests.pages import Browser

    with app.app_context():
        user = db.session.scalars(sa.select(User).where(User.email == f"{name}@sheda.example")).one()
        paths = walk.thinned([path for path in walk.addresses(app, user, follow=False) if path != walk.SOCKET])
        engine = db.engine
    paths = [path for path in paths if "/export/" not in path]
    browser, found = Browser(app), []
    if browser.sign_in(user, PASSWORD).status_code != 302:
        sys.exit(f"{name} cannot sign in.")
    for path in paths:
        times = []
        for _ in range(TURNS):
            with counted(engine) as seen:
                started = time.perf_counter()
                answer = browser.get(path)
                times.append((time.perf_counter() - started) * 1000)
            if answer.status_code >= 500:
                sys.exit(f"{path} answers {answer.status_code}.")
        found.append((statistics.median(times), len(seen), path))
    return found


def report(name: str, rows: list[tuple[float, int, str]]) -> bool:
    """Print what was measured, and tell whether all of it is within bounds."""
    print(f"\n{name}: {len(rows)} pages, median {statistics.median(row[0] for row in rows):.0f} ms")
    print(f"{'ms':>7}{'statements':>12}  page")
    for taken, statements, path in sorted(rows, reverse=True):
        print(f"{taken:>7.1f}{statements:>12}  {path}")
    return all(taken <= MOST_MS and statements <= MOST_STATEMENTS for taken, statements, _path in rows)


def main(arguments: list[str]) -> int:
    size, kept = [*arguments, "l", ""][:2] if len(arguments) != 1 else (arguments[0], "")
    state_dir = Path(kept or tempfile.mkdtemp(prefix="sheda-bench-pages-"))
    state_dir.mkdir(exist_ok=True)
    try:
        with servers(state_dir) as held:
            os.environ |= {
                "DATABASE_URL": held.database_url,
                "REDIS_URL": held.redis_url,
                "SHEDA_STATE_DIR": str(state_dir),
                "SECRET_KEY": "benchmarks only, one key",
                "JWT_SECRET_KEY": "benchmarks only, another key",
                "RATELIMIT_ENABLED": "false",
            }
            from sheda.app import create_app
            from sheda.demo.load import load_demo

            app = create_app()
            for command in (["db", "upgrade"], ["sheda", "sync-roles"]):
                app.cli.main(command, prog_name="flask", obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
            with app.app_context():
                print(load_demo(size=size, password=PASSWORD))
            fits = [report(name, measure(app, name)) for name in ("agent", "admin")]
        return 0 if all(fits) else 1
    finally:
        if not kept:
            remove_state(state_dir)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
