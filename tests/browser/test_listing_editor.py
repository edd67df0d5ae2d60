"""A listing from nothing to live, at a desk and in a hand: photos, checklist, preview, copies, lost connections."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from sheda.core.db import db
from sheda.properties import images
from sheda.properties.models import Property, PropertyImage
from tests import factories
from tests.browser.watching import WIDE, Watched
from tests.browser.world import World, photo


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Draw five photos."""
    paths = [tmp_path / f"photo-{number}.jpg" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(photo(60 + 30 * number))
    return paths


def wait_saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text(re.compile("Saved \\d"))


def fill(page: Page) -> None:
    """Write all that a listing needs."""
    page.get_by_label("Title", exact=True).fill("Four bedroom terrace, Ikeja GRA")
    page.get_by_label("Kind of home").select_option("house")
    page.locator("#bedroom").fill("4")
    page.locator("#bathroom").fill("4")
    page.locator("#description").fill("Quiet street, prepaid meter, treated water.")
    page.get_by_label("State", exact=True).select_option("Lagos")
    page.get_by_label("Local government").fill("Ikeja")
    page.get_by_label("Town", exact=True).fill("Ikeja GRA")
    page.get_by_label("Town", exact=True).press("Tab")
    page.locator("#price").fill("6,500,000")
    page.locator("#period").select_option("year")
    page.locator("#fee_agency").fill("10%")


def render_photos() -> None:
    """Be the worker."""
    after = 0
    while (done := images.render_next(after)) is not None:
        after = done[0]
    db.session.commit()


def homes_of(world: World, title: str) -> list[Property]:
    db.session.expire_all()
    wanted = select(Property).where(Property.agent_id == world.agent.id, Property.title == title).order_by(Property.id)
    return list(db.session.scalars(wanted))


def order_of(home: Property) -> list[int]:
    db.session.rollback()
    rows = select(PropertyImage.id).where(PropertyImage.property_id == home.id).order_by(PropertyImage.position)
    return list(db.session.scalars(rows))


class TestPublish:
    def test_a_home_goes_live_with_five_photos(self, agent_window: Watched, world: World, photos: list[Path]) -> None:
        page = agent_window.open("/admin/properties/list/")
        page.get_by_role("link", name="New listing").first.click()
        fill(page)
        expect(page.locator("#total")).to_have_text("₦7,150,000")
        expect(page.locator("#location")).to_have_value("Ikeja GRA, Ikeja")
        wait_saved(page)
        expect(page).to_have_url(re.compile(r"/admin/properties/edit/\d+"))
        page.set_input_files("#files", [str(path) for path in photos])
        expect(page.locator("[data-photo]")).to_have_count(5)
        render_photos()
        expect(page.locator("[data-photo] img")).to_have_count(5)
        home = homes_of(world, "Four bedroom terrace, Ikeja GRA")[0]
        first = order_of(home)
        page.get_by_role("button", name="Move photo 5 earlier").click()
        expect(page.locator("#photos-said")).to_have_text("Photo moved to place 4 of 5.")
        page.get_by_role("button", name="Make photo 2 the cover").click()
        expect(page.locator("[data-photo]").nth(1)).to_have_class(re.compile("is-cover"))
        assert order_of(home) == [*first[:3], first[4], first[3]]
        expect(page.locator("#checklist")).to_contain_text("Ready to go live.")
        expect(page.locator("#checklist")).to_contain_text("5 photos with a cover")
        assert agent_window.violations() == []
        page.get_by_role("link", name="As clients see it").click()
        expect(page.get_by_role("heading", name="₦6,500,000 / year")).to_be_visible()
        expect(page.locator(".s-gallery img")).to_have_count(5)
        assert agent_window.violations() == []
        page.get_by_role("link", name="Edit", exact=True).first.click()
        page.get_by_role("button", name="Publish").click()
        page.wait_for_url(re.compile(r"/admin/properties/show/\d+"))
        expect(page.get_by_text("Live: clients can find it and ask for viewings.")).to_be_visible()
        db.session.refresh(home)
        assert (home.listing_state, home.price, home.city) == ("published", 6_500_000, "Ikeja GRA")
        assert [(fee.kind, fee.amount) for fee in home.fees] == [("agency", 650_000)]
        agent_window.assert_clean()

    def test_what_is_missing_is_led_to(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/properties/add")
        page.get_by_label("Title", exact=True).fill("Land at Epe, two plots")
        page.get_by_role("button", name="Publish").click()
        expect(page.locator("#saved")).to_contain_text("not live yet")
        expect(page.locator("[data-field=price] .s-err")).to_have_text("Say what it costs.")
        expect(page.locator("#bedroom")).to_be_focused()
        page.locator("#checklist").get_by_role("link", name="Describe it in a sentence or more.").click()
        assert page.url.endswith("#description")
        assert agent_window.violations() == []
        assert homes_of(world, "Land at Epe, two plots")[0].listing_state == "draft"
        agent_window.assert_clean()


class TestPhotos:
    @pytest.fixture
    def home(self, world: World) -> Property:
        home = factories.make_property(world.agent, title="A home with photos", listing_state="draft")
        for _ in range(4):
            factories.make_image(home, status="failed")
        return home

    def test_they_are_dragged_to_their_place(self, watch: Callable[..., Watched], world: World, home: Property) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open(f"/admin/properties/edit/{home.id}")
        first = order_of(home)
        tiles = page.locator("[data-photo]")
        tiles.nth(0).drag_to(tiles.nth(2))
        expect(page.locator("#photos-said")).to_have_text("Photo moved to place 3 of 4.")
        assert order_of(home) == [first[1], first[2], first[0], first[3]]
        window.assert_clean()

    def test_captions_keep_themselves_while_the_photos_are_drawn_anew(
        self, agent_window: Watched, world: World, home: Property
    ) -> None:
        page = agent_window.open(f"/admin/properties/edit/{home.id}")
        caption = page.get_by_role("textbox", name="Caption of photo 2")
        caption.fill("The garden")
        caption.press("Tab")
        expect(page.locator("#photos-said")).to_have_text("Caption saved.")
        caption.press("End")
        caption.press_sequentially(", by n")
        page.evaluate("document.querySelector('[data-photo] button[value=later]').click()")
        moved = page.get_by_role("textbox", name="Caption of photo 1")
        expect(moved).to_have_value("The garden, by n")
        moved.focus()
        page.keyboard.press("End")
        page.keyboard.type("ight")
        with page.expect_response(lambda answer: "by night" in (answer.request.post_data or "")):
            page.keyboard.press("Enter")
        expect(page.locator("#photos-said")).to_have_text("Caption saved.")
        db.session.expire_all()
        assert [one.caption for one in images.images_of(home.id)] == ["The garden, by night", None, None, None]
        assert page.locator("#saved").get_attribute("data-tone") is None, (
            "a caption is no change of the listing's words"
        )
        agent_window.assert_clean()

    def test_files_are_dropped_and_bad_ones_say_why(
        self, watch: Callable[..., Watched], world: World, home: Property
    ) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open(f"/admin/properties/edit/{home.id}")
        dropped = page.evaluate_handle(
            """(bytes) => {
              const files = new DataTransfer();
              files.items.add(new File([new Uint8Array(bytes)], "good.jpg", { type: "image/jpeg" }));
              files.items.add(new File(["<svg/>"], "drawing.svg", { type: "image/svg+xml" }));
              files.items.add(new File(["no picture"], "lie.jpg", { type: "image/jpeg" }));
              return files;
            }""",
            list(photo()),
        )
        page.dispatch_event("#photos", "drop", {"dataTransfer": dropped})
        expect(page.locator("[data-photo]")).to_have_count(5)
        expect(page.get_by_text("drawing.svg: only JPEG, PNG and WebP pictures can be shown.")).to_be_visible()
        expect(page.get_by_text("lie.jpg: The file must be a JPEG, PNG or WebP picture.")).to_be_visible()
        assert window.violations() == []
        page.get_by_role("button", name="Dismiss").first.click()
        page.get_by_role("button", name="Dismiss").click()
        expect(page.get_by_text("lie.jpg")).to_be_hidden()
        # The browser itself notes an answer of 422 in its console.
        window.faults = [one for one in window.faults if "422" not in one]
        window.assert_clean()

    def test_the_keyboard_alone_orders_and_removes(
        self, watch: Callable[..., Watched], world: World, home: Property
    ) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open(f"/admin/properties/edit/{home.id}")
        first = order_of(home)
        page.locator("[data-photo] .s-grip").first.focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#photos-said")).to_have_text("Photo moved to place 2 of 4.")
        expect(page.locator("[data-photo]").nth(1).locator(".s-grip")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#photos-said")).to_have_text("Photo moved to place 3 of 4.")
        for _ in range(3):  # over both arrows; a photo that failed cannot be the cover
            page.keyboard.press("Tab")
        expect(page.locator("[data-photo]").nth(2).locator("button[value=remove]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("[data-photo]")).to_have_count(3)
        expect(page.locator("#files")).to_be_focused()
        assert order_of(home) == first[1:]
        window.assert_clean()


class TestDrafts:
    def test_a_draft_survives_a_reload(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/properties/add")
        page.get_by_label("Title", exact=True).fill("Kept without a click")
        page.get_by_label("No smoking").check()
        wait_saved(page)
        page.reload()
        expect(page.get_by_label("Title", exact=True)).to_have_value("Kept without a click")
        expect(page.get_by_label("No smoking")).to_be_checked()
        assert homes_of(world, "Kept without a click")[0].amenities == ["no_smoking"]
        agent_window.assert_clean()

    def test_a_lost_connection_loses_nothing(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/properties/add")
        page.get_by_label("Title", exact=True).fill("Before the tunnel")
        wait_saved(page)

        def lose(route: Route) -> None:
            route.abort("internetdisconnected")

        page.route("**/properties/edit/*", lose)
        page.get_by_label("Title", exact=True).fill("Written in the tunnel")
        expect(page.locator("#saved")).to_contain_text("No connection")
        page.unroute("**/properties/edit/*")
        wait_saved(page)
        assert homes_of(world, "Written in the tunnel") != []
        agent_window.faults = [one for one in agent_window.faults if "ERR_INTERNET_DISCONNECTED" not in one]
        agent_window.assert_clean()

    def test_two_windows_do_not_write_over_each_other(self, agent_window: Watched, world: World) -> None:
        home = factories.make_property(world.agent, title="What both windows show", listing_state="draft")
        page = agent_window.open(f"/admin/properties/edit/{home.id}")
        other = page.context.new_page()
        other.goto(page.url)
        other.get_by_label("Title", exact=True).fill("Written in the other window")
        wait_saved(other)
        page.get_by_label("Title", exact=True).fill("Written in this window")
        expect(page.get_by_text("This listing was changed in another window")).to_be_visible()
        assert agent_window.violations() == []
        assert homes_of(world, "Written in this window") == []
        page.get_by_role("button", name="Keep what is here").click()
        wait_saved(page)
        assert homes_of(world, "Written in this window") != []
        agent_window.faults = [one for one in agent_window.faults if "412" not in one]
        agent_window.assert_clean()

    def test_a_session_that_ended_keeps_what_was_written(self, agent_window: Watched, world: World) -> None:
        home = factories.make_property(world.agent, title="Written while signed in", listing_state="draft")
        page = agent_window.open(f"/admin/properties/edit/{home.id}")
        page.context.clear_cookies()
        page.get_by_label("Title", exact=True).fill("Written after the session")
        expect(page.get_by_text("You are signed out. What you wrote is kept on this page.")).to_be_visible()
        expect(page.get_by_label("Title", exact=True)).to_have_value("Written after the session")
        other = page.context.new_page()
        Watched(other, agent_window.base).sign_in(world.agent)
        page.get_by_role("button", name="Try again").click()
        wait_saved(page)
        assert homes_of(world, "Written after the session") != []

    def test_a_copy_is_a_draft_to_go_on_with(self, agent_window: Watched, world: World) -> None:
        home = factories.make_property(world.agent, title="One of six flats")
        page = agent_window.open(f"/admin/properties/show/{home.id}")
        page.get_by_role("button", name="Duplicate").click()
        page.wait_for_url(re.compile(r"/admin/properties/edit/\d+"))
        expect(page.get_by_label("Title", exact=True)).to_have_value("One of six flats")
        assert [one.listing_state for one in homes_of(world, "One of six flats")] == ["published", "draft"]
        agent_window.assert_clean()


class TestCost:
    @pytest.mark.parametrize(
        "typed",
        [
            {"price": "2,500,000", "fee_agency": "10%", "fee_legal": "5%", "fee_caution": "200,000"},
            {"price": "1234567.89", "fee_agency": "2.5%", "fee_agreement": "0.33 %"},
            {"price": "₦ 999,999,999,999.99", "fee_service_charge": "100%", "currency": "USD"},
            {"price": "0.01", "fee_agency": "50%", "fee_caution": "0.5"},
            {"price": "350000", "listing_type": "sale", "fee_legal": "7.25%", "currency": "GBP"},
        ],
        ids=str,
    )
    def test_the_script_adds_up_as_the_server_does(
        self, watch: Callable[..., Watched], world: World, typed: dict[str, str]
    ) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open("/admin/properties/add")
        for name, value in typed.items():
            if name == "listing_type":
                page.get_by_label("Sale").check()
            elif name == "currency":
                page.locator("#currency").select_option(value)
            else:
                page.locator(f"#{name}").fill(value)
        wait_saved(page)
        shown = [page.locator("#total").inner_text(), page.locator("#cost-lines").inner_text()]
        plain = page.context.request.get(page.url).text()
        told = page.evaluate(
            """(text) => {
              const page = document.implementation.createHTMLDocument();
              page.documentElement.innerHTML = text;
              const lines = [...page.querySelectorAll("#cost-lines > *")].map((one) => one.textContent);
              return [page.getElementById("total").textContent, lines];
            }""",
            plain,
        )
        assert told[0] == shown[0] != "—"
        assert told[1] == [line for line in shown[1].split("\n") if line]
        window.assert_clean()


class TestSchemes:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_every_page_of_it_is_for_everybody(
        self, watch: Callable[..., Watched], world: World, size: Any, scheme: str
    ) -> None:
        home = factories.make_property(world.agent, listing_state="draft", amenities=["no_pets"])
        factories.make_image(home, status="failed")
        window = watch(size, scheme)
        window.sign_in(world.agent)
        for path in ("add", f"edit/{home.id}?ask=publish", f"preview/{home.id}", f"show/{home.id}"):
            page = window.open(f"/admin/properties/{path}")
            assert window.violations() == [], path
            wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, path
        window.assert_clean()
