"""Measure the daily job: N tenancies (else 20 000) come to their end on one day, in a database of the job's own.

`python -m tests.benchmarks.expiry 100000`. Prints what it took, and fails when anything was left or told twice.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flask.cli import ScriptInfo
from sqlalchemy import text

from sheda.embedded import remove_state, servers
from sheda.processes import keep_what_is_there

PROCESSES = int(os.environ.get("PROCESSES") or 2)
"""The worker has two: the first to find a full batch calls the other."""

AGENTS = "greatest(1, :n / 50)"

FILL = (
    "SET LOCAL session_replication_role = replica",
    """INSERT INTO ab_user (id, first_name, last_name, username, email, password, active)
    SELECT i, 'Ada', 'Number ' || i, 'person' || i, 'person' || i || '@sheda.example', 'x', true
    FROM generate_series(1, :n + {agents}) i""",
    """INSERT INTO properties (id, reference, agent_id, title, description, price, currency, listing_type, period,
      property_type, location, city, lga, state, latitude, longitude, bedroom, bathroom, amenities, status,
      listing_state, created_at, updated_at, published_at)
    SELECT i, 'SHD-' || i, :n + 1 + i % {agents}, 'Flat number ' || i || ' in Lekki', repeat('Bright and dry. ', 20),
      1000000 + i * 10, 'NGN', 'rent', 'year', 'apartment', 'Lekki, Lagos', 'Lekki', 'Eti-Osa', 'Lagos',
      6.4 + random() / 4, 3.3 + random() / 2, 1 + i % 5, 2, '{{generator,gym}}', 'rented', 'published',
      now() - i * interval '1 minute', now() - i * interval '1 minute', now()
    FROM generate_series(1, :n) i""",
    """INSERT INTO payments (id, reference, kind, appointment_id, property_id, client_id, agent_id, period, periods,
      lines, amount, currency, bank_account_id, account, status, expires_at, created_at, updated_at)
    SELECT i, 'PAY-' || i, 'rent', i, i, i, :n + 1 + i % {agents}, 'year', 1, '[]', 1000000, 'NGN', 1, '{{}}',
      'accepted', now(), now(), now()
    FROM generate_series(1, :n) i""",
    """INSERT INTO contracts (id, reference, property_id, client_id, agent_id, payment_id, contract_type, amount,
      currency, period, periods, start_date, end_date, status, created_at, activated_at)
    SELECT i, 'CON-' || i, i, i, :n + 1 + i % {agents}, i, 'rent', 1000000, 'NGN', 'year', 1,
      current_date - 366, current_date - 1, 'active', now(), now()
    FROM generate_series(1, :n) i""",
)

LEFT = """SELECT (SELECT count(*) FROM contracts WHERE status <> 'expired'),
  (SELECT count(*) FROM properties WHERE status <> 'available'), (SELECT count(*) FROM history),
  (SELECT count(*) FROM notifications WHERE kind = 'contract_ended'), (SELECT count(*) FROM outbox)"""


def fill(db: Any, number: int) -> None:
    """Write tenancies that are due, each with a home and a client of its own, as a restored backup would hold them."""
    with db.engine.begin() as connection:
        for statement in FILL:
            connection.execute(text(statement.format(agents=AGENTS)), {"n": number} if ":n" in statement else {})
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def work(start: Any, results: Any) -> None:
    """Be one of the worker's two processes: run the job when it begins, and tell what that took of this processor."""
    from sheda.app import create_app
    from sheda.contracts.jobs import expire_due

    with create_app().app_context():
        keep_what_is_there()
        start.wait()
        own = time.process_time()
        tally = expire_due()
        results.put((tally, time.process_time() - own))


def measure(number: int) -> None:
    """Run the job on due rows, in as many processes as the worker has, and once more on none."""
    from sheda.app import create_app
    from sheda.contracts.jobs import expire_due
    from sheda.core.db import db

    app = create_app()
    app.cli.main(["db", "upgrade"], prog_name="flask", obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
    with app.app_context():
        fill(db, number)
        context = multiprocessing.get_context("spawn")
        start, results = context.Barrier(PROCESSES + 1), context.Queue()
        workers = [context.Process(target=work, args=(start, results)) for _ in range(PROCESSES)]
        for worker in workers:
            worker.start()
        start.wait()
        started = time.perf_counter()
        done = [results.get() for _ in workers]
        took = time.perf_counter() - started
        for worker in workers:
            worker.join()
        shares = ", ".join(f"{tally['expired']} ({own:.1f} s of Python)" for tally, own in done)
        print(f"{number} due: {took:.1f} s, {number / took:.0f} a second; ended by each process: {shares}")
        left = tuple(db.session.execute(text(LEFT)).one())
        assert left == (0, 0, 2 * number, 2 * number, 2 * number), left
        started = time.perf_counter()
        assert expire_due()["seen"] == 0
        print(f"none due: {(time.perf_counter() - started) * 1000:.0f} ms")
        db.session.remove()
        db.engine.dispose()


def main() -> None:
    """Start servers that last as long as the measurement."""
    state_dir = Path(tempfile.mkdtemp(prefix="sheda-expiry-"))
    try:
        with servers(state_dir) as held:
            os.environ |= {
                "DATABASE_URL": held.database_url,
                "REDIS_URL": held.redis_url,
                "SHEDA_STATE_DIR": str(state_dir),
                "SECRET_KEY": "benchmarks only: never served",
                "JWT_SECRET_KEY": "benchmarks only: never used",
            }
            measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    finally:
        remove_state(state_dir)


if __name__ == "__main__":
    main()
