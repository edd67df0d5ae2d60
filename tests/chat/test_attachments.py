import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pikepdf
import pytest
from flask.testing import FlaskClient
from PIL import Image

from sheda.accounts.models import User
from sheda.chat import attachments, jobs
from sheda.chat.models import Attachment, Message
from sheda.core import clock, files
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import TooLarge
from tests.chat.test_api import CHATS, read
from tests.factories import actor_of, auth, make_user


def picture(kind: str = "JPEG", size: tuple[int, int] = (1200, 800), **options: Any) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(kept, kind, **options)
    return kept.getvalue()


def document(**names: Any) -> bytes:
    kept = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        for name, value in names.items():
            pdf.Root[f"/{name}"] = value
        pdf.docinfo["/Author"] = "Somebody"
        pdf.save(kept)
    return kept.getvalue()


def upload(client: FlaskClient, owner: User, data: bytes, name: str = "hall.jpg", **headers: str) -> Any:
    form = {"file": (io.BytesIO(data), name)}
    return client.post(f"{CHATS}/files", data=form, headers={**auth(owner), **headers})


def uploaded(client: FlaskClient, owner: User, data: bytes | None = None, name: str = "hall.jpg") -> int:
    answer = upload(client, owner, data or picture(), name)
    assert answer.status_code == 201, answer.data
    found: int = answer.json["id"]
    return found


def send(client: FlaskClient, sender: User, receiver: User, *ids: int, text: str = "", **more: Any) -> Any:
    body = {"receiver_id": receiver.id, "message": text, "attachment_ids": list(ids), **more}
    return client.post(CHATS, json=body, headers=auth(sender))


class TestUpload:
    def test_a_picture_is_written_anew_with_a_small_one(self, client: FlaskClient, ada: User) -> None:
        exif = Image.Exif()
        exif[0x010E] = "where I live"
        answer = upload(client, ada, picture(exif=exif.tobytes()), "Front door.JPG")
        shown = answer.json["result"]
        assert answer.status_code == 201
        assert answer.headers["Location"] == shown["url"] == f"{CHATS}/files/{shown['id']}"
        assert (shown["name"], shown["content_type"]) == ("Front door.jpg", "image/jpeg")
        assert (shown["width"], shown["height"]) == (1200, 800)
        kept = client.get(shown["url"], headers=auth(ada))
        assert kept.content_type == "image/jpeg"
        assert len(kept.data) == shown["size"]
        assert b"where I live" not in kept.data
        assert kept.headers["Cache-Control"] == "private, no-store"
        small = client.get(shown["thumb_url"], headers=auth(ada))
        assert Image.open(io.BytesIO(small.data)).size == (480, 320)

    def test_a_document_has_no_small_picture(self, client: FlaskClient, ada: User) -> None:
        shown = upload(client, ada, document(), "lease.pdf").json["result"]
        assert (shown["content_type"], shown["thumb_url"], shown["width"]) == ("application/pdf", None, None)
        kept = client.get(shown["url"], headers=auth(ada))
        assert b"Somebody" not in kept.data
        assert kept.headers["Content-Disposition"] == "attachment; filename*=UTF-8''lease.pdf"
        assert client.get(f"{shown['url']}/thumb", headers=auth(ada)).status_code == 404

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (b"MZ\x90 a program", "must be a JPEG, PNG or WebP picture or a PDF document"),
            (picture()[:900], "damaged or incomplete"),
            (document(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="1")), "carries scripts"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a JPEG"),
            (b"", "must be a JPEG"),
        ],
        ids=["a program", "half a picture", "a script", "a drawing", "nothing"],
    )
    def test_anything_else_is_refused_in_words(self, client: FlaskClient, ada: User, data: bytes, says: str) -> None:
        answer = upload(client, ada, data)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "file"
        assert says in answer.json["errors"][0]["message"]

    def test_more_than_ten_megabytes_are_too_much(self, ada: User) -> None:
        with pytest.raises(TooLarge, match="at most 10 MB"):
            attachments.store(actor_of(ada), b"%PDF-1.7" + b"0" * 10 * 2**20, "large.pdf")

    def test_two_at_a_time_are_refused(self, client: FlaskClient, ada: User) -> None:
        form = {"file": [(io.BytesIO(picture()), "a.jpg"), (io.BytesIO(picture()), "b.jpg")]}
        answer = client.post(f"{CHATS}/files", data=form, headers=auth(ada))
        assert answer.json["errors"] == [{"field": "file", "message": "Send one file at a time."}]

    def test_the_same_key_stores_it_once(self, client: FlaskClient, ada: User) -> None:
        key = {"Idempotency-Key": "one"}
        first, again = (upload(client, ada, picture(), **key) for _ in range(2))
        assert first.json["id"] == again.json["id"]
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_nobody_hoards_files_without_sending_them(
        self, client: FlaskClient, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(attachments, "MOST_UNSENT", 1)
        uploaded(client, ada)
        answer = upload(client, ada, picture())
        assert (answer.status_code, answer.json["code"]) == (409, "too_many_unsent_files")

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\photos\\door.png", "door.jpg"),
            ("bill\u202egpj.exe", "billgpj.exe.jpg"),
            ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
            ("", "photo.jpg"),
            ("...", "photo.jpg"),
            ("x" * 300, f"{'x' * 100}.jpg"),
            ("Ọlá ilé.jpeg", "Ọlá ilé.jpg"),
        ],
    )
    def test_a_name_is_only_a_name(self, sent: str, kept: str) -> None:
        assert attachments.clean_name(sent, "jpg") == kept


class TestSend:
    def test_files_go_with_a_message_and_stand_in_the_thread(self, client: FlaskClient, ada: User, ben: User) -> None:
        hall, lease = uploaded(client, ada), uploaded(client, ada, document(), "lease.pdf")
        sent = send(client, ada, ben, lease, hall, text="Here they are")
        assert sent.status_code == 201
        shown = read(client, ben, ada).json["result"][0]
        assert shown == sent.json["result"]
        assert [one["name"] for one in shown["attachments"]] == ["lease.pdf", "hall.jpg"]
        assert shown["attachments"][1]["thumb_url"] == f"{CHATS}/files/{hall}/thumb"
        listed = client.get(CHATS, headers=auth(ben)).json["result"][0]
        assert listed["last_message"] == shown

    def test_words_may_be_missing_only_beside_a_file(self, client: FlaskClient, ada: User, ben: User) -> None:
        assert send(client, ada, ben, uploaded(client, ada)).json["result"]["message"] == ""
        refused = send(client, ada, ben)
        assert refused.status_code == 422
        assert refused.json["errors"][0]["field"] == "message"

    def test_only_the_two_who_talk_read_it(self, client: FlaskClient, ada: User, ben: User) -> None:
        kept = uploaded(client, ada)
        assert client.get(f"{CHATS}/files/{kept}", headers=auth(ben)).status_code == 404
        send(client, ada, ben, kept)
        assert client.get(f"{CHATS}/files/{kept}", headers=auth(ben)).status_code == 200
        for role in (Role.CLIENT, Role.AGENT, Role.STAFF, Role.ADMIN):
            stranger = auth(make_user(role))
            for path in (f"{CHATS}/files/{kept}", f"{CHATS}/files/{kept}/thumb", f"/api/v1/files/{kept}"):
                assert client.get(path, headers=stranger).status_code == 404, (role, path)

    def test_it_is_never_under_a_public_address(self, client: FlaskClient, ada: User) -> None:
        stored = db.session.get_one(Attachment, uploaded(client, ada))
        for key in (stored.key, stored.thumb_key):
            assert key is not None
            assert key.startswith("private/")
            assert client.get(f"/media/{key.removeprefix('private/')}").status_code == 404

    def test_a_file_is_sent_once(self, client: FlaskClient, ada: User, ben: User) -> None:
        kept = uploaded(client, ada)
        send(client, ada, ben, kept)
        again = send(client, ada, ben, kept, text="And again")
        assert again.status_code == 422
        assert again.json["errors"][0]["field"] == "attachment_ids"
        assert len(read(client, ben, ada).json["result"]) == 1

    def test_a_repeated_message_answers_the_first_with_its_file(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        kept, own = uploaded(client, ada), str(uuid.uuid4())
        first, again = (send(client, ada, ben, kept, client_msg_id=own) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json == again.json

    def test_foreign_missing_and_double_files_are_refused_alike(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        foreign, own = uploaded(client, ben), uploaded(client, ada)
        for ids in ([foreign], [2**31 - 1], [own, foreign], [own, own], list(range(1, 7))):
            answer = send(client, ada, ben, *ids, text="Look")
            assert answer.status_code == 422, ids
            assert answer.json["errors"][0]["field"] == "attachment_ids"
        assert read(client, ben, ada).json["result"] == []

    def test_sending_is_one_statement(self, client: FlaskClient, ada: User, ben: User, count_statements: Any) -> None:
        from sheda.chat import services

        kept = uploaded(client, ada)
        actor, other = actor_of(ada), ben.id
        with count_statements() as seen:
            services.send(actor, other, "Look", attachment_ids=[kept])
        assert len(seen) == 1


class TestTidy:
    def test_what_was_never_sent_is_erased_after_a_day(
        self, client: FlaskClient, ada: User, ben: User, frozen_clock: Any
    ) -> None:
        lost, sent = uploaded(client, ada), uploaded(client, ada)
        send(client, ada, ben, sent)
        key = db.session.get_one(Attachment, lost).key
        assert jobs.tidy() == {"erased": 0}
        frozen_clock.advance(timedelta(days=1, minutes=1))
        assert jobs.tidy() == {"erased": 1}
        assert jobs.tidy() == {"erased": 0}
        assert [one.id for one in db.session.scalars(db.select(Attachment))] == [sent]
        assert re.match("private/", key)
        with pytest.raises(Exception, match="nothing here"):
            files.get(key)

    def test_a_message_keeps_its_files(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben, uploaded(client, ada))
        message = db.session.scalars(db.select(Message)).one()
        assert message.attachments is not None
        assert attachments.forget_unsent(timedelta(0)) == 0
        assert clock.now() >= message.created_at
