import io
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from sheda.accounts.models import User
from sheda.core import files
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput, NotFound, Refusal
from sheda.properties import images
from sheda.properties.images import TooManyImages
from sheda.properties.jobs import clear_staging, render_images
from sheda.properties.models import Property, PropertyImage
from tests.conftest import Clock
from tests.factories import actor_of, auth, make_property
from tests.properties.conftest import PROPERTIES, People, picture, upload


@pytest.fixture(autouse=True)
def media(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep files in a folder of the test's own."""
    monkeypatch.setitem(app.config, "MEDIA_URL", tmp_path.as_uri())
    return tmp_path


@pytest.fixture
def home(people: People) -> Property:
    return make_property(people.agent)


def stored(media: Path, area: str) -> int:
    return sum(1 for path in (media / area).rglob("*") if path.is_file())


def uploads(*contents: bytes) -> list[Any]:
    return [FileStorage(io.BytesIO(data), f"photo-{place}.jpg") for place, data in enumerate(contents)]


def add(home: Property, *contents: bytes) -> list[int]:
    """Add pictures as the owner and commit; return their ids."""
    owner = actor_of(db.session.get_one(User, home.agent_id))
    return in_transaction(lambda: [one.id for one in images.add(owner, home.id, uploads(*contents))])


def order_of(home: Property) -> list[int]:
    return [one.id for one in images.images_of(home.id)]


def cover_of(home: Property) -> list[int]:
    return [one.id for one in images.images_of(home.id) if one.is_cover]


class TestAdd:
    def test_pictures_are_answered_at_once_in_their_order(
        self, client: FlaskClient, people: People, home: Property, media: Path
    ) -> None:
        answer = client.post(
            f"{PROPERTIES}/{home.id}/images",
            headers=auth(people.agent),
            **upload(picture(size=(640, 480)), picture("PNG", (300, 500)), picture("WEBP")),
        )
        assert answer.status_code == 201
        found = answer.get_json()["result"]
        assert [(one["position"], one["is_cover"], one["status"]) for one in found] == [
            (0, True, "processing"),
            (1, False, "processing"),
            (2, False, "processing"),
        ]
        assert (found[1]["width"], found[1]["height"]) == (300, 500)
        assert set(found[0]) == {"id", "position", "is_cover", "caption", "width", "height", "status", "urls"}
        assert set(found[0]["urls"]) == {"thumb", "card", "full"}
        assert stored(media, "staging") == 3

    def test_later_ones_come_behind_and_leave_the_cover(self, home: Property) -> None:
        first = add(home, picture())
        later = add(home, picture(), picture())
        assert order_of(home) == first + later
        assert cover_of(home) == first

    def test_one_bad_file_refuses_the_batch_and_says_which_and_why(
        self, client: FlaskClient, people: People, home: Property, media: Path
    ) -> None:
        answer = client.post(
            f"{PROPERTIES}/{home.id}/images",
            headers=auth(people.agent),
            **upload(picture(), b"%PDF-1.7 no picture", picture()[:300]),
        )
        assert answer.status_code == 422
        assert [one["field"] for one in answer.get_json()["errors"]] == ["files.1", "files.2"]
        assert "photo-1.jpg" in answer.get_json()["errors"][0]["message"]
        assert order_of(home) == []
        assert stored(media, "staging") == 0

    def test_a_file_above_its_bytes_is_413(
        self, app: Flask, client: FlaskClient, people: People, home: Property, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "IMAGE_BYTES", 500)
        answer = client.post(f"{PROPERTIES}/{home.id}/images", headers=auth(people.agent), **upload(picture()))
        assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")

    def test_no_file_is_422_and_no_form_is_415(self, client: FlaskClient, people: People, home: Property) -> None:
        url, headers = f"{PROPERTIES}/{home.id}/images", auth(people.agent)
        assert client.post(url, headers=headers, **upload()).status_code in {415, 422}
        assert client.post(url, headers=headers, json={}).status_code == 415
        wrong = {"data": {"other": (io.BytesIO(picture()), "a.jpg")}, "content_type": "multipart/form-data"}
        assert client.post(url, headers=headers, **wrong).status_code == 422

    def test_a_listing_has_twenty_at_most(self, home: Property) -> None:
        add(home, *[picture(size=(8, 8))] * 19)
        with pytest.raises(TooManyImages):
            add(home, picture(), picture())
        add(home, picture())
        assert len(order_of(home)) == 20

    def test_more_than_twenty_at_once_are_refused_unread(self, home: Property) -> None:
        with pytest.raises(InvalidInput):
            add(home, *[b""] * 21)

    def test_the_same_key_adds_once(self, client: FlaskClient, people: People, home: Property) -> None:
        headers = {**auth(people.agent), "Idempotency-Key": "photos"}
        url = f"{PROPERTIES}/{home.id}/images"
        first = client.post(url, headers=headers, **upload(picture()))
        again = client.post(url, headers=headers, **upload(picture()))
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.get_json() == first.get_json()
        assert len(order_of(home)) == 1
        assert client.post(url, headers=headers, **upload(picture("PNG"))).status_code == 422

    def test_others_may_not(self, client: FlaskClient, people: People, home: Property) -> None:
        url = f"{PROPERTIES}/{home.id}/images"
        assert client.post(url, **upload(picture())).status_code == 401
        assert client.post(url, headers=auth(people.client), **upload(picture())).status_code == 403
        assert client.post(url, headers=auth(people.other), **upload(picture())).status_code == 403
        assert client.post(url, headers=auth(people.staff), **upload(picture())).status_code == 201
        draft = make_property(people.agent, listing_state="draft")
        url = f"{PROPERTIES}/{draft.id}/images"
        assert client.post(url, headers=auth(people.other), **upload(picture())).status_code == 404

    def test_an_archived_listing_takes_none(self, people: People) -> None:
        with pytest.raises(Refusal) as refusal:
            add(make_property(people.agent, listing_state="archived"), picture())
        assert refusal.value.code == "illegal_move"


class TestChange:
    @pytest.fixture
    def three(self, home: Property) -> list[int]:
        return add(home, picture(), picture(), picture())

    def test_a_caption_a_place_and_the_cover(
        self, client: FlaskClient, people: People, home: Property, three: list[int]
    ) -> None:
        url = f"{PROPERTIES}/{home.id}/images/{three[2]}"
        answer = client.patch(
            url, json={"caption": "The garden", "position": 0, "primary": True}, headers=auth(people.agent)
        )
        assert answer.status_code == 200
        found = answer.get_json()["result"]
        assert (found["caption"], found["position"], found["is_cover"]) == ("The garden", 0, True)
        assert order_of(home) == [three[2], three[0], three[1]]
        assert cover_of(home) == [three[2]]

    def test_the_cover_goes_to_either_side(self, people: People, home: Property, three: list[int]) -> None:
        for chosen in (three[2], three[0], three[1]):
            images.change(actor_of(people.agent), home.id, chosen, primary=True)
            assert cover_of(home) == [chosen]

    def test_a_place_beyond_the_end_is_the_end(self, people: People, home: Property, three: list[int]) -> None:
        images.change(actor_of(people.agent), home.id, three[0], position=19)
        assert order_of(home) == [three[1], three[2], three[0]]
        assert [one.position for one in images.images_of(home.id)] == [0, 1, 2]

    def test_a_caption_is_removed(self, people: People, home: Property, three: list[int]) -> None:
        images.change(actor_of(people.agent), home.id, three[0], caption="Hall")
        assert images.change(actor_of(people.agent), home.id, three[0], caption=None).caption is None

    def test_a_listing_keeps_a_cover(self, client: FlaskClient, people: People, home: Property, three: Any) -> None:
        url = f"{PROPERTIES}/{home.id}/images/{three[0]}"
        answer = client.patch(url, json={"primary": False}, headers=auth(people.agent))
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "primary")

    @pytest.mark.parametrize(
        "body", [{}, {"position": -1}, {"position": 20}, {"caption": "x" * 201}, {"status": "ready"}, {"primary": None}]
    )
    def test_bad_values_are_422(
        self, client: FlaskClient, people: People, home: Property, three: list[int], body: dict[str, Any]
    ) -> None:
        url = f"{PROPERTIES}/{home.id}/images/{three[0]}"
        assert client.patch(url, json=body, headers=auth(people.agent)).status_code == 422

    def test_another_listings_picture_is_not_there(self, people: People, home: Property, three: list[int]) -> None:
        with pytest.raises(NotFound):
            images.change(actor_of(people.agent), make_property(people.agent).id, three[0], position=1)

    def test_others_may_not(self, client: FlaskClient, people: People, home: Property, three: list[int]) -> None:
        url = f"{PROPERTIES}/{home.id}/images/{three[0]}"
        for method in (client.patch, client.delete):
            assert method(url, json={"position": 1}).status_code == 401
            assert method(url, json={"position": 1}, headers=auth(people.client)).status_code == 403
            assert method(url, json={"position": 1}, headers=auth(people.other)).status_code == 403


class TestRemove:
    def test_the_cover_passes_on_and_files_go(
        self, client: FlaskClient, people: People, home: Property, media: Path
    ) -> None:
        first, second = add(home, picture(), picture())
        render_images()
        assert stored(media, "public") == 6
        url = f"{PROPERTIES}/{home.id}/images/{first}"
        assert client.delete(url, headers=auth(people.agent)).status_code == 204
        assert cover_of(home) == [second]
        assert [one.position for one in images.images_of(home.id)] == [0]
        assert stored(media, "public") == 3
        assert client.delete(url, headers=auth(people.agent)).status_code == 404

    def test_a_waiting_one_takes_its_upload_along(self, people: People, home: Property, media: Path) -> None:
        (only,) = add(home, picture())
        in_transaction(lambda: images.remove(actor_of(people.agent), home.id, only))
        assert stored(media, "staging") == 0
        assert cover_of(home) == []

    def test_files_stay_when_the_removal_fails(self, people: People, home: Property, media: Path) -> None:
        (only,) = add(home, picture())

        def fail() -> None:
            images.remove(actor_of(people.agent), home.id, only)
            raise Refusal

        with pytest.raises(Refusal):
            in_transaction(fail)
        assert stored(media, "staging") == 1


class TestRenderImages:
    def test_three_renditions_without_the_upload(
        self, client: FlaskClient, people: People, home: Property, media: Path
    ) -> None:
        add(home, picture(size=(2400, 1200)))
        assert render_images() == {"rendered": 1, "failed": 0}
        found = client.get(f"{PROPERTIES}/{home.id}").get_json()["result"]["images"][0]
        assert found["status"] == "ready"
        sizes = {}
        for name, url in found["urls"].items():
            with client.get(url) as answer:
                assert (answer.status_code, answer.mimetype) == (200, "image/webp")
                assert "immutable" in answer.headers["Cache-Control"]
                sizes[name] = Image.open(io.BytesIO(answer.data)).size
        assert sizes == {"thumb": (320, 160), "card": (800, 400), "full": (2048, 1024)}
        assert stored(media, "staging") == 0

    def test_twice_is_once(self, home: Property) -> None:
        add(home, picture())
        assert render_images()["rendered"] == 1
        assert render_images() == {"rendered": 0, "failed": 0}

    def test_a_picture_that_cannot_be_made_stops_no_other(
        self, client: FlaskClient, people: People, home: Property
    ) -> None:
        broken, sound = add(home, picture(), picture())
        row = db.session.get_one(PropertyImage, broken)
        files.delete(row.staging_key or "")
        files.store().put(row.staging_key or "", b"no picture any more")
        assert render_images() == {"rendered": 1, "failed": 1}
        url = f"{PROPERTIES}/{home.id}"
        assert [one["id"] for one in client.get(url).get_json()["result"]["images"]] == [sound]
        own = client.get(url, headers=auth(people.agent)).get_json()["result"]["images"]
        assert [(one["id"], one["status"]) for one in own] == [(broken, "failed"), (sound, "ready")]

    def test_it_rings_again_when_its_time_is_up(self, home: Property, monkeypatch: pytest.MonkeyPatch) -> None:
        rung: list[bool] = []
        monkeypatch.setattr("sheda.properties.jobs.BUDGET", -1.0)
        add(home, picture(), picture())
        monkeypatch.setattr(render_images, "ring", lambda: rung.append(True))
        assert render_images()["rendered"] == 1
        assert rung == [True]

    def test_a_worker_is_woken_by_the_commit_only(self, people: People, home: Property, monkeypatch: Any) -> None:
        rung: list[bool] = []
        monkeypatch.setattr(render_images, "ring", lambda: rung.append(True))

        def undone() -> None:
            images.add(actor_of(people.agent), home.id, uploads(picture()))
            raise Refusal

        with pytest.raises(Refusal):
            in_transaction(undone)
        assert rung == []
        add(home, picture())
        assert rung == [True]

    def test_what_another_worker_has_is_passed_over(self, live_db: Any) -> None:
        home = make_property()
        first, second = add(home, picture(), picture())
        with db.engine.connect() as other:
            other.execute(select(PropertyImage.id).where(PropertyImage.id == first).with_for_update())
            assert in_transaction(lambda: images.render_next(0)) == (second, True)
        assert in_transaction(lambda: images.render_next(0)) == (first, True)

    def test_two_workers_share_the_work(self, app: Flask, live_db: Any) -> None:
        home = make_property()
        add(home, *[picture(size=(900, 900), colour=colour) for colour in ("red", "green", "blue", "teal")])
        db.session.remove()
        tallies: list[dict[str, int]] = []

        def work() -> None:
            with app.app_context():
                tallies.append(render_images())

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(one["rendered"] for one in tallies) == 4
        assert db.session.scalar(select(func.count()).where(PropertyImage.status == "ready")) == 4


class TestClearStaging:
    def test_old_uploads_without_an_end_are_erased(self, db_session: Any, frozen_clock: Clock, media: Path) -> None:
        files.put(files.Area.STAGING, b"left behind", "bin")
        assert clear_staging() == {"erased": 0}
        frozen_clock.at(datetime.now(UTC) + timedelta(days=8))
        assert clear_staging() == {"erased": 1}
        assert clear_staging() == {"erased": 0}
