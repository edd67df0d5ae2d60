from typing import Any

import pytest

from tests.notifications.deals import Deal


@pytest.fixture
def deal(db_session: Any) -> Deal:
    return Deal()
