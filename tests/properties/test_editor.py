"""The editor without its script: what is begun, kept, refused and copied by its forms."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select

from sheda.core import files
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.properties.models import PriceHistory, Property, PropertyFee, PropertyImage
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
BLANK = {"listing_type": "rent", "period": "year", "property_type": "apartment", "currency": "NGN"}
ADD = "/admin/properties/add"


def photo(name: str = "front.jpg") -> Any:
    data = io.BytesIO()
    Image.new("RGB", (640, 480), "brown").save(data, "JPEG")
    data.seek(0)
    return data, name


def version_on(page: str) -> str:
    found = re.search(r'name="version" type="hidden" value="([^"]*)"', page)
    assert found
    return found[1]


@pytest.fixture
def edit(browser: Browser) -> Callable[..., Any]:
    """Return what opens the editor of a listing and sends its form."""

    def send(home: Property, **values: Any) -> Any:
        path = f"/admin/properties/edit/{home.id}"
        version = version_on(browser.get(path).text)
        return browser.send(path, **{**LISTING, "version": version, **values})

    return send


def only() -> Property:
    db.session.expire_all()
    return db.session.scalars(select(Property)).one()


class TestBegin:
    def test_a_listing_begins_as_a_draft(self, browser: Browser, agent: Any) -> None:
        browser.get(ADD)
        answer = browser.send(ADD, **LISTING)
        home = only()
        assert answer.location == f"/admin/properties/edit/{home.id}"
        assert (home.agent_id, home.listing_state, home.published_at) == (agent.id, "draft", None)
        assert (home.price, home.prepaid_meter) == (Decimal("2500000.00"), True)
        assert [(fee.kind, fee.amount) for fee in home.fees] == [("agency", Decimal("250000.00"))]
        page = browser.get(answer.location).text
        assert "₦2,750,000" in page
        assert browser.notices() == ["Draft saved."]

    def test_it_may_lack_everything(self, browser: Browser) -> None:
        browser.get(ADD)
        assert browser.send(ADD, **BLANK).status_code == 302
        home = only()
        assert (home.title, home.description, home.location, home.price) == ("", "", "", 0)
        page = browser.get("/admin/properties/list/?tab=resting").text
        assert "Untitled listing" in page
        assert "₦0" not in page

    def test_it_goes_live_at_once_when_that_is_asked(self, browser: Browser) -> None:
        browser.get(ADD)
        answer = browser.send(ADD, **LISTING, act="publish", files=[photo(), photo("b.jpg")])
        home = only()
        assert answer.location == f"/admin/properties/show/{home.id}"
        assert home.listing_state == "published"
        assert len(home.images) == 2
        browser.get(answer.location)
        assert browser.notices() == ["Live: clients can find it and ask for viewings."]
        assert db.session.scalars(select(PriceHistory.price)).all() == [Decimal("2500000.00")]

    def test_what_is_missing_is_marked_where_it_is_missing(self, browser: Browser) -> None:
        browser.get(ADD)
        answer = browser.send(ADD, **BLANK, title="Short", act="publish")
        page = browser.get(answer.location).text
        assert only().listing_state == "draft"
        assert browser.faults() == [
            "Give it a title of at least 10 characters.",
            "Say how many there are.",
            "Say how many there are.",
            "Describe it in a sentence or more.",
            "Say where it is, as clients read it.",
            "Say what it costs.",
        ]
        assert '<a href="#price">Say what it costs.</a>' in page

    @pytest.mark.parametrize(
        ("field", "value", "fault"),
        [
            ("title", "T" * 101, "Shorten this to 100 characters."),
            ("price", "ten", "Give an amount"),
            ("price", "0", "The amount must be above zero."),
            ("bedroom", "99999999999", "Give a whole number, up to 100."),
            ("property_type", "castle", "Not a valid choice"),
            ("location", "a\x00b", "Remove the characters"),
            ("amenities", "Pool!", "Write a code"),
            ("area_sqm", "NaN", ""),
            ("state", "x" * 90, ""),
            ("fee_caution", "-5", "The amount must be above zero."),
        ],
    )
    def test_what_cannot_be_kept_is_refused_and_stays_typed(
        self, browser: Browser, field: str, value: str, fault: str
    ) -> None:
        browser.get(ADD)
        answer = browser.send(ADD, **{**LISTING, field: value})
        assert answer.status_code == 200
        assert fault in answer.text
        assert "Two bedroom flat, Opebi" in answer.text or field == "title"
        assert db.session.scalars(select(Property)).all() == []

    def test_an_answer_that_was_lost_begins_no_second_draft(self, browser: Browser) -> None:
        key = re.search(r'name="key" type="hidden" value="([^"]+)"', browser.get(ADD).text)
        assert key
        browser.send(ADD, **BLANK, title="First try", key=key[1])
        answer = browser.send(ADD, **BLANK, title="Second try, with more", key=key[1])
        home = only()
        assert (home.title, answer.location) == ("Second try, with more", f"/admin/properties/edit/{home.id}")
        browser.get(ADD)
        browser.send(ADD, **BLANK, title="Another one", key="another")
        assert db.session.scalar(select(func.count()).select_from(Property)) == 2

    def test_a_bad_file_does_not_undo_the_draft(self, browser: Browser) -> None:
        browser.get(ADD)
        answer = browser.send(ADD, **LISTING, files=[(io.BytesIO(b"<svg>"), "evil.svg")])
        assert answer.location == f"/admin/properties/edit/{only().id}"
        browser.get(answer.location)
        assert browser.notices()[0].startswith("evil.svg: ")

    def test_a_share_of_the_price_becomes_an_amount(self, browser: Browser) -> None:
        browser.get(ADD)
        browser.send(ADD, **{**LISTING, "price": "1,234,567.89", "fee_agency": "10 %", "fee_caution": "2.5%"})
        assert {fee.kind: fee.amount for fee in only().fees} == {
            "agency": Decimal("123456.79"),
            "caution": Decimal("30864.20"),
        }

    def test_a_share_of_nothing_is_asked_about(self, browser: Browser) -> None:
        browser.get(ADD)
        browser.send(ADD, **{**LISTING, "price": "", "fee_agency": "10%"})
        assert browser.faults() == ["Say the price first: this is a share of it."]

    def test_a_place_is_put_in_words_where_none_were_written(self, browser: Browser) -> None:
        browser.get(ADD)
        browser.send(ADD, **{**LISTING, "location": "", "state": "Lagos", "lga": "Ikeja", "city": "Opebi"})
        home = only()
        assert (home.location, home.city, home.lga, home.state) == ("Opebi, Ikeja", "Opebi", "Ikeja", "Lagos")

    def test_a_sale_has_no_period_and_land_no_rooms(self, browser: Browser) -> None:
        browser.get(ADD)
        browser.send(ADD, **{**LISTING, "listing_type": "sale", "property_type": "land"})
        home = only()
        assert (home.period, home.bedroom, home.bathroom) == (None, None, None)


class TestAgents:
    def test_an_agent_names_no_agent(self, browser: Browser, agent: Any) -> None:
        other = factories.make_user(Role.AGENT)
        browser.get(ADD)
        browser.send(ADD, **LISTING, agent_id=other.id)
        assert db.session.scalars(select(Property.agent_id)).all() == [agent.id]

    def test_an_admin_finds_the_agent_by_typing(self, app: Flask, agent: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.ADMIN))
        offered = browser.get("/admin/properties/options/agent_id?q=" + agent.last_name.replace(" ", "+")).json
        assert offered["result"] == [{"id": agent.id, "text": f"{agent.get_full_name()}, {agent.email}"}]
        browser.get(ADD)
        assert browser.send(ADD, **LISTING, agent_id=agent.id).status_code == 302
        assert db.session.scalars(select(Property.agent_id)).all() == [agent.id]

    def test_a_client_is_no_agent(self, app: Flask, db_session: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.ADMIN))
        browser.get(ADD)
        browser.send(ADD, **LISTING, agent_id=factories.make_user().id)
        assert browser.faults() == ["There is no such agent."]

    def test_other_agents_are_offered_to_the_office_alone(self, browser: Browser, agent: Any) -> None:
        factories.make_user(Role.AGENT)
        offered = browser.get("/admin/properties/options/agent_id?q=a").json["result"]
        assert [one["id"] for one in offered] == [agent.id]
        assert browser.get("/admin/properties/options/title?q=a").status_code == 404

    def test_staff_write_but_publish_with_a_reason(self, app: Flask, db_session: Any) -> None:
        home, browser = (
            factories.make_property(listing_state="draft", published_at=None),
            browser_of(app, factories.make_user(Role.STAFF)),
        )
        page = browser.get(f"/admin/properties/edit/{home.id}").text
        assert 'value="publish"' not in page
        answer = browser.send(f"/admin/properties/edit/{home.id}", **LISTING, version=version_on(page), act="publish")
        browser.get(answer.location)
        db.session.refresh(home)
        assert (home.title, home.listing_state) == ("Two bedroom flat, Opebi", "draft")


class TestEdit:
    def test_only_what_differs_is_changed(self, edit: Callable[..., Any], browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, amenities=["borehole", "moat"], latitude=6.5, longitude=3.4)
        home.fees = [
            PropertyFee(position=0, kind="agency", label="Agency (10%)", amount=Decimal(1000)),
            PropertyFee(position=1, kind="caution", label="Caution, given back", amount=Decimal(500)),
            PropertyFee(position=2, kind="other", label="Key", amount=Decimal(50)),
        ]
        db.session.commit()
        page = browser.get(f"/admin/properties/edit/{home.id}").text
        assert re.search(r'name="fee_agency"[^>]* value="1,000"', page)
        assert re.search(r'value="moat" checked>Moat', page)
        answer = edit(
            home,
            title=home.title,
            price="3,000,000",
            fee_agency="2,000",
            fee_caution="500",
            amenities=["borehole", "moat"],
        )
        assert answer.location == f"/admin/properties/show/{home.id}"
        db.session.refresh(home)
        assert (home.price, home.latitude, home.amenities) == (Decimal("3000000.00"), 6.5, ["borehole", "moat"])
        assert {(fee.kind, fee.label, fee.amount) for fee in home.fees} == {
            ("agency", None, Decimal(2000)),
            ("caution", "Caution, given back", Decimal(500)),
            ("other", "Key", Decimal(50)),
        }

    def test_terms_in_use_are_kept(self, edit: Callable[..., Any], agent: Any) -> None:
        home = factories.make_property(agent)
        factories.make_payment(factories.make_appointment(home, status="completed"), status="declared")
        answer = edit(home, price="1")
        assert answer.status_code == 200
        assert "A payment or contract for this property is open" in answer.text

    def test_what_clients_read_must_stay_whole(self, edit: Callable[..., Any], browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        before = home.title
        assert edit(home, title="Short", price="").status_code == 200
        assert "Write at least 10 characters." in browser.faults()
        db.session.refresh(home)
        assert home.title == before

    def test_another_window_is_not_written_over_unseen(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="draft", published_at=None)
        path = f"/admin/properties/edit/{home.id}"
        mine = theirs = version_on(browser.get(path).text)
        assert browser.send(path, **LISTING, version=theirs).status_code == 302
        answer = browser.send(path, **{**LISTING, "title": "What I wrote in my window"}, version=mine)
        assert answer.status_code == 200
        assert "has changed meanwhile" in answer.text
        assert "What I wrote in my window" in answer.text
        db.session.refresh(home)
        assert home.title == "Two bedroom flat, Opebi"
        again = browser.send(path, **{**LISTING, "title": "What I wrote in my window"}, version=version_on(answer.text))
        assert again.status_code == 302
        db.session.refresh(home)
        assert home.title == "What I wrote in my window"

    def test_the_archive_is_not_edited(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="archived")
        assert browser.get(f"/admin/properties/edit/{home.id}").location == f"/admin/properties/show/{home.id}"
        browser.get(f"/admin/properties/show/{home.id}")
        assert browser.send(f"/admin/properties/edit/{home.id}", **LISTING).status_code == 302

    def test_rules_are_kept_among_the_amenities(self, edit: Callable[..., Any], browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, amenities=[])
        edit(home, amenities=["borehole"], rules=["no_smoking"])
        db.session.refresh(home)
        assert home.amenities == ["borehole", "no_smoking"]
        assert 'name="rules" value="no_smoking" checked' in browser.get(f"/admin/properties/edit/{home.id}").text
        edit(home, amenities=["borehole"])
        db.session.refresh(home)
        assert home.amenities == ["borehole"]

    def test_a_page_is_few_statements(self, browser: Browser, agent: Any, count_statements: Any) -> None:
        home = factories.make_property(agent)
        for _ in range(6):
            factories.make_image(home)
        browser.get(f"/admin/properties/edit/{home.id}")
        with count_statements() as seen:
            browser.get(f"/admin/properties/edit/{home.id}")
        assert len(seen) <= 12, seen


class TestPreview:
    def test_it_shows_what_the_api_answers(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(
            agent, listing_state="draft", published_at=None, description="By the <lagoon>.", amenities=["no_pets"]
        )
        ready, failed = factories.make_image(home), factories.make_image(home, status="failed", is_cover=False)
        page = browser.get(f"/admin/properties/preview/{home.id}").text
        assert "By the &lt;lagoon&gt;." in page
        assert files.rendition_key(ready.key, "full").removeprefix("public/") in page
        assert failed.key.removeprefix("public/") not in page
        assert agent.get_full_name() in page
        assert "No pets" in page
        assert "As clients would see it" in page

    def test_an_empty_draft_has_one_too(self, browser: Browser) -> None:
        browser.get(ADD)
        browser.send(ADD, **BLANK)
        page = browser.get(f"/admin/properties/preview/{only().id}")
        assert page.status_code == 200
        assert "No price yet" in page.text


class TestDuplicate:
    def test_it_is_a_draft_with_everything_but_the_deals(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, amenities=["borehole"], bedroom=3)
        home.fees = [PropertyFee(position=0, kind="caution", label="Caution", amount=Decimal(500))]
        cover = factories.make_image(home)
        cover.key = files.put_renditions({"thumb": b"t", "card": b"c", "full": b"f"})
        db.session.commit()
        browser.get(f"/admin/properties/show/{home.id}")
        answer = browser.send(f"/admin/properties/duplicate/{home.id}")
        made = db.session.scalars(select(Property).where(Property.id != home.id)).one()
        assert answer.location == f"/admin/properties/edit/{made.id}"
        assert (made.title, made.bedroom, made.amenities, made.agent_id) == (home.title, 3, ["borehole"], agent.id)
        assert (made.listing_state, made.published_at) == ("draft", None)
        assert made.reference != home.reference
        assert [(fee.label, fee.amount) for fee in made.fees] == [("Caution", Decimal(500))]
        copied = db.session.scalars(select(PropertyImage).where(PropertyImage.property_id == made.id)).one()
        assert copied.is_cover
        assert copied.key != cover.key
        browser.get(answer.location)
        browser.send(f"/admin/properties/photos/{made.id}/{copied.id}", act="remove")
        assert files.get(files.rendition_key(cover.key, "full")) == b"f"

    def test_an_archived_home_is_offered_again_by_it(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="archived")
        browser.get(f"/admin/properties/show/{home.id}")
        browser.send(f"/admin/properties/duplicate/{home.id}")
        assert db.session.scalar(select(func.count()).select_from(Property)) == 2

    def test_nothing_is_copied_by_looking(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        assert browser.get(f"/admin/properties/duplicate/{home.id}").status_code == 405


class TestForeign:
    def test_another_agents_home_is_reached_by_no_route(self, browser: Browser) -> None:
        for state in ("draft", "published", "paused", "archived"):
            home = factories.make_property(title="A zxcanaryzx of a home", listing_state=state)
            image = factories.make_image(home)
            base = "/admin/properties"
            for path in (f"{base}/edit/{home.id}", f"{base}/preview/{home.id}", f"{base}/photos/{home.id}"):
                answer = browser.get(path)
                assert answer.status_code == 404, path
                assert "zxcanaryzx" not in answer.text
            browser.get(ADD)
            for path in (
                f"{base}/edit/{home.id}",
                f"{base}/duplicate/{home.id}",
                f"{base}/photos/{home.id}",
                f"{base}/photos/{home.id}/{image.id}",
                f"{base}/photos/{home.id}/captions",
            ):
                answer = browser.send(path, **LISTING, act="remove", files=[photo()])
                assert answer.status_code == 404, path
            db.session.refresh(home)
            assert home.title == "A zxcanaryzx of a home"
            assert db.session.get(PropertyImage, image.id) is not None

    def test_another_homes_photo_is_not_reached_through_ones_own(self, browser: Browser, agent: Any) -> None:
        own, image = factories.make_property(agent), factories.make_image(factories.make_property())
        browser.get(ADD)
        for act in ("remove", "cover", "earlier", "place"):
            assert browser.send(f"/admin/properties/photos/{own.id}/{image.id}", act=act).status_code == 404

    def test_the_public_and_clients_stay_outside(self, app: Flask, db_session: Any) -> None:
        home = factories.make_property()
        outside = app.test_client()
        for path in ("add", f"edit/{home.id}", f"preview/{home.id}", f"photos/{home.id}", "places?state=Lagos"):
            assert outside.get(f"/admin/properties/{path}").status_code == 302
            quiet = outside.get(f"/admin/properties/{path}", headers={"X-Requested-With": "fetch"})
            assert (quiet.status_code, quiet.mimetype) == (401, "application/problem+json")


class TestMoments:
    def test_a_draft_is_changed_now(self, edit: Callable[..., Any], frozen_clock: Any, agent: Any) -> None:
        home = factories.make_property(agent, listing_state="draft", published_at=None)
        before = home.updated_at
        frozen_clock.advance(timedelta(hours=1))
        edit(home)
        db.session.refresh(home)
        assert home.updated_at > before
