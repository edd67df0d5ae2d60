import io
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from sheda.core.actor import Role
from sheda.core.db import db
from sheda.properties.models import Property, PropertyFee, PropertyImage
from tests import factories
from tests.pages import Browser, browser_of

LISTING = {
    "title": "Two bedroom flat, Opebi",
    "description": "Second floor, cross-ventilated.",
    "listing_type": "rent",
    "period": "year",
    "property_type": "apartment",
    "price": "2,500,000",
    "currency": "NGN",
    "location": "Opebi, Ikeja",
    "bedroom": "2",
    "bathroom": "2",
    "fee_agency": "250,000",
    "prepaid_meter": "y",
}


def photo(name: str = "front.jpg") -> Any:
    data = io.BytesIO()
    Image.new("RGB", (640, 480), "brown").save(data, "JPEG")
    data.seek(0)
    return data, name


@pytest.fixture
def agent(db_session: Any) -> Any:
    return factories.make_user(Role.AGENT)


@pytest.fixture
def browser(app: Flask, agent: Any) -> Browser:
    return browser_of(app, agent)


class TestCreate:
    def test_a_listing_is_made_through_the_service(self, browser: Browser, agent: Any) -> None:
        browser.get("/admin/properties/add")
        answer = browser.send("/admin/properties/add", **LISTING)
        assert answer.status_code == 302
        home = db.session.scalars(select(Property)).one()
        assert (home.agent_id, home.price, home.prepaid_meter) == (agent.id, Decimal("2500000.00"), True)
        assert [(fee.kind, fee.amount) for fee in home.fees] == [("agency", Decimal("250000.00"))]
        page = browser.get(answer.location).text
        assert "₦2,750,000" in page
        assert "Listing saved." in browser.notices()

    @pytest.mark.parametrize(
        ("field", "value", "fault"),
        [
            ("title", "Short", "Write at least 10 characters."),
            ("title", "", "This is needed."),
            ("price", "ten", "Give an amount"),
            ("period", "", "Say for how long the rent is"),
            ("bedroom", "99999999999", "Give a whole number."),
            ("property_type", "castle", "Not a valid choice"),
            ("location", "a\x00b", "Remove the characters"),
        ],
    )
    def test_a_fault_stands_at_its_field(self, browser: Browser, field: str, value: str, fault: str) -> None:
        browser.get("/admin/properties/add")
        answer = browser.send("/admin/properties/add", **{**LISTING, field: value})
        assert answer.status_code == 200
        assert any(one.startswith(fault) for one in browser.faults())
        assert db.session.scalars(select(Property)).all() == []

    def test_what_was_typed_is_kept(self, browser: Browser) -> None:
        browser.get("/admin/properties/add")
        page = browser.send("/admin/properties/add", **{**LISTING, "title": "Short"}).text
        assert 'value="Short"' in page
        assert "Second floor" in page

    def test_an_agent_names_no_agent(self, browser: Browser, agent: Any) -> None:
        other = factories.make_user(Role.AGENT)
        browser.get("/admin/properties/add")
        browser.send("/admin/properties/add", **LISTING, agent_id=other.id)
        assert db.session.scalars(select(Property.agent_id)).all() == [agent.id]

    def test_an_admin_finds_the_agent_by_typing(self, app: Flask, agent: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.ADMIN))
        offered = browser.get("/admin/properties/options/agent_id?q=" + agent.last_name.replace(" ", "+")).json
        assert offered["result"] == [{"id": agent.id, "text": f"{agent.get_full_name()}, {agent.email}"}]
        browser.get("/admin/properties/add")
        assert browser.send("/admin/properties/add", **LISTING, agent_id=agent.id).status_code == 302
        assert db.session.scalars(select(Property.agent_id)).all() == [agent.id]

    def test_a_client_is_no_agent(self, app: Flask, db_session: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.ADMIN))
        browser.get("/admin/properties/add")
        browser.send("/admin/properties/add", **LISTING, agent_id=factories.make_user().id)
        assert browser.faults() == ["There is no such agent."]

    def test_other_agents_are_offered_to_the_office_alone(self, browser: Browser, agent: Any) -> None:
        factories.make_user(Role.AGENT)
        offered = browser.get("/admin/properties/options/agent_id?q=a").json["result"]
        assert [one["id"] for one in offered] == [agent.id]
        assert browser.get("/admin/properties/options/title?q=a").status_code == 404


class TestEdit:
    def test_only_what_differs_is_changed(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, amenities=["borehole"], latitude=6.5, longitude=3.4)
        home.fees = [
            PropertyFee(position=0, kind="agency", amount=Decimal(1000)),
            PropertyFee(position=1, kind="other", label="Key", amount=Decimal(50)),
        ]
        db.session.commit()
        page = browser.get(f"/admin/properties/edit/{home.id}").text
        assert 'name="fee_agency" type="text" value="1,000"' in page
        values = {**LISTING, "title": home.title, "price": "3,000,000", "fee_agency": "2,000"}
        assert browser.send(f"/admin/properties/edit/{home.id}", **values).status_code == 302
        db.session.refresh(home)
        assert (home.price, home.latitude, home.amenities) == (Decimal("3000000.00"), 6.5, ["borehole"])
        assert {(fee.kind, fee.amount) for fee in home.fees} == {("agency", Decimal(2000)), ("other", Decimal(50))}

    def test_terms_in_use_are_kept(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        factories.make_payment(factories.make_appointment(home, status="completed"), status="declared")
        browser.get(f"/admin/properties/edit/{home.id}")
        answer = browser.send(f"/admin/properties/edit/{home.id}", **{**LISTING, "price": "1"})
        assert answer.status_code == 200
        assert "A payment or contract for this property is open" in answer.text


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
