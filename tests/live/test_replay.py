"""Coming back: nothing is missed and nothing comes twice, in whatever order transactions end."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from sheda.core import clock
from sheda.core.db import db
from sheda.live import hub, jobs, positions
from sheda.live.models import LiveEvent
from tests.live.machine import AT_ONCE, Machine, Person, ask, wait_for


@contextmanager
def unfinished(sender: Person, receiver: Person, text: str) -> Iterator[Callable[[], int]]:
    """Write a message in a transaction that stays open until the returned function commits it."""
    low, high = sorted((sender.id, receiver.id))
    values = {"low": low, "high": high, "now": clock.now()}
    with db.engine.connect() as connection:
        conversation = connection.execute(
            sa.text(
                "INSERT INTO conversations (low_id, high_id, last_message_id, last_at, low_unread, high_unread)"
                " VALUES (:low, :high, nextval('messages_id_seq'), :now, 0, 0) RETURNING id, last_message_id"
            ),
            values,
        ).one()
        connection.execute(
            sa.text(
                "INSERT INTO messages (id, conversation_id, sender_id, receiver_id, message, created_at)"
                " VALUES (:id, :conversation, :sender, :receiver, :text, :now)"
            ),
            {
                "id": conversation.last_message_id, "conversation": conversation.id, "sender": sender.id,
                "receiver": receiver.id, "text": text, "now": clock.now(),
            },
        )  # fmt: skip

        def commit() -> int:
            connection.commit()
            return int(conversation.last_message_id)

        yield commit


class TestPositions:
    def test_what_happened_meanwhile_is_told_once(self, agent: Person, client_person: Person) -> None:
        ear = client_person.listen()
        agent.write(client_person, "one")
        position = ear.hear_kind("message")["position"]
        ear.close()
        agent.write(client_person, "two")
        agent.write(client_person, "three")
        back = client_person.listen(f"?after={position}")
        assert back.texts() == ["two", "three"]
        agent.write(client_person, "four")
        back.hear_kind("message")
        assert back.texts() == ["two", "three", "four"]

    def test_while_nobody_is_here_the_log_is_passed_by(self, agent: Person, client_person: Person) -> None:
        before, listeners = positions.present(), frozenset({client_person.id})
        agent.write(client_person, "unheard")
        passed, told = hub._read_turn(before, frozenset())
        assert (passed.happenings, told) == ([], {})
        assert hub._read_turn(passed.position, listeners)[0].happenings == []
        assert len(hub._read_turn(before, listeners)[1][client_person.id]) == 1

    def test_every_frame_of_a_replay_is_a_place_to_come_back_to(self, agent: Person, client_person: Person) -> None:
        start = client_person.listen()
        start.close()
        texts = [str(number) for number in range(6)]
        for text in texts:
            agent.write(client_person, text)
        whole = client_person.listen(f"?after={start.position}")
        assert whole.texts() == texts
        for place, frame in enumerate(frame for frame in whole.heard if frame["type"] == "message"):
            rest = client_person.listen(f"?after={frame['position']}")
            assert rest.texts() == texts[place + 1 :]

    def test_a_message_that_was_committed_out_of_turn_is_not_missed(
        self, people: Callable[..., Person], agent: Person
    ) -> None:
        """The lower id is committed after the higher one was told, and the client went and came back in between."""
        slow, quick = people(), people()
        ear = agent.listen()
        with unfinished(slow, agent, "slow") as commit:
            higher = quick.write(agent, "quick")
            told = ear.hear_kind("message")
            assert told["message"]["id"] == higher
            ear.close()
            lower = commit()
        assert lower < higher
        back = agent.listen(f"?after={told['position']}")
        assert back.texts() == ["slow"]

    def test_a_message_that_was_committed_out_of_turn_is_told_to_who_is_there(
        self, people: Callable[..., Person], agent: Person
    ) -> None:
        slow, quick = people(), people()
        ear = agent.listen()
        with unfinished(slow, agent, "slow") as commit:
            quick.write(agent, "quick")
            ear.hear_kind("message")
            commit()
        ear.hear_kind("message")
        assert ear.texts() == ["quick", "slow"]
        assert ear.hears_nothing()

    def test_many_writers_and_a_reader_who_comes_and_goes(self, people: Callable[..., Person], agent: Person) -> None:
        writers = [people() for _ in range(4)]
        wanted = {f"{place}-{number}" for place in range(len(writers)) for number in range(25)}

        def write(place: int) -> None:
            for number in range(25):
                writers[place].write(agent, f"{place}-{number}")

        first = agent.listen()
        heard, position = [], first.position
        first.close()
        threads = [threading.Thread(target=write, args=(place,)) for place in range(len(writers))]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 120
        while len(heard) < len(wanted) and time.monotonic() < deadline:
            ear = agent.listen(f"?after={position}")
            ear.hears_nothing(0.05)
            heard += ear.texts()
            position = ear.position
            ear.socket.socket.close()
        for thread in threads:
            thread.join()
        assert sorted(heard) == sorted(wanted)
        for place in range(len(writers)):
            own = [text for text in heard if text.startswith(f"{place}-")]
            assert own == [f"{place}-{number}" for number in range(25)]

    def test_a_position_from_before_the_log_asks_to_read_again(self, agent: Person, client_person: Person) -> None:
        ear = client_person.listen()
        snapshot = ear.position.partition("~")[2]
        back = client_person.listen(f"?after={int(time.time()) - 4 * 86400}~{snapshot}")
        assert back.heard[-1]["resync"] is True

    def test_a_position_of_another_database_asks_to_read_again(self, client_person: Person) -> None:
        back = client_person.listen(f"?after={int(time.time())}~99999999:99999999:")
        assert back.heard[-1]["resync"] is True


class TestMessageIds:
    def test_after_a_message_come_those_behind_it(
        self, people: Callable[..., Person], agent: Person, client_person: Person
    ) -> None:
        first = agent.write(client_person, "one")
        people().write(client_person, "of another")
        agent.write(client_person, "two")
        assert client_person.listen(f"?after_id={first}").texts() == ["of another", "two"]

    def test_what_was_in_flight_beside_it_is_not_missed(self, people: Callable[..., Person], agent: Person) -> None:
        slow, quick = people(), people()
        with unfinished(slow, agent, "slow") as commit:
            higher = quick.write(agent, "quick")
            commit()
        assert agent.listen(f"?after_id={higher}").texts() == ["slow"]

    def test_one_conversation_is_told_again_page_by_page(self, agent: Person, client_person: Person) -> None:
        numbers = [agent.write(client_person, str(number)) for number in range(3)]
        ear = client_person.listen()
        ear.say("replay", after_id=numbers[0], ref="again", **{"with": agent.id})
        end = ear.hear_kind("replayed")
        assert ear.texts() == ["1", "2"]
        assert (end["ref"], end["up_to"], end["has_more"]) == ("again", numbers[-1], False)

    def test_a_conversation_of_others_is_not_told(
        self, people: Callable[..., Person], agent: Person, client_person: Person
    ) -> None:
        agent.write(client_person, "private")
        ear = people().listen("?after_id=0")
        ear.say("replay", after_id=0, **{"with": agent.id})
        ear.hear_kind("replayed")
        assert ear.texts() == []


class TestEvents:
    """Server-sent events."""

    def lines(self, person: Person, path: str = "/api/v1/events", **headers: str) -> Iterator[str]:
        connection = http.client.HTTPConnection("127.0.0.1", person.machine.port, timeout=20)
        with closing(connection):
            connection.request("GET", path, headers={**person.headers, **headers})
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            while line := answer.readline():
                yield line.decode().rstrip("\n")

    def frames(self, lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        last = ""
        for line in lines:
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
            elif line.startswith("data: "):
                yield last, json.loads(line.removeprefix("data: "))

    def until_ready(self, frames: Iterator[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        found = []
        for _, frame in frames:
            if frame["type"] == "ready":
                return found
            found.append(frame)
        raise AssertionError("never ready")

    def test_they_tell_what_a_socket_tells(self, agent: Person, client_person: Person) -> None:
        frames = self.frames(self.lines(client_person))
        self.until_ready(frames)
        agent.write(client_person, "Hello")
        place, frame = next(frames)
        assert frame["message"]["message"] == "Hello"
        assert place == frame["position"]

    def test_they_go_on_from_the_last_one(self, agent: Person, client_person: Person) -> None:
        frames = self.frames(self.lines(client_person))
        self.until_ready(frames)
        agent.write(client_person, "one")
        place, _ = next(frames)
        agent.write(client_person, "two")
        missed = self.until_ready(self.frames(self.lines(client_person, **{"Last-Event-ID": place})))
        assert [frame["message"]["message"] for frame in missed if frame["type"] == "message"] == ["two"]

    def test_a_ticket_opens_them(self, agent: Person) -> None:
        ticket = agent.ticket()
        agent.headers = {}
        self.until_ready(self.frames(self.lines(agent, f"/events?ticket={ticket}")))

    def test_they_end_with_the_session(self, agent: Person) -> None:
        lines = self.lines(agent)
        self.until_ready(self.frames(lines))
        agent.ask("POST", "/api/v1/auth/logout", {})
        began = time.monotonic()
        assert list(self.frames(lines)) == []
        assert time.monotonic() - began < AT_ONCE

    def test_nobody_gets_none(self, machine: Machine) -> None:
        assert ask(machine, "GET", "/api/v1/events")[0] == 401

    def test_without_a_holder_they_are_answered_at_once(
        self, live_client: Any, agent: Person, client_person: Person
    ) -> None:
        """A development server holds no connections: it tells what is new, and the client asks again."""
        first = live_client.get("/api/v1/events", headers=client_person.headers)
        place = first.get_data(as_text=True).split("id: ")[1].split("\n")[0]
        agent.write(client_person, "Hello")
        again = live_client.get("/api/v1/events", headers={**client_person.headers, "Last-Event-ID": place})
        frames = [frame for _, frame in self.frames(iter(again.get_data(as_text=True).split("\n")))]
        assert [frame["type"] for frame in frames] == ["message", "ready"]
        assert "retry: 2000" in again.get_data(as_text=True)


class TestForgetting:
    @pytest.fixture
    def old_event(self, agent: Person, client_person: Person) -> int:
        agent.write(client_person, "long ago")
        db.session.execute(sa.text("UPDATE live_events SET at = now() - interval '4 days'"))
        db.session.commit()
        agent.write(client_person, "today")
        return int(db.session.scalar(sa.select(sa.func.count()).select_from(LiveEvent)) or 0)

    def test_the_log_forgets_what_is_old_and_twice_is_once(self, old_event: int) -> None:
        assert old_event == 2
        assert jobs.forget()["events"] == 1
        assert jobs.forget()["events"] == 0

    def test_rows_of_a_database_before_this_one_are_forgotten(self, agent: Person, client_person: Person) -> None:
        agent.write(client_person, "restored")
        db.session.execute(sa.text("UPDATE live_events SET xid = xid + 1000000"))
        db.session.commit()
        assert jobs.forget()["events"] == 1
        ear = client_person.listen()
        wait_for(lambda: ear.hears_nothing(0.6))
