"""The mail of an alert: what it says, and the way out that it carries (RFC 8058)."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import clock, mail, outbox
from sheda.core.db import db
from sheda.core.mail import Undeliverable
from sheda.core.outbox import Outbox
from sheda.properties.models import Property
from sheda.shortlists import jobs, mails, matching, services
from sheda.shortlists.models import SavedSearch
from tests.conftest import MailSink
from tests.factories import actor_of, make_saved_search
from tests.shortlists.conftest import pause, publish, set_price

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def search(ada: User, excused_invariants: set[str]) -> SavedSearch:
    excused_invariants.add("I8")
    with clock.travel(clock.now() - timedelta(hours=1)):
        return make_saved_search(ada, alert="instant")


def row() -> Outbox:
    db.session.expire_all()
    return db.session.scalars(select(Outbox).where(Outbox.template == "search_alert")).one()


def letter() -> EmailMessage:
    """Compose the one mail that waits, as it would arrive."""
    waiting = row()
    composed = mail.compose(
        waiting.user_id, waiting.template, waiting.context, mails.alert(waiting), waiting.message_id
    )
    return message_from_bytes(bytes(composed.message), EmailMessage, policy=policy.default)


def forms(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return str(plain.get_content()), str(html.get_content())


@pytest.mark.usefixtures("strict")
class TestLetter:
    def test_it_names_the_homes_their_prices_and_the_search(self, agent: User, search: SavedSearch) -> None:
        search.name = f"Flats {EVIL}"
        first = publish(agent, title=f"A flat {EVIL}")
        second = publish(agent)
        set_price(second, "2400000.00")
        jobs.alert()
        message = letter()
        assert str(message["Subject"]) == f"2 homes for your search “Flats {EVIL}”"
        for text in forms(message):
            assert all(home.reference in text for home in (first, second))
            assert "₦2,500,000 a year" in text
            assert "₦2,400,000 a year" in text
            assert not re.search(r"\{[{%]|None|Undefined", text)
        plain, html = forms(message)
        assert plain.startswith("Hello Ada,")
        assert "<script>" not in html

    def test_one_home_is_one_and_a_lower_price_says_what_it_was(self, agent: User, search: SavedSearch) -> None:
        home = publish(agent)
        jobs.alert()
        db.session.delete(row())
        set_price(home, "2000000.00")
        jobs.alert()
        message = letter()
        assert str(message["Subject"]) == "A home for your search “Flats in Yaba”"
        plain, html = forms(message)
        assert "₦2,000,000 a year, was ₦2,500,000" in plain
        assert "₦2,500,000" in html

    def test_many_are_named_in_part_and_counted(
        self, agent: User, search: SavedSearch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "NAMED_IN_MAIL", 2)
        homes = [publish(agent) for _ in range(5)]
        jobs.alert()
        plain, html = forms(letter())
        assert [home.reference in plain for home in homes] == [False, False, False, True, True]
        assert "And 3 more." in plain
        assert "And 3 more." in html

    def test_its_headers_are_the_way_out(self, app: Flask, agent: User, search: SavedSearch) -> None:
        publish(agent)
        jobs.alert()
        message = letter()
        token = services.unsubscribe_token(search.id)
        place = f"{app.config['PUBLIC_URL']}/api/v1/unsubscribe/{token}"
        assert message["List-Unsubscribe"] == f"<{place}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert all(place in text for text in forms(message))
        assert token not in str(row().context)

    def test_a_long_address_arrives_whole(
        self, app: Flask, agent: User, search: SavedSearch, mail_sink: MailSink
    ) -> None:
        before, app.config["PUBLIC_URL"] = app.config["PUBLIC_URL"], f"https://{'sheda-' * 12}of.a-long-domain.example"
        try:
            publish(agent)
            jobs.alert()
            outbox.deliver_due()
            place = f"{app.config['PUBLIC_URL']}/api/v1/unsubscribe/{services.unsubscribe_token(search.id)}"
        finally:
            app.config["PUBLIC_URL"] = before
        (message,) = mail_sink.messages
        # As it came: unfolded and decoded, a broken one would look the same.
        assert dict(message.raw_items())["List-Unsubscribe"] == f"<{place}>"


class TestSending:
    def test_an_alert_that_was_switched_off_does_not_leave(self, agent: User, search: SavedSearch) -> None:
        publish(agent)
        jobs.alert()
        services.end_alerts(services.unsubscribe_token(search.id), stop=True)
        with pytest.raises(Undeliverable, match="switched off"):
            letter()

    def test_a_removed_search_does_not_write(self, ada: User, agent: User, search: SavedSearch) -> None:
        publish(agent)
        jobs.alert()
        services.remove(actor_of(ada), search.id)
        with pytest.raises(Undeliverable, match="switched off"):
            letter()

    def test_a_closed_account_is_not_written_to(self, ada: User, agent: User, search: SavedSearch) -> None:
        publish(agent)
        jobs.alert()
        ada.active = False
        db.session.commit()
        with pytest.raises(Undeliverable, match="closed"):
            letter()

    def test_homes_that_are_gone_are_left_out(self, agent: User, search: SavedSearch) -> None:
        gone, kept = publish(agent), publish(agent)
        jobs.alert()
        pause(db.session.get_one(Property, gone.id))
        message = letter()
        assert str(message["Subject"]).startswith("A home")
        assert all(gone.reference not in text and kept.reference in text for text in forms(message))
        pause(db.session.get_one(Property, kept.id))
        with pytest.raises(Undeliverable, match="left the market"):
            letter()

    def test_the_worker_sends_it_once(self, ada: User, agent: User, search: SavedSearch, mail_sink: MailSink) -> None:
        publish(agent)
        jobs.alert()
        for _ in range(2):
            outbox.deliver_due()
        assert len(mail_sink.to(ada.email)) == 1


def test_what_is_made_at_the_sending_is_registered() -> None:
    registered: Any = outbox._preparers["search_alert"]
    assert registered is mails.alert
