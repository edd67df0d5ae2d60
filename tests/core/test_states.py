"""A life is a table: who may move, from where, with which reason, and what is written about it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, text

from sheda.core import events
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.errors import InvalidInput, NotAllowed
from sheda.core.states import History, IllegalMove, Machine, Move, Moved, latest_reason

CLIENT, AGENT, STAFF = Actor(1, Role.CLIENT), Actor(2, Role.AGENT), Actor(3, Role.STAFF)


@pytest.fixture(autouse=True)
def _people(request: pytest.FixtureRequest) -> None:
    """Let history name people who are in no table: what is tested here is the life, not its actors."""
    if "db_session" in request.fixturenames:
        request.getfixturevalue("db_session").execute(text("SET LOCAL session_replication_role = replica"))


@dataclass(frozen=True)
class Opened(Moved):
    """A probe's door was opened."""


LIFE = Machine(
    "status",
    ("shut", "open", "gone"),
    (
        Move("open", ("shut",), "open", "AS", "Open", Opened, reason="office"),
        Move("shut", ("open",), "shut", "AC", "Shut", reason="always"),
        Move("vanish", ("shut", "open"), "gone", "Y", "Vanish", button=False),
    ),
)


@dataclass
class Door:
    """A subject without a table."""

    id: int = 7
    status: str = "shut"
    client_id: int = 1
    agent_id: int = 2
    __tablename__: str = field(default="doors")


def rows(session: Any) -> list[tuple[Any, ...]]:
    found = select(History.move, History.from_state, History.to_state, History.actor_id, History.reason)
    return [tuple(row) for row in session.execute(found.where(History.subject_type == "doors").order_by(History.id))]


class TestMove:
    def test_a_move_sets_the_state_and_writes_its_row(self, db_session: Any) -> None:
        door = Door()
        assert LIFE.move(AGENT, door, "open") is True
        assert door.status == "open"
        assert rows(db_session) == [("open", "shut", "open", 2, None)]

    def test_repeating_it_changes_nothing(self, db_session: Any) -> None:
        door = Door(status="open")
        assert LIFE.move(AGENT, door, "open") is False
        assert rows(db_session) == []

    def test_from_another_state_it_is_illegal_and_says_from_where(self, db_session: Any) -> None:
        with pytest.raises(IllegalMove) as caught:
            LIFE.move(AGENT, Door(status="gone"), "open")
        assert caught.value.extra == {"from": "gone"}
        assert caught.value.code == "illegal_move"

    @pytest.mark.parametrize("actor", [CLIENT, Actor(9, Role.AGENT), SYSTEM, Actor(None, Role.PUBLIC)])
    def test_it_is_not_everybodys_to_make(self, db_session: Any, actor: Actor) -> None:
        with pytest.raises(NotAllowed):
            LIFE.move(actor, Door(), "open")

    def test_the_system_makes_its_own_without_a_reason(self, db_session: Any) -> None:
        assert LIFE.move(SYSTEM, Door(), "vanish") is True

    def test_the_office_must_say_why(self, db_session: Any) -> None:
        with pytest.raises(InvalidInput) as caught:
            LIFE.move(STAFF, Door(), "open", reason="  ")
        assert caught.value.errors[0]["field"] == "reason"
        assert LIFE.move(STAFF, Door(), "open", reason=" keys lost ") is True
        assert rows(db_session)[0][4] == "keys lost"

    def test_some_moves_ask_everybody(self, db_session: Any) -> None:
        with pytest.raises(InvalidInput):
            LIFE.move(CLIENT, Door(status="open"), "shut")

    def test_a_reason_has_500_characters_at_most(self, db_session: Any) -> None:
        with pytest.raises(InvalidInput):
            LIFE.move(CLIENT, Door(status="open"), "shut", reason="x" * 501)
        assert LIFE.move(CLIENT, Door(status="open"), "shut", reason="x" * 500)

    def test_news_reach_who_is_listed(self, db_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[Moved] = []
        monkeypatch.setitem(events._reactions, Opened, (heard.append,))
        door = Door()
        LIFE.move(AGENT, door, "open")
        assert [(one.subject, one.actor) for one in heard] == [(door, AGENT)]

    def test_the_last_reason_can_be_read_again(self, db_session: Any) -> None:
        door = Door(status="open")
        LIFE.move(CLIENT, door, "shut", reason="cold")
        assert latest_reason(door, "shut") == "cold"


class TestPossible:
    def test_buttons_are_the_moves_that_this_actor_can_make_now(self) -> None:
        assert [move.name for move in LIFE.possible(AGENT, Door())] == ["open"]
        assert [move.name for move in LIFE.possible(AGENT, Door(status="open"))] == ["shut"]
        assert LIFE.possible(CLIENT, Door()) == []
        assert LIFE.possible(SYSTEM, Door()) == []


class TestCheckConstraint:
    def test_it_names_every_state(self) -> None:
        assert "'shut', 'open', 'gone'" in str(LIFE.check_constraint().sqltext)
