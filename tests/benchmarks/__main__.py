"""Measure a Sheda of its own: web, worker, beat and both servers on this machine, with demo data (SHEDA_DEMO, else m).

The client runs on the same cores, so the figures are for comparing two states of the code on one machine.
"""

import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sheda.embedded import free_port, remove_state

ROOT = Path(__file__).resolve().parent.parent.parent
CONNECTIONS = 8
SECONDS = 5.0
PASSWORD = "benchmarks only: never served"


class Target:
    """The Sheda under measurement: its port, some listings, and a client's token."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.listings = [row["id"] for row in self.get("/api/v1/properties?limit=100")["result"]]
        body = {"email": "client@sheda.example", "password": PASSWORD}
        self.token = self.post("/api/v1/auth/login", body)["access_token"]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path: str) -> dict:
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict) -> dict:
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None) -> dict:
        connection = self.connect()
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status < 400, (path, answer.status, text)
        connection.close()
        return json.loads(text)


Requests = Callable[[Target], Iterator[tuple[str, bool]]]


def newest(_target: Target) -> Iterator[tuple[str, bool]]:
    """Ask for the first page of the market."""
    return itertools.repeat(("/api/v1/properties?limit=20", False))


def filtered(_target: Target) -> Iterator[tuple[str, bool]]:
    """Ask for homes to let of a size, by price."""
    return itertools.repeat(("/api/v1/properties?listing_type=rent&min_bedrooms=2&sort=price", False))


def search(_target: Target) -> Iterator[tuple[str, bool]]:
    """Search by words."""
    words = itertools.cycle(["lekki", "duplex", "serviced flat", "ibadan", "self contain"])
    return ((f"/api/v1/properties?search={word.replace(' ', '+')}", False) for word in words)


def detail(target: Target) -> Iterator[tuple[str, bool]]:
    """Ask for one listing after another."""
    return ((f"/api/v1/properties/{number}", False) for number in itertools.cycle(target.listings))


def conversations(_target: Target) -> Iterator[tuple[str, bool]]:
    """Ask for a client's conversations."""
    return itertools.repeat(("/api/v1/chats", True))


def appointments(_target: Target) -> Iterator[tuple[str, bool]]:
    """Ask for a client's viewings."""
    return itertools.repeat(("/api/v1/appointments", True))


BENCHMARKS: dict[str, Requests] = {
    make.__name__: make for make in (newest, filtered, search, detail, conversations, appointments)
}


@contextmanager
def running_sheda() -> Iterator[int]:
    state_dir = Path(tempfile.mkdtemp(prefix="sheda-bench-"))
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}} | {
        "SHEDA_STATE_DIR": str(state_dir),
        "SHEDA_DEMO": os.environ.get("SHEDA_DEMO") or "m",
        "SHEDA_DEMO_PASSWORD": PASSWORD,
        "RATELIMIT_ENABLED": "false",
        "PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("ready: "):
                break
        else:
            sys.exit("Sheda did not start: the reason is above.")
        yield port
    finally:
        process.terminate()
        process.communicate()
        remove_state(state_dir)


def measure(target: Target, make: Requests) -> tuple[list[float], int]:
    """Return each answer's milliseconds, and how many answers were no success."""
    times: list[float] = []
    failures: list[int] = []
    until = time.monotonic() + SECONDS

    def ask_on() -> None:
        connection, requests = target.connect(), make(target)
        while time.monotonic() < until:
            path, with_token = next(requests)
            started = time.perf_counter()
            connection.request("GET", path, headers={"Authorization": f"Bearer {target.token}"} if with_token else {})
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - started) * 1000)
            if answer.status != 200:
                failures.append(answer.status)

    threads = [threading.Thread(target=ask_on) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, len(failures)


def main(names: list[str]) -> int:
    if names[:1] == ["peers"]:
        from tests.benchmarks import peers

        return peers.main(names[1:])
    if names[:1] == ["pages"]:
        from tests.benchmarks import pages

        return pages.main(names[1:])
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(
            f"There is no benchmark {', '.join(sorted(unknown))}: choose of {', '.join(BENCHMARKS)}.", file=sys.stderr
        )
        return 2
    with running_sheda() as port:
        target = Target(port)
        print(f"\n{'benchmark':<16}{'requests/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'failed':>8}")
        for name in names or BENCHMARKS:
            times, failed = measure(target, BENCHMARKS[name])
            cuts = statistics.quantiles(times, n=100)
            row = f"{len(times) / SECONDS:>12.0f}{cuts[49]:>9.1f}{cuts[94]:>9.1f}{cuts[98]:>9.1f}{failed:>8}"
            print(f"{name:<16}{row}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
