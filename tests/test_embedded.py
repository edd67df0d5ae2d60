"""The embedded servers: they come up, keep what they were given, and never outlive the process that started them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from sheda.embedded import remove_state, servers
from sheda.state_dir import ServersError, StateInUse, kept_secret, own_lock, running_servers

ROOT = Path(__file__).parent.parent
HOLD = """
import sys, time
from pathlib import Path
from sheda.embedded import servers
with servers(Path(sys.argv[1]), fsync=False):
    print("up", flush=True)
    time.sleep(60)
"""


def processes_of(state_dir: Path) -> list[str]:
    """Return the command lines of living processes that speak of the state directory or hold a file in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            files = [str(file.readlink()) for file in (process / "fd").iterdir()]
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(str(state_dir) in name for name in (line, *files)):
            found.append(line)
    return found


def assert_nothing_left(state_dir: Path, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_of(state_dir):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.fixture
def state_dir():
    """A state directory that the servers' user can reach, unlike pytest's own temporary ones."""
    path = Path(tempfile.mkdtemp(prefix="sheda-state-"))
    yield path
    remove_state(path)


class TestServers:
    def test_what_was_written_is_there_at_the_next_start(self, state_dir):
        for number in (1, 2):
            with servers(state_dir) as held:
                assert held.is_new is (number == 1)
                with psycopg.connect(held.database_url.replace("+psycopg", "")) as connection:
                    connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
                    connection.execute("INSERT INTO kept VALUES (1)")
                    assert connection.execute("SELECT count(*) FROM kept").fetchone() == (number,)
                with redis.Redis.from_url(held.redis_url) as client:
                    assert client.incr("kept") == number
        assert_nothing_left(state_dir)

    def test_nobody_gets_in_without_the_password(self, state_dir):
        with servers(state_dir, fsync=False) as held:
            password = kept_secret(state_dir, "postgres-password")
            url = held.database_url.replace("+psycopg", "").replace(password, "guessed")
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(url)
            port = int(held.redis_url.rsplit(":", 1)[1].split("/")[0])
            with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
                client.ping()

    def test_only_the_owner_can_read_the_secrets(self, state_dir):
        with servers(state_dir, fsync=False):
            for name in ("postgres-password", "valkey-password", "servers.json"):
                assert (state_dir / name).stat().st_mode & 0o077 == 0

    def test_given_servers_are_left_alone(self, state_dir):
        with servers(state_dir, database_url="postgresql+psycopg://there/db", redis_url="redis://there") as held:
            assert (held.database_url, held.redis_url) == ("postgresql+psycopg://there/db", "redis://there")
            assert not (state_dir / "postgres").exists()

    def test_a_second_start_on_the_same_state_is_refused_and_can_attach(self, state_dir):
        with servers(state_dir, fsync=False) as held:
            with pytest.raises(StateInUse, match="already running"), servers(state_dir):
                pass
            assert running_servers(state_dir) == (held.database_url, held.redis_url)
        assert running_servers(state_dir) is None

    def test_the_state_of_another_major_version_is_refused_with_what_to_do(self, state_dir):
        with servers(state_dir, fsync=False):
            pass
        (state_dir / "postgres" / "PG_VERSION").write_text("12\n")
        with pytest.raises(ServersError, match=r"PostgreSQL 12 .* pg_dump"), servers(state_dir):
            pass

    def test_an_interrupted_start_leaves_nothing_in_the_way(self, state_dir):
        (state_dir / "postgres.new").mkdir()
        (state_dir / "postgres.new" / "half").write_text("made")
        with servers(state_dir, fsync=False) as held:
            assert held.is_new

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as another user")
    def test_a_state_directory_that_their_user_cannot_reach_is_no_obstacle(self, state_dir):
        closed = state_dir / "closed"
        closed.mkdir(mode=0o700)
        inner = closed / "var"
        with servers(inner, fsync=False) as held:
            assert held.is_new
        with servers(inner, fsync=False) as held:
            assert not held.is_new
        place = Path((inner / "servers-at").read_text())
        remove_state(inner)
        assert not place.exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at the parent's death is Linux's")
    def test_a_killed_parent_leaves_no_process(self, state_dir):
        parent = subprocess.Popen([sys.executable, "-c", HOLD, str(state_dir)], cwd=ROOT, stdout=subprocess.PIPE)
        assert parent.stdout.readline() == b"up\n"
        assert len(processes_of(state_dir)) >= 3
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        assert_nothing_left(state_dir)
        with own_lock(state_dir):
            assert not list((state_dir / "postgres").glob("postmaster.pid"))
