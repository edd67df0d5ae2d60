from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.core import clock, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from tests import factories
from tests.pages import Browser, browser_of


@pytest.fixture
def staff(app: Flask, db_session: Any) -> Browser:
    return browser_of(app, factories.make_user(Role.STAFF))


class TestPeople:
    def test_somebody_is_found_by_phone(self, staff: Browser) -> None:
        person, other = factories.make_user(phone="+2348035550142"), factories.make_user()
        page = staff.get("/admin/users/list/?q=8035550142").text
        assert person.email in page
        assert other.email not in page

    def test_an_account_is_closed_and_opened_again(self, app: Flask, staff: Browser) -> None:
        agent = factories.make_user(Role.AGENT)
        theirs, path = browser_of(app, agent), f"/admin/users/move/{agent.id}"
        assert "they cannot sign in" in staff.get(f"{path}/deactivate").text
        staff.send(f"{path}/deactivate", reason="Reported by three clients.")
        assert theirs.get("/admin/").status_code == 302
        assert "Deactivated" in staff.get(f"/admin/users/show/{agent.id}").text
        staff.send(f"{path}/reactivate")
        assert db.session.get_one(User, agent.id).active

    def test_signing_out_everywhere_ends_every_session(self, app: Flask, staff: Browser) -> None:
        agent = factories.make_user(Role.AGENT)
        theirs = browser_of(app, agent)
        staff.send(f"/admin/users/move/{agent.id}/sign_out")
        assert theirs.get("/admin/").status_code == 302
        assert theirs.sign_in(agent).status_code == 302

    def test_staff_have_no_buttons_for_colleagues_and_nobody_for_himself(self, app: Flask, staff: Browser) -> None:
        colleague = factories.make_user(Role.ADMIN)
        assert "/move/" not in staff.get(f"/admin/users/show/{colleague.id}").text
        staff.send(f"/admin/users/move/{colleague.id}/deactivate")
        assert db.session.get_one(User, colleague.id).active
        himself = browser_of(app, colleague)
        assert "/move/" not in himself.get(f"/admin/users/show/{colleague.id}").text
        himself.send(f"/admin/users/move/{colleague.id}/deactivate")
        assert db.session.get_one(User, colleague.id).active

    def test_no_page_shows_a_password(self, staff: Browser) -> None:
        person = factories.make_user()
        assert "pbkdf2" not in staff.get(f"/admin/users/show/{person.id}").text

    def test_agents_see_nobody(self, app: Flask, db_session: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        browser = browser_of(app, agent)
        for path in ("list/", f"show/{agent.id}", f"move/{agent.id}/unlock"):
            assert browser.get(f"/admin/users/{path}").status_code == 403


class TestRoles:
    def test_an_admin_reads_what_each_role_may(self, app: Flask, staff: Browser) -> None:
        admin = browser_of(app, factories.make_user(Role.ADMIN))
        admin.get("/admin/roles/list/")
        pages = [admin.get(link).text for link in admin.links() if "/roles/show/" in link]
        assert len(set(pages)) == 5
        assert any("Payment: accept" in page for page in pages)
        assert staff.get("/admin/roles/list/").status_code == 403


class TestDesk:
    def test_a_message_that_was_given_up_is_sent_again_by_an_admin(
        self, app: Flask, staff: Browser, excused_invariants: set[str]
    ) -> None:
        person = factories.make_user(email="kemi@mail.example")
        outbox.post_mail(person.id, "password_changed", key="test:one")
        row = db.session.scalars(db.select(outbox.Outbox)).one()
        row.dead_at, row.last_error, row.attempts = clock.now(), "the mail server refuses the address", 12
        db.session.commit()
        page = staff.get("/admin/").text
        assert "k•••@mail.example" in page
        assert "kemi@mail.example" not in page
        path = f"/admin/outbox/move/{row.id}/retry"
        assert staff.send(path).status_code == 403
        admin = browser_of(app, factories.make_user(Role.ADMIN))
        assert path in admin.get("/admin/outbox/list/?tab=dead").text
        assert admin.send(path).status_code == 302
        db.session.refresh(row)
        assert (row.dead_at, row.attempts) == (None, 0)

    def test_history_says_who_did_what_to_which_record(self, staff: Browser) -> None:
        viewing = factories.make_appointment()
        path = f"/admin/appointments/move/{viewing.id}/confirm"
        staff.get(path)
        staff.send(path, reason="The agent is ill.")
        page = staff.get("/admin/history/list/").text
        assert f"Viewing {viewing.id}: confirm" in page
        assert "The agent is ill." in page
        assert ", staff" in page
