"""The daily pages without a mouse."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from sheda.core import clock
from sheda.core.db import db
from tests.browser.watching import NARROW, WIDE, Watched
from tests.browser.world import World


@pytest.fixture
def window(watch: Callable[..., Watched], world: World) -> Watched:
    """Return a wide window in which the agent is signed in."""
    watched = watch(WIDE)
    watched.sign_in(world.agent)
    return watched


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim()"))


class TestLists:
    def test_j_and_k_walk_x_ticks_and_enter_opens(self, window: Watched, world: World) -> None:
        page = window.open("/admin/properties/list/?tab=all")
        titles = page.locator(".s-lead a").all_inner_texts()
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert focused(page) == titles[1]
        page.keyboard.press("k")
        assert focused(page) == titles[0]
        page.keyboard.press("x")
        expect(page.get_by_text("1 ticked")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(titles[0])
        window.assert_clean()

    def test_letters_are_letters_while_one_types(self, window: Watched) -> None:
        page = window.open("/admin/properties/list/?tab=all")
        page.locator("#q").focus()
        page.keyboard.type("jkx?/")
        expect(page.locator("#q")).to_have_value("jkx?/")
        expect(page.locator("#keys")).to_be_hidden()

    def test_a_slash_leads_to_the_search(self, window: Watched) -> None:
        page = window.open("/admin/payments/list/")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        expect(page.locator("#search")).to_have_value("")

    def test_the_help_is_found_and_switches_the_letters_off(self, window: Watched) -> None:
        page = window.open("/admin/properties/list/?tab=all")
        page.get_by_role("button", name="Keyboard shortcuts").click()
        expect(page.get_by_role("dialog").get_by_text("Next row, row before")).to_be_visible()
        assert window.violations() == []
        page.get_by_role("checkbox", name="Single keys act").uncheck()
        page.get_by_role("button", name="Close").click()
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.matches('.s-lead a')") is False
        page.reload()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_hidden()
        window.assert_clean()


class TestInbox:
    def test_j_goes_from_chat_to_chat(self, window: Watched, world: World) -> None:
        page = window.open("/admin/chats/list/")
        page.keyboard.press("j")
        expect(page.locator("#chat-list a").first).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/admin/chats/with/\d+"))
        expect(page.locator("#thread")).to_contain_text("Is the water treated?")


class TestCalendar:
    def test_a_viewing_is_confirmed_by_keys_alone(self, window: Watched, world: World) -> None:
        day = world.viewing.starts_at.astimezone(clock.LAGOS).date().isoformat()
        page = window.open(f"/admin/calendar/?on={day}")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".s-ev.is-sel > a")).to_be_focused()
        page.keyboard.press("c")
        expect(page.get_by_text("Confirmed. Both sides have been told.")).to_be_visible()
        db.session.refresh(world.viewing)
        assert world.viewing.status == "confirmed"
        window.assert_clean()

    def test_a_viewing_is_moved_to_a_free_time_by_keys_alone(self, window: Watched, world: World) -> None:
        day = world.viewing.starts_at.astimezone(clock.LAGOS).date().isoformat()
        page = window.open(f"/admin/calendar/?on={day}")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("m")
        dialog = page.get_by_role("dialog")
        first = dialog.get_by_role("radio").first
        expect(first).to_be_visible()
        assert window.violations() == []
        first.press("ArrowRight")
        chosen = dialog.locator("input:checked").input_value()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Moved. The other side has been told.")).to_be_visible()
        db.session.refresh(world.viewing)
        assert world.viewing.status == "canceled"
        moved = db.session.scalars(
            db.select(type(world.viewing)).where(type(world.viewing).replaces_id == world.viewing.id)
        ).one()
        assert f"{moved.starts_at.astimezone(clock.LAGOS):%Y-%m-%dT%H:%M}" == chosen
        window.assert_clean()

    def test_time_is_blocked_by_keys_alone(self, window: Watched, world: World) -> None:
        page = window.open("/admin/calendar/")
        page.keyboard.press("b")
        expect(page.locator("#date")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Blocked. Clients no longer see this time.")).to_be_visible()
        window.assert_clean()


class TestEverythingIsReached:
    """No element that one can use is left out by the Tab key, and none keeps it."""

    def test_the_tab_key_comes_to_everything_and_leaves_again(self, window: Watched, world: World) -> None:
        left_out = []
        for path in world.paths():
            page = window.open(path)
            left_out += [f"{path}: {one}" for one in unreached(page)]
        assert left_out == []

    def test_in_a_hand_too_and_what_has_the_focus_is_seen(self, watch: Callable[..., Watched], world: World) -> None:
        watched = watch(NARROW)
        watched.sign_in(world.agent)
        left_out = []
        for path in world.paths():
            page = watched.open(path)
            left_out += [f"{path}: {one}" for one in [*unreached(page), *page.evaluate(UNSEEN)]]
        assert left_out == []

    def test_it_does_so_at_the_desk(self, watch: Callable[..., Watched], world: World) -> None:
        watched = watch(WIDE)
        watched.sign_in(world.admin)
        left_out = []
        for path in world.desk_paths():
            page = watched.open(path)
            left_out += [f"{path}: {one}" for one in unreached(page)]
        assert left_out == []


MARK = """
window.__stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && !one.disabled && one.type !== "hidden" && one.tabIndex >= 0);
window.__seen = new Set();
window.__stops.length;
"""
NOTE = """
(() => { const at = document.activeElement; window.__seen.add(at); return at === document.body || at === null; })()
"""
LEFT = """
window.__stops.filter((one) => one.isConnected && !window.__seen.has(one)
  && !(one.type === "radio" && [...window.__seen].some((other) => other.name === one.name)))
  .map((one) => one.outerHTML.slice(0, 120))
"""


UNSEEN = """
window.__stops.filter((one) => one.isConnected && one.checkVisibility()).filter((one) => {
  one.focus();
  const { left, right, top, width, height } = one.getBoundingClientRect();
  if (width < 1 || height < 1) return false;
  const middle = Math.min(innerWidth - 1, Math.max(0, left + width / 2));
  const there = document.elementFromPoint(middle, top + height / 2);
  const isOurs = there && (one.contains(there) || there.contains(one) || there.closest("label")?.control === one);
  return right < 0 || left > innerWidth || !isOurs;
}).map((one) => `unseen: ${one.outerHTML.slice(0, 120)}`)
"""


def unreached(page: Page) -> list[str]:
    """Press Tab until it leaves the page; return what it did not come to, or that it never left."""
    number = int(page.evaluate(MARK))
    page.evaluate("document.activeElement.blur()")
    for _ in range(3 * number + 20):
        page.keyboard.press("Tab")
        if page.evaluate(NOTE):
            return [str(one) for one in page.evaluate(LEFT)]
    return ["the Tab key never leaves the page"]
