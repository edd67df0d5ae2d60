"""Measure what twenty sign-ins at once do to those who browse.

`python -m tests.benchmarks.logins PORT PASSWORD` asks a Sheda that runs there with RATELIMIT_ENABLED=false and its demo
accounts: listings at a steady rate, first alone, then while twenty clients sign in at once, again and again. Each round
is measured both ways, for other work on the machine comes and goes; the ratios are what counts.
"""

import http.client
import json
import multiprocessing
import statistics
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

RATE, SECONDS, BROWSERS, AT_ONCE, ROUNDS = 80.0, 5.0, 8, 20, 3


def ask(port: int, method: str, path: str, body: dict | None = None) -> tuple[float, int]:
    """Send one request on a connection of its own; its milliseconds and status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started = time.perf_counter()
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return (time.perf_counter() - started) * 1000, answer.status


def browse(port: int, listings: list[int], times: list[float]) -> None:
    """Ask for one listing after another at a steady rate, as one of several browsers."""
    until, turn = time.perf_counter() + SECONDS, 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        taken, status = ask(port, "GET", f"/api/v1/properties/{listings[turn % len(listings)]}")
        assert status == 200, status
        times.append(taken)
        turn += 7
        time.sleep(max(0.0, BROWSERS / RATE - (time.perf_counter() - began)))


def sign_in(port: int, password: str, times: list[float], stop: Event) -> None:
    """Sign in again and again."""
    while not stop.is_set():
        body = {"email": "client@sheda.example", "password": password}
        taken, status = ask(port, "POST", "/api/v1/auth/login", body)
        assert status in {200, 503}, status
        if status == 200:
            times.append(taken)
        else:
            time.sleep(1)  # as its Retry-After says


def crowd(port: int, password: str, logins: int, stop: Event, taken: Connection) -> None:
    """Sign in as so many at once until asked to stop, then tell how long each took."""
    times: list[float] = []
    guests = [threading.Thread(target=sign_in, args=(port, password, times, stop)) for _ in range(logins)]
    for one in guests:
        one.start()
    for one in guests:
        one.join()
    taken.send(times)


def measure(port: int, password: str, listings: list[int], logins: int) -> tuple[float, list[float]]:
    """Return the p95 of browsing in milliseconds, and the times of the sign-ins beside it.

    Those who sign in are a process of their own: what they make their own Python do must not count as Sheda's.
    """
    browsed: list[float] = []
    stop, (told, tell) = multiprocessing.Event(), multiprocessing.Pipe(duplex=False)
    guests = multiprocessing.Process(target=crowd, args=(port, password, logins, stop, tell))
    guests.start()
    browsers = [threading.Thread(target=browse, args=(port, listings, browsed)) for _ in range(BROWSERS)]
    for one in browsers:
        one.start()
    for one in browsers:
        one.join()
    stop.set()
    signed = told.recv()
    guests.join()
    return statistics.quantiles(browsed, n=20)[18], signed


def main(port: int, password: str) -> None:
    """Print the p95 of browsing alone and beside sign-ins, round by round."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/api/v1/properties?limit=100")
    listings = [row["id"] for row in json.loads(connection.getresponse().read())["result"]]
    alone_login = statistics.median(measure_login(port, password) for _ in range(7))
    print(f"one sign-in alone: {alone_login:.0f} ms")
    for number in range(ROUNDS):
        alone, _ = measure(port, password, listings, 0)
        beside, signed = measure(port, password, listings, AT_ONCE)
        rate = len(signed) / SECONDS
        print(
            f"round {number + 1}: browsing p95 {alone:.1f} ms alone, {beside:.1f} ms beside {AT_ONCE} sign-ins at once "
            f"({beside / alone - 1:+.0%}); sign-ins {rate:.1f}/s, p50 {statistics.median(signed):.0f} ms",
            flush=True,
        )


def measure_login(port: int, password: str) -> float:
    """Return the milliseconds of one sign-in."""
    return ask(port, "POST", "/api/v1/auth/login", {"email": "client@sheda.example", "password": password})[0]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
