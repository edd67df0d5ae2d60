"""An agent's papers: sent, decided, read by nobody else, and every reading written down."""

import io
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import files
from sheda.core.actor import SYSTEM, Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound, TooLarge
from sheda.core.outbox import Outbox
from sheda.core.states import History, IllegalMove
from sheda.notifications.models import Notification
from sheda.profiles import services, verification
from sheda.profiles.models import AgentVerification, VerificationDocument
from tests.factories import actor_of, auth, make_property, make_user
from tests.pages import browser_of

CANARY = b"canary in the metadata"


def picture() -> bytes:
    """Return a picture with something in its metadata."""
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = CANARY.decode()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def upload(data: bytes | None = None) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(picture() if data is None else data), "card.jpg")}}


def put(client: Any, user: User, kind: str = "identity", data: bytes | None = None) -> Any:
    return client.put(f"/users/me/verification/documents/{kind}", headers=auth(user), **upload(data))


@pytest.fixture
def agent(db_session: Any) -> User:
    return make_user(Role.AGENT, first_name="Ngozi", last_name="Okafor")


@pytest.fixture
def staff(db_session: Any) -> User:
    return make_user(Role.STAFF)


def send_in(agent: User) -> AgentVerification:
    """Send an identity and a registration in, and return the row."""
    actor = actor_of(agent)
    for kind in ("identity", "registration"):
        verification.put_document(actor, kind, picture())
    verification.submit(actor)
    db.session.commit()
    return db.session.scalars(select(AgentVerification).where(AgentVerification.agent_id == agent.id)).one()


def paper_of(row: AgentVerification) -> VerificationDocument:
    return verification.documents_of([row])[0]


def readings(row: AgentVerification) -> list[tuple[int | None, str]]:
    found = select(History).where(History.subject_type == "agent_verifications", History.subject_id == row.id)
    return [(one.actor_id, one.details["what"]) for one in db.session.scalars(found) if one.move == "read_document"]


class TestSend:
    def test_it_begins_with_nothing(self, client, agent):
        answer = client.get("/users/me/verification", headers=auth(agent)).json["result"]
        assert (answer["status"], answer["missing"], answer["documents"]) == (
            "unverified", ["identity", "registration"], [],
        )  # fmt: skip

    def test_a_paper_is_written_anew_without_its_metadata(self, client, agent):
        answer = put(client, agent)
        assert answer.status_code == 200, answer.json
        assert answer.json["result"]["documents"][0]["kind"] == "identity"
        stored = db.session.scalars(select(VerificationDocument)).one()
        assert stored.key.startswith("private/")
        assert CANARY not in files.get(stored.key)

    def test_a_second_one_of_a_kind_takes_the_place_of_the_first_and_its_file(self, client, agent):
        put(client, agent)
        key = db.session.scalars(select(VerificationDocument.key)).one()
        put(client, agent)
        assert len(client.get("/users/me/verification", headers=auth(agent)).json["result"]["documents"]) == 1
        with pytest.raises(NotFound):
            files.get(key)

    @pytest.mark.parametrize("data", [b"", b"no picture", b"%PDF-1.7 broken"])
    def test_what_is_no_paper_is_refused(self, client, agent, data):
        assert put(client, agent, data=data).status_code == 422

    def test_too_much_is_413(self, agent):
        with pytest.raises(TooLarge):
            verification.put_document(actor_of(agent), "identity", b"\xff\xd8\xff" + bytes(10 * 1024 * 1024))

    @pytest.mark.parametrize("kind", ["passport", "x" * 300, "..", "%00"])
    def test_a_kind_that_there_is_none_of_is_404(self, client, agent, kind):
        assert put(client, agent, kind).status_code == 404

    @pytest.mark.parametrize("role", [Role.CLIENT, Role.STAFF, Role.ADMIN])
    def test_only_agents_send_papers(self, client, db_session, role):
        assert put(client, make_user(role)).status_code == 403

    def test_it_can_be_removed(self, client, agent):
        put(client, agent)
        address = "/users/me/verification/documents/identity"
        assert client.delete(address, headers=auth(agent)).json["result"]["documents"] == []
        assert client.delete(address, headers=auth(agent)).status_code == 404


class TestSubmit:
    def test_what_is_missing_is_named(self, client, agent):
        put(client, agent, "licence")
        answer = client.post("/users/me/verification/submit", headers=auth(agent))
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, ["identity"])

    def test_the_office_is_told_and_a_clock_begins(self, client, agent, staff):
        row = send_in(agent)
        assert (row.decide_by - row.submitted_at).days == 3
        told = db.session.scalars(select(Notification).where(Notification.user_id == staff.id)).one()
        assert told.text == "Ngozi Okafor has sent papers to be verified."

    def test_papers_with_the_office_cannot_be_changed_until_they_are_taken_back(self, client, agent):
        send_in(agent)
        assert put(client, agent).json["code"] == "papers_locked"
        assert client.post("/users/me/verification/withdraw", headers=auth(agent)).status_code == 200
        assert put(client, agent).status_code == 200

    def test_repeating_it_changes_nothing(self, client, agent):
        send_in(agent)
        assert client.post("/users/me/verification/submit", headers=auth(agent)).status_code == 200


class TestDecide:
    def test_approval_shows_on_the_agents_card_and_listings(self, client, agent, staff):
        home = make_property(agent)
        assert client.get(f"/agents/{agent.id}").json["result"]["is_verified"] is False
        verification.approve(actor_of(staff), send_in(agent).id)
        db.session.commit()
        assert client.get(f"/agents/{agent.id}").json["result"]["is_verified"] is True
        assert client.get(f"/properties/{home.id}").json["result"]["agent"]["is_verified"] is True
        assert client.get("/properties").json["result"][0]["agent"]["is_verified"] is True
        assert client.get("/users/me", headers=auth(agent)).json["result"]["is_verified"] is True
        assert client.get("/users/me/verification", headers=auth(agent)).json["result"]["status"] == "verified"

    def test_staff_see_it_beside_the_name_on_a_listing(self, app, agent, staff):
        home = make_property(agent)
        verification.approve(actor_of(staff), send_in(agent).id)
        db.session.commit()
        page = browser_of(app, staff).get(f"/admin/properties/show/{home.id}").text
        assert 'Ngozi Okafor · <span class="s-badge" data-tone="good">Verified</span>' in page

    def test_the_agent_reads_why_and_sends_again(self, client, agent, staff):
        row = send_in(agent)
        verification.reject(actor_of(staff), row.id, reason="Too dark to read")
        db.session.commit()
        shown = client.get("/users/me/verification", headers=auth(agent)).json["result"]
        assert (shown["status"], shown["reason"]) == ("rejected", "Too dark to read")
        mail = db.session.scalars(select(Outbox).where(Outbox.user_id == agent.id)).one()
        assert mail.context["facts"] == [["Reason", "Too dark to read"]]
        assert put(client, agent).status_code == 200
        assert client.post("/users/me/verification/submit", headers=auth(agent)).json["result"]["status"] == "submitted"

    @pytest.mark.parametrize("move", [verification.reject, verification.revoke])
    def test_a_reason_is_needed(self, agent, staff, move):
        row = send_in(agent)
        if move is verification.revoke:
            verification.approve(actor_of(staff), row.id)
        with pytest.raises(InvalidInput):
            move(actor_of(staff), row.id)

    def test_a_badge_can_be_taken_back(self, client, agent, staff):
        row = send_in(agent)
        verification.approve(actor_of(staff), row.id)
        verification.revoke(actor_of(staff), row.id, reason="The licence has run out")
        db.session.commit()
        assert client.get(f"/agents/{agent.id}").json["result"]["is_verified"] is False
        shown = client.get("/users/me/verification", headers=auth(agent)).json["result"]
        assert (shown["status"], shown["reason"]) == ("unverified", "The licence has run out")

    def test_an_agent_cannot_decide_on_himself(self, agent):
        row = send_in(agent)
        with pytest.raises(NotAllowed):
            verification.approve(actor_of(agent), row.id)

    def test_another_agents_papers_are_not_there(self, agent):
        with pytest.raises(NotFound):
            verification.approve(actor_of(make_user(Role.AGENT)), send_in(agent).id)

    def test_papers_that_nobody_sent_cannot_be_approved(self, agent, staff):
        row = send_in(agent)
        verification.withdraw(actor_of(agent))
        with pytest.raises(IllegalMove):
            verification.approve(actor_of(staff), row.id)

    @pytest.mark.parametrize(
        "changes", [{"first_name": "Ada"}, {"agency_name": "Other Homes"}, {"licence_number": "X"}]
    )
    def test_another_name_than_on_the_papers_takes_the_badge(self, client, agent, staff, changes):
        row = send_in(agent)
        verification.approve(actor_of(staff), row.id)
        services.change(actor_of(agent), dict(changes))
        db.session.commit()
        assert client.get(f"/agents/{agent.id}").json["result"]["is_verified"] is False
        assert row.status == "unverified"

    def test_other_changes_leave_it(self, agent, staff):
        row = send_in(agent)
        verification.approve(actor_of(staff), row.id)
        services.change(actor_of(agent), {"bio": "New words"})
        assert row.status == "verified"


class TestReading:
    def test_every_reading_is_written_down_and_shown_in_the_record(self, app, agent, staff):
        row = send_in(agent)
        browser = browser_of(app, staff)
        page = browser.get(f"/admin/verifications/show/{row.id}").text
        paper = paper_of(row)
        assert f'<img src="/admin/verifications/paper/{paper.id}"' in page
        answer = browser.get(f"/admin/verifications/paper/{paper.id}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
        assert readings(row) == [(staff.id, "Identity card or passport")]
        again = browser.get(f"/admin/verifications/show/{row.id}").text
        assert "Paper read: Identity card or passport" in again

    def test_ones_own_reading_is_written_down_too(self, client, agent):
        row = send_in(agent)
        answer = client.get("/users/me/verification/documents/identity", headers=auth(agent))
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert readings(row) == [(agent.id, "Identity card or passport")]

    def test_nobody_else_reads_a_paper(self, app, client, agent):
        row, other = send_in(agent), make_user(Role.AGENT)
        assert client.get("/users/me/verification/documents/identity", headers=auth(other)).status_code == 404
        browser = browser_of(app, other)
        assert browser.get("/admin/verification/paper/identity").status_code == 404
        assert browser.get(f"/admin/verifications/paper/{paper_of(row).id}").status_code == 403
        assert client.get(f"/admin/verifications/paper/{paper_of(row).id}").status_code == 302
        with pytest.raises(NotFound):
            verification.read_document(actor_of(other), paper_of(row).id)
        assert readings(row) == []

    def test_a_paper_is_at_no_public_address(self, client, agent):
        key = paper_of(send_in(agent)).key
        for path in (f"/media/{key}", f"/media/{key.removeprefix('private/')}", f"/media/../{key}", f"/files/{key}"):
            assert client.get(path).status_code in {301, 302, 401, 404}, path

    @pytest.mark.parametrize("number", ["0", "x", "9" * 30, "-1"])
    def test_no_number_is_a_fault(self, app, staff, number):
        browser = browser_of(app, staff)
        assert browser.get(f"/admin/verifications/of/{number}").status_code in {200, 404}
        for page in ("paper", "show"):
            assert browser.get(f"/admin/verifications/{page}/{number}").status_code == 404


class TestPages:
    def test_an_agent_sends_papers_in_on_his_page(self, app, agent):
        browser = browser_of(app, agent)
        browser.get("/admin/verification/")
        for kind in ("identity", "registration"):
            browser.send(f"/admin/verification/paper/{kind}/put", file=(io.BytesIO(picture()), "card.jpg"))
            browser.get("/admin/verification/")
        browser.send("/admin/verification/submit")
        assert "Waits for the office" in browser.get("/admin/verification/").text

    def test_staff_see_them_at_home_and_decide(self, app, agent, staff):
        row = send_in(agent)
        browser = browser_of(app, staff)
        assert "An agent has sent papers" in browser.get("/admin/").text
        assert "Ngozi Okafor" in browser.get("/admin/verifications/list/").text
        browser.get(f"/admin/verifications/move/{row.id}/approve")
        assert browser.send(f"/admin/verifications/move/{row.id}/approve").status_code == 302
        db.session.refresh(row)
        assert row.status == "verified"

    def test_a_person_leads_to_his_papers(self, app, agent, staff):
        browser = browser_of(app, staff)
        assert "<h1>Verifications</h1>" in browser.get(f"/admin/verifications/of/{agent.id}").text
        row = send_in(agent)
        assert f"/admin/verifications/of/{agent.id}" in browser.get(f"/admin/users/show/{agent.id}").text
        assert f"/admin/verifications/move/{row.id}/approve" in browser.get(f"/admin/verifications/of/{agent.id}").text

    def test_a_list_is_a_fixed_number_of_statements(self, app, agent, staff, count_statements):
        send_in(agent)
        browser = browser_of(app, staff)
        browser.get("/admin/verifications/list/")  # what a process reads once is read
        with count_statements() as one:
            browser.get("/admin/verifications/list/")
        for _ in range(3):
            send_in(make_user(Role.AGENT))
        with count_statements() as four:
            browser.get("/admin/verifications/list/")
        assert len(four) == len(one)
        assert len(four) <= 12

    def test_a_closed_account_keeps_no_paper(self, client, agent):
        row = send_in(agent)
        key = paper_of(row).key
        assert client.delete("/users/me", headers=auth(agent)).status_code == 204
        assert verification.documents_of([row]) == []
        with pytest.raises(NotFound):
            files.get(key)

    def test_nobody_is_verified_by_the_system(self, agent):
        with pytest.raises(NotAllowed):
            verification.approve(SYSTEM, send_in(agent).id)
