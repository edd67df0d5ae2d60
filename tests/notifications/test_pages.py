"""The pages of preferences and of message templates."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy import select

from sheda.core.actor import Role
from sheda.core.db import db
from sheda.notifications import wishes
from sheda.notifications.examples import MAILS, TEXTS
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Notification, PushDevice
from sheda.notifications.services import tell
from tests.factories import actor_of, make_payment, make_user
from tests.notifications.test_signals import Browser as Device
from tests.pages import browser_of

PAGE = "/admin/notification-preferences"
TEMPLATES = "/admin/message-templates"


class TestPreferences:
    def test_a_page_shows_what_reaches_ones_role_and_keeps_what_is_ticked(
        self, app: Flask, client: FlaskClient
    ) -> None:
        agent = make_user(Role.AGENT)
        browser = browser_of(app, agent)
        page = browser.get(f"{PAGE}/").text
        assert "A payment was made" in page
        assert "A payment needs the office" not in page
        ticked = re.findall(r'name="on" value="([^"]+)" checked(?: disabled)?', page)
        assert "payment_declared.mail" in ticked
        assert "payment_declared.sms" not in ticked
        browser.send(f"{PAGE}/save", on=["payment_declared.sms", "payment_declared.app"])
        said = wishes.preferences_of(actor_of(agent))
        assert said["payment_declared"] == {
            "app": True, "mail": False, "digest": False, "push": False, "sms": True, "whatsapp": False,
        }  # fmt: skip
        assert said["password_changed"]["mail"] is True
        assert said["payment_escalated"]["mail"] is True

    def test_quiet_hours_are_kept_and_nonsense_is_not(self, app: Flask, client: FlaskClient) -> None:
        agent = make_user(Role.AGENT)
        browser = browser_of(app, agent)
        browser.get(f"{PAGE}/")
        browser.send(f"{PAGE}/quiet", begins="23:30", ends="06:15")
        assert str(wishes.quiet_of(actor_of(agent)).ends) == "06:15:00"
        for values in ({"begins": "x", "ends": "06:00"}, {"begins": "22:00", "ends": ""}):
            assert browser.send(f"{PAGE}/quiet", **values).status_code == 302
        assert str(wishes.quiet_of(actor_of(agent)).begins) == "23:30:00"
        browser.send(f"{PAGE}/quiet", begins="", ends="")
        assert wishes.quiet_of(actor_of(agent)).begins is None

    def test_a_browser_is_added_by_its_button_and_removed(self, app: Flask, client: FlaskClient) -> None:
        agent = make_user(Role.AGENT)
        browser, device = browser_of(app, agent), Device("https://push.example.com/secret-part")
        browser.get(f"{PAGE}/")
        browser.send(f"{PAGE}/devices", endpoint=device.endpoint, **device.keys)
        row = db.session.scalars(select(PushDevice)).one()
        page = browser.get(f"{PAGE}/").text
        assert "push.example.com" in page
        assert "secret-part" not in page
        browser.send(f"{PAGE}/devices/{row.id}/remove")
        assert db.session.scalars(select(PushDevice)).all() == []

    def test_the_page_may_run_a_worker_of_ours_and_no_other(self, app: Flask, client: FlaskClient) -> None:
        answer = browser_of(app, make_user(Role.AGENT)).get(f"{PAGE}/")
        policy = answer.headers["Content-Security-Policy"]
        assert "worker-src 'self'" in policy
        assert "script-src 'nonce-" in policy
        with client.get("/static/push-worker.js") as worker:
            assert worker.mimetype in {"text/javascript", "application/javascript"}

    def test_a_form_without_its_token_changes_nothing(self, app: Flask, client: FlaskClient) -> None:
        agent = make_user(Role.AGENT)
        browser = browser_of(app, agent)
        browser.get(f"{PAGE}/")
        assert browser.send(f"{PAGE}/save", token=False).status_code == 400


@contextmanager
def strict(app: Flask) -> Iterator[None]:
    """Let a template that names what it is not given fail."""
    before, app.jinja_env.undefined = app.jinja_env.undefined, StrictUndefined
    app.jinja_env.cache.clear()
    yield
    app.jinja_env.undefined = before
    app.jinja_env.cache.clear()


class TestTemplates:
    def test_every_kind_is_on_the_list(self, app: Flask, client: FlaskClient) -> None:
        page = browser_of(app, make_user(Role.STAFF)).get(f"{TEMPLATES}/").text
        missing = [kind for kind in [*KINDS, *MAILS] if f"{TEMPLATES}/{kind}" not in page]
        assert missing == []

    def test_every_example_is_whole(self, app: Flask, client: FlaskClient) -> None:
        browser = browser_of(app, make_user(Role.STAFF))
        mailed = [*MAILS, *(kind for kind, about in KINDS.items() if about.mails)]
        with strict(app):
            for kind in mailed:
                for side in ("client", "agent", "staff"):
                    mail = browser.get(f"{TEMPLATES}/{kind}/mail?side={side}")
                    assert mail.status_code == 200, kind
                    assert "<h1" in mail.text

    def test_every_kind_has_its_page(self, app: Flask, client: FlaskClient) -> None:
        browser = browser_of(app, make_user(Role.STAFF))
        assert {kind: browser.get(f"{TEMPLATES}/{kind}").status_code for kind in [*KINDS, *MAILS]} == dict.fromkeys(
            [*KINDS, *MAILS], 200
        )

    def test_a_kind_is_shown_as_mail_push_and_text(self, app: Flask, client: FlaskClient) -> None:
        page = browser_of(app, make_user(Role.STAFF)).get(f"{TEMPLATES}/payment_declared").text
        assert TEXTS["payment_declared"].partition(".")[0] in page
        assert "Sheda: Ngozi Bello has paid" in page
        assert "sandbox" in page

    def test_the_mail_is_framed_by_us_alone_and_runs_nothing(self, app: Flask, client: FlaskClient) -> None:
        answer = browser_of(app, make_user(Role.STAFF)).get(f"{TEMPLATES}/payment_declared/mail")
        policy = answer.headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'self'" in policy
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"

    def test_only_the_office_sees_them(self, app: Flask, client: FlaskClient) -> None:
        for path in (f"{TEMPLATES}/", f"{TEMPLATES}/code", f"{TEMPLATES}/code/mail"):
            assert browser_of(app, make_user(Role.AGENT)).get(path).status_code in {302, 403}

    @pytest.mark.parametrize("kind", ["nobody", "..%2fcode", "_frame", "payment_canceled/mail"])
    def test_what_is_no_kind_is_missing(self, app: Flask, client: FlaskClient, kind: str) -> None:
        assert browser_of(app, make_user(Role.STAFF)).get(f"{TEMPLATES}/{kind}").status_code == 404


def test_a_notice_leads_to_what_it_is_about(app: Flask, client: FlaskClient) -> None:
    payment = make_payment()
    agent = payment.agent
    tell("payment_declared", payment, {agent.id: "Paid."}, words={})
    db.session.commit()
    browser = browser_of(app, agent)
    browser.get("/admin/notices/list/")
    place = re.search(r'action="(/admin/notices/\d+/open)"', browser.at)
    assert place is not None
    assert browser.send(place[1]).headers["Location"].endswith(f"/admin/payments/show/{payment.id}")


@pytest.mark.parametrize(
    ("table", "role", "place"),
    [
        ("agent_verifications", Role.AGENT, "/admin/verification/"),
        ("agent_verifications", Role.STAFF, "/admin/verifications/show/7"),
        ("chat_reports", Role.AGENT, "/admin/notices/list/"),
        ("chat_reports", Role.STAFF, "/admin/reports/show/7"),
    ],
)
def test_a_notice_leads_to_no_page_that_its_reader_may_not_open(
    app: Flask, db_session: Any, table: str, role: Role, place: str
) -> None:
    reader = make_user(role)
    tell("verification_decided", SimpleNamespace(id=7, __tablename__=table), {reader.id: "It is decided."})
    db.session.commit()
    browser = browser_of(app, reader)
    browser.get("/admin/notices/list/")
    number = db.session.scalars(select(Notification.id)).one()
    assert browser.send(f"/admin/notices/{number}/open").location == place
