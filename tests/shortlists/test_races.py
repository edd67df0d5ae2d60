"""Two at the same moment, over connections of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal
from sheda.core.jobs import is_alone
from sheda.core.outbox import Outbox
from sheda.shortlists import jobs, matching, services
from sheda.shortlists.models import Favourite, ListingNews, SavedSearch
from sheda.shortlists.schemas import SavedFilters
from tests.factories import actor_of, make_property, make_saved_search, make_user
from tests.shortlists.conftest import TERMS, publish


def at_once(app: Flask, work: Callable[[], Any], number: int) -> list[Any]:
    """Do the work in so many threads that start together, and return what each got."""
    start = Barrier(number)

    def run(_number: int) -> Any:
        with app.app_context():
            start.wait()
            try:
                return work()
            except Refusal as refusal:
                return refusal.code

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_listing_liked_twice_at_once_is_a_favourite_once(app: Flask, live_db: Any) -> None:
    home, ada = make_property().id, actor_of(make_user())
    live_db.remove()

    def like() -> tuple[int, bool]:
        def work() -> tuple[int, bool]:
            favourite, is_new = services.like(ada, home)
            return favourite.id, is_new

        return in_transaction(work)

    answers = at_once(app, like, 8)
    assert sorted(is_new for _, is_new in answers) == [False] * 7 + [True]
    assert len({row_id for row_id, _ in answers}) == 1
    assert count(Favourite) == 1


def test_nobody_saves_more_than_he_may_by_saving_at_once(
    app: Flask, live_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MOST_SAVED_SEARCHES", 3)
    ada = actor_of(make_user())
    live_db.remove()
    filters = SavedFilters().load({})

    def save() -> str:
        in_transaction(lambda: services.save(ada, name="x", filters=filters, alert="none"))
        return "saved"

    answers = at_once(app, save, 8)
    assert sorted(answers) == ["saved"] * 3 + ["too_many_saved_searches"] * 5
    assert count(SavedSearch) == 3


def test_rounds_beside_each_other_send_one_mail(app: Flask, live_db: Any, excused_invariants: set[str]) -> None:
    excused_invariants.add("I8")
    with clock.travel(clock.now() - timedelta(minutes=1)):
        for _ in range(20):
            make_saved_search(alert="instant")
    for _ in range(3):
        publish(make_user(Role.AGENT))
    live_db.remove()
    at_once(app, jobs.alert, 4)
    assert (count(Outbox), count(ListingNews)) == (20, 0)


def test_a_round_leaves_the_work_to_the_one_before_it(app: Flask, live_db: Any) -> None:
    publish(make_user(Role.AGENT))
    with app.app_context():
        assert is_alone(matching.MAIL)
        assert at_once(app, jobs.alert, 1) == [{"matched": 0, "told": 0}]
        db.session.rollback()
    assert count(ListingNews) == 1
    assert at_once(app, jobs.alert, 1) == [{"matched": 1, "told": 0}]


def test_news_that_is_undone_was_none(app: Flask, live_db: Any) -> None:
    agent = make_user(Role.AGENT)

    def publish_and_fail() -> None:
        services.listings.create(actor_of(agent), **TERMS)
        db.session.flush()
        raise Refusal

    with pytest.raises(Refusal):
        in_transaction(publish_and_fail)
    assert count(ListingNews) == 0
