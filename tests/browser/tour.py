"""An agent's ten commonest tasks, each from home: what is clicked is counted, and what it looks like is pictured.

`docs/agents.md` tells them in these words; a test does each, and `python3 run.py shots` takes the pictures.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from sheda.core import clock
from tests.browser.watching import Watched
from tests.browser.world import World

MOST_CLICKS = 3


@dataclass
class Tour:
    """One task of an agent, begun at home."""

    window: Watched
    world: World
    picture: Callable[[Page], None] = lambda _page: None
    clicks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page = self.window.open("/admin/")

    @property
    def is_narrow(self) -> bool:
        """Tell whether it is done in a hand."""
        size = self.page.viewport_size
        return size is not None and size["width"] < 1024

    def click(self, target: Locator, *, pictured: bool = False) -> None:
        """Click once; `pictured` takes the picture of the task before it."""
        expect(target).to_be_visible()
        if pictured:
            self.picture(self.page)
        self.clicks.append(str(target))
        target.click()

    def says(self, words: str) -> None:
        """Wait until the page says that it is done."""
        expect(self.page.locator(".s-toast").get_by_text(words)).to_be_visible()

    def go(self, name: str) -> None:
        """Click a line of the menu: beside the page at a desk, below it in a hand."""
        menu = "Main, short" if self.is_narrow else "Main"
        nav = self.page.get_by_role("navigation", name=menu, exact=True)
        self.click(nav.get_by_role("link", name=re.compile(f"^{name}")).first)


def confirm(tour: Tour) -> None:
    tour.click(tour.page.get_by_role("button", name=re.compile("^Confirm")).first, pictured=True)
    tour.says("Confirmed. Both sides have been told.")


def move(tour: Tour) -> None:
    tour.click(tour.page.get_by_role("link", name=re.compile("^Move")).first)
    dialog = tour.page.get_by_role("dialog")
    tour.click(dialog.locator(".s-times .s-chip").nth(1), pictured=True)
    tour.click(dialog.get_by_role("button", name="Move"))
    tour.says("Moved. The other side has been told.")


def decide(tour: Tour) -> None:
    tour.click(tour.page.get_by_role("link", name=re.compile("^Money received")).first, pictured=True)
    tour.click(tour.page.get_by_role("dialog").get_by_role("button", name="Money received"))
    tour.says("Money received. The contract has begun")


def answer(tour: Tour) -> None:
    tour.click(tour.page.get_by_role("link", name="Funke Adeyemi wrote"))
    tour.click(tour.page.get_by_role("button", name="Yes, it is still available.").first, pictured=True)
    tour.click(tour.page.get_by_role("button", name="Send", exact=True))
    expect(tour.page.locator("#thread").get_by_text("Yes, it is still available.")).to_be_visible()


def begin_listing(tour: Tour) -> None:
    tour.click(tour.page.get_by_role("link", name="New listing").first)
    expect(tour.page.get_by_role("heading", name="New listing", level=1)).to_be_visible()
    tour.picture(tour.page)


def keep(tour: Tour) -> None:
    tour.go("Listings")
    if tour.is_narrow:
        tour.click(tour.page.locator(".s-lead").get_by_role("link").first)
    tour.click(tour.page.get_by_role("button", name=re.compile("^Pause: ")).first, pictured=True)
    tour.says("Paused")


def block(tour: Tour) -> None:
    tour.go("Calendar")
    tour.page.locator("#date").fill(f"{clock.today() + timedelta(days=1):%Y-%m-%d}")
    tour.click(tour.page.get_by_role("button", name="Block", exact=True), pictured=True)
    tour.says("Blocked. Clients no longer see this time.")


def renew(tour: Tour) -> None:
    card = tour.page.get_by_role("listitem").filter(has_text="contract ends on")
    tour.click(card.get_by_role("link", name=re.compile("^Renew")).first)
    tour.click(tour.page.get_by_role("dialog").get_by_role("button", name="Renew"), pictured=True)
    expect(tour.page.locator(".s-toast").first).to_be_visible()


def find(tour: Tour) -> None:
    if tour.is_narrow:
        tour.click(tour.page.get_by_role("link", name="Search"))
        field = tour.page.get_by_label("Listing, person, phone or reference")
    else:
        field = tour.page.locator("#search")
        tour.click(field)
    field.press_sequentially("0803 123 4567")
    tour.click(tour.page.locator("#results").get_by_role("link", name=re.compile("Funke Adeyemi")).first, pictured=True)
    expect(tour.page.get_by_text("Funke Adeyemi").first).to_be_visible()


def take_along(tour: Tour) -> None:
    tour.go("Listings")
    tour.click(tour.page.locator("summary", has_text="Export"))
    with tour.page.expect_download() as download:
        tour.click(tour.page.get_by_role("link", name="CSV"), pictured=True)
    assert download.value.suggested_filename.endswith(".csv")


TASKS: dict[str, Callable[[Tour], None]] = {
    "Confirm a viewing": confirm,
    "Move a viewing": move,
    "Decide a payment": decide,
    "Answer a chat": answer,
    "Put up a home": begin_listing,
    "Take a home off the market": keep,
    "Block time": block,
    "Renew a tenancy": renew,
    "Find a client by phone": find,
    "Take a list along": take_along,
}
"""In the words of docs/agents.md, in its order."""


def picture_name(task: str) -> str:
    """Name the picture of a task."""
    return f"{task.lower().replace(' ', '-')}.png"
