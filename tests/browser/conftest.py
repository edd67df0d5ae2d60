"""A real browser on a real server: what it shows, says and asks for is watched on every page it opens.

Debian's Chromium is driven through Playwright; where there is none, these tests say so and skip.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.browser.watching import NARROW, REPORTS, SIZES, WIDE, Watched, listen
from tests.browser.world import World, make_world

PATIENCE = 30_000
"""Milliseconds for what a page does by itself: a machine that is busy with other tests takes its time."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Run Playwright's driver."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Run one Chromium for the session."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium here: the browser tests are skipped")
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
    yield browser
    browser.close()


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Run a test at a desk's size and in a hand's."""
    return SIZES[request.param]


@contextmanager
def one_context(chromium: Browser, size: tuple[int, int], **options: Any) -> Iterator[BrowserContext]:
    """Open a browser's memory of a size, and forget it."""
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=size == NARROW,
        is_mobile=size == NARROW,
        locale="en-NG",
        timezone_id="Africa/Lagos",
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def watch(chromium: Browser, base_url: str) -> Iterator[Callable[..., Watched]]:
    """Return a function that opens a watched window of a size and a colour scheme."""
    with ExitStack() as held:

        def make(size: tuple[int, int] = WIDE, scheme: Any = "light") -> Watched:
            context = held.enter_context(one_context(chromium, size, color_scheme=scheme))
            context.add_init_script(REPORTS)
            watched = Watched(context.new_page(), base_url)
            listen(watched)
            return watched

        yield make


@pytest.fixture
def world(live_db: Any) -> World:
    """Fill the database with one agent's business."""
    return make_world()


@pytest.fixture
def agent_window(watch: Callable[..., Watched], world: World, size: tuple[int, int]) -> Watched:
    """Return a window in which the agent is signed in."""
    watched = watch(size)
    watched.sign_in(world.agent)
    return watched
