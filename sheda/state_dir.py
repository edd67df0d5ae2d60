"""The state directory: who holds it, the secrets kept in it, and the servers of the Sheda that runs on it.

Two locks. `lock` is held by the one Sheda that runs here; a second is refused. `family.lock` is inherited by every
process that it starts, so it is free exactly when all of them are gone, also after a kill -9 of their parent.
"""

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FAMILY_SECONDS = 30


class ServersError(Exception):
    """Say in one sentence why the servers cannot be had and what to do about it."""


class StateInUse(ServersError):
    """Refuse a state directory that another Sheda holds."""


def kept_secret(state_dir: Path, name: str, *, strength: int = 32) -> str:
    """Return the secret kept in the file `name`, made on first use from `strength` random bytes, with mode 0600."""
    path = state_dir / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(strength))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write `text` at once, readable by its owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(name).replace(path)


def make_state_dir(state_dir: Path) -> None:
    """Make the state directory, open to its owner only (and, under root, passable for the servers' group)."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state_dir / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        message = f"The state directory {state_dir} cannot be made ({error.strerror}): set SHEDA_STATE_DIR."
        raise ServersError(message) from error


@contextmanager
def own_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state directory; raises StateInUse at once when another Sheda does."""
    with (state_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            message = f"A Sheda is already running on {state_dir}: stop it first, or set SHEDA_STATE_DIR to another."
            raise StateInUse(message) from taken
        yield


@contextmanager
def family_lock(state_dir: Path) -> Iterator[int]:
    """Yield the locked descriptor that every child inherits; wait for the children of a Sheda that was killed."""
    with (state_dir / "family.lock").open("w") as file:
        deadline = time.monotonic() + FAMILY_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as taken:
                if time.monotonic() > deadline:
                    message = f"Processes of an earlier Sheda on {state_dir} do not end: stop them, then try again."
                    raise StateInUse(message) from taken
                time.sleep(0.1)
        yield file.fileno()


def running_servers(state_dir: Path) -> tuple[str, str] | None:
    """Return the database and Redis URLs of the Sheda that holds `state_dir`, None when none does.

    Raises ServersError while that Sheda is still starting.
    """
    with suppress(StateInUse, FileNotFoundError), own_lock(state_dir):
        return None
    if not state_dir.exists():
        return None
    try:
        known = json.loads((state_dir / "servers.json").read_text())
    except FileNotFoundError as missing:
        message = f"The Sheda on {state_dir} is still starting or stopping: try again in a moment."
        raise ServersError(message) from missing
    return known["database_url"], known["redis_url"]
