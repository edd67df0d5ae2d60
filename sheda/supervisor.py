"""Sheda as one family of processes: servers, web, live, worker and beat are started, watched and stopped together.

`run()` is `python3 run.py`; `run_command()` is `python3 run.py flask …` and `celery …`; `prepare()` brings a database
to the present code and is run in a process of its own.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from sheda.embedded import Servers, servers
from sheda.family import Child, family_of
from sheda.processes import start_process, stop_process
from sheda.state_dir import ServersError, kept_secret, running_servers

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
FAILURES_BEFORE_GIVING_UP = 3
LONGEST_PAUSE_SECONDS = 30
HEALTHY_SECONDS = 60
HEARTBEAT_SECONDS = 5
DEMO_ACCOUNTS = ("admin", "staff", "agent", "client")


class CannotStart(Exception):
    """Say in one sentence why Sheda does not start and what to do about it."""


class Stop(BaseException):
    """Unwind from wherever the program is, because someone asked Sheda to stop."""


def run() -> int:
    """Run Sheda until ^C or TERM; return 0 after a clean stop, 1 when it cannot start."""
    _on_signals(_raise_stop)
    try:
        _run()
    except Stop:
        tell("stopped")
        return 0
    except (CannotStart, ServersError) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def run_command(program: str, arguments: list[str]) -> int:
    """Run a flask or celery command on the servers of a running Sheda, else on servers of its own."""
    if program == "celery" and not {"-A", "--app"} & set(arguments):
        arguments = ["-A", "sheda.worker:celery", *arguments]
    line = [sys.executable, "-m", program, *arguments]
    _on_signals(_raise_stop)
    try:
        with _attached_environment() as env:
            return _wait_for(line, env)
    except Stop:
        return 130
    except (CannotStart, ServersError) as reason:
        print(reason, file=sys.stderr)
        return 1


def prepare() -> None:
    """Migrate the database, write roles and permissions and, with SHEDA_PREPARE_DEMO set, make the demo data."""
    import click
    from flask.cli import ScriptInfo

    from sheda.app import create_app

    logging.basicConfig(level=logging.WARNING)
    app = create_app()
    commands = [["db", "upgrade"], ["sheda", "sync-roles"]]
    if demo := os.environ.get("SHEDA_PREPARE_DEMO"):
        commands.append(["sheda", "demo", "--size", demo, "--seed", "42"])
    try:
        for command in commands:
            app.cli.main(command, prog_name="flask", obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
    except click.ClickException as refused:
        refused.show()
        sys.exit(1)


def state_directory() -> Path:
    """Return the directory of the embedded servers, media, mail and keys."""
    return Path(os.environ.get("SHEDA_STATE_DIR") or ROOT / "var").resolve()


def tell(line: str) -> None:
    """Print a line of progress at once; a terminal that has gone is no reason to stop."""
    with suppress(OSError):
        print(line, flush=True)


def _address() -> tuple[str, str]:
    return os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"


def _own_url() -> str:
    """Return where this machine reaches its own Sheda."""
    host, port = _address()
    return f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104  # compared, not bound


def _run() -> None:
    state_dir = state_directory()
    host, port = _address()
    with ExitStack() as stack:
        embedded = [
            name for name, url in (("PostgreSQL", "DATABASE_URL"), ("Valkey", "REDIS_URL")) if not os.environ.get(url)
        ]
        tell(f"starting {' and '.join(embedded)}" if embedded else "using the given servers")
        held = stack.enter_context(_servers(state_dir))
        _refuse_taken_port(host, port)
        env = _environment(state_dir, held)
        _prepare(state_dir, env, held)
        family = family_of(state_dir, host, port)
        for child in family:
            stack.callback(child.stop)
        tell("starting web, live, worker and beat")
        *needed, beat = family
        for child in needed:
            child.start(env, held.family_fd)
        url = _own_url()
        _wait_until_ready(url, needed, env, held.family_fd)
        beat.start(env, held.family_fd)
        tell(f"ready: {url}")
        _show_demo_accounts(state_dir)
        stack.callback(tell, "stopping")
        while True:
            _watch(family, env, held.family_fd)
            time.sleep(0.2)


@contextmanager
def _servers(state_dir: Path) -> Iterator[Servers]:
    database_url, redis_url = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    with servers(state_dir, database_url=database_url, redis_url=redis_url) as held:
        yield held


@contextmanager
def _attached_environment() -> Iterator[dict[str, str]]:
    """Yield the environment of a command: a running Sheda's servers when there is one, else started for it."""
    state_dir = state_directory()
    if running := running_servers(state_dir):
        yield _environment(state_dir, Servers(*running, family_fd=-1, is_new=False))
        return
    with _servers(state_dir) as held:
        env = _environment(state_dir, held)
        if held.is_new:
            _prepare_alone(env, held)
        yield env


def _environment(state_dir: Path, held: Servers) -> dict[str, str]:
    """Return what Sheda's processes read: the servers, and secrets kept in the state directory when none are given."""
    env = dict(os.environ) | {
        "DATABASE_URL": held.database_url,
        "REDIS_URL": held.redis_url,
        "SHEDA_STATE_DIR": str(state_dir),
        "FLASK_APP": "sheda.app:create_app",
        "PYTHONUNBUFFERED": "1",
    }
    env.setdefault("PUBLIC_URL", _own_url())
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        if not env.get(name):
            if os.environ.get("DATABASE_URL"):
                raise CannotStart(f"Set {name} to a long random text: with DATABASE_URL given it is not made up here.")
            env[name] = kept_secret(state_dir, name.lower().replace("_", "-"))
    if not env.get("SHEDA_DEMO_PASSWORD") and _demo_size() != "none":
        env["SHEDA_DEMO_PASSWORD"] = _demo_password(state_dir)
    return env


def _demo_password(state_dir: Path) -> str:
    return kept_secret(state_dir, "demo-password", strength=9)


def _demo_size() -> str:
    """Return the size of the demo: given servers may hold real data, so there it must be asked for."""
    return os.environ.get("SHEDA_DEMO") or ("none" if os.environ.get("DATABASE_URL") else "s")


def _prepare(state_dir: Path, env: dict[str, str], held: Servers) -> None:
    """Bring the database to the present code; on the first run fill it with the demo."""
    made = state_dir / "demo-made"
    size = _demo_size()
    is_first = not made.exists() and (size != "none" or "SHEDA_DEMO_PASSWORD" in env)
    if is_first and size != "none":
        tell(f"migrating the database, writing roles and making the demo data (size {size})")
    else:
        tell("migrating the database and writing roles")
    _prepare_alone(env | ({"SHEDA_PREPARE_DEMO": size} if is_first else {}), held)
    if is_first:
        made.write_text(f"{size}\n")


def _prepare_alone(env: dict[str, str], held: Servers) -> None:
    line = [sys.executable, "-c", "from sheda.supervisor import prepare; prepare()"]
    process = start_process(line, dying_by=signal.SIGTERM, family_fd=held.family_fd, env=env, cwd=ROOT)
    started = time.monotonic()
    try:
        while not _ends_within(process, HEARTBEAT_SECONDS):
            tell(f"  still at it, {time.monotonic() - started:.0f} s")
    finally:
        stop_process(process, (signal.SIGTERM, 5))
    if process.returncode:
        raise CannotStart("The database could not be prepared: the reason is above.")


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _refuse_taken_port(host: str, port: str) -> None:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "it is no port"
        message = f"Sheda cannot listen on {host}:{port} ({reason}): set PORT (or HOST) to one that is free."
        raise CannotStart(message) from error


def _wait_until_ready(url: str, family: list[Child], env: dict[str, str], family_fd: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(url):
        _watch(family, env, family_fd)
        failing = next((child for child in family if child.failures >= FAILURES_BEFORE_GIVING_UP), None)
        if failing or time.monotonic() > deadline:
            logs = [failing.log] if failing else [child.log for child in family]
            for log in logs:
                print(f"--- the end of {log}", *_tail(log), sep="\n", file=sys.stderr)
            what = f"The {failing.name} keeps ending" if failing else f"{url}/readyz does not answer"
            raise CannotStart(f"{what}: Sheda does not start; the reason is above.")
        time.sleep(0.1)


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []


def _is_ready(url: str) -> bool:
    with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310  # our own address
        return bool(answer.status == 200)  # noqa: PLR2004  # HTTP's OK
    return False


def _watch(family: list[Child], env: dict[str, str], family_fd: int) -> None:
    """Start again what has ended by itself, pausing longer after each failure in a row."""
    now = time.monotonic()
    for child in family:
        if child.process and child.has_ended():
            child.failures = 1 if now - child.started_at > HEALTHY_SECONDS else child.failures + 1
            pause = min(2 ** (child.failures - 1), LONGEST_PAUSE_SECONDS)
            tell(f"{child.name} ended ({child.process.returncode}), again in {pause} s; see {child.log}")
            child.stop()
            child.process, child.restart_at = None, now + pause
        elif child.process is None and now >= child.restart_at:
            child.start(env, family_fd)


def _show_demo_accounts(state_dir: Path) -> None:
    if (state_dir / "demo-made").exists():
        password = os.environ.get("SHEDA_DEMO_PASSWORD") or _demo_password(state_dir)
        tell(f"demo accounts: {', '.join(f'{name}@sheda.example' for name in DEMO_ACCOUNTS)}; password: {password}")
    tell(f"logs: {state_dir / 'logs'}; ^C stops everything")


def _wait_for(line: list[str], env: dict[str, str]) -> int:
    """Run a command at the terminal: it shares ^C with this process and is passed on a TERM."""
    process = subprocess.Popen(line, env=env, cwd=ROOT)
    _on_signals(lambda number, _frame: None if number == signal.SIGINT else process.send_signal(number))
    return process.wait()


def _on_signals(handler: "signal._HANDLER") -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    _on_signals(signal.SIG_IGN)
    raise Stop
