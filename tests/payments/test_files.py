import io

import pytest
from flask.testing import FlaskClient
from PIL import Image

from sheda.core import attachments
from sheda.core import files as storage
from sheda.core.actor import Actor, Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotFound, TooLarge
from sheda.payments import files
from sheda.payments.models import File, Payment
from tests.factories import actor_of, auth, make_user
from tests.payments.conftest import Deal


def picture() -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(found, "PNG")
    return found.getvalue()


def upload(actor: Actor) -> File:
    stored = files.store_file(actor, picture())
    db.session.commit()
    return stored


@pytest.fixture
def proof(deal: Deal, declared: Payment) -> File:
    stored = upload(deal.by_client)
    declared.proof_file_id = stored.id
    db.session.commit()
    return stored


class TestStore:
    def test_a_picture_is_kept_privately(self, deal: Deal) -> None:
        stored = upload(deal.by_client)
        assert stored.key.startswith("private/")
        assert (stored.content_type, stored.owner_id) == ("image/png", deal.client.id)
        assert len(storage.get(stored.key)) == stored.size

    def test_what_is_no_picture_and_no_pdf_is_refused(self, deal: Deal) -> None:
        with pytest.raises(InvalidInput) as refused:
            files.store_file(deal.by_client, b"<script>alert(1)</script>")
        assert refused.value.errors[0]["field"] == "file"

    def test_more_than_ten_megabytes_is_too_large(self, deal: Deal) -> None:
        with pytest.raises(TooLarge):
            files.store_file(deal.by_client, b"%PDF-" + b"0" * 10 * 2**20)


class TestRead:
    def test_uploader_parties_and_staff_read_a_proof(self, deal: Deal, proof: File) -> None:
        for actor in (deal.by_client, deal.by_agent, actor_of(make_user(Role.STAFF)), actor_of(make_user(Role.ADMIN))):
            assert files.read_file(actor, proof.id)[0] == proof

    def test_for_others_it_is_not_there(self, proof: File) -> None:
        for role in (Role.CLIENT, Role.AGENT):
            with pytest.raises(NotFound):
                files.read_file(actor_of(make_user(role)), proof.id)

    def test_an_upload_that_proves_nothing_is_its_uploaders_alone(self, deal: Deal) -> None:
        stored = upload(deal.by_client)
        with pytest.raises(NotFound):
            files.read_file(deal.by_agent, stored.id)


class TestEndpoints:
    def test_a_file_comes_back_as_a_download(self, client: FlaskClient, deal: Deal) -> None:
        sent = client.post(
            "/api/v1/files", headers=auth(deal.client), data={"file": (io.BytesIO(picture()), "../../proof.php")}
        )
        assert (sent.status_code, set(sent.json["result"])) == (
            201,
            {"id", "content_type", "size", "sha256", "created_at"},
        )
        got = client.get(sent.headers["Location"], headers=auth(deal.client))
        assert (got.status_code, got.content_type) == (200, "image/png")
        assert got.headers["Content-Disposition"] == f'attachment; filename="file-{sent.json["id"]}.png"'
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Cache-Control"] == "private, no-store"
        assert Image.open(io.BytesIO(got.data)).size == (40, 30)

    def test_a_repeated_key_keeps_one_file(self, client: FlaskClient, deal: Deal) -> None:
        headers = auth(deal.client) | {"Idempotency-Key": "one"}
        answers = [
            client.post("/api/v1/files", headers=headers, data={"file": (io.BytesIO(picture()), "a.png")}) for _ in "ab"
        ]
        assert answers[0].json == answers[1].json
        assert File.query.count() == 1

    def test_refusals(self, client: FlaskClient, deal: Deal, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = auth(deal.client)
        monkeypatch.setattr(attachments, "MAX_BYTES", 1000)

        def post(*contents: bytes, field: str = "file", headers: dict[str, str] = mine) -> int:
            sent = {field: [(io.BytesIO(content), "a.png") for content in contents]}
            return client.post("/api/v1/files", headers=headers, data=sent).status_code

        assert post(picture(), headers={}) == 401
        assert client.post("/api/v1/files", headers=mine, json={}).status_code == 415
        assert post(picture(), field="other") == 422
        assert post(picture(), picture()) == 422
        assert post(b"x") == 422
        assert post(b"") == 422
        assert post(b"\xff\xd8\xff" + b"0" * 1000) == 413

    def test_what_is_not_there_for_one_is_not_there(self, client: FlaskClient, deal: Deal, proof: File) -> None:
        assert client.get(f"/api/v1/files/{proof.id}").status_code == 401
        assert client.get(f"/api/v1/files/{proof.id}", headers=auth(make_user())).status_code == 404
        for missing in ("999999", "x", "9" * 30):
            assert client.get(f"/api/v1/files/{missing}", headers=auth(deal.client)).status_code == 404
