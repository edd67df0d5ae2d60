"""Pictures of every page, wide and narrow, light and dark: `python3 run.py shots [folder]` makes them, people look.

The same command takes the pictures of docs/agents.md anew.
"""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Page

from tests import walk
from tests.browser.tour import TASKS, Tour, picture_name
from tests.browser.watching import SIZES, WIDE, Watched
from tests.browser.world import World

PICTURES = Path("docs/pictures")
COLOURS = 96
"""Enough for a page of ours, and a third of the bytes."""


def name_of(path: str) -> str:
    """Name a page's picture after its address, without the numbers of rows."""
    words = path.removeprefix("/admin").replace("?tab=all", "").lower()
    return re.sub(r"[^a-z]+", "-", words).strip("-") or "home"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("side", list(SIZES))
def test_every_page_is_pictured(
    app: Flask, watch: Callable[..., Watched], world: World, side: str, scheme: str
) -> None:
    folder = Path(os.environ.get("SHOTS", "var/shots"))
    folder.mkdir(parents=True, exist_ok=True)
    for who in ("door", "agent", "admin"):
        watched, user = watch(SIZES[side], scheme), getattr(world, who, None)
        if user is not None:
            watched.sign_in(user)
        for path in walk.thinned(walk.pages(app, user)) if user is not None else ["/login/", "/admin/nothing-here"]:
            page = watched.open(path)
            page.screenshot(path=folder / f"{who}-{name_of(path)}-{side}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("task", TASKS)
def test_the_tour_is_pictured(watch: Callable[..., Watched], world: World, task: str) -> None:
    def take(page: Page) -> None:
        picture = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": WIDE[0], "height": 760})))
        small = picture.convert("RGB").resize((1080, 570), Image.Resampling.LANCZOS)
        small.quantize(COLOURS).save(PICTURES / picture_name(task), optimize=True)

    watched = watch(WIDE)
    watched.sign_in(world.agent)
    TASKS[task](Tour(watched, world, take))
