"""Stored files: in a folder and in a bucket."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest
from flask import Flask

from sheda.core import files
from sheda.core.db import in_transaction
from sheda.core.errors import NotFound, Unavailable
from sheda.core.files import Area, open_store


class Bucket(BaseHTTPRequestHandler):
    """The few words of the S3 protocol that the store speaks, kept in memory."""

    objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sat, 22 Nov 2025 09:00:00 GMT")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256")
        self.objects[self.path] = (data, dict(self.headers))
        self.answer(200)

    def do_GET(self) -> None:
        if "list-type=2" in self.path:
            rows = "".join(
                f"<Contents><Key>{escape(path.removeprefix('/lot/'))}</Key><Size>{len(data)}</Size>"
                "<LastModified>2025-11-22T09:00:00.000Z</LastModified><ETag>1</ETag></Contents>"
                for path, (data, _) in self.objects.items()
                if path.startswith("/lot/" + parse_qs(urlsplit(self.path).query)["prefix"][0])
            )
            self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode())
        elif self.path in self.objects:
            self.answer(200, self.objects[self.path][0])
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self.answer(204)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]
        for key in keys:
            self.objects.pop(f"/lot/{key}", None)
        rows = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(params=["file", "s3"])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An application on each kind of store, with its context."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    Bucket.objects.clear()
    application = Flask("stored")
    url = "file:" if request.param == "file" else f"s3://lot?endpoint={endpoint}"
    application.config.update(MEDIA_URL=url, STATE_DIR=tmp_path)
    with application.app_context():
        yield application


class TestStore:
    def test_what_is_put_can_be_had_until_it_is_deleted(self, storage: Flask) -> None:
        key = files.put(Area.PRIVATE, b"\x00proof", "pdf")
        assert files.get(key) == b"\x00proof"
        files.delete(key)
        with pytest.raises(NotFound):
            files.get(key)
        files.delete(key)

    def test_keys_are_never_the_same_and_say_their_area(self, storage: Flask) -> None:
        keys = {files.put(Area.PUBLIC, b"same", "webp") for _ in range(20)}
        assert len(keys) == 20
        assert all(key.startswith("public/") and len(key.split("/")[2]) > 48 for key in keys)

    def test_only_public_files_have_an_address(self, storage: Flask) -> None:
        assert files.url(files.put(Area.PUBLIC, b"x", "webp")).startswith(("/media/", "http://127.0.0.1:"))
        for area in (Area.PRIVATE, Area.STAGING):
            with pytest.raises(ValueError, match="public"):
                files.url(files.put(area, b"x", "webp"))

    def test_stale_staging_is_cleared_and_nothing_else(self, storage: Flask) -> None:
        staged, kept = files.put(Area.STAGING, b"x", "bin"), files.put(Area.PUBLIC, b"x", "webp")
        assert files.clear_staging(datetime(2020, 1, 1, tzinfo=UTC)) == 0
        assert files.clear_staging(datetime.now(UTC) + timedelta(minutes=1)) == 1
        assert files.get(kept) == b"x"
        with pytest.raises(NotFound):
            files.get(staged)

    def test_the_renditions_of_a_picture_share_a_stem(self, storage: Flask) -> None:
        stem = files.put_renditions({"thumb": b"small", "full": b"large"})
        assert files.get(files.rendition_key(stem, "thumb")) == b"small"
        assert files.put_renditions({"thumb": b"again"}, stem) == stem
        assert files.url(files.rendition_key(stem, "full")).endswith(".full.webp")

    def test_the_media_type_follows_the_suffix(self) -> None:
        assert files.media_type("private/ab/abc.pdf") == "application/pdf"
        assert files.media_type("private/ab/abc") == "application/octet-stream"


class TestFolderStore:
    @pytest.mark.parametrize("key", ["../secret", "public/../../secret", "/etc/passwd", "a\0b"])
    def test_a_key_never_leads_out(self, tmp_path: Path, key: str) -> None:
        (tmp_path / "secret").write_text("x")
        store = open_store("file:", str(tmp_path))
        for attempt in (lambda: store.get(key), lambda: store.put(key, b"x"), lambda: store.delete(key)):
            with pytest.raises(NotFound):
                attempt()

    def test_a_folder_can_be_named(self, tmp_path: Path) -> None:
        open_store(f"file://{tmp_path}/my%20media", "unused").put("public/ab/x.webp", b"x")
        assert (tmp_path / "my media/public/ab/x.webp").read_bytes() == b"x"

    def test_half_a_file_is_never_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            open_store("file:", str(tmp_path)).put("public/ab/x.webp", b"x")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("url", ["", "ftp://x", "s3:", "media"])
    def test_another_setting_is_refused(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(ValueError, match="MEDIA_URL"):
            open_store(url, str(tmp_path))


class TestBucketStore:
    @pytest.mark.parametrize("storage", ["s3"], indirect=True)
    def test_objects_carry_type_and_caching(self, storage: Flask) -> None:
        files.put(Area.PUBLIC, b"x", "webp")
        files.put(Area.PRIVATE, b"x", "pdf")
        public, private = [headers for _, headers in Bucket.objects.values()]
        assert public["content-type"] == "image/webp"
        assert "immutable" in public["cache-control"]
        assert private["content-type"] == "application/pdf"
        assert private["cache-control"] == "private, no-store"

    def test_an_unreachable_bucket_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store, start = open_store("s3://lot?endpoint=http://127.0.0.1:9", ""), time.monotonic()
        with pytest.raises(Unavailable):
            store.get("public/ab/x.webp")
        assert time.monotonic() - start < 10


class TestDeleteAfterCommit:
    def test_a_file_goes_when_its_row_has_gone_and_stays_when_that_is_undone(
        self, tmp_path: Path, app: Flask, db_session: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "STATE_DIR", str(tmp_path))
        gone, kept = (files.put(Area.PRIVATE, b"x", "pdf") for _ in range(2))
        in_transaction(lambda: files.delete_after_commit(gone))
        with pytest.raises(NotFound):
            files.get(gone)

        def undone() -> None:
            files.delete_after_commit(kept)
            raise NotFound

        with pytest.raises(NotFound):
            in_transaction(undone)
        assert files.get(kept) == b"x"
