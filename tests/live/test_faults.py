"""What dies in mid-conversation takes no message with it, and brings none twice."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any

import pytest
import redis as redis_client
from flask import Flask
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sheda.embedded import free_port
from sheda.live import services
from tests.live.machine import AT_ONCE, Ear, Machine, Person, start_valkey, wait_for

NUMBER = 40


class Talk:
    """One person writes numbers to another, by the API, sending again what was not answered."""

    def __init__(self, writer: Person, reader: Person) -> None:
        self.writer, self.reader = writer, reader
        self.wanted = [str(number) for number in range(NUMBER)]
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        for number in range(NUMBER):
            once = f"00000000-0000-4000-8000-{number:012}"
            while True:
                try:
                    self.writer.write(self.reader, str(number), client_msg_id=once)
                    break
                except (OSError, HTTPException, AssertionError, ValueError):
                    time.sleep(0.05)
            time.sleep(0.02)

    def __enter__(self) -> "Talk":
        self._thread.start()
        return self

    def __exit__(self, *_fault: Any) -> None:
        self._thread.join()


def follow(reader: Person, ear: Ear, wanted: int) -> list[str]:
    """Listen until so many messages have come, connecting again from the last position whenever the line breaks."""
    heard: list[str] = []
    position = ear.position
    deadline = time.monotonic() + 120
    while len(heard) < wanted and time.monotonic() < deadline:
        try:
            frame = ear.hear()
        except (ConnectionClosed, TimeoutError, OSError):
            ear = back(reader, position)
            heard += ear.texts()
            position = ear.position
            continue
        position = ear.position
        if frame["type"] == "message":
            heard.append(frame["message"]["message"])
    return heard


def back(reader: Person, position: str) -> Ear:
    for _ in range(200):
        try:
            return reader.listen(f"?after={position}")
        except (OSError, InvalidStatus, ConnectionClosed, EOFError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError("it does not come back")


class TestKilled:
    def test_a_web_process(self, machine: Machine, agent: Person, client_person: Person) -> None:
        """Its sockets are held elsewhere: they do not even notice."""
        ear = client_person.listen()
        with Talk(agent, client_person) as talk:
            for _ in range(2):
                time.sleep(0.3)
                os.kill(machine.web_workers()[0], signal.SIGKILL)
            heard = follow(client_person, ear, NUMBER)
        assert heard == talk.wanted
        assert ear.texts() == heard, "the socket was lost with the web process"

    def test_the_process_that_holds_the_sockets(self, machine: Machine, agent: Person, client_person: Person) -> None:
        ear = client_person.listen()
        with Talk(agent, client_person) as talk:
            time.sleep(0.4)
            machine.kill_live()
            status, problem = client_person.ask(
                "GET", "/ws", Upgrade="websocket", Connection="Upgrade",
                **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
            )  # fmt: skip
            assert (status, problem["code"]) == (503, "unavailable")
            machine.start_live()
            heard = follow(client_person, ear, NUMBER)
        assert heard == talk.wanted

    def test_a_stop_asks_to_come_back(self, app: Flask, live_db: Any) -> None:
        from sheda.core.actor import Role
        from tests import factories

        machine = Machine().start()
        ear = Person(factories.make_user(Role.AGENT), machine).listen()
        machine.stop()
        assert ear.closed_with()[0] == 1012
        ear.close()


class TestRedis:
    @pytest.fixture
    def far(self, app: Flask, live_db: Any) -> Iterator[Machine]:
        """Run a machine on a Valkey of its own, which is killed and started again."""
        port = free_port()
        self.process = start_valkey(port)
        made = Machine(REDIS_URL=f"redis://127.0.0.1:{port}/0").start()
        self.port = port
        yield made
        made.stop()
        self.process.kill()
        self.process.wait()

    def test_killed_in_mid_conversation(self, far: Machine, people: Callable[..., Person]) -> None:
        agent, client = people(), people()
        agent.machine = client.machine = far
        ear = client.listen()
        with Talk(agent, client) as talk:
            time.sleep(0.4)
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            heard = follow(client, ear, NUMBER)
        assert heard == talk.wanted
        assert ear.texts() == heard, "the socket was lost with Redis"

        self.process = start_valkey(self.port)
        time.sleep(2.5)
        wait_for(lambda: redis_client.Redis(port=self.port).pubsub_numsub("sheda:live:0:bell")[0][1] > 0)
        agent.write(client, "again")
        assert ear.hear_kind("message")["message"]["message"] == "again"

    def test_tickets_and_the_end_of_sessions_need_none(self, far: Machine, people: Callable[..., Person]) -> None:
        agent = people()
        agent.machine = far
        self.process.kill()
        self.process.wait()
        assert agent.ticket()
        ear = agent.listen()
        agent.ask("POST", "/api/v1/auth/logout", {})
        code, seconds = ear.closed_with()
        assert code == 4401
        assert seconds < AT_ONCE


class TestMachines:
    @pytest.fixture
    def other_machine(self, app: Flask, machine: Machine) -> Iterator[Machine]:
        made = Machine().start()
        yield made
        made.stop()

    def test_two_machines_tell_of_each_other(
        self, machine: Machine, other_machine: Machine, agent: Person, client_person: Person
    ) -> None:
        agent.write(client_person, "Hello")
        here, there = agent.listen(), client_person.listen(at=other_machine)
        here.say("watch", **{"with": [client_person.id]})
        assert here.hear_kind("presence")["online"] is True
        there.say("typing", **{"with": agent.id})
        assert here.hear_kind("typing")["with"] == client_person.id

    def test_the_bell_rings_from_machine_to_machine(
        self, machine: Machine, other_machine: Machine, redis: Any, agent: Person, client_person: Person
    ) -> None:
        there = client_person.listen(at=other_machine)
        bell = services.channel(os.environ["REDIS_URL"], services.BELL)
        assert redis.pubsub_numsub(bell)[0][1] == 2
        with redis.pubsub(ignore_subscribe_messages=True) as ear:
            ear.subscribe(bell)
            wait_for(lambda: redis.pubsub_numsub(bell)[0][1] == 3)
            agent.write(client_person, "From here")
            wait_for(lambda: ear.get_message(timeout=1) is not None)
        assert there.hear_kind("message")["message"]["message"] == "From here"

    def test_a_position_of_one_machine_is_good_at_another(
        self, machine: Machine, other_machine: Machine, agent: Person, client_person: Person
    ) -> None:
        ear = client_person.listen()
        for number in range(10):
            agent.write(client_person, str(number))
            ear.hear_kind("message")
            ear.close()
            ear = client_person.listen(f"?after={ear.position}", at=(other_machine, machine)[number % 2])
            assert ear.texts() == []
        ear.close()
