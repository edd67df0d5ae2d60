"""A letter: what its headers can hold, and how it leaves by server or by file."""

import uuid
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from flask import Flask

from sheda.accounts.models import User
from sheda.core import clock, mail
from sheda.embedded import free_port
from tests.factories import make_user

WORDS = {"when": "Tue 24 Nov 2026, 14:30", "path": "/login/", "facts": [], "side": "client"}


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user(first_name="Adaéze", last_name="Okonkwo")


def letter_to(user: User, **extras: Any) -> mail.Letter:
    return mail.compose(user.id, "password_changed", WORDS, mail.Extras(**extras), uuid.uuid4())


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, EmailMessage, policy=policy.default)


class TestCompose:
    def test_a_letter_has_what_every_letter_needs(self, ada: User) -> None:
        message = letter_to(ada).message
        assert str(message["Subject"]) == "Your password was changed"
        assert str(message["From"]) == "Sheda <no-reply@sheda.example>"
        assert str(message["To"]) == f"Adaéze Okonkwo <{ada.email}>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Date"]
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]

    @pytest.mark.parametrize("name", ["Ada\r\nBcc: thief@example.com", 'A "quoted" <x@y>', "Ada\x0bObi", ","])
    def test_no_name_makes_a_header_of_its_own(self, ada: User, name: str) -> None:
        ada.first_name = name
        message = read(bytes(letter_to(ada).message))
        assert message["Bcc"] is None
        assert [one.addr_spec for one in message["To"].addresses] == [ada.email]

    def test_every_line_can_pass_every_server(self, ada: User) -> None:
        ada.first_name = "é" * 64
        raw = bytes(letter_to(ada).message)
        assert max(map(len, raw.splitlines())) < 998
        raw.decode("ascii")

    def test_attachments_and_headers_made_at_the_sending_are_in_it(self, ada: User) -> None:
        letter = letter_to(ada, attachments=(("a.pdf", "application/pdf", b"%PDF-"),), headers={"X-Kind": "test"})
        (paper,) = letter.message.iter_attachments()
        assert (paper.get_filename(), paper.get_content()) == ("a.pdf", b"%PDF-")
        assert letter.message["X-Kind"] == "test"

    def test_a_deleted_account_has_no_letter(self, ada: User) -> None:
        ada.deleted_at = clock.now()
        with pytest.raises(mail.Undeliverable):
            letter_to(ada)


class TestFiles:
    @pytest.fixture
    def folder(self, app: Flask, tmp_path: Path) -> Iterator[Path]:
        before = {name: app.config[name] for name in ("SMTP_URL", "STATE_DIR")}
        app.config.update(SMTP_URL="", STATE_DIR=str(tmp_path))
        yield tmp_path / "mail"
        app.config.update(before)

    def test_without_a_server_each_letter_is_a_file_named_by_time_and_address(self, ada: User, folder: Path) -> None:
        mail.send(letter_to(ada))
        (file,) = folder.iterdir()
        assert file.name.endswith(f"-{ada.email}.eml")
        assert str(read(file.read_bytes())["Subject"]) == "Your password was changed"

    def test_letters_of_one_held_moment_all_stay(self, ada: User, folder: Path) -> None:
        with clock.travel(clock.now()):
            for _ in range(20):
                mail.send(letter_to(ada))
        assert len(list(folder.glob("*.eml"))) == len(list(folder.iterdir())) == 20

    def test_an_address_cannot_lead_out_of_the_folder(self, ada: User, folder: Path) -> None:
        ada.email = "a/b@sheda.example"
        mail.send(letter_to(ada))
        assert [file.parent for file in folder.iterdir()] == [folder]


class Locked:
    """A mail server that wants a name and a password."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if not session.authenticated:
            return "530 Who are you?"
        self.messages.append(read(envelope.content))
        return "250 OK"


class TestServer:
    def test_a_server_gets_the_name_and_password_of_its_address(self, ada: User, app: Flask) -> None:
        def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
            return AuthResult(success=(data.login, data.password) == (b"she/da", b"p@ss:word"), handled=False)

        locked, port, before = Locked(), free_port(), app.config["SMTP_URL"]
        server = Controller(locked, "127.0.0.1", port, authenticator=knows, auth_require_tls=False)
        server.start()
        try:
            app.config["SMTP_URL"] = f"smtp://she%2Fda:p%40ss%3Aword@127.0.0.1:{port}"
            mail.send(letter_to(ada))
            app.config["SMTP_URL"] = f"smtp://she%2Fda:wrong@127.0.0.1:{port}"
            with pytest.raises(OSError, match="535"):
                mail.send(letter_to(ada))
        finally:
            app.config["SMTP_URL"] = before
            server.stop()
        assert len(locked.messages) == 1

    def test_without_the_encryption_that_was_asked_for_nothing_is_sent(self, ada: User, app: Flask) -> None:
        locked, port, before = Locked(), free_port(), app.config["SMTP_URL"]
        server = Controller(locked, "127.0.0.1", port)
        server.start()
        try:
            app.config["SMTP_URL"] = f"smtp://127.0.0.1:{port}?starttls"
            with pytest.raises(OSError, match="STARTTLS"):
                mail.send(letter_to(ada))
        finally:
            app.config["SMTP_URL"] = before
            server.stop()
        assert locked.messages == []
