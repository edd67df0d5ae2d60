"""`python3 run.py` as a newcomer meets it: one start, one stop, nothing left, and one sentence when it cannot be."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from sheda.embedded import free_port, remove_state
from sheda.state_dir import running_servers
from sheda.supervisor import ROOT


@pytest.fixture(scope="module")
def state_dir():
    path = Path(tempfile.mkdtemp(prefix="sheda-run-"))
    yield path
    remove_state(path)


class Run:
    """A `python3 run.py` of its own, beside the servers of the tests."""

    def __init__(self, state_dir: Path) -> None:
        given = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SECRET_KEY"}
        self.env = {name: value for name, value in os.environ.items() if name not in given}
        self.port = free_port()
        self.env |= {"SHEDA_STATE_DIR": str(state_dir), "SHEDA_DEMO": "none", "PORT": str(self.port)}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> list[str]:
        """Start Sheda and return what it said until it was ready."""
        self.process = subprocess.Popen(
            [sys.executable, "run.py"],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said: list[str] = []
        for line in self.process.stdout:
            said.append(line.strip())
            if line.startswith("ready: "):
                return said
        raise AssertionError("\n".join(said))

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "run.py", *arguments]
        return subprocess.run(
            line, cwd=ROOT, env=self.env | env, capture_output=True, text=True, timeout=60, check=False
        )

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


def processes_of(run: Run) -> list[str]:
    """Return the living processes that were started with this run's port in their environment."""
    mark = f"PORT={run.port}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and kill -9 is promised on Linux only")
class TestRun:
    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    def test_it_gets_ready_and_leaves_no_process(self, state_dir, how):
        run = Run(state_dir)
        said = run.start()
        assert said[-1] == f"ready: http://127.0.0.1:{run.port}"
        with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/readyz", timeout=5) as answer:
            assert answer.status == 200
        assert len(processes_of(run)) >= 4
        assert run.end(how) == (-how if how == signal.SIGKILL else 0)
        deadline = time.monotonic() + 20
        while left := processes_of(run):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        while running := running_servers(state_dir):
            assert time.monotonic() < deadline, running

    def test_a_second_one_is_refused_and_commands_attach(self, state_dir):
        run = Run(state_dir)
        run.start()
        try:
            second = run.command(PORT=str(free_port()))
            assert second.returncode == 1
            assert "A Sheda is already running on" in second.stderr
            assert len(second.stderr.splitlines()) == 1
            check = run.command("check")
            assert check.returncode == 0, check.stdout + check.stderr
        finally:
            ended = run.end(signal.SIGINT)
        assert ended == 0

    def test_a_taken_port_is_one_sentence(self, state_dir):
        run = Run(state_dir)
        with socket.create_server(("127.0.0.1", run.port)):
            refused = run.command()
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert f"Sheda cannot listen on 127.0.0.1:{run.port}" in refused.stderr

    def test_given_servers_need_given_secrets(self, state_dir):
        refused = Run(state_dir).command(
            "check", DATABASE_URL="postgresql://127.0.0.1/db", REDIS_URL="redis://127.0.0.1"
        )
        assert refused.returncode == 1
        assert refused.stderr.startswith("Set SECRET_KEY to a long random text")
        assert refused.stderr.count("\n") == 1


class TestEnvironment:
    def test_packages_that_cannot_be_had_are_one_sentence(self, tmp_path):
        shutil.copy(ROOT / "run.py", tmp_path)
        (tmp_path / "requirements.lock").write_text(f"nothing-of-this-name==1 --hash=sha256:{'0' * 64}\n")
        env = os.environ | {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}
        refused = subprocess.run(
            [sys._base_executable, "run.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert refused.stderr.startswith("The packages of requirements.lock could not be installed")
        assert not (tmp_path / ".venv" / "made-from").exists()

    @pytest.mark.parametrize("module", ["venv", "pip"])
    def test_a_python_without_its_modules_is_one_sentence(self, module, monkeypatch):
        spec = importlib.util.spec_from_file_location("run_file", ROOT / "run.py")
        run_file = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(run_file)
        missing = {module, "ensurepip"}
        find_spec = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find_spec(name))
        with pytest.raises(run_file.CannotRun, match="install"):
            run_file.make_without_uv("python")

    def test_an_unknown_command_shows_the_usage(self):
        said = subprocess.run([sys.executable, "run.py", "fly"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert said.stdout.startswith("usage: python3 run.py")
