"""The daily mail, and the way out of every mail: by kind, by one click, once and for good."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import clock, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.notifications import jobs, wishes
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import DigestLine, Notification
from sheda.notifications.services import tell
from sheda.notifications.unsubscribing import token_of
from sheda.profiles import services as profiles
from tests.core.test_outbox import at_once
from tests.factories import actor_of, make_property, make_user

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
KIND = "contract_notice"
WORDS = {"home": "Flat", "end": "Tue", "path": "/admin/contracts/show/7", "facts": []}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def ada(db_session: Any) -> User:
    found = make_user(Role.AGENT)
    wishes.change_preferences(actor_of(found), {KIND: {"digest": True}})
    return found


@pytest.fixture
def at_noon() -> Iterator[None]:
    with clock.travel(NOON):
        yield


def happens(user: User, text: str = "Notice is given.", version: str = "") -> None:
    tell(KIND, make_property(user), {user.id: text}, words=WORDS, version=version)
    db.session.commit()


def mails(template: str = "digest") -> list[Outbox]:
    db.session.expire_all()
    return list(db.session.scalars(select(Outbox).where(Outbox.template == template).order_by(Outbox.id)))


class TestDaily:
    def test_what_waits_is_one_mail_in_the_morning_and_once(self, ada: User, mail_sink: Any) -> None:
        with clock.travel(NOON):
            happens(ada, "First.")
            happens(ada, "Second.")
            assert mails(KIND) == []
            assert len(db.session.scalars(select(Notification)).all()) == 2
            assert jobs.send_digests() == {"told": 0}
        morning = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
        with clock.travel(morning - timedelta(minutes=1)):
            assert jobs.send_digests() == {"told": 0}
        with clock.travel(morning):
            assert jobs.send_digests() == {"told": 1}
            assert jobs.send_digests() == {"told": 0}
            outbox.deliver_due()
        (letter,) = mail_sink.to(ada.email)
        text = letter.get_body(("plain",)).get_content()
        assert letter["Subject"] == "2 pieces of news from Sheda"
        assert text.index("First.") < text.index("Second.")
        assert "/admin/contracts/show/7" in text

    def test_it_leaves_by_each_readers_own_clock(self, ada: User) -> None:
        profiles.profile_of(ada.id).time_zone = "America/New_York"
        with clock.travel(NOON):
            happens(ada)
        assert db.session.scalars(select(DigestLine.due_at)).one() == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def test_an_event_that_comes_twice_is_one_line(self, ada: User) -> None:
        home = make_property(ada)
        for _ in range(2):
            tell(KIND, home, {ada.id: "Once."}, words=WORDS)
            db.session.commit()
        assert len(db.session.scalars(select(DigestLine)).all()) == 1

    def test_after_days_down_it_is_still_one_mail(self, ada: User) -> None:
        for day in range(3):
            with clock.travel(NOON + timedelta(days=day)):
                happens(ada, f"Day {day}.")
        with clock.travel(NOON + timedelta(days=5)):
            assert jobs.send_digests() == {"told": 1}
        (mail,) = mails()
        assert [line["text"] for line in mail.context["lines"]] == ["Day 0.", "Day 1.", "Day 2."]

    def test_many_readers_cost_no_more_statements(self, db_session: Any, count_statements: Any) -> None:
        counts = []
        for _ in range(2):
            for _ in range(3):
                user = make_user(Role.AGENT)
                wishes.change_preferences(actor_of(user), {KIND: {"digest": True}})
                with clock.travel(NOON):
                    happens(user)
            with clock.travel(NOON + timedelta(days=1)), count_statements() as seen:
                jobs.send_digests()
            counts.append(len(seen))
        assert counts[0] == counts[1]

    def test_two_workers_send_it_once(self, app: Flask, live_db: Any) -> None:
        users = [make_user(Role.AGENT) for _ in range(4)]
        for user in users:
            wishes.change_preferences(actor_of(user), {KIND: {"digest": True}})
            tell(KIND, make_property(user), {user.id: "News."}, words=WORDS)
        db.session.query(DigestLine).update({"due_at": clock.now()})
        db.session.commit()
        tallies = at_once(app, jobs.send_digests, 3)
        assert sum(tally["told"] for tally in tallies) == 4
        assert sorted(mail.user_id for mail in mails()) == sorted(user.id for user in users)

    def test_whoever_switched_the_mail_off_gets_none(self, ada: User) -> None:
        wishes.change_preferences(actor_of(ada), {KIND: {"mail": False}})
        happens(ada)
        assert db.session.scalars(select(DigestLine)).all() == []


class TestWayOut:
    def sent(self, user: User, kind: str, mail_sink: Any) -> Any:
        tell(kind, make_property(user), {user.id: "News."}, words=WORDS)
        db.session.commit()
        outbox.deliver_due()
        return mail_sink.to(user.email)[-1]

    def test_one_click_ends_the_mails_of_a_kind_and_of_no_other(
        self, client: FlaskClient, db_session: Any, mail_sink: Any
    ) -> None:
        bob = make_user(Role.AGENT)
        letter = self.sent(bob, KIND, mail_sink)
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        address = letter["List-Unsubscribe"].strip("<>")
        assert address in letter.get_body(("html",)).get_content()
        path = "/" + address.split("/", 3)[3]
        page = client.get(path)
        assert "Notice is given" in page.text
        assert wishes.preferences_of(actor_of(bob))[KIND]["mail"] is True
        for _ in range(2):
            answer = client.post(path, data=ONE_CLICK)
            assert (answer.status_code, answer.json["result"]["name"]) == (200, "Notice is given")
        said = wishes.preferences_of(actor_of(bob))
        assert (said[KIND]["mail"], said[KIND]["app"], said["contract_ended"]["mail"]) == (False, True, True)

    def test_the_daily_mails_way_out_ends_what_comes_in_it(self, client: FlaskClient, ada: User) -> None:
        answer = client.post(f"/unsubscribe/{token_of(ada.id, 'digest')}", data={**ONE_CLICK, "page": "true"})
        assert "No more of these mails" in answer.text
        said = wishes.preferences_of(actor_of(ada))
        assert [kind for kind, channels in said.items() if channels.get("mail") is False] == [KIND]

    def test_mails_about_safety_have_no_way_out(self, db_session: Any, mail_sink: Any, client: FlaskClient) -> None:
        bob = make_user()
        words = {"when": "now", "path": "/login/", "facts": []}
        tell("password_changed", bob, {bob.id: "Changed."}, words=words)
        db.session.commit()
        outbox.deliver_due()
        assert mail_sink.to(bob.email)[0]["List-Unsubscribe"] is None
        assert client.post(f"/unsubscribe/{token_of(bob.id, 'password_changed')}").status_code == 404

    @pytest.mark.parametrize(
        "change", [lambda t: t + "x", lambda t: t.replace(KIND, "contract_ended"), lambda t: t[:-1]]
    )
    def test_any_other_token_is_not_there(self, client: FlaskClient, ada: User, change: Any) -> None:
        token = change(token_of(ada.id, KIND))
        assert client.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code == 404
        assert wishes.preferences_of(actor_of(ada))[KIND]["mail"] is True

    @pytest.mark.parametrize(
        "token", ["n", "n.", "n..", "n.1", "n.1.x.y", "n.x.code.y", "n.1.contract_notice.", "m.1.x"]
    )
    def test_nonsense_is_not_there(self, client: FlaskClient, ada: User, token: str) -> None:
        for method in ("GET", "POST"):
            assert client.open(f"/unsubscribe/{token}", method=method).status_code == 404

    def test_every_mail_that_may_be_switched_off_has_one(self) -> None:
        without = {kind for kind, about in KINDS.items() if about.mails and not about.is_security}
        assert without <= set(outbox._preparers)
