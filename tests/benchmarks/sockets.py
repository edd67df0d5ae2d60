"""Measure live news: idle sockets by the thousand, beside them people who write, and what it costs in memory.

`python -m tests.benchmarks.sockets [SOCKETS [MESSAGES_A_SECOND [SECONDS]]]` (2000, 100, 30 unless told otherwise)
starts a Sheda of its own with two web processes. It opens the sockets, each for a person of its own, then pairs write
to each other over the API at the rate, and notes the time from the sending of a request to the other's frame. The
client runs on the same cores. It fails when a message is missed or comes twice, when p95 is 250 ms or more, or when a
socket costs 40 KB.
"""

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from sheda.embedded import free_port, remove_state
from sheda.state_dir import kept_secret, running_servers

ROOT = Path(__file__).resolve().parent.parent.parent
WRITERS = 100
MOST_P95 = 0.250
MOST_BYTES = 40 * 1024

PEOPLE = """WITH people AS (
  INSERT INTO ab_user (first_name, last_name, username, email, active, verified_at, created_on)
  SELECT 'Bench', i::text, 'bench' || i, 'bench' || i || '@sheda.example', true, now(), now()
  FROM generate_series(1, %(number)s) i RETURNING id
), roles AS (
  INSERT INTO ab_user_role (user_id, role_id)
  SELECT p.id, r.id FROM people p JOIN ab_role r ON r.name = 'Client' RETURNING 1
), profiles AS (
  INSERT INTO profiles (user_id, kind, created_at, updated_at) SELECT id, 'client', now(), now() FROM people RETURNING 1
), families AS (
  INSERT INTO refresh_families (id, user_id, created_at, expires_at)
  SELECT gen_random_uuid(), id, now(), now() + interval '1 day' FROM people RETURNING id, user_id
) SELECT user_id, id::text FROM families ORDER BY user_id"""


@contextmanager
def running_sheda() -> Iterator[tuple[int, Path, int]]:
    """Run a Sheda; its port, its state directory and the pid of its parent."""
    state_dir, port = Path(tempfile.mkdtemp(prefix="sheda-bench-")), free_port()
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | {
        "SHEDA_STATE_DIR": str(state_dir), "SHEDA_DEMO": "s", "SHEDA_DEMO_PASSWORD": "benchmarks only: never served",
        "RATELIMIT_ENABLED": "false", "PORT": str(port), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-c", "import sys; from sheda.supervisor import run; sys.exit(run())"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready: "):
                break
        yield port, state_dir, process.pid
    finally:
        process.terminate()
        process.wait(60)
        remove_state(state_dir)


def make_people(state_dir: Path, number: int) -> list[tuple[int, str]]:
    """Make so many people, and a token for each."""
    import jwt

    found = running_servers(state_dir)
    assert found is not None
    url = make_url(found[0]).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        rows = connection.execute(PEOPLE, {"number": number}).fetchall()
    key, now = kept_secret(state_dir, "jwt-secret-key"), int(time.time())
    common = {
        "iss": "sheda", "aud": "sheda-api", "type": "access", "fresh": False, "iat": now, "nbf": now,
        "exp": now + int(timedelta(hours=1).total_seconds()), "ver": 0,
    }  # fmt: skip
    return [
        (user_id, jwt.encode({**common, "sub": str(user_id), "fam": family, "jti": str(uuid.uuid4())}, key, "HS256"))
        for user_id, family in rows
    ]


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for child in map(int, found) for one in (child, *children_of(child))]


def memory_of(pid: int) -> int:
    """Return a process's own and shared memory that is resident, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def processes(parent: int, word: str) -> list[int]:
    """Return the family's processes whose command line holds a word."""
    return [pid for pid in children_of(parent) if word in Path(f"/proc/{pid}/cmdline").read_text()]


class Listener(asyncio.Protocol):
    """One socket of one person, as lean as a client can be."""

    def __init__(self, port: int, token: str, arrived: dict[str, list[float]]) -> None:
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/api/v1/ws"))
        self.token, self.arrived = token, arrived
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        request = self.protocol.connect()
        request.headers["Authorization"] = f"Bearer {self.token}"
        self.protocol.send_request(request)
        self.flush()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.protocol.receive_data(data)
        self.flush()
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.take(json.loads(event.data), now)

    def take(self, frame: dict, now: float) -> None:
        if frame["type"] == "ready":
            self.ready.set_result(None)
        elif frame["type"] == "message" and frame["with"] == frame["message"]["sender_id"]:
            self.arrived.setdefault(frame["message"]["message"], []).append(now)

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.transport.write(data)

    def connection_lost(self, fault: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(fault or ConnectionError("closed before it was ready"))


class Writer:
    """One kept-alive connection of one person to the API."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def write(self, receiver: int, text: str) -> None:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        body = json.dumps({"receiver_id": receiver, "message": text}).encode()
        writer.write(
            b"POST /api/v1/chats HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 201 " in head.split(b"\r\n", 1)[0], head
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
        await reader.readexactly(length)
        if b"connection: close" in lines:
            writer.close()
            self.streams = None


async def open_all(port: int, tokens: list[str], arrived: dict[str, list[float]]) -> None:
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(50)

    async def open_one(token: str) -> None:
        async with gate:
            _, listener = await loop.create_connection(lambda: Listener(port, token, arrived), "127.0.0.1", port)
            await listener.ready

    await asyncio.gather(*(open_one(token) for token in tokens))


async def write_all(port: int, people: list[tuple[int, str]], rate: int, seconds: int) -> dict[str, float]:
    """Write at the rate; the time at which each message was sent."""
    writers = [Writer(port, token) for _, token in people[:WRITERS]]
    busy = [asyncio.Lock() for _ in writers]
    sent: dict[str, float] = {}
    began = time.perf_counter()

    async def one(number: int) -> None:
        place = number % len(writers)
        async with busy[place]:
            sent[str(number)] = time.perf_counter()
            await writers[place].write(people[(place + 1) % len(writers)][0], str(number))

    tasks = []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    await asyncio.sleep(2)
    return sent


async def measure(port: int, parent: int, people: list[tuple[int, str]], rate: int, seconds: int) -> bool:
    [live], web = processes(parent, "sheda.sockets"), processes(parent, "gunicorn")
    arrived: dict[str, list[float]] = {}
    await write_all(port, people, 20, 3)
    await open_all(port, [token for _, token in people[:10]], {})
    await asyncio.sleep(1)
    before, tokens = memory_of(live), [token for _, token in people]
    opening = time.perf_counter()
    await open_all(port, tokens[: len(tokens) // 2], arrived)
    # By now the web processes have loaded whatever a handshake needs: what they grow from here is for each socket.
    web_before = sum(map(memory_of, web))
    await open_all(port, tokens[len(tokens) // 2 :], arrived)
    opening = time.perf_counter() - opening
    await asyncio.sleep(1)
    each = (memory_of(live) - before) / len(people)
    web_grown = sum(map(memory_of, web)) - web_before
    sent = await write_all(port, people, rate, seconds)
    waits = sorted(arrived[text][0] - at for text, at in sent.items() if text in arrived)
    missed, doubled = len(sent) - len(waits), sum(len(times) > 1 for times in arrived.values())
    p50, p95, p99 = (statistics.quantiles(waits, n=100)[place - 1] for place in (50, 95, 99))
    print(f"{len(people)} sockets opened in {opening:.1f} s ({len(people) / opening:.0f} a second)")
    print(f"memory: {before / 2**20:.0f} MB before, {each / 1024:.1f} KB a socket")
    print(f"web processes grew by {web_grown / 2**20:.1f} MB together at the second half of the sockets")
    print(f"after {seconds} s of messages the process has {memory_of(live) / 2**20:.0f} MB")
    figures = zip(("p50", "p95", "p99", "most"), (p50, p95, p99, waits[-1]), strict=True)
    print(f"{len(sent)} messages at {rate} a second:", *(f"{name} {wait * 1000:.0f} ms" for name, wait in figures))
    print(f"missed {missed}, doubled {doubled}")
    return p95 < MOST_P95 and each < MOST_BYTES and not missed and not doubled


def main() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    given = [int(one) for one in sys.argv[1:]]
    sockets, rate, seconds = [*given, *(2000, 100, 30)[len(given) :]]
    with running_sheda() as (port, state_dir, parent):
        people = make_people(state_dir, sockets)
        return 0 if asyncio.run(measure(port, parent, people, rate, seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
