import threading
from collections import Counter

import pytest
from sqlalchemy import func, select

from sheda.accounts import codes, services, sessions
from sheda.accounts.errors import LastAdmin
from sheda.accounts.models import OneTimeCode, RefreshToken, User
from sheda.core.actor import SYSTEM, Role
from sheda.core.db import db, in_transaction
from sheda.core.errors import Refusal
from sheda.core.outbox import deliver_due
from tests.factories import PASSWORD, make_user


@pytest.fixture
def race(app):
    """Return a function that runs works at once, each on a connection of its own, and returns what came of each."""

    def run(*works):
        results, start = [], threading.Barrier(len(works))

        def one(work):
            with app.app_context():
                start.wait()
                try:
                    results.append(in_transaction(work))
                except Refusal as refusal:
                    results.append(refusal.code)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=one, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run


class TestRaces:
    def test_one_address_makes_one_account(self, live_db, race):
        def join():
            services.register(email="ada@example.com", password=PASSWORD, role=Role.CLIENT)
            return "made"

        assert Counter(race(*[join] * 6)) == {"made": 1, "email_taken": 5}

    def test_many_of_one_name_at_different_hosts_all_get_a_user_name(self, live_db, race):
        def join(host):
            services.register(email=f"info@{host}.ng", password=PASSWORD, role=Role.CLIENT)
            return "made"

        assert race(*[lambda host=host: join(host) for host in "abcdef"]) == ["made"] * 6

    def test_a_refresh_token_used_at_once_works_once_and_ends_the_family(self, live_db, race):
        user = make_user()
        token = in_transaction(lambda: services.sign_in(user))["refresh_token"]

        def use():
            services.refresh(token)
            return "new"

        assert Counter(race(*[use] * 4)) == {"new": 1, "unauthorized": 3}
        live = select(func.count()).select_from(RefreshToken).where(RefreshToken.used_at.is_(None))
        assert live_db.scalar(live) == 1
        with pytest.raises(Refusal):
            sessions.use_refresh_token(token)

    def test_a_code_used_at_once_works_once(self, live_db, race, mail_sink):
        user = make_user(verified_at=None)
        in_transaction(lambda: services.request_code(user.email, codes.VERIFY))
        deliver_due()
        text = mail_sink.to(user.email)[-1].get_body(("plain",)).get_content()
        code = next(word for word in text.split() if word.isdigit() and len(word) == 6)
        address = user.email

        def use():
            services.verify(address, code)
            return "verified"

        assert Counter(race(*[use] * 4)) == {"verified": 1, "otp_invalid": 3}

    def test_guesses_at_once_are_all_counted(self, live_db, race, mail_sink):
        user = make_user(verified_at=None)
        address = user.email
        in_transaction(lambda: services.request_code(address, codes.VERIFY))
        deliver_due()
        race(*[lambda: services.verify(address, "no")] * 8)
        assert live_db.scalar(select(OneTimeCode.tries)) == 5

    def test_codes_asked_for_at_once_are_one(self, live_db, race):
        address = make_user(verified_at=None).email
        race(*[lambda: services.request_code(address, codes.VERIFY)] * 5)
        assert live_db.scalar(select(func.count()).select_from(OneTimeCode)) == 1

    def test_of_two_admins_deactivated_at_once_one_stays(self, live_db, race):
        ids = [make_user(Role.ADMIN).id, make_user(Role.ADMIN).id]
        results = race(*[lambda user_id=user_id: services.deactivate(SYSTEM, user_id).active for user_id in ids])
        assert Counter(results) == {False: 1, LastAdmin.code: 1}
        assert live_db.scalar(select(func.count()).select_from(User).where(User.active)) == 1
