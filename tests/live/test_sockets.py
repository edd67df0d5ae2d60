"""What is told over a socket, to whom, and how one comes to have one."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.live import asyncapi
from sheda.live.models import Ticket
from sheda.live.schemas import INBOUND, OUTBOUND
from tests import factories
from tests.live.machine import AT_ONCE, ROOT, Machine, Person, ask, wait_for

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def refused(machine: Machine, path: str, **options: object) -> tuple[int, dict]:
    """Open a socket that is refused; the status and the problem."""
    with pytest.raises(InvalidStatus) as told, connect(f"ws://127.0.0.1:{machine.port}{path}", **options):
        pass
    assert told.value.response.headers["Content-Type"] == "application/problem+json"
    return told.value.response.status_code, json.loads(told.value.response.body)


class TestKnocking:
    def test_a_ticket_opens_one_socket(self, machine: Machine, agent: Person) -> None:
        ticket = agent.ticket()
        with connect(f"ws://127.0.0.1:{machine.port}/ws?ticket={ticket}") as socket:
            assert json.loads(socket.recv())["user_id"] == agent.id
        status, problem = refused(machine, f"/ws?ticket={ticket}")
        assert (status, problem["code"]) == (401, "unauthorized")

    def test_a_ticket_is_good_for_a_minute(self, machine: Machine, agent: Person) -> None:
        ticket = agent.ticket()
        life = db.session.scalars(sa.select(Ticket)).one().expires_at - clock.now()
        assert timedelta(seconds=50) < life <= timedelta(seconds=60)
        db.session.execute(sa.update(Ticket).values(expires_at=clock.now()))
        db.session.commit()
        assert refused(machine, f"/ws?ticket={ticket}")[0] == 401

    def test_a_ticket_is_kept_as_its_hash(self, agent: Person) -> None:
        assert agent.ticket() not in db.session.scalars(sa.select(Ticket.token_hash)).all()

    def test_a_ticket_ends_with_its_session(self, machine: Machine, agent: Person) -> None:
        ticket = agent.ticket()
        assert agent.ask("POST", "/api/v1/auth/logout-all", {})[0] == 204
        assert refused(machine, f"/ws?ticket={ticket}")[0] == 401

    def test_a_token_among_the_subprotocols_opens_one(self, machine: Machine, agent: Person) -> None:
        token = agent.headers["Authorization"].removeprefix("Bearer ")
        with connect(
            f"ws://127.0.0.1:{machine.port}/api/v1/ws", subprotocols=["sheda.v1", f"bearer.{token}"]
        ) as socket:
            assert socket.subprotocol == "sheda.v1"
            assert json.loads(socket.recv())["user_id"] == agent.id

    def test_a_ticket_among_the_subprotocols_opens_one(self, machine: Machine, agent: Person) -> None:
        offered = ["sheda.v1", f"ticket.{agent.ticket()}"]
        with connect(f"ws://127.0.0.1:{machine.port}/api/v1/ws", subprotocols=offered) as socket:
            assert json.loads(socket.recv())["user_id"] == agent.id

    @pytest.mark.parametrize("name", ["token", "access_token", "authorization"])
    def test_a_token_in_the_address_opens_nothing(self, machine: Machine, agent: Person, name: str) -> None:
        token = agent.headers["Authorization"].removeprefix("Bearer ")
        assert refused(machine, f"/ws?{name}={token}")[0] == 401

    def test_nobody_is_refused_by_a_problem(self, machine: Machine) -> None:
        status, problem = refused(machine, "/ws")
        assert (status, problem["code"]) == (401, "unauthorized")

    def test_an_ordinary_request_is_told_to_upgrade(self, agent: Person) -> None:
        status, problem = agent.ask("GET", "/ws")
        assert (status, problem["code"]) == (426, "upgrade_required")

    @pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ"])
    def test_a_broken_handshake_is_refused(self, agent: Person, key: str) -> None:
        broken = HANDSHAKE | {"Sec-WebSocket-Key": key}
        status, problem = agent.ask("GET", "/ws", **broken)
        assert (status, problem["code"]) == (400, "bad_handshake")

    @pytest.mark.parametrize("after", ["x", "1~2:1:", "1~5:9:4", "1~5:9:6,6", "~", "1~1:1:~1:1:"])
    def test_a_position_that_is_none_is_refused(self, agent: Person, after: str) -> None:
        status, problem = agent.ask("GET", f"/ws?after={after}", **HANDSHAKE)
        assert (status, problem["errors"][0]["field"]) == (422, "after")

    def test_one_person_holds_so_many_and_no_more(self, machine: Machine, agent: Person) -> None:
        ears = [agent.listen() for _ in range(20)]
        status, problem = refused(machine, "/ws", additional_headers=agent.headers)
        assert (status, problem["code"]) == (429, "too_many_sockets")
        ears[0].close()
        wait_for(lambda: _opens(machine, agent))


def _opens(machine: Machine, person: Person) -> bool:
    try:
        with connect(f"ws://127.0.0.1:{machine.port}/ws", additional_headers=person.headers):
            return True
    except InvalidStatus:
        return False


class TestTelling:
    def test_a_message_comes_to_both_sides_on_every_device(self, agent: Person, client_person: Person) -> None:
        ears = [agent.listen(), agent.listen(), client_person.listen(), client_person.listen()]
        first = agent.write(client_person, "Good morning")
        second = agent.write(client_person, "Shall we meet?")
        for ear, other in zip(ears, [client_person, client_person, agent, agent], strict=True):
            told = [ear.hear(), ear.hear()]
            assert [frame["message"]["id"] for frame in told] == [first, second]
            assert [frame["previous_id"] for frame in told] == [None, first]
            assert {frame["with"] for frame in told} == {other.id}

    def test_a_message_looks_as_the_api_shows_it(self, agent: Person, client_person: Person) -> None:
        ear = client_person.listen()
        agent.write(client_person, "A “quote”, a \\ and ₦")
        assert ear.hear()["message"] == client_person.ask("GET", f"/api/v1/chats/{agent.id}")[1]["result"][0]

    def test_nothing_of_others_is_told(
        self, people: Callable[..., Person], agent: Person, client_person: Person
    ) -> None:
        stranger, office = people().listen(), people(Role.STAFF).listen()
        agent.write(client_person, "Between us")
        home = factories.make_property(agent.user)
        factories.make_appointment(home, client_person.user)
        assert stranger.hears_nothing()
        assert office.hears_nothing(0.1)

    def test_sending_over_the_socket_stores_a_message_once(self, agent: Person, client_person: Person) -> None:
        here, there = client_person.listen(), agent.listen()
        mine = str(uuid.uuid4())
        for _ in range(2):
            here.say("send", receiver_id=agent.id, message="Is it free?", client_msg_id=mine, ref="a")
        told = [here.hear() for _ in range(3)]
        answers = [frame for frame in told if frame["type"] == "sent"]
        assert [(frame["ref"], frame["is_new"]) for frame in answers] == [("a", True), ("a", False)]
        assert len({frame["id"] for frame in answers}) == 1
        assert there.hear()["message"]["message"] == "Is it free?"
        assert there.hears_nothing()

    def test_delivery_and_reading_are_told_to_the_writer(self, agent: Person, client_person: Person) -> None:
        writer, reader = agent.listen(), client_person.listen()
        number = agent.write(client_person, "Read me")
        assert reader.hear()["message"]["id"] == number
        reader.say("delivered", message_id=number)
        writer.hear_kind("message")
        told = writer.hear()
        assert (told["type"], told["with"], told["up_to"]) == ("delivered", client_person.id, number)
        reader.say("read", **{"with": agent.id})
        told = writer.hear()
        assert (told["type"], told["user_id"], told["up_to"]) == ("read", client_person.id, number)
        assert client_person.ask("GET", "/api/v1/chats/unread-count")[1]["result"]["unread_count"] == 0

    def test_a_delivery_of_somebody_elses_message_is_no_mark(
        self, people: Callable[..., Person], agent: Person, client_person: Person
    ) -> None:
        writer, liar = agent.listen(), people().listen()
        number = agent.write(client_person, "Not for you")
        writer.hear_kind("message")
        liar.say("delivered", message_id=number, ref="x")
        liar.hear_kind("done")
        assert writer.hears_nothing()

    def test_reading_by_the_api_is_told_too(self, agent: Person, client_person: Person) -> None:
        number = agent.write(client_person, "One")
        writer = agent.listen()
        client_person.ask("POST", f"/api/v1/chats/{agent.id}/read", {})
        assert writer.hear()["up_to"] == number

    def test_typing_is_told_to_the_other_only(
        self, people: Callable[..., Person], agent: Person, client_person: Person
    ) -> None:
        agent.write(client_person, "Hello")
        here, there, stranger = client_person.listen(), agent.listen(), people().listen()
        here.say("typing", **{"with": agent.id})
        assert there.hear() == {"type": "typing", "with": client_person.id}
        assert stranger.hears_nothing()

    def test_presence_is_told_to_those_who_watch(self, agent: Person, client_person: Person) -> None:
        agent.write(client_person, "Hello")
        here = agent.listen()
        here.say("watch", **{"with": [client_person.id]})
        assert here.hear_kind("presence") == {"type": "presence", "with": client_person.id, "online": False}
        there = client_person.listen()
        assert here.hear_kind("presence")["online"] is True
        there.close()
        assert here.hear_kind("presence")["online"] is False

    def test_watching_tells_how_far_the_other_is(self, agent: Person, client_person: Person) -> None:
        number = agent.write(client_person, "Hello")
        client_person.ask("POST", f"/api/v1/chats/{agent.id}/read", {})
        here = agent.listen()
        here.say("watch", **{"with": [client_person.id]})
        assert here.hear_kind("read")["up_to"] == number

    def test_a_notice_and_the_new_state_come_to_both_sides(self, agent: Person, client_person: Person) -> None:
        viewing = factories.make_appointment(factories.make_property(agent.user), client_person.user)
        ears = [agent.listen(), client_person.listen()]
        assert agent.ask("PATCH", f"/api/v1/appointments/{viewing.id}/confirm", {})[0] == 200
        for ear in ears:
            told = {frame["type"]: frame for frame in (ear.hear(), ear.hear())}
            moved = told["appointment"]
            assert (moved["id"], moved["from"], moved["to"]) == (viewing.id, "pending", "confirmed")
            assert told["notification"]["notification"]["kind"] == "appointment_confirmed"

    def test_a_notice_looks_as_the_api_shows_it(self, agent: Person, client_person: Person) -> None:
        viewing = factories.make_appointment(factories.make_property(agent.user), client_person.user)
        ear = client_person.listen()
        agent.ask("PATCH", f"/api/v1/appointments/{viewing.id}/confirm", {})
        told = ear.hear_kind("notification")["notification"]
        assert told == client_person.ask("GET", "/api/v1/notifications")[1]["result"][0]

    def test_payments_and_contracts_are_told_to_their_parties(self, agent: Person, client_person: Person) -> None:
        viewing = factories.make_appointment(
            factories.make_property(agent.user), client_person.user, status="completed",
            starts_at=clock.now() - timedelta(days=1),
        )  # fmt: skip
        payment = factories.make_payment(viewing, status="declared")
        contract = factories.make_contract(payment, status="pending")
        ear = client_person.listen()
        assert agent.ask("PATCH", f"/api/v1/contracts/{contract.id}/confirm-payment", {})[0] == 200
        told = {frame["type"]: frame["to"] for frame in (ear.hear(), ear.hear(), ear.hear()) if "to" in frame}
        assert told == {"payment": "accepted", "contract": "active"}


class TestBlocks:
    def test_after_a_block_nothing_comes_from_the_other(self, agent: Person, client_person: Person) -> None:
        agent.write(client_person, "Hello")
        ear, other = client_person.listen(), agent.listen()
        ear.say("watch", **{"with": [agent.id]})
        ear.hear_kind("presence")
        factories.make_block(factories.actor_of(client_person.user), factories.actor_of(agent.user))
        other.say("typing", ref="t", **{"with": client_person.id})
        assert other.hear_kind("refused")["status"] == 404
        other.say("send", receiver_id=client_person.id, message="Please", ref="s")
        assert other.hear_kind("refused")["status"] == 404
        other.say("watch", ref="w", **{"with": [client_person.id]})
        assert other.hear_kind("done")["ref"] == "w"
        other.close()
        assert ear.hears_nothing(4)


class TestSessions:
    @pytest.mark.parametrize("path", ["/api/v1/auth/logout", "/api/v1/auth/logout-all"])
    def test_signing_out_closes_at_once(self, agent: Person, path: str) -> None:
        ear = agent.listen()
        assert agent.ask("POST", path, {})[0] == 204
        code, seconds = ear.closed_with()
        assert code == 4401
        assert seconds < AT_ONCE

    def test_another_sign_in_of_the_same_person_stays(self, machine: Machine, agent: Person) -> None:
        phone = Person(agent.user, machine)
        ear, other = agent.listen(), phone.listen()
        assert agent.ask("POST", "/api/v1/auth/logout", {})[0] == 204
        assert ear.closed_with()[0] == 4401
        other.say("ping", ref="still here")
        assert other.hear()["ref"] == "still here"
        other.close()

    def test_a_new_password_closes_at_once(self, agent: Person) -> None:
        ear = agent.listen()
        body = {"current_password": factories.PASSWORD, "new_password": "quite another horse battery"}
        status, answer = agent.ask("POST", "/api/v1/users/me/password", body)
        assert status in {200, 204}, answer
        code, seconds = ear.closed_with()
        assert (code, seconds < AT_ONCE) == (4401, True)

    def test_deactivating_closes_at_once_without_a_bell(self, agent: Person) -> None:
        """Straight in the database, as a job or a statement by hand would do it."""
        ear = agent.listen()
        db.session.execute(sa.text("UPDATE ab_user SET active = false WHERE id = :id"), {"id": agent.id})
        db.session.commit()
        code, seconds = ear.closed_with()
        assert (code, seconds < AT_ONCE) == (4401, True)

    def test_a_session_that_has_ended_opens_nothing(self, machine: Machine, agent: Person) -> None:
        agent.ask("POST", "/api/v1/auth/logout", {})
        assert refused(machine, "/ws", additional_headers=agent.headers)[0] == 401


class TestDescription:
    def test_it_names_every_frame(self, machine: Machine) -> None:
        status, document = ask(machine, "GET", "/api/v1/asyncapi.json")
        assert (status, document["asyncapi"]) == (200, "3.0.0")
        said = {name for name in document["components"]["messages"] if name.startswith("say_")}
        assert said == {f"say_{kind}" for kind in ("send", "read", "delivered", "typing", "watch", "replay", "ping")}
        assert document["channels"]["socket"]["address"] == "/api/v1/ws"

    def test_the_page_for_people_names_every_frame_and_code(self) -> None:
        page = (ROOT / "docs" / "realtime.md").read_text()
        assert [kind for kind in {**INBOUND, **OUTBOUND} if f"`{kind}`" not in page] == []
        assert [code for code in asyncapi.CLOSE_CODES if code not in page] == []
