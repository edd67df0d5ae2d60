#!/usr/bin/env python3
"""The one entry to Sheda. Run `python3 run.py` for a working Sheda, `python3 run.py --help` for the rest.

Only the standard library is used until `.venv` is made from requirements.lock; then this file runs again inside it.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "made-from"
INSTALL_LOG = ROOT / ".venv-install.log"
PIP_WITH_PYTHON_OPTION = (22, 3)
HEARTBEAT_SECONDS = 5
USAGE = """usage: python3 run.py [command]

  (no command)      run Sheda: servers, web, worker and beat, on http://127.0.0.1:8000
  test [arguments]  run the tests, on every processor; arguments go to pytest instead
  lint              check style and types
  bench [name]      run the benchmarks and print a table of figures
  shots [folder]    take a picture of every page, at both sizes and in both colour schemes
  flask ...         a flask command on Sheda's database, beside a running Sheda or alone
  celery ...        a celery command, the same
  check             look for broken invariants in the database
"""


class CannotRun(Exception):
    """Say in one sentence why Sheda cannot run and what to do about it."""


def main(arguments: "list[str]") -> int:
    """Carry out the command and return its exit code."""
    command, *rest = arguments or ["run"]
    if command not in {"run", "test", "lint", "bench", "shots", "flask", "celery", "check"}:
        print(USAGE, end="")
        return 0 if command in {"-h", "--help", "help"} else 2
    enter_environment(arguments)
    os.chdir(ROOT)
    if command == "shots":
        os.environ["SHOTS"] = rest[0] if rest else "var/shots"
        rest = ["-q", "tests/browser/shots.py"]
    if command == "test" and not rest:
        rest = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup", "--no-loadscope-reorder"]
    module = {"test": "pytest", "shots": "pytest", "bench": "tests.benchmarks"}.get(command)
    if module:
        return replace_process("-m", module, *rest)
    if command == "lint":
        return lint()
    from sheda import supervisor

    if command == "run":
        return supervisor.run()
    if command == "check":
        command, rest = "flask", ["sheda", "check"]
    return supervisor.run_command(command, rest)


def replace_process(*arguments: str) -> int:
    """Become another Python program, so that signals reach it and its exit code is ours."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  # there is no shell in it


def lint() -> int:
    """Run every checker, also after one has complained."""
    checks = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
    return max(subprocess.run([sys.executable, "-m", *check], check=False).returncode for check in checks)


def enter_environment(arguments: "list[str]") -> None:
    """Return inside `.venv` made from the present lock; make it and run this file again there when need be."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an older Python must get this far to be told
        raise CannotRun("Sheda needs Python 3.11 or newer: run it as python3.11 run.py, say.")
    is_inside = Path(sys.prefix).resolve() == VENV
    outside = getattr(sys, "_base_executable", sys.executable) if is_inside else sys.executable
    if not is_current():
        if is_inside:
            again(outside, arguments)
        with LOCK.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_current():
                make_environment()
    if not is_inside:
        again(str(VENV / "bin" / "python"), arguments)


def again(python: str, arguments: "list[str]") -> None:
    """Run this file with another Python in place of this process."""
    sys.stdout.flush()
    os.execv(python, [python, str(ROOT / "run.py"), *arguments])  # noqa: S606  # there is no shell in it


def is_current() -> bool:
    """Tell whether `.venv` was made completely, from this lock."""
    return STAMP.exists() and STAMP.read_text() == stamp() and (VENV / "bin" / "python").exists()


def stamp() -> str:
    """Return what `.venv` depends on: the lock's content and the place that its scripts name."""
    return f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {VENV}"


def make_environment() -> None:
    """Make `.venv` anew and install the lock, every file checked against its hash."""
    started = time.monotonic()
    wanted = len(re.findall(r"^\S+==", LOCK.read_text(), re.MULTILINE))
    tell(f"Making the environment in .venv ({wanted} packages, about a minute the first time)")
    shutil.rmtree(VENV, ignore_errors=True)
    INSTALL_LOG.unlink(missing_ok=True)
    python = str(VENV / "bin" / "python")
    uv = shutil.which("uv")
    if uv:
        carry_out([uv, "venv", "--quiet", "--no-python-downloads", "--python", sys.executable, str(VENV)])
        carry_out([uv, "pip", "install", "--python", python, "--require-hashes", "--requirements", str(LOCK)])
    else:
        pip = make_without_uv(python)
        options = ["--require-hashes", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
        carry_out([*pip, "install", *options, "--requirement", str(LOCK)])
    INSTALL_LOG.unlink(missing_ok=True)
    STAMP.write_text(stamp())
    tell(f"The environment is ready ({time.monotonic() - started:.0f} s)")


def make_without_uv(python: str) -> "list[str]":
    """Make an empty environment and return the pip command that installs into it."""
    if importlib.util.find_spec("venv") is None:
        raise CannotRun("This Python has no venv module: install it (on Debian: apt install python3-venv).")
    if pip_version() >= PIP_WITH_PYTHON_OPTION:
        carry_out([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        return [sys.executable, "-m", "pip", "--python", python]
    if importlib.util.find_spec("ensurepip") is None:
        raise CannotRun("This Python has neither pip nor uv: install one (on Debian: apt install python3-pip).")
    carry_out([sys.executable, "-m", "venv", str(VENV)])
    return [python, "-m", "pip"]


def pip_version() -> "tuple[int, ...]":
    """Return the version of this Python's pip, (0,) without one."""
    if importlib.util.find_spec("pip") is None:
        return (0,)
    said = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", said.stdout)
    return tuple(map(int, found.groups())) if found else (0,)


def carry_out(arguments: "list[str]") -> None:
    """Run a step of the installation, its words in the log, a sign of life on the terminal."""
    with INSTALL_LOG.open("ab") as log:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        last_sign = started = time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - last_sign > HEARTBEAT_SECONDS:
                    last_sign = time.monotonic()
                    done = INSTALL_LOG.read_text(errors="replace").count("Collecting ")
                    tell(f"  installing, {f'{done} packages so far, ' if done else ''}{last_sign - started:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        raise CannotRun(
            "The packages of requirements.lock could not be installed: check the network and that pip can reach its "
            f"package index, then run this again ({last_error()}; all of it in {INSTALL_LOG.name})."
        )


def last_error() -> str:
    """Return the last line of the installation's log that speaks of an error."""
    lines = [line.strip() for line in INSTALL_LOG.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it said nothing"])[-1].rstrip(".")


def tell(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CannotRun as reason:
        sys.exit(str(reason))
    except OSError as error:
        sys.exit(f"Sheda cannot run here: {error}.")
    except KeyboardInterrupt:
        sys.exit(130)
