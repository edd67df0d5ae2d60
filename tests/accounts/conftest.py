from collections.abc import Iterator
from typing import Any

import pytest

from sheda.core import limits


@pytest.fixture
def limited(app: Any, redis: Any) -> Iterator[limits.Limits]:
    """Turn the rate limits on for one test."""
    found = limits.init_limits({**app.config, "RATELIMIT_ENABLED": True})
    assert found is not None
    app.extensions["limits"] = found
    yield found
    app.extensions["limits"] = None
