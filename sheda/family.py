"""The programs of the family: how each is called, stopped and logged; `supervisor` starts and watches them."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sheda.processes import start_process, stop_process

ROOT = Path(__file__).resolve().parent.parent
LOG_BYTES_KEPT = 10_000_000

WEB = shlex.split(
    "--worker-class gthread --threads 16 --no-control-socket --preload --graceful-timeout 10 sheda.wsgi:app"
)

WORKER = shlex.split("worker --loglevel info --concurrency 2 --without-mingle --without-gossip")

BEHIND_OTHERS = ("nice", "-n", "10")
"""The worker's mails and pictures give way to the people who wait for an answer."""


@dataclass
class Child:
    """A long-running program of the family, and how it is asked to stop."""

    name: str
    arguments: list[str]
    stop_signals: tuple[tuple[signal.Signals, float], ...]
    dying_by: signal.Signals
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = field(default=0)

    def start(self, env: dict[str, str], family_fd: int) -> None:
        """Start the program, its words going to its log."""
        self.started_at = time.monotonic()
        self.process = start_process(
            self.arguments, dying_by=self.dying_by, family_fd=family_fd, env=env | self.env, cwd=ROOT, log=self.log
        )

    def stop(self) -> None:
        """Stop the program and whatever it started."""
        if self.process:
            stop_process(self.process, *self.stop_signals)

    def has_ended(self) -> bool:
        """Tell whether the program has ended by itself."""
        return self.process is not None and self.process.poll() is not None


def family_of(state_dir: Path, host: str, port: str) -> list[Child]:
    """Return the programs in the order of their start; they stop in the opposite order."""
    logs = state_dir / "logs"
    python = [sys.executable, "-m"]
    workers = os.environ.get("WEB_WORKERS") or "2"
    celery = [*python, "celery", "-A", "sheda.worker:celery"]
    schedule = (state_dir if os.environ.get("SHEDA_STATE_DIR") else ROOT) / "celerybeat-schedule"
    counting = {"PROMETHEUS_MULTIPROC_DIR": str(_fresh_directory(state_dir / "metrics"))}
    return [
        Child(
            # Killed with its parent: without the broker, which dies too, a worker asked to stop waits for ever.
            "worker",
            [*BEHIND_OTHERS, *celery, *WORKER],
            ((signal.SIGTERM, 20), (signal.SIGQUIT, 5)),
            signal.SIGKILL,
            _fresh_log(logs, "worker"),
        ),
        Child(
            "live",
            [*python, "sheda.sockets"],
            ((signal.SIGTERM, 5),),
            signal.SIGTERM,
            _fresh_log(logs, "live"),
            counting,
        ),
        Child(
            "web",
            [*python, "gunicorn", "--bind", f"{host}:{port}", "--workers", workers, *WEB],
            ((signal.SIGTERM, 15), (signal.SIGQUIT, 5)),
            signal.SIGQUIT,
            _fresh_log(logs, "web"),
            counting,
        ),
        Child(
            "beat",
            [*celery, "beat", "--loglevel", "info", "-s", str(schedule), "--pidfile="],
            ((signal.SIGTERM, 10),),
            signal.SIGTERM,
            _fresh_log(logs, "beat"),
        ),
    ]


def _fresh_log(logs: Path, name: str) -> Path:
    """Return the log's path, the former log set aside when it has grown large."""
    log = logs / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
        log.replace(log.with_suffix(".old.log"))
    return log


def _fresh_directory(path: Path) -> Path:
    """Return the directory where the web processes count together, emptied of former processes' files."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    return path
