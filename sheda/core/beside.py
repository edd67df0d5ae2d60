"""Small words to other servers that nobody waits for, such as bells: said beside, once however often they are meant."""

import logging
import os
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

GAP_SECONDS = 0.005
"""What is meant again within this time is said once."""


class _Beside:
    """One process's thread, begun with its first word."""

    def __init__(self) -> None:
        self._meant: dict[Callable[[], None], None] = {}
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def mean(self, word: Callable[[], None]) -> None:
        self._meant[word] = None
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._speak, name="beside", daemon=True)
                    self._thread.start()

    def _speak(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            while self._meant:
                word, _ = self._meant.popitem()
                try:
                    word()
                except Exception:
                    log.exception("%s could not be said", word)
            time.sleep(GAP_SECONDS)


_beside = _Beside()


def soon(word: Callable[[], None]) -> None:
    """Say a word in a moment, in another thread; what fails is logged, what the process ends before is lost."""
    _beside.mean(word)


def _begin_anew() -> None:
    global _beside  # noqa: PLW0603 - a forked process has none of its parent's threads
    _beside = _Beside()


os.register_at_fork(after_in_child=_begin_anew)
