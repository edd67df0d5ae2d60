"""Child processes that end with their parent: how they are started and how they are stopped."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1


def start_process(
    arguments: list[str],
    *,
    dying_by: signal.Signals,
    family_fd: int,
    env: Mapping[str, str],
    cwd: Path,
    log: Path | None = None,
    user: tuple[int, int] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in its own process group, so that a ^C at the terminal reaches only the parent.

    On Linux the kernel sends it `dying_by` when the parent dies. It inherits `family_fd` (see sheda/state_dir.py),
    appends what it says to `log` (without one it shares this process's output), and runs as `user` (uid, gid).
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            arguments,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=env,
            pass_fds=[family_fd],
            process_group=0,
            preexec_fn=_dying_with_parent(dying_by),  # noqa: PLW1509  # no thread runs before the children start
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
    finally:
        if output:
            output.close()


def stop_process(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn, waiting its seconds, then kill whatever is left of the process group."""
    for number, seconds in signals:
        if process.poll() is not None:
            break
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def die_with_parent() -> None:
    """Ask the kernel to kill this process at its parent's death; outside Linux nothing is asked."""
    ask_kernel = _dying_with_parent(signal.SIGKILL, parent=os.getppid())
    if ask_kernel:
        ask_kernel()


def _dying_with_parent(stop_signal: signal.Signals, parent: int | None = None) -> Callable[[], None] | None:
    """Return a `preexec_fn` that asks the kernel for `stop_signal` at the parent's death; None outside Linux."""
    if sys.platform != "linux":
        return None
    parent = parent or os.getpid()
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


def keep_what_is_there() -> None:
    """Take what has been made so far out of garbage collection, and look for garbage less often; before forking.

    It lives as long as the process: looking through it cost a fifth of a web request's time and a third of the daily
    job's Python, and copied to each process the pages that a fork shares.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
