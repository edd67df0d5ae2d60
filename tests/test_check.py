"""Each query of the check finds the rows that break its rule, and is silent about those that keep it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sheda.accounts.models import OneTimeCode
from sheda.check import INVARIANTS, broken_invariants
from sheda.core import clock
from sheda.core.db import db
from sheda.core.outbox import Outbox, post_mail
from sheda.payments.models import WebhookEvent
from tests.contracts.conftest import agree_renewal, declare_renewal, make_ending, make_tenancy
from tests.factories import make_appointment, make_payment, make_property, make_user
from tests.payments.conftest import make_deal

pytestmark = pytest.mark.usefixtures("excused")

HELD_BY_INDEXES = {"I2", "I9", "I12"}
"""No row can break these while the database stands: their queries are for a database that lost an index."""

NOBODY = 2**30
"""The id of no person and no home."""


@pytest.fixture
def excused(db_session: Any, excused_invariants: set[str]) -> None:
    """Let every rule be broken; those that triggers hold, too."""
    excused_invariants.update(name.split()[0] for name in INVARIANTS)
    db_session.execute(sa.text("SET LOCAL session_replication_role = replica"))


def found() -> set[str]:
    """Return the numbers of the rules that are broken."""
    db.session.flush()
    return {name.split()[0] for name, rows in broken_invariants(db.session()).items() if rows}


def say(statement: str, **values: Any) -> None:
    db.session.execute(sa.text(statement), values)
    db.session.expire_all()


def make_code(**over: Any) -> OneTimeCode:
    now = clock.now()
    values = {"purpose": "reset_password", "created_at": now, "expires_at": now + timedelta(minutes=10), "tries": 0}
    code = OneTimeCode(user_id=make_user().id, **{**values, **over})
    db.session.add(code)
    db.session.flush()
    return code


def make_mail(*, minutes_ago: int, **over: Any) -> None:
    post_mail(make_user().id, "code", key=f"test:{minutes_ago}")
    row = db.session.scalars(sa.select(Outbox).where(Outbox.key == f"test:{minutes_ago}")).one()
    row.created_at = row.due_at = clock.now() - timedelta(minutes=minutes_ago)
    for name, value in over.items():
        setattr(row, name, value)


def make_webhook(*, minutes_ago: int, **over: Any) -> None:
    at = clock.now() - timedelta(minutes=minutes_ago)
    told = {"provider": "paystack", "event_id": "1", "name": "charge.success", "payload": "{}"}
    db.session.add(WebhookEvent(**{**told, "received_at": at, "due_at": at, **over}))


def let() -> Any:
    """Return a running tenancy."""
    return make_tenancy(make_deal())


def of_payment(payment: Any, values: str) -> None:
    say(f"UPDATE payments SET {values} WHERE id = :id", id=payment.id)


def of_contract(values: str) -> Callable[[], None]:
    return lambda: say(f"UPDATE contracts SET {values} WHERE id = :id", id=let().id)


def renewing(so_far: Callable[[Any, Any], Any], *, days_past: int) -> None:
    """Take a renewal of a tenancy so far, and let that be some days past its end."""
    deal, contract = make_ending(days=1)
    so_far(deal, contract)
    say("UPDATE contracts SET end_date = :day WHERE id = :id", day=clock.today() - timedelta(days_past), id=contract.id)


def hang_a_key() -> None:
    say("ALTER TABLE idempotency_keys ALTER COLUMN status DROP NOT NULL")
    say(
        "INSERT INTO idempotency_keys (scope, route, key, fingerprint, status, body, created_at)"
        " VALUES ('s', 'r', 'k', 'f', NULL, '', now() - interval '6 minutes')"
    )


def picture_without_cover() -> None:
    from sheda.properties.models import PropertyImage

    columns = {"property_id": make_property().id, "position": 0, "is_cover": False, "created_at": clock.now()}
    needed = {
        column.name: "x" if column.type.python_type is str else 1
        for column in PropertyImage.__table__.columns
        if not (column.nullable or column.primary_key or column.server_default or column.name in columns)
    }
    db.session.execute(sa.insert(PropertyImage).values({**needed, **columns}))


BREAKS: dict[str, tuple[Callable[[], Any], ...]] = {
    "I1": (lambda: make_property(status="sold"), of_contract("status = 'terminated'")),
    "I3": (
        of_contract("amount = amount + 1"),
        of_contract("currency = 'USD'"),
        lambda: of_payment(let().payment, "status = 'declined'"),
    ),
    "I4": (of_contract("status = 'canceled'"), lambda: make_payment(status="accepted")),
    "I5": (
        lambda: make_ending(days=-1),
        of_contract("ends_early_on = current_date - 2"),
        lambda: renewing(agree_renewal, days_past=2),
        lambda: renewing(declare_renewal, days_past=9),
    ),
    "I6": (lambda: say("UPDATE contracts SET agent_id = client_id WHERE id = :id", id=let().id),),
    "I7": (lambda: make_payment(make_appointment(status="no_show"), status="declared"),),
    "I8": (
        lambda: make_mail(minutes_ago=11),
        lambda: make_mail(minutes_ago=11, attempts=3, due_at=clock.now() + timedelta(minutes=5)),
    ),
    "I10": (lambda: make_webhook(minutes_ago=11), lambda: make_webhook(minutes_ago=11, attempts=3)),
    "I11": (
        lambda: make_code(tries=5),
        lambda: make_code(expires_at=clock.now() + timedelta(minutes=12)),
    ),
    "I13": (picture_without_cover,),
    "I14": (hang_a_key,),
    "I15": (
        lambda: say("UPDATE appointments SET status = 'expired' WHERE id = :id", id=make_appointment().id),
        lambda: of_payment(make_payment(), "status = 'expired'"),
        of_contract("status = 'expired'"),
    ),
    "I16": (lambda: of_payment(make_payment(status="declared"), "status = 'declined'"),),
    "I17": (
        lambda: post_mail(NOBODY, "code", key="test:nobody"),
        lambda: say(
            "INSERT INTO notifications (user_id, key, kind, text, created_at) VALUES (:who, 'k', 'k', 't', now())",
            who=NOBODY,
        ),
        lambda: say("INSERT INTO listing_news (property_id, reason, at) VALUES (:home, 'new', now())", home=NOBODY),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "broken"),
    [(number, one) for number, ways in BREAKS.items() for one in ways],
    ids=lambda one: str(one)[:3],
)
def test_what_breaks_a_rule_is_found(number: str, broken: Callable[[], Any]) -> None:
    broken()
    assert number in found()


def test_every_rule_is_broken_here_or_held_by_an_index() -> None:
    assert set(BREAKS) | HELD_BY_INDEXES == {name.split()[0] for name in INVARIANTS}


@pytest.mark.parametrize(
    "sound",
    [
        lambda: make_ending(days=0),
        lambda: renewing(declare_renewal, days_past=6),
        lambda: make_mail(minutes_ago=9),
        lambda: make_mail(minutes_ago=60, attempts=32, dead_at=clock.now()),
        lambda: make_webhook(minutes_ago=9),
        lambda: make_webhook(minutes_ago=60, dead_at=clock.now()),
        lambda: make_code(tries=4),
        lambda: make_code(tries=5, ended_at=clock.now()),
    ],
    ids=["its day", "holding over", "nine minutes", "dead", "news", "dead news", "four tries", "ended"],
)  # fmt: skip
def test_what_keeps_the_rules_is_not_named(sound: Callable[[], Any]) -> None:
    sound()
    assert found() == set()


def test_a_tenancy_ends_by_the_clock_of_its_home() -> None:
    """On the far side of the date line the day after the end has come, or has not, while it has in London."""
    _, contract = make_ending()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        say("UPDATE properties SET time_zone = :zone", zone=zone)
        for days, is_broken in ((0, False), (-1, True)):
            say("UPDATE contracts SET end_date = :day", day=clock.today(zone) + timedelta(days=days))
            assert ("I5" in found()) is is_broken, (zone, days)
    assert contract.status == "active"
