"""Describe a running Sheda to a harness that measures web servers side by side: its requests, values and tokens.

`python3 run.py bench peers --state DIR --out DIR` writes `ours.json` and `tokens.txt` for a Sheda that runs on the
state directory of `--state` with RATELIMIT_ENABLED=false, best with SHEDA_DEMO=xl; with SHELF_SECONDS=0 what is
measured comes from the database and not from Redis. It first adds a crowd of clients, each signed in for a day and with
one conversation of fifty messages, and gives every agent hours on all seven days: for a Sheda that is made to be
measured, never for one that is used. The harness asks, for each work, what is written there.
"""

import argparse
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sheda.state_dir import kept_secret, running_servers

LISTINGS = 20_000
FILLED = ("ab_user", "ab_user_role", "profiles", "refresh_families", "conversations", "messages", "availability_hours")

WORKS: dict[str, dict[str, Any]] = {
    "W0": {"path": "/healthz"},
    "W1": {"path": "/api/v1/properties?limit=20"},
    "W2": {
        "path": "/api/v1/properties?city={city}&property_type={type}&min_price={min_price}&max_price={max_price}"
        "&min_bedrooms={bedrooms}&sort=price"
    },
    "W2cap": {
        "path": "/api/v1/properties?city={city}&property_type={type}&min_price={min_price}&max_price={max_price}"
        "&min_bedrooms={bedrooms}&sort=price&count=true"
    },
    "W4": {"path": "/api/v1/properties/{property_id}"},
    "W5": {
        "method": "POST",
        "path": "/api/v1/appointments",
        "token": True,
        "body": {"property_id": "{property_id}", "requested_time": "{slot}"},
    },
    "W6": {"path": "/api/v1/chats/{other}?limit=50", "token": True},
    "W7": {
        "method": "POST",
        "path": "/api/v1/chats",
        "token": True,
        "body": {"receiver_id": "{other}", "message": "{message}"},
    },
}

CROWD = (
    """INSERT INTO ab_user (first_name, last_name, username, email, active, verified_at, created_on)
      SELECT 'Client', i::text, :tag || i, :tag || i || '@sheda.example', true, now(), now()
      FROM generate_series(1, :clients) i""",
    """CREATE TEMP TABLE crowd ON COMMIT DROP AS SELECT row_number() OVER () AS n, id FROM ab_user
      WHERE starts_with(username, :tag)""",
    """INSERT INTO ab_user_role (user_id, role_id)
      SELECT c.id, r.id FROM crowd c JOIN ab_role r ON r.name = 'Client'""",
    """INSERT INTO profiles (user_id, kind, created_at, updated_at) SELECT id, 'client', now(), now() FROM crowd""",
    """INSERT INTO refresh_families (id, user_id, created_at, expires_at)
      SELECT gen_random_uuid(), id, now(), now() + interval '14 days' FROM crowd""",
    """CREATE TEMP TABLE talk ON COMMIT DROP AS SELECT c.id AS client, a.user_id AS agent FROM crowd c
      JOIN (SELECT user_id, row_number() OVER (ORDER BY user_id) AS n, count(*) OVER () AS total
        FROM profiles WHERE kind = 'agent') a ON a.n = 1 + c.n * 7919 % a.total""",
    """INSERT INTO conversations (low_id, high_id, last_at)
      SELECT least(client, agent), greatest(client, agent), now() FROM talk""",
    """INSERT INTO messages (conversation_id, sender_id, receiver_id, message, created_at, read_at)
      SELECT c.id, CASE WHEN i % 2 = 0 THEN client ELSE agent END, CASE WHEN i % 2 = 0 THEN agent ELSE client END,
        'Good morning, is this house still available? Message ' || i, now() - (50 - i) * interval '1 hour', now()
      FROM talk JOIN conversations c ON c.low_id = least(client, agent) AND c.high_id = greatest(client, agent),
        generate_series(1, 50) i ORDER BY c.id, i""",
    """UPDATE conversations c SET last_message_id = m.id
      FROM (SELECT conversation_id, max(id) AS id FROM messages GROUP BY conversation_id) m
      WHERE m.conversation_id = c.id AND c.last_message_id IS NULL""",
    "DELETE FROM availability_hours",
    """INSERT INTO availability_hours (agent_id, weekday, start_time, end_time)
      SELECT user_id, day, '08:00', '18:00' FROM profiles, generate_series(0, 6) day WHERE kind = 'agent'""",
)

SIGNED_IN = """SELECT u.id, f.id, u.session_version, CASE WHEN c.low_id = u.id THEN c.high_id ELSE c.low_id END
 FROM ab_user u JOIN refresh_families f ON f.user_id = u.id JOIN conversations c ON u.id IN (c.low_id, c.high_id)
 WHERE starts_with(u.username, :tag) ORDER BY u.id"""

OPEN = """SELECT id FROM properties WHERE listing_state = 'published' AND status = 'available'
 AND held_by_payment_id IS NULL ORDER BY hashint8(id) LIMIT :listings"""

CITIES = """SELECT city FROM properties WHERE listing_state = 'published' AND city IS NOT NULL
 GROUP BY city ORDER BY count(*) DESC LIMIT 2"""


def main(arguments: list[str]) -> int:
    """Write the description, and say what the harness needs."""
    parser = argparse.ArgumentParser(prog="python3 run.py bench peers", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="state directory of the Sheda that runs")
    parser.add_argument("--out", type=Path, required=True, help="where ours.json and tokens.txt go")
    parser.add_argument("--port", type=int, default=8000, help="where it listens")
    parser.add_argument("--clients", type=int, default=20_000, help="a client holds at most five open viewings")
    given = parser.parse_args(arguments)
    state_dir = given.state.resolve()
    running = running_servers(state_dir)
    if running is None:
        parser.error(f"no Sheda runs on {state_dir}")
    os.environ |= {
        "DATABASE_URL": running[0],
        "REDIS_URL": running[1],
        "SHEDA_STATE_DIR": str(state_dir),
        "SECRET_KEY": kept_secret(state_dir, "secret-key"),
        "JWT_SECRET_KEY": kept_secret(state_dir, "jwt-secret-key"),
    }
    describe(given.out, state_dir, given.port, given.clients)
    print(f"{given.out / 'ours.json'} and {given.out / 'tokens.txt'} are written; the tokens live for a day.")
    return 0


def describe(out: Path, state_dir: Path, port: int, clients: int) -> None:
    """Add the crowd and write the files."""
    from sheda.app import create_app
    from sheda.core.db import db, in_transaction, read

    app = create_app()
    out.mkdir(parents=True, exist_ok=True)
    with app.app_context():
        tag = f"bench{int(time.time())}-"
        in_transaction(lambda: _add_crowd(tag, clients))
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {', '.join(FILLED)}")
        people = read(SIGNED_IN, tag=tag)
        listings = [row[0] for row in read(OPEN, listings=LISTINGS)]
        cities = [row[0] for row in read(CITIES)]
        (out / "tokens.txt").write_text("".join(f"{_token(*person[:3])}\n" for person in people))
    description = {
        "url": f"http://127.0.0.1:{port}",
        "tokens": "tokens.txt",
        "pids": _process_ids(state_dir, port),
        "slots": {"first_day": 2, "days": 55, "first_hour": 8, "half_hours": 16},
        "values": [
            {"property_id": listings},
            {"city": cities},
            {"type": ["duplex", "apartment"]},
            {"min_price": [1_000_000, 2_000_000, 3_000_000], "max_price": [4_000_000, 8_000_000, 12_000_000]},
            {"bedrooms": [2, 3]},
        ],
        "per_token": {"other": [person[3] for person in people]},
        "works": WORKS,
    }
    (out / "ours.json").write_text(json.dumps(description))


def _add_crowd(tag: str, clients: int) -> None:
    from sheda.core.db import write

    write("SET LOCAL statement_timeout = 0")
    for statement in CROWD:
        values = {name: value for name, value in (("tag", tag), ("clients", clients)) if f":{name}" in statement}
        write(statement, **values)


def _token(user_id: int, family: Any, version: int) -> str:
    from flask_jwt_extended import create_access_token

    claims = {"fam": str(family), "ver": version}
    token: str = create_access_token(str(user_id), additional_claims=claims, expires_delta=timedelta(days=1))
    return token


def _process_ids(state_dir: Path, port: int) -> dict[str, int | None]:
    """Find the roots of the web server and of the embedded database; None for what is not found."""
    note = state_dir / "servers-at"
    postmaster = (Path(note.read_text().strip()) if note.exists() else state_dir) / "postgres" / "postmaster.pid"
    web = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"gunicorn" in line and any(part.endswith(f":{port}".encode()) for part in line):
            web.append(int(process.name))
    return {
        "server": min(web, default=None),
        "database": int(postmaster.read_text().split()[0]) if postmaster.exists() else None,
    }
