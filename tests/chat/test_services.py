import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from sheda.chat import reads, services
from sheda.chat.models import Conversation, Message
from sheda.core.actor import Actor, Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput
from tests.factories import actor_of, make_block, make_user


@pytest.fixture
def ada(db_session: Any) -> Actor:
    return actor_of(make_user())


@pytest.fixture
def ben(db_session: Any) -> Actor:
    return actor_of(make_user(Role.AGENT))


def conversation() -> Conversation:
    db.session.expire_all()
    return db.session.scalars(select(Conversation)).one()


def unread_of(actor: Actor) -> int:
    row = conversation()
    return row.low_unread if row.low_id == actor.id else row.high_unread


def at_once(app: Flask, work: list[Callable[[], Any]]) -> list[Any]:
    """Do each piece of work on a connection of its own, all from one start."""
    start, results = threading.Barrier(len(work)), [None] * len(work)

    def run(index: int, piece: Callable[[], Any]) -> None:
        with app.app_context():
            start.wait()
            try:
                results[index] = in_transaction(piece)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(index, piece)) for index, piece in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


class TestSend:
    def test_a_first_message_opens_the_conversation(self, ada: Actor, ben: Actor) -> None:
        sent = services.send(ada, ben.user_id, "Is it still free?")
        message = db.session.get_one(Message, sent.id)
        assert sent.is_new
        assert (message.sender_id, message.receiver_id, message.read_at) == (ada.id, ben.id, None)
        row = conversation()
        assert (row.low_id, row.high_id) == tuple(sorted((ada.id, ben.id)))
        assert (row.last_message_id, row.last_at) == (message.id, message.created_at)

    def test_both_directions_are_one_conversation(self, ada: Actor, ben: Actor) -> None:
        services.send(ada, ben.user_id, "Hello")
        services.send(ben, ada.user_id, "Good day")
        assert (unread_of(ada), unread_of(ben)) == (1, 1)

    def test_the_receiver_has_one_more_unread(self, ada: Actor, ben: Actor) -> None:
        for _ in range(3):
            services.send(ada, ben.user_id, "Hello")
        assert (unread_of(ada), unread_of(ben)) == (0, 3)

    def test_the_same_client_message_is_stored_once(self, ada: Actor, ben: Actor) -> None:
        own_id = uuid.uuid4()
        first = services.send(ada, ben.user_id, "Hello", client_msg_id=own_id)
        again = services.send(ada, ben.user_id, "Hello, again", client_msg_id=own_id)
        assert (again.id, again.is_new, again.body) == (first.id, False, first.body)
        assert unread_of(ben) == 1

    def test_a_repeat_is_answered_even_when_the_receiver_is_gone(self, ada: Actor, db_session: Any) -> None:
        other, own_id = make_user(), uuid.uuid4()
        first = services.send(ada, other.id, "Hello", client_msg_id=own_id)
        other.active = False
        db_session.flush()
        assert services.send(ada, other.id, "Hello", client_msg_id=own_id) == replace(first, is_new=False)

    def test_another_sender_may_use_the_same_client_message_id(self, ada: Actor, ben: Actor) -> None:
        own_id = uuid.uuid4()
        services.send(ada, ben.user_id, "Hello", client_msg_id=own_id)
        assert services.send(ben, ada.user_id, "Hello", client_msg_id=own_id).is_new

    def test_oneself_is_refused(self, ada: Actor) -> None:
        with pytest.raises(InvalidInput) as refused:
            services.send(ada, ada.user_id, "Note to self")
        assert refused.value.errors[0]["field"] == "receiver_id"

    def test_an_unknown_receiver_is_refused(self, ada: Actor) -> None:
        with pytest.raises(services.NoReceiver):
            services.send(ada, 2_000_000_000, "Hello")

    def test_a_disabled_receiver_reads_like_an_unknown_one(self, ada: Actor) -> None:
        with pytest.raises(services.NoReceiver):
            services.send(ada, make_user(active=False).id, "Hello")

    @pytest.mark.parametrize("direction", ["by the receiver", "by the sender"])
    def test_a_blocked_pair_reads_like_an_unknown_receiver(self, ada: Actor, ben: Actor, direction: str) -> None:
        make_block(*((ben, ada) if direction == "by the receiver" else (ada, ben)))
        with pytest.raises(services.NoReceiver):
            services.send(ada, ben.user_id, "Hello")

    def test_an_unknown_property_is_refused(self, ada: Actor, ben: Actor) -> None:
        with pytest.raises(services.NoSuchProperty):
            services.send(ada, ben.user_id, "Hello", property_id=2_000_000_000)


class TestMarkRead:
    def test_only_what_the_other_wrote_is_read(self, ada: Actor, ben: Actor) -> None:
        services.send(ada, ben.user_id, "Hello")
        services.send(ben, ada.user_id, "Good day")
        assert services.mark_read(ada, ben.user_id) == 1
        assert (unread_of(ada), unread_of(ben)) == (0, 1)

    def test_a_second_reading_changes_nothing(self, ada: Actor, ben: Actor) -> None:
        services.send(ada, ben.user_id, "Hello")
        assert [services.mark_read(ben, ada.user_id), services.mark_read(ben, ada.user_id)] == [1, 0]
        assert unread_of(ben) == 0

    def test_it_stops_at_a_message(self, ada: Actor, ben: Actor) -> None:
        first = services.send(ada, ben.user_id, "One")
        services.send(ada, ben.user_id, "Two")
        assert services.mark_read(ben, ada.user_id, up_to=first.id) == 1
        assert unread_of(ben) == 1

    def test_without_a_conversation_nothing_is_read(self, ada: Actor, ben: Actor) -> None:
        assert services.mark_read(ada, ben.user_id) == 0


class TestRaces:
    def test_one_client_message_from_two_connections_is_one_row(self, app: Flask, live_db: Any) -> None:
        ada, ben, own_id = actor_of(make_user()), actor_of(make_user()), uuid.uuid4()
        results = at_once(
            app, [lambda: services.send(ada, ben.user_id, "Hello", client_msg_id=own_id).id for _ in range(4)]
        )
        assert len(set(results)) == 1
        assert None not in results
        assert db.session.scalar(select(func.count()).select_from(Message)) == 1
        assert unread_of(ben) == 1

    def test_one_client_message_to_two_people_at_once_is_one_row(self, app: Flask, live_db: Any) -> None:
        ada, ben, carl, own_id = actor_of(make_user()), make_user().id, make_user().id, uuid.uuid4()
        results = at_once(
            app,
            [lambda to=to: services.send(ada, to, "Hello", client_msg_id=own_id).id for to in (ben, carl)],  # type: ignore[misc]
        )
        assert len(set(results)) == 1
        assert db.session.scalar(select(func.count()).select_from(Message)) == 1

    def test_unread_counts_are_exact_while_both_write_and_read(self, app: Flask, live_db: Any) -> None:
        ada, ben = actor_of(make_user()), actor_of(make_user())

        def write(sender: Actor, receiver: Actor) -> None:
            services.send(sender, receiver.user_id, "Hello")

        work: list[Callable[[], Any]] = []
        for _ in range(3):
            work += [
                lambda: write(ada, ben),
                lambda: write(ben, ada),
                lambda: services.mark_read(ben, ada.user_id),
            ]
        at_once(app, work)
        for person in (ada, ben):
            waiting = select(func.count()).where(Message.receiver_id == person.id, Message.read_at.is_(None))
            assert unread_of(person) == db.session.scalar(waiting) == reads.unread_count(person)
        assert db.session.scalar(select(func.count()).select_from(Message)) == 6

    def test_ids_of_a_conversation_grow_in_the_order_of_commits(self, app: Flask, live_db: Any) -> None:
        ada, ben = actor_of(make_user()), actor_of(make_user())
        at_once(app, [lambda: services.send(ada, ben.user_id, "Hello") for _ in range(6)])
        newest = db.session.scalar(select(func.max(Message.id)))
        assert conversation().last_message_id == newest


class TestStatements:
    def test_a_page_of_messages_is_one_statement(self, ada: Actor, ben: Actor, count_statements: Any) -> None:
        for _ in range(5):
            services.send(ada, ben.user_id, "Hello")
        with count_statements() as seen:
            reads.history(ben, ada.user_id, limit=3)
        assert len(seen) == 1

    def test_a_message_is_one_statement(self, ada: Actor, ben: Actor, count_statements: Any) -> None:
        with count_statements() as seen:
            services.send(ada, ben.user_id, "Hello", client_msg_id=uuid.uuid4())
        assert len(seen) == 1

    def test_the_list_of_conversations_is_one_statement_whatever_its_length(
        self, ada: Actor, count_statements: Any
    ) -> None:
        counts = []
        for _ in range(2):
            for _ in range(3):
                services.send(ada, make_user(Role.AGENT).id, "Hello")
            with count_statements() as seen:
                reads.conversations(ada, limit=20)
            counts.append(len(seen))
        assert counts == [1, 1]
