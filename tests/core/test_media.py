"""Public pictures over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sheda.core import files, media
from sheda.core.files import Area


@pytest.fixture
def site(tmp_path: Path) -> Any:
    application = Flask("media")
    application.config.update(MEDIA_URL="file:", STATE_DIR=tmp_path)
    media.install(application)
    with application.app_context():
        yield application


class TestPicture:
    def test_a_public_picture_is_served_for_good(self, site: Flask) -> None:
        key = files.put(Area.PUBLIC, b"RIFF0000WEBP", "webp")
        with site.test_client().get(files.url(key)) as answer:
            assert (answer.status_code, answer.data, answer.mimetype) == (200, b"RIFF0000WEBP", "image/webp")
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_what_is_not_there_is_not_found(self, site: Flask) -> None:
        assert site.test_client().get("/media/ab/abc.webp").status_code == 404

    @pytest.mark.parametrize("way", ["../{}", "x/../../{}", "%2e%2e/{}", "..%2f{}", "..\\{}", "/{}", "\x00{}"])
    def test_nothing_private_is_served(self, site: Flask, way: str) -> None:
        key = files.put(Area.PRIVATE, b"proof", "png")
        answer = site.test_client().get("/media/" + way.format(key))
        assert answer.status_code in {301, 308, 404}
        assert b"proof" not in answer.data

    def test_a_bucket_is_left_to_serve_itself(self, site: Flask) -> None:
        site.config["MEDIA_URL"] = "s3://lot?endpoint=http://127.0.0.1:9"
        site.errorhandler(media.NotFound)(lambda _: ("", 404))
        assert site.test_client().get("/media/ab/abc.webp").status_code == 404
