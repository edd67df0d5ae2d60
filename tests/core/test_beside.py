import os
import threading

import pytest

from sheda.core.beside import soon
from tests.live.machine import wait_for


def test_what_is_meant_often_is_said_once_by_another_thread() -> None:
    said: list[str] = []
    begun, let_go = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        let_go.wait(5)

    def word() -> None:
        said.append(threading.current_thread().name)

    soon(first)
    assert begun.wait(5)
    for _ in range(50):
        soon(word)
    assert said == []
    let_go.set()
    wait_for(lambda: said)
    assert said == ["beside"]
    soon(word)
    wait_for(lambda: len(said) == 2)


def test_a_word_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    said: list[bool] = []

    def fail() -> None:
        raise OSError("nobody listens")

    soon(fail)
    wait_for(lambda: "could not be said" in caplog.text)
    soon(lambda: said.append(True))
    wait_for(lambda: said)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_speaks_by_itself() -> None:
    soon(lambda: None)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        soon(lambda: os.write(theirs, b"here") and None)
        threading.Event().wait(5)
        os._exit(0)
    assert os.read(ours, 4) == b"here"
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(ours)
    os.close(theirs)
