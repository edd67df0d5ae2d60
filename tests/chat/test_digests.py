"""Who hears that messages wait: once for each message, together for each conversation, and not while he reads."""

from datetime import timedelta
from typing import Any

import pytest

from sheda.chat import jobs, services
from sheda.chat.events import MessagesWait
from sheda.chat.models import Message
from sheda.core import clock, events
from sheda.core.actor import Actor, Role
from sheda.core.db import db
from tests.conftest import Clock
from tests.factories import actor_of, make_block, make_user


@pytest.fixture
def ada(db_session: Any) -> Actor:
    return actor_of(make_user(first_name="Ada", last_name="Obi"))


@pytest.fixture
def ben(db_session: Any) -> Actor:
    return actor_of(make_user(Role.AGENT, first_name="Ben", last_name="Eze"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[MessagesWait]:
    """Return the list to which every news of waiting messages is added."""
    heard: list[MessagesWait] = []
    before = events.reactions_to
    monkeypatch.setattr(events, "reactions_to", lambda kind: (heard.append,) if kind is MessagesWait else before(kind))
    return heard


@pytest.fixture
def now(frozen_clock: Clock) -> Clock:
    frozen_clock.at(clock.now())
    return frozen_clock


def say(sender: Actor, receiver: Actor, text: str = "Hello") -> int:
    return services.send(sender, receiver.user_id, text).id


MINUTES = timedelta(minutes=1)


class TestTell:
    def test_a_message_that_waited_ten_minutes_is_told_once(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        sent = say(ada, ben, "Is it\nstill  free?")
        now.advance(9 * MINUTES)
        assert jobs.tell() == {"told": 0}
        now.advance(MINUTES)
        assert jobs.tell() == {"told": 1}
        assert jobs.tell() == {"told": 0}
        now.advance(timedelta(days=2))
        assert jobs.tell() == {"told": 0}
        (news,) = told
        assert (news.reader_id, news.sender_id, news.sender_name) == (ben.user_id, ada.user_id, "Ada Obi")
        assert (news.count, news.last_message_id, news.lines) == (1, sent, ("Is it still free?",))
        assert news.path == f"/admin/chats/with/{ada.user_id}"

    def test_a_client_is_led_to_the_app(self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock) -> None:
        say(ben, ada)
        now.advance(11 * MINUTES)
        jobs.tell()
        assert told[0].path == f"/chats/{ben.user_id}"

    def test_all_that_waits_in_a_conversation_is_one_piece_of_news(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        for number in range(7):
            say(ada, ben, f"Line {number}")
            now.advance(2 * MINUTES)
        assert jobs.tell() == {"told": 1}
        assert (told[0].count, told[0].lines) == (7, tuple(f"Line {number}" for number in range(2, 7)))
        now.advance(timedelta(hours=3))
        assert jobs.tell() == {"told": 0}

    def test_each_conversation_and_each_side_has_its_own(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        third = actor_of(make_user())
        say(ada, ben)
        say(ben, ada)
        say(third, ben)
        now.advance(11 * MINUTES)
        assert jobs.tell() == {"told": 3}
        assert {(one.reader_id, one.sender_id) for one in told} == {
            (ben.user_id, ada.user_id), (ada.user_id, ben.user_id), (ben.user_id, third.user_id),
        }  # fmt: skip

    def test_what_was_read_meanwhile_is_not_told(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        say(ada, ben)
        now.advance(9 * MINUTES)
        services.mark_read(ben, ada.user_id)
        now.advance(5 * MINUTES)
        assert jobs.tell() == {"told": 0}

    def test_who_has_not_come_is_not_told_again_within_the_hour(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        say(ada, ben, "First")
        now.advance(11 * MINUTES)
        jobs.tell()
        say(ada, ben, "Second")
        now.advance(11 * MINUTES)
        assert jobs.tell() == {"told": 0}
        now.advance(timedelta(hours=1))
        assert jobs.tell() == {"told": 1}
        assert [one.lines for one in told] == [("First",), ("Second",)]

    def test_who_has_come_meanwhile_is_told_of_the_next_at_its_time(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        say(ada, ben, "First")
        now.advance(11 * MINUTES)
        jobs.tell()
        services.mark_read(ben, ada.user_id)
        say(ada, ben, "Second")
        now.advance(11 * MINUTES)
        assert jobs.tell() == {"told": 1}

    def test_nobody_hears_of_somebody_he_has_blocked(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        say(ada, ben)
        make_block(ben, ada)
        now.advance(11 * MINUTES)
        assert jobs.tell() == {"told": 0}
        assert db.session.scalars(db.select(Message.told_at)).one() is not None

    def test_many_conversations_are_told_in_batches(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sheda.chat.digests.BATCH", 2)
        for _ in range(5):
            say(actor_of(make_user()), ben)
        now.advance(11 * MINUTES)
        assert jobs.tell() == {"told": 5}
        assert len({one.conversation_id for one in told}) == 5

    def test_a_long_line_is_shortened_and_a_file_is_named(
        self, ada: Actor, ben: Actor, told: list[MessagesWait], now: Clock
    ) -> None:
        say(ada, ben, "x" * 4000)
        now.advance(11 * MINUTES)
        jobs.tell()
        assert told[0].lines == ("x" * 199 + "…",)
