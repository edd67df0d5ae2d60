"""Every page in a browser: for everybody, in both sizes and colour schemes, quiet, and without leaving the machine."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import expect

from sheda.core import clock
from sheda.core.db import db
from tests import factories, walk
from tests.browser.conftest import one_context
from tests.browser.watching import WIDE, Watched
from tests.browser.world import World

MISSING = "the server responded with a status of 404"
"""What Chromium says of the page that is not there."""


def look(watched: Watched, paths: list[str]) -> list[str]:
    """Open pages and return what must not be on them, in light and in dark."""
    found: list[str] = []
    for path in paths:
        page = watched.open(path)
        page.emulate_media(color_scheme="light")
        found += [f"{path} {violation}" for violation in watched.violations()]
        page.emulate_media(color_scheme="dark")
        found += [f"{path} in the dark {violation}" for violation in watched.violations(only="color-contrast")]
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{path} is {width} px wider than the window"] if width > 0 else []
        found += [f"{path} reports {report}" for report in page.evaluate("window.__reports")]
        found += [f"{path} has no heading"] if page.locator("h1").count() != 1 else []
    return found + [fault for fault in watched.faults if MISSING not in fault]


class TestEveryPage:
    def test_of_the_door_can_be_used_by_everybody(self, watch: Callable[..., Watched], size: tuple[int, int]) -> None:
        watched = watch(size)
        assert look(watched, ["/login/", "/admin/nothing-here"]) == []

    @pytest.mark.parametrize("who", ["agent", "admin"])
    def test_can_be_used_by_everybody(
        self, app: Flask, watch: Callable[..., Watched], world: World, size: tuple[int, int], who: str
    ) -> None:
        watched, user = watch(size), getattr(world, who)
        watched.sign_in(user)
        paths = walk.thinned(walk.pages(app, user))
        assert len(paths) > 40
        assert look(watched, paths) == []

    def test_of_staff_can_be_used_by_everybody(self, app: Flask, watch: Callable[..., Watched], world: World) -> None:
        watched = watch(WIDE)
        watched.sign_in(world.staff)
        common = set(walk.pages(app, world.admin))
        own = [path for path in walk.pages(app, world.staff) if path not in common]
        assert look(watched, ["/admin/", "/admin/more", *own]) == []

    def test_that_refuses_can_be_used_by_everybody(
        self, app: Flask, watch: Callable[..., Watched], world: World, size: tuple[int, int], monkeypatch: Any
    ) -> None:
        watched = watch(size)
        watched.sign_in(world.agent)
        page = watched.open("/admin/users/list/")
        expect(page.get_by_role("heading", level=1)).to_have_text("That is not yours to do")
        found = watched.violations()
        monkeypatch.setattr("sheda.workplace.figures.at_home", lambda _actor: 1 // 0)
        monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
        page = watched.open("/admin/")
        expect(page.get_by_role("heading", level=1)).to_have_text("That was our fault")
        expect(page.get_by_text("give the desk this number")).to_be_visible()
        assert found + watched.violations() == []


class TestWithoutScript:
    """The daily tasks with JavaScript switched off: what a button does, its form does."""

    @pytest.fixture
    def plain(self, chromium: Any, base_url: str, world: World, size: tuple[int, int]) -> Any:
        with one_context(chromium, size, java_script_enabled=False) as context:
            watched = Watched(context.new_page(), base_url)
            watched.sign_in(world.agent)
            yield watched

    def test_a_request_is_confirmed(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/")
        page.get_by_role("button", name=re.compile("^Confirm")).first.click()
        expect(page.get_by_text("Confirmed. Both sides have been told.")).to_be_visible()

    def test_a_viewing_is_moved_to_a_free_time(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/appointments/list/")
        page.get_by_role("link", name=re.compile("^Move")).first.click()
        page.get_by_role("radio").nth(2).check(force=True)
        page.get_by_role("button", name="Move").click()
        expect(page.get_by_text("Moved. The other side has been told.")).to_be_visible()

    def test_photos_are_described(self, plain: Watched, world: World) -> None:
        image = factories.make_image(world.home, status="failed")
        page = plain.open(f"/admin/properties/edit/{world.home.id}")
        page.get_by_role("textbox", name="Caption of photo 1").fill("The gate, by day")
        page.get_by_role("button", name="Save captions").click()
        expect(page.get_by_text("Captions saved.")).to_be_visible()
        db.session.refresh(image)
        assert image.caption == "The gate, by day"

    def test_money_is_judged(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/")
        page.get_by_role("link", name=re.compile("^Money received")).first.click()
        page.get_by_role("button", name="Money received").click()
        expect(page.get_by_text("Money received. The contract has begun")).to_be_visible()

    def test_a_contract_is_renewed(self, plain: Watched, world: World) -> None:
        page = plain.open(f"/admin/contracts/show/{world.contract.id}")
        page.get_by_role("link", name=re.compile("^Renew")).first.click()
        page.get_by_role("button", name="Renew").click()
        expect(page.locator(".s-toast")).to_be_visible()

    def test_a_list_is_narrowed_ticked_and_taken_along(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/properties/list/?tab=all")
        page.locator("#q").fill("Two bedroom")
        page.get_by_role("button", name="Show").first.click()
        expect(page.locator(".s-lead a")).to_have_count(1)
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Pause", exact=True).last.click()
        expect(page.get_by_text("1 listing done")).to_be_visible()
        page.locator("summary", has_text="Export").click()
        with page.expect_download():
            page.get_by_role("link", name="CSV").click()

    def test_a_client_is_found_by_phone(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/search/?q=0803+123+4567")
        page.get_by_role("link", name=re.compile("Funke Adeyemi")).first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Funke Adeyemi")

    def test_a_chat_is_answered(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/chats/list/")
        page.get_by_role("link", name=re.compile("Funke Adeyemi")).first.click()
        page.locator("#message").fill("Yes, daily.")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#thread").get_by_text("Yes, daily.")).to_be_visible()

    def test_time_is_blocked(self, plain: Watched, world: World) -> None:
        page = plain.open("/admin/calendar/")
        page.locator("#date").fill(f"{clock.today() + timedelta(days=1):%Y-%m-%d}")
        page.get_by_role("button", name="Block", exact=True).click()
        expect(page.get_by_text("Blocked. Clients no longer see this time.")).to_be_visible()
