from collections.abc import Iterator

import pytest
from flask import Flask

from tests.receivers import Receiver


@pytest.fixture
def receiver(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Run a program that takes webhooks, on this machine: the setting that permits it is for that alone."""
    monkeypatch.setitem(app.config, "OUTBOUND_LOCAL", True)
    with Receiver() as found:
        yield found
