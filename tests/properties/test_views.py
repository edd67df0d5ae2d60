import io
from datetime import timedelta
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.properties.models import Property, PropertyImage
from tests import factories
from tests.pages import Browser, browser_of


def photo(name: str = "front.jpg") -> Any:
    data = io.BytesIO()
    Image.new("RGB", (640, 480), "brown").save(data, "JPEG")
    data.seek(0)
    return data, name


class TestMoves:
    def test_a_move_is_one_click_for_its_agent(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="draft", published_at=None)
        browser.get("/admin/properties/list/?tab=resting")
        assert browser.send(f"/admin/properties/move/{home.id}/publish").status_code == 302
        assert db.session.get_one(Property, home.id).listing_state == "published"
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.notices() == ["Live: clients can find it and ask for viewings."]

    def test_staff_are_asked_why(self, app: Flask, db_session: Any) -> None:
        home, browser = factories.make_property(), browser_of(app, factories.make_user(Role.STAFF))
        path = f"/admin/properties/move/{home.id}/pause"
        assert "data-ask" in browser.get(f"/admin/properties/show/{home.id}").text
        browser.get(path)
        assert browser.send(path).status_code == 200
        assert browser.faults() == ["Give a reason, in up to 500 characters; the other side will read it."]
        assert browser.send(path, reason="Reported twice").status_code == 302
        assert db.session.get_one(Property, home.id).listing_state == "paused"
        assert "Reported twice" in browser.get(f"/admin/properties/show/{home.id}").text

    def test_an_impossible_move_is_said_and_changes_nothing(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="archived")
        assert browser.send(f"/admin/properties/move/{home.id}/pause").status_code == 302
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.notices() == ["“pause” is not possible while this is archived."]

    def test_a_move_that_is_none_is_a_missing_page(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        for name in ("sell", "rent_out", "delete", "nope"):
            assert browser.send(f"/admin/properties/move/{home.id}/{name}").status_code == 404


class TestModeration:
    def test_staff_are_led_to_what_is_new_and_see_whose_it_is(self, app: Flask, agent: Any) -> None:
        agent.first_name, long_ago = "Zainab", clock.now() - timedelta(days=8)
        home = factories.make_property(agent, title="A palace for nothing")
        old = factories.make_property(agent, title="Here since spring", created_at=long_ago)
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert "1 new home on the market" in staff.get("/admin/").text
        assert "/admin/properties/list/?tab=new" in staff.links()
        page = staff.get("/admin/properties/list/?tab=new").text
        assert "Pause or archive what should not be shown" in page
        assert home.title in page
        assert "Zainab" in page
        assert old.title not in page
        assert "Zainab" in staff.get("/admin/properties/export/csv?tab=new").text
        staff.get(f"/admin/properties/show/{home.id}")
        staff.send(f"/admin/properties/move/{home.id}/pause", reason="The photos are another flat’s.")
        assert "The photos are another flat’s." in browser_of(app, agent).get(f"/admin/properties/show/{home.id}").text

    def test_an_agent_is_led_to_none_of_it(self, browser: Browser, agent: Any) -> None:
        factories.make_property(agent)
        assert "New listings" not in browser.get("/admin/").text
        page = browser.get("/admin/properties/list/?tab=new").text
        assert "should not be shown" not in page
        assert ">Agent<" not in page.split("<thead>")[1].split("</thead>")[0]


class TestPhotos:
    def images_of(self, home: Property) -> list[PropertyImage]:
        db.session.expire_all()
        return list(db.session.scalars(select(PropertyImage).order_by(PropertyImage.position)))

    def test_they_are_taken_in_ordered_and_removed(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        path = f"/admin/properties/photos/{home.id}"
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.send(path, files=[photo("a.jpg"), photo("b.jpg"), photo("c.jpg")]).status_code == 302
        first, second, third = [image.id for image in self.images_of(home)]
        browser.send(f"{path}/{third}", act="earlier")
        browser.send(f"{path}/{second}", act="cover")
        browser.send(f"{path}/{first}", act="remove")
        assert [(image.id, image.is_cover) for image in self.images_of(home)] == [(third, False), (second, True)]
        assert "Being prepared" in browser.get(f"/admin/properties/show/{home.id}").text

    def test_captions_are_written_together_and_taken_away(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        first, second = (factories.make_image(home, position=place) for place in (0, 1))
        path = f"/admin/properties/photos/{home.id}/captions"
        browser.get(f"/admin/properties/edit/{home.id}")
        browser.send(path, **{f"caption-{first.id}": " The <gate>, by day ", f"caption-{second.id}": "The garden"})
        assert [image.caption for image in self.images_of(home)] == ["The <gate>, by day", "The garden"]
        page = browser.get(f"/admin/properties/edit/{home.id}").text
        assert browser.notices() == ["Captions saved."]
        assert 'value="The &lt;gate&gt;, by day"' in page
        browser.send(path, **{f"caption-{second.id}": ""})
        assert [image.caption for image in self.images_of(home)] == ["The <gate>, by day", None]

    def test_a_caption_that_is_too_long_writes_none(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        first, second = (factories.make_image(home, position=place) for place in (0, 1))
        browser.get(f"/admin/properties/edit/{home.id}")
        sent = {f"caption-{first.id}": "The gate", f"caption-{second.id}": "x" * 201}
        assert browser.send(f"/admin/properties/photos/{home.id}/captions", **sent).status_code == 302
        assert [image.caption for image in self.images_of(home)] == [None, None]

    def test_captions_of_what_is_not_there_change_nothing(self, browser: Browser, agent: Any) -> None:
        home, foreign = factories.make_property(agent), factories.make_image(factories.make_property())
        browser.get(f"/admin/properties/edit/{home.id}")
        for name in (f"caption-{foreign.id}", "caption-", "caption-x"):
            path = f"/admin/properties/photos/{home.id}/captions"
            assert browser.send(path, **{name: "Mine"}).status_code == 302
        assert [image.caption for image in self.images_of(home)] == [None]

    def test_a_file_that_is_no_picture_is_refused_by_name(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        browser.get(f"/admin/properties/show/{home.id}")
        browser.send(f"/admin/properties/photos/{home.id}", files=[photo(), (io.BytesIO(b"<svg>"), "evil.svg")])
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.notices()[0].startswith("evil.svg: ")
        assert self.images_of(home) == []

    def test_an_empty_choice_is_none(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.send(f"/admin/properties/photos/{home.id}").status_code == 302
        assert browser.send(f"/admin/properties/photos/{home.id}/1", act="cover").status_code == 404
        assert browser.send(f"/admin/properties/photos/{home.id}/1", act="dance").status_code == 302
