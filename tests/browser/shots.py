"""Pictures of every page, wide and narrow, light and dark: `python3 run.py shots [folder]` makes them, people look."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sheda.accounts.models import User
from tests.browser.watching import SIZES, Watched
from tests.browser.world import World


def name_of(path: str) -> str:
    """Name a page's picture after its address, without the numbers of rows."""
    words = path.removeprefix("/admin").replace("?tab=all", "").lower()
    return re.sub(r"[^a-z]+", "-", words).strip("-") or "home"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("side", list(SIZES))
def test_every_page_is_pictured(watch: Callable[..., Watched], world: World, side: str, scheme: str) -> None:
    folder = Path(os.environ.get("SHOTS", "var/shots"))
    folder.mkdir(parents=True, exist_ok=True)
    people: list[tuple[str, User | None, list[str]]] = [
        ("door", None, ["/login/"]),
        ("agent", world.agent, world.paths()),
        ("admin", world.admin, world.desk_paths()),
    ]
    for who, user, paths in people:
        watched = watch(SIZES[side], scheme)
        if user is not None:
            watched.sign_in(user)
        for path in paths:
            page = watched.open(path)
            page.screenshot(path=folder / f"{who}-{name_of(path)}-{side}-{scheme}.png", full_page=True)
