import io
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image

from sheda.accounts.models import User
from sheda.core.actor import Role
from tests.factories import make_user

PROPERTIES = "/api/v1/properties"


@dataclass
class People:
    """Two agents, a client, a member of staff and an admin."""

    agent: User
    other: User
    client: User
    staff: User
    admin: User


@pytest.fixture
def people(db_session: Any) -> People:
    return People(
        make_user(Role.AGENT), make_user(Role.AGENT), make_user(), make_user(Role.STAFF), make_user(Role.ADMIN)
    )


@pytest.fixture
def terms() -> dict[str, Any]:
    """What an agent writes of a flat to let, and no more than he must."""
    return {
        "title": "Two bedroom flat in Yaba",
        "description": "Bright, dry and quiet.",
        "price": "2500000.00",
        "listing_type": "rent",
        "period": "year",
        "property_type": "apartment",
        "location": "Herbert Macaulay Way, Yaba",
        "bedroom": 2,
        "bathroom": 2,
    }


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), colour: str = "teal") -> bytes:
    """Draw a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def upload(*contents: bytes) -> dict[str, Any]:
    """Make the arguments of a multipart request with files."""
    files = [(io.BytesIO(data), f"photo-{place}.jpg") for place, data in enumerate(contents)]
    return {"data": {"files": files}, "content_type": "multipart/form-data"}
