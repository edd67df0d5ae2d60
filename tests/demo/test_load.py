"""The demo in the database: once, whole, and true to every invariant (looked at after each test)."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.security import check_password_hash

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.appointments.states import APPOINTMENT
from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.core import clock, files
from sheda.core.banks import check_account_number
from sheda.core.states import History
from sheda.demo import load
from sheda.demo.load import Size, load_demo
from sheda.payments.models import File, Payment
from sheda.payments.states import PAYMENT
from sheda.profiles.models import BankAccount
from sheda.properties.models import AgentViews, ListingViews, Property, PropertyImage

PASSWORD = "a demo password"


@pytest.fixture
def demo(db_session: Any) -> Any:
    """Load the small demo and give the session."""
    load_demo(size="s", seed=42, password=PASSWORD)
    return db_session


class TestLoadDemo:
    def test_the_small_demo_is_loaded_only_once(self, db_session: Any) -> None:
        made = load_demo(size="s", seed=42, password=PASSWORD)
        assert made["listings"] == db_session.scalar(select(func.count()).select_from(Property)) == 200
        assert load_demo(size="s", seed=42, password="another") == {"accounts": 0, "listings": 0, "deals": 0}
        assert db_session.scalar(select(func.count()).select_from(Property)) == 200

    def test_every_state_of_a_deal_has_its_story(self, demo: Any) -> None:
        for model, machine in ((Appointment, APPOINTMENT), (Payment, PAYMENT), (Contract, CONTRACT)):
            assert set(demo.scalars(select(model.status))) == set(machine.states)
        assert set(demo.scalars(select(Property.status))) == {"available", "rented", "sold"}
        assert set(demo.scalars(select(Property.listing_state))) == {"draft", "published", "paused", "archived"}

    def test_the_awkward_deals_are_there(self, demo: Any) -> None:
        undecided = demo.scalars(select(Payment.declared_at).where(Payment.status == "declared"))
        assert any(abs(clock.now() - at - timedelta(hours=60)) < timedelta(hours=1) for at in undecided)
        ends = set(demo.scalars(select(Contract.end_date).where(Contract.status == "active")))
        assert clock.today() + timedelta(days=1) in ends
        assert any(end is not None and end < clock.today() for end in ends), "one holding over"

    def test_the_demo_agent_has_an_audience(self, demo: Any) -> None:
        agent = demo.scalars(select(User).where(User.email == "agent@sheda.example")).one()
        today = clock.today()
        days = dict(demo.execute(select(AgentViews.day, AgentViews.views).where(AgentViews.agent_id == agent.id)).all())
        assert set(days) <= {today - timedelta(days=number) for number in range(30)}
        assert all(days[today - timedelta(days=number)] >= 20 for number in range(5))
        of_listings = demo.execute(
            select(ListingViews.day, func.sum(ListingViews.views))
            .join(Property, Property.id == ListingViews.property_id)
            .where(Property.agent_id == agent.id)
            .group_by(ListingViews.day)
        )
        assert dict(of_listings.all()) == days

    def test_every_life_is_told_without_a_gap(self, demo: Any) -> None:
        for model in (Appointment, Payment, Contract):
            for row in demo.scalars(select(model)):
                told = demo.scalars(
                    select(History)
                    .where(History.subject_type == model.__tablename__, History.subject_id == row.id)
                    .order_by(History.id)
                ).all()
                assert told[0].from_state is None
                assert told[-1].to_state == row.status
                assert all(a.to_state == b.from_state and a.at <= b.at <= clock.now() for a, b in pairwise(told))

    def test_the_four_accounts_have_the_password(self, demo: Any) -> None:
        for name in ("admin", "staff", "agent", "client"):
            user = demo.scalars(select(User).where(User.email == f"{name}@sheda.example")).one()
            assert check_password_hash(user.password, PASSWORD)
            assert [role.name.lower() for role in user.roles] == [name]
            assert user.verified_at is not None

    def test_every_account_number_is_valid(self, demo: Any) -> None:
        for account in demo.scalars(select(BankAccount)):
            check_account_number(account.bank_code, account.account_number)

    def test_every_picture_and_proof_can_be_opened(self, demo: Any) -> None:
        for image in demo.scalars(select(PropertyImage).limit(10)):
            for name in ("thumb", "card", "full"):
                assert files.get(files.rendition_key(image.key, name))[8:12] == b"WEBP"
        assert files.get(demo.scalars(select(File.key)).first()).startswith(b"\x89PNG")

    def test_the_demo_agent_and_client_have_something_to_look_at(self, demo: Any) -> None:
        agent, client = (
            demo.scalars(select(User.id).where(User.username == name)).one() for name in ("agent", "client")
        )
        assert demo.scalar(select(func.count()).where(Property.agent_id == agent)) >= 20
        for model in (Appointment, Payment, Contract):
            assert demo.scalar(select(func.count()).where(model.agent_id == agent)) >= 5
            assert demo.scalar(select(func.count()).where(model.client_id == client)) >= 3

    def test_without_listings_only_the_accounts_are_made(self, db_session: Any) -> None:
        assert load_demo(size="none", password="") == {"accounts": 0, "listings": 0, "deals": 0}
        assert load_demo(size="none", password=PASSWORD)["accounts"] == 4
        assert db_session.scalar(select(func.count()).select_from(Property)) == 0
        assert load_demo(size="s", password=PASSWORD)["listings"] == 200

    def test_data_without_a_password_are_refused(self, db_session: Any) -> None:
        with pytest.raises(ValueError, match="SHEDA_DEMO_PASSWORD"):
            load_demo(size="s", password="")

    def test_a_large_demo_comes_in_batches(self, db_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(load.SIZES, "m", Size(900, 12, 40))
        monkeypatch.setattr(load, "BATCH", 400)
        assert load_demo(size="m", password=PASSWORD)["listings"] == 900
        assert db_session.scalar(select(func.count()).select_from(Property)) == 900
