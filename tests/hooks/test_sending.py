"""Webhooks against a real receiver: signed, once, again after faults, never into a private network."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sheda.appointments import services as appointments
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, in_transaction
from sheda.core.outbox import Outbox
from sheda.hooks import sending, services
from sheda.hooks.jobs import deliver
from sheda.hooks.models import HookDelivery, HookEndpoint
from sheda.notifications.models import Notification
from tests.factories import actor_of, make_appointment, make_hook, make_property, make_user
from tests.receivers import Receiver

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def hook(db_session: Any, receiver: Receiver) -> HookEndpoint:
    return make_hook(make_user(Role.STAFF), url=f"{receiver.url}/hook?token=private")


def secret_of(hook: HookEndpoint) -> str:
    return services.renew_secret(actor_of(hook.owner), hook.id)


def send_one(hook: HookEndpoint) -> HookDelivery:
    found = services.ping(actor_of(hook.owner), hook.id)
    db.session.commit()
    return found


def again(row: HookDelivery) -> HookDelivery:
    db.session.expire_all()
    return db.session.get_one(HookDelivery, row.id)


def due(row: HookDelivery) -> Any:
    """Return the moment at which both the delivery and its endpoint may be tried again."""
    held = db.session.get_one(HookEndpoint, again(row).endpoint_id).held_until
    return max(again(row).due_at, held or again(row).due_at)


class TestTaken:
    def test_a_confirmed_viewing_is_told_and_its_signature_verified(
        self, hook: HookEndpoint, receiver: Receiver
    ) -> None:
        secret, agent = secret_of(hook), make_user(Role.AGENT)
        viewing = make_appointment(make_property(agent))
        appointments.confirm(actor_of(agent), viewing.id)
        db.session.commit()
        assert deliver() == {"delivered": 1, "failed": 0}
        (taken,) = receiver.taken
        assert taken.path == "/hook?token=private"
        said = Webhook(secret).verify(taken.body, taken.headers)
        assert said["type"] == "appointment.confirmed"
        assert said["data"] == {
            "id": viewing.id, "status": "confirmed", "property_id": viewing.property_id,
            "client_id": viewing.client_id, "agent_id": agent.id, "replaces_id": None,
            "starts_at": viewing.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ends_at": viewing.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        assert deliver() == {"delivered": 0, "failed": 0}

    def test_a_changed_body_or_another_secret_does_not_verify(self, hook: HookEndpoint, receiver: Receiver) -> None:
        secret = secret_of(hook)
        send_one(hook)
        deliver()
        (taken,) = receiver.taken
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(taken.body + b" ", taken.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + "A" * 43 + "=").verify(taken.body, taken.headers)

    def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_the_new_one_alone(
        self, hook: HookEndpoint, receiver: Receiver
    ) -> None:
        old = secret_of(hook)
        new = secret_of(hook)
        send_one(hook)
        deliver()
        for secret in (old, new):
            assert Webhook(secret).verify(receiver.taken[0].body, receiver.taken[0].headers)
        assert len(services.keys_of(hook)) == 2
        with clock.travel(clock.now() + 25 * HOUR):
            assert len(services.keys_of(hook)) == 1

    def test_the_documented_check_takes_it_and_nothing_else(self, hook: HookEndpoint, receiver: Receiver) -> None:
        document = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
        names: dict[str, Any] = {}
        exec(document.partition("```python\n")[2].partition("```")[0], names)
        is_from_sheda, secret = names["is_from_sheda"], secret_of(hook)
        send_one(hook)
        deliver()
        (taken,) = receiver.taken
        assert is_from_sheda(secret, taken.headers, taken.body)
        assert not is_from_sheda(secret, taken.headers, taken.body + b" ")
        assert not is_from_sheda("whsec_" + "A" * 43 + "=", taken.headers, taken.body)
        assert not is_from_sheda(secret, {**taken.headers, "webhook-timestamp": "1"}, taken.body)

    def test_what_it_says_names_no_person_and_no_account(self, hook: HookEndpoint, receiver: Receiver) -> None:
        client = make_user(first_name="Ngozi", phone="+2348012345678")
        agent = make_user(Role.AGENT)
        appointments.confirm(actor_of(agent), make_appointment(make_property(agent), client).id)
        db.session.commit()
        deliver()
        text = receiver.taken[0].body.decode()
        assert not any(one in text for one in ("Ngozi", "2348012345678", client.email))


class TestFailing:
    def test_a_fault_is_tried_again_later_under_the_same_id(self, hook: HookEndpoint, receiver: Receiver) -> None:
        receiver.answers = [500, 503]
        row, now, pauses = send_one(hook), clock.now(), []
        for _ in range(2):
            with clock.travel(now):
                assert deliver() == {"delivered": 0, "failed": 1}
                assert deliver() == {"delivered": 0, "failed": 0}
            pauses.append((again(row).due_at - now).total_seconds())
            now = due(row)
        assert again(row).last_error == "answered 503"
        assert 8 <= pauses[0] <= 12
        assert 24 <= pauses[1] <= 36
        with clock.travel(now):
            assert deliver()["delivered"] == 1
        assert len({taken.headers["webhook-id"] for taken in receiver.taken}) == 1
        assert (again(row).status_code, again(row).attempts, again(row).last_error) == (204, 3, None)

    def test_a_receiver_that_takes_too_long_is_left(
        self, hook: HookEndpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "WITHIN", 0.3)
        receiver.delay = 1.0
        row = send_one(hook)
        assert deliver()["failed"] == 1
        assert again(row).last_error == "no answer within 0.3 seconds"

    def test_a_closed_port_is_a_fault(self, hook: HookEndpoint, receiver: Receiver) -> None:
        hook.url = "http://127.0.0.1:9/hook"
        row = send_one(hook)
        assert deliver()["failed"] == 1
        assert again(row).last_error == "no connection"

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirects_are_not_followed(self, hook: HookEndpoint, receiver: Receiver, status: int) -> None:
        receiver.status, receiver.location = status, f"{receiver.url}/elsewhere"
        row = send_one(hook)
        assert deliver()["failed"] == 1
        assert (again(row).last_error, again(row).status_code) == ("redirects are not followed", status)
        assert [taken.path for taken in receiver.taken] == ["/hook?token=private"]

    def test_one_that_fails_holds_up_no_other(self, hook: HookEndpoint, receiver: Receiver) -> None:
        other = make_hook(hook.owner, url=f"{receiver.url}/other")
        receiver.answers = [500]
        for _ in range(3):
            send_one(hook)
        send_one(other)
        assert deliver() == {"delivered": 1, "failed": 1}

    def test_after_days_of_faults_it_is_switched_off_and_its_owner_told(
        self, app: Flask, hook: HookEndpoint, receiver: Receiver
    ) -> None:
        receiver.status = 500
        row, began = send_one(hook), clock.now()
        for _ in range(40):
            with clock.travel(due(row)):
                deliver()
            if again(row).dead_at:
                break
        db.session.expire_all()
        assert hook.stopped_at is None
        second = services.ping(actor_of(hook.owner), hook.id)
        with clock.travel(began + 5 * DAY + MINUTE):
            second.due_at = clock.now()
            db.session.commit()
            deliver()
        db.session.expire_all()
        assert (hook.stopped_why, again(second).dead_at is not None) == ("it has taken nothing for 5 days", True)
        told = db.session.scalars(select(Notification).where(Notification.kind == "hook_stopped")).one()
        assert (told.user_id, "token=private" in told.text) == (hook.owner_id, False)
        assert db.session.scalars(select(Outbox.template).where(Outbox.user_id == hook.owner_id)).all() == [
            "hook_stopped"
        ]

    def test_gone_switches_it_off_at_once(self, hook: HookEndpoint, receiver: Receiver) -> None:
        receiver.status = 410
        send_one(hook)
        deliver()
        db.session.expire_all()
        assert hook.stopped_why == "it answers that it is gone for good (410)"

    def test_a_success_forgets_the_faults(self, hook: HookEndpoint, receiver: Receiver) -> None:
        receiver.answers = [500]
        row = send_one(hook)
        deliver()
        with clock.travel(due(row)):
            deliver()
        db.session.expire_all()
        assert (hook.failures, hook.failing_since, hook.held_until) == (0, None, None)

    def test_an_owner_who_is_not_active_sends_nothing(self, hook: HookEndpoint, receiver: Receiver) -> None:
        send_one(hook)
        hook.owner.active = False
        db.session.commit()
        assert deliver() == {"delivered": 0, "failed": 0}

    def test_a_name_that_leads_inside_by_the_time_of_sending_is_not_asked(
        self, app: Flask, hook: HookEndpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(app.config, "OUTBOUND_LOCAL", False)
        hook.url = hook.url.replace("http:", "https:").replace("127.0.0.1", "hooks.agency.example")
        monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: [(2, 1, 6, "", ("127.0.0.1", 443))])
        row = send_one(hook)
        assert deliver()["failed"] == 1
        assert again(row).last_error == "the address leads into a private network"
        assert receiver.taken == []

    def test_no_address_and_no_secret_is_in_the_log(
        self, hook: HookEndpoint, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        secret = secret_of(hook)
        receiver.status = 500
        caplog.set_level("DEBUG")
        send_one(hook)
        deliver()
        assert "failed at try 1" in caplog.text
        assert "token=private" not in caplog.text
        assert secret not in caplog.text


class TestReplay:
    def test_what_was_taken_is_sent_again_under_its_id(self, hook: HookEndpoint, receiver: Receiver) -> None:
        row = send_one(hook)
        deliver()
        services.replay(actor_of(hook.owner), row.id)
        db.session.commit()
        assert deliver() == {"delivered": 1, "failed": 0}
        first, second = receiver.taken
        assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
        assert again(row).replays == 1

    def test_what_was_given_up_is_tried_again(self, hook: HookEndpoint, receiver: Receiver) -> None:
        row = send_one(hook)
        row.dead_at, row.attempts = clock.now(), sending.MOST_ATTEMPTS
        db.session.commit()
        assert deliver()["delivered"] == 0
        services.replay(actor_of(hook.owner), row.id)
        db.session.commit()
        assert deliver()["delivered"] == 1

    def test_what_waits_stays_as_it_is(self, hook: HookEndpoint) -> None:
        row = send_one(hook)
        services.replay(actor_of(hook.owner), row.id)
        assert again(row).replays == 0

    def test_a_webhook_that_is_off_sends_nothing_again(self, hook: HookEndpoint, receiver: Receiver) -> None:
        row = send_one(hook)
        deliver()
        services.switch_off(actor_of(hook.owner), hook.id)
        with pytest.raises(services.HookStopped):
            services.replay(actor_of(hook.owner), row.id)
        with pytest.raises(services.HookStopped):
            services.ping(actor_of(hook.owner), hook.id)


class TestBesideItself:
    def test_two_workers_deliver_each_message_once(self, app: Flask, live_db: Any, receiver: Receiver) -> None:
        hook = make_hook(make_user(Role.STAFF), url=receiver.url)
        for _ in range(8):
            services.ping(actor_of(hook.owner), hook.id)
        db.session.commit()
        receiver.delay = 0.05
        gate, tallies = threading.Barrier(3), []

        def run() -> None:
            with app.app_context():
                gate.wait()
                tallies.append(deliver())
                db.session.remove()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(tally["delivered"] for tally in tallies) == 8
        ids = [taken.headers["webhook-id"] for taken in receiver.taken]
        assert len(ids) == len(set(ids)) == 8

    def test_a_claim_whose_worker_died_is_taken_up_after_its_lease(
        self, hook: HookEndpoint, receiver: Receiver
    ) -> None:
        row = send_one(hook)
        assert in_transaction(sending._claim) is not None
        assert deliver()["delivered"] == 0
        with clock.travel(clock.now() + sending.LEASE + timedelta(seconds=1)):
            assert deliver()["delivered"] == 1
        assert (again(row).attempts, len(receiver.taken)) == (2, 1)
