"""Pushes to a real push service on this machine that decrypts them, texts into files, and quiet hours."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.accounts import services as accounts
from sheda.accounts.models import User
from sheda.core import clock, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.notifications import devices, wishes
from sheda.notifications.models import Notification, PushDevice
from sheda.notifications.services import tell
from sheda.profiles import services as profiles
from tests.core.test_outbox import at_once
from tests.factories import actor_of, auth, make_property, make_user
from tests.receivers import Receiver

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
KIND = "property_returned"


class Browser:
    """A browser that has subscribed, and can read what is pushed to it."""

    def __init__(self, endpoint: str) -> None:
        self._private, self._auth = generate_private_key(SECP256R1()), os.urandom(16)
        self.endpoint = endpoint
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.keys = {"p256dh": text_of(point), "auth": text_of(self._auth)}

    @property
    def subscription(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": self.keys}

    def read(self, body: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(body, private_key=self._private, auth_secret=self._auth, version="aes128gcm")
        found: dict[str, Any] = json.loads(plain)
        return found


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def service(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setitem(app.config, "OUTBOUND_LOCAL", True)
    with Receiver() as found:
        found.status = 201
        yield found


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user(Role.AGENT, phone="+2348012345678")


def device_of(user: User, service: Receiver, path: str = "/push/1") -> Browser:
    browser = Browser(service.url + path)
    devices.note(actor_of(user), endpoint=browser.endpoint, **browser.keys)
    db.session.commit()
    return browser


def news(user: User, **over: Any) -> int:
    said = {"path": "/admin/properties/show/1"}
    told = tell(KIND, make_property(user), {user.id: "The flat is free again."}, words=said, **over)
    db.session.commit()
    return told


def signal() -> dict[str, int]:
    return outbox.deliver_due(signals=True)


def rows(channel: str = "push") -> list[Outbox]:
    db.session.expire_all()
    return list(db.session.scalars(select(Outbox).where(Outbox.channel == channel).order_by(Outbox.id)))


class TestPush:
    def test_it_arrives_encrypted_and_signed_and_its_device_reads_it(
        self, app: Flask, ada: User, service: Receiver
    ) -> None:
        browser = device_of(ada, service)
        with clock.travel(NOON):
            news(ada)
            assert signal() == {"sent": 1, "failed": 0}
            assert signal() == {"sent": 0, "failed": 0}
        (taken,) = service.taken
        assert b"free again" not in taken.body
        said = browser.read(taken.body)
        assert (said["title"], said["body"]) == ("A home is on the market again", "The flat is free again.")
        assert (said["url"], said["subject_type"]) == ("/admin/properties/show/1", "property")
        assert (taken.headers["content-encoding"], taken.headers["ttl"]) == ("aes128gcm", "86400")
        assert len(taken.headers["topic"]) == 32

    def test_the_server_says_who_it_is(self, app: Flask, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        with clock.travel(NOON):
            news(ada)
            signal()
        scheme, _, said = service.taken[0].headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in said.split(","))
        assert (scheme, parts["k"]) == ("vapid", devices.public_key())
        point = base64.urlsafe_b64decode(parts["k"] + "=")
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=service.url)
        assert claims["sub"] == "mailto:no-reply@sheda.example"

    def test_each_device_gets_it_once_however_often_it_happens(self, ada: User, service: Receiver) -> None:
        for number in range(3):
            device_of(ada, service, f"/push/{number}")
        home = make_property(ada)
        with clock.travel(NOON):
            for _ in range(2):
                tell(KIND, home, {ada.id: "Free."}, version="1")
                db.session.commit()
            signal()
        assert sorted(taken.path for taken in service.taken) == ["/push/0", "/push/1", "/push/2"]

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_device_that_is_gone_is_forgotten(self, ada: User, service: Receiver, status: int) -> None:
        device_of(ada, service)
        service.status = status
        with clock.travel(NOON):
            news(ada)
            assert signal() == {"sent": 0, "failed": 1}
        assert rows()[0].last_error == "the device takes no more pushes"
        assert rows()[0].dead_at is not None
        assert db.session.scalars(select(PushDevice)).all() == []

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_push_service_that_is_busy_is_asked_again(self, ada: User, service: Receiver, status: int) -> None:
        browser = device_of(ada, service)
        service.answers = [status]
        with clock.travel(NOON):
            news(ada)
            assert signal() == {"sent": 0, "failed": 1}
        assert rows()[0].last_error == f"the push service answers {status}"
        with clock.travel(NOON + timedelta(minutes=1)):
            assert signal() == {"sent": 1, "failed": 0}
        assert browser.read(service.taken[1].body)["body"] == "The flat is free again."

    def test_what_was_read_meanwhile_is_not_pushed(self, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        with clock.travel(NOON):
            news(ada)
            db.session.scalars(select(Notification)).one().read_at = clock.now()
            db.session.commit()
            signal()
        assert (service.taken, rows()[0].last_error) == ([], "it was read meanwhile")

    def test_a_wish_and_a_closed_account_are_respected(self, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        wishes.change_preferences(actor_of(ada), {KIND: {"push": False}})
        news(ada)
        assert rows() == []
        wishes.change_preferences(actor_of(ada), {KIND: {"push": True}})
        with clock.travel(NOON):
            news(ada)
            ada.active = False
            db.session.commit()
            signal()
        assert service.taken == []

    def test_a_slow_push_service_holds_up_no_mail(self, ada: User, service: Receiver, mail_sink: Any) -> None:
        device_of(ada, service)
        service.delay = 5
        with clock.travel(NOON):
            tell("bank_account_changed", make_property(ada), {ada.id: "Changed."}, words=MAIL)
            db.session.commit()
            assert outbox.deliver_due() == {"sent": 1, "failed": 0}
        assert service.taken == []

    def test_somebody_without_devices_costs_no_statement_more(self, ada: User, count_statements: Any) -> None:
        home = make_property(ada)
        said = {ada.id: "Free."}
        db.session.refresh(home)
        with count_statements() as seen:
            tell(KIND, home, said)
        assert len(seen) == 2

    def test_two_workers_push_each_message_once(self, app: Flask, live_db: Any, service: Receiver) -> None:
        ada = make_user(Role.AGENT)
        for number in range(6):
            device_of(ada, service, f"/push/{number}")
        wishes.change_quiet(actor_of(ada), begins=None, ends=None)
        news(ada)
        tallies = at_once(app, signal, 3)
        assert sum(tally["sent"] for tally in tallies) == 6
        assert sorted(taken.path for taken in service.taken) == [f"/push/{number}" for number in range(6)]


MAIL = {"change": "added", "path": "/admin/", "facts": []}


class TestDevices:
    PATH = "/api/v1/push-subscriptions"

    def test_an_app_registers_lists_and_removes_one(self, client: FlaskClient, ada: User, service: Receiver) -> None:
        headers, browser = auth(ada), Browser(f"{service.url}/push/secret")
        key = client.get(f"{self.PATH}/key", headers=headers).json["result"]["public_key"]
        assert key == devices.public_key()
        made = client.post(self.PATH, json=browser.subscription, headers=headers)
        assert (made.status_code, made.json["result"]["host"]) == (201, "127.0.0.1")
        assert client.post(self.PATH, json=browser.subscription, headers=headers).status_code == 200
        shown = client.get(self.PATH, headers=headers)
        assert [one["id"] for one in shown.json["result"]] == [made.json["id"]]
        assert "secret" not in shown.text
        for _ in range(2):
            answer = client.delete(self.PATH, json={"endpoint": browser.endpoint}, headers=headers)
            assert answer.status_code == 204
        assert client.get(self.PATH, headers=headers).json["result"] == []

    def test_another_persons_device_is_missing(self, client: FlaskClient, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        device_id = db.session.scalars(select(PushDevice.id)).one()
        other = auth(make_user())
        assert client.delete(f"{self.PATH}/{device_id}", headers=other).status_code == 404
        assert client.get(self.PATH, headers=other).json["result"] == []
        assert client.delete(f"{self.PATH}/{device_id}", headers=auth(ada)).status_code == 204

    def test_a_browser_belongs_to_whoever_subscribed_last(
        self, client: FlaskClient, ada: User, service: Receiver
    ) -> None:
        browser, other = device_of(ada, service), make_user()
        assert client.post(self.PATH, json=browser.subscription, headers=auth(other)).status_code == 201
        assert db.session.scalars(select(PushDevice.user_id)).all() == [other.id]

    @pytest.mark.parametrize(
        "endpoint",
        [
            "http://push.example/1",
            "https://127.0.0.1/1",
            "https://2130706433/1",
            "https://0x7f000001/1",
            "https://[::1]/1",
            "https://[::ffff:10.0.0.1]/1",
            "https://[64:ff9b::a00:1]/1",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/1",
            "https://localhost/1",
            "https://redis/1",
            "https://db.internal/1",
            "https://user:pass@push.example.com/1",
            "https://push.example.com:x/1",
            "ftp://push.example.com/1",
            "push",
            "",
        ],
    )
    def test_an_address_inside_is_refused(self, client: FlaskClient, ada: User, endpoint: str) -> None:
        body = Browser(endpoint).subscription
        answer = client.post(self.PATH, json=body, headers=auth(ada))
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json["errors"]] == ["endpoint"]

    @pytest.mark.parametrize(
        "keys",
        [
            {"p256dh": "x" * 87, "auth": "AAAAAAAAAAAAAAAAAAAAAA"},
            {"p256dh": "BP" + "A" * 85, "auth": "AAAAAAAAAAAAAAAAAAAAAA"},
            {"p256dh": "é", "auth": "AAAAAAAAAAAAAAAAAAAAAA"},
            {"auth": "AAAAAAAAAAAAAAAAAAAAAA"},
            {},
            None,
            [],
        ],
    )
    def test_keys_that_are_none_are_refused(self, client: FlaskClient, ada: User, keys: Any) -> None:
        body = {"endpoint": "https://push.example.com/1", "keys": keys}
        assert client.post(self.PATH, json=body, headers=auth(ada)).status_code == 422

    def test_the_oldest_of_too_many_makes_room(
        self, app: Flask, ada: User, service: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "MOST_PUSH_DEVICES", 2)
        for number in range(3):
            device_of(ada, service, f"/push/{number}")
        kept = db.session.scalars(select(PushDevice.endpoint).order_by(PushDevice.id)).all()
        assert [one.rpartition("/")[2] for one in kept] == ["1", "2"]

    def test_a_new_password_forgets_every_device(self, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        accounts.set_password(ada, "one quite long password")
        db.session.commit()
        assert db.session.scalar(select(func.count()).select_from(PushDevice)) == 0

    def test_the_servers_key_is_made_once(self, app: Flask, db_session: Any) -> None:
        before = devices.public_key()
        app.extensions.pop("vapid")
        assert devices.public_key() == before
        path = Path(app.config["STATE_DIR"]) / "vapid.pem"
        assert path.stat().st_mode & 0o077 == 0


class TestQuiet:
    @pytest.mark.parametrize(
        ("zone", "now", "leaves"),
        [
            ("Africa/Lagos", datetime(2026, 11, 24, 20, 59, tzinfo=UTC), datetime(2026, 11, 24, 20, 59, tzinfo=UTC)),
            ("Africa/Lagos", datetime(2026, 11, 24, 21, 0, tzinfo=UTC), datetime(2026, 11, 25, 6, 0, tzinfo=UTC)),
            ("Africa/Lagos", datetime(2026, 11, 25, 5, 59, tzinfo=UTC), datetime(2026, 11, 25, 6, 0, tzinfo=UTC)),
            ("Africa/Lagos", datetime(2026, 11, 25, 6, 0, tzinfo=UTC), datetime(2026, 11, 25, 6, 0, tzinfo=UTC)),
            ("America/New_York", datetime(2026, 11, 24, 21, 0, tzinfo=UTC), datetime(2026, 11, 24, 21, 0, tzinfo=UTC)),
            # The night in which clocks go back (7 November 2027): the morning is at twelve in UTC, not at eleven.
            ("America/New_York", datetime(2027, 11, 7, 3, 30, tzinfo=UTC), datetime(2027, 11, 7, 12, 0, tzinfo=UTC)),
        ],
    )
    def test_devices_are_left_alone_at_night_by_their_readers_clock(
        self, ada: User, service: Receiver, zone: str, now: datetime, leaves: datetime
    ) -> None:
        profiles.profile_of(ada.id).time_zone = zone
        device_of(ada, service)
        with clock.travel(now):
            news(ada)
        assert rows()[0].due_at == leaves

    def test_mail_and_the_list_in_sheda_do_not_wait(self, ada: User, service: Receiver) -> None:
        device_of(ada, service)
        night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
        with clock.travel(night):
            tell("bank_account_changed", make_property(ada), {ada.id: "Changed."}, words=MAIL)
            db.session.commit()
        assert [row.due_at for row in rows("mail")] == [night]
        assert db.session.scalars(select(Notification.created_at)).all() == [night]
        with clock.travel(night + timedelta(hours=3)):
            assert signal()["sent"] == 0
        with clock.travel(night + timedelta(hours=8)):
            assert signal()["sent"] == 1

    def test_one_says_ones_own_hours_or_none(self, client: FlaskClient, ada: User, service: Receiver) -> None:
        path, headers = "/api/v1/notifications/quiet-hours", auth(ada)
        shown = client.get(path, headers=headers).json["result"]
        assert shown == {"begins": "22:00", "ends": "07:00", "time_zone": "Africa/Lagos"}
        changed = client.put(path, json={"begins": "13:00", "ends": "15:00"}, headers=headers)
        assert changed.json["result"]["begins"] == "13:00"
        assert wishes.quiet_of(actor_of(ada)).leaves_at(NOON).astimezone(UTC).hour == 11
        with clock.travel(NOON + timedelta(hours=2)):
            assert wishes.quiet_of(actor_of(ada)).leaves_at(clock.now()).astimezone(UTC).hour == 14
        none = client.put(path, json={"begins": None, "ends": None}, headers=headers)
        assert none.json["result"]["begins"] is None
        device_of(ada, service)
        night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
        with clock.travel(night):
            news(ada)
        assert rows()[0].due_at == night

    @pytest.mark.parametrize(
        "body",
        [
            {"begins": "22:00", "ends": None},
            {"begins": None, "ends": "07:00"},
            {"begins": "25:00", "ends": "07:00"},
            {},
        ],
    )
    def test_half_hours_and_no_times_are_refused(self, client: FlaskClient, ada: User, body: dict[str, Any]) -> None:
        answer = client.put("/api/v1/notifications/quiet-hours", json=body, headers=auth(ada))
        assert answer.status_code == 422

    def test_hours_that_begin_and_end_at_once_are_none(self) -> None:
        quiet = wishes.Quiet(time(7), time(7))
        assert quiet.leaves_at(NOON) == NOON


class TestTexts:
    @pytest.mark.parametrize("channel", ["sms", "whatsapp"])
    def test_whoever_asks_for_them_gets_them_into_a_file(self, app: Flask, ada: User, channel: str) -> None:
        with clock.travel(NOON):
            news(ada)
            assert rows(channel) == []
            wishes.change_preferences(actor_of(ada), {KIND: {channel: True}})
            news(ada)
            assert signal() == {"sent": 1, "failed": 0}
        path = Path(app.config["STATE_DIR"]) / channel / f"{rows(channel)[0].message_id}.txt"
        assert path.read_text() == "To: +2348012345678\n\nSheda: The flat is free again.\n"

    def test_without_a_number_there_is_none(self, db_session: Any) -> None:
        bob = make_user(Role.AGENT)
        wishes.change_preferences(actor_of(bob), {KIND: {"sms": True}})
        news(bob)
        assert rows("sms") == []

    def test_a_gateway_is_posted_to_once_with_its_token(
        self, app: Flask, ada: User, service: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "SMS_URL", f"{service.url}/messages")
        monkeypatch.setitem(app.config, "SMS_TOKEN", "gateway-token")
        wishes.change_preferences(actor_of(ada), {KIND: {"sms": True}})
        service.answers = [500]
        with clock.travel(NOON):
            news(ada)
            assert signal() == {"sent": 0, "failed": 1}
        with clock.travel(NOON + timedelta(minutes=1)):
            assert signal() == {"sent": 1, "failed": 0}
        first, second = service.taken
        assert json.loads(second.body)["to"] == "+2348012345678"
        assert second.headers["authorization"] == "Bearer gateway-token"
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]

    def test_a_channel_that_is_switched_off_takes_nothing(
        self, app: Flask, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "SMS_URL", "")
        wishes.change_preferences(actor_of(ada), {KIND: {"sms": True}})
        news(ada)
        assert rows("sms") == []
