import pytest
from sqlalchemy import select

from sheda.accounts import services
from sheda.accounts.errors import AccountDeleted, LastAdmin
from sheda.core.actor import SYSTEM, Role
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import History
from tests.factories import PASSWORD, actor_of, auth, make_user, token_for

VERBS = (services.deactivate, services.reactivate, services.unlock, services.sign_out)


@pytest.fixture
def staff(db_session):
    return actor_of(make_user(Role.STAFF))


@pytest.fixture
def admin(db_session):
    return actor_of(make_user(Role.ADMIN))


def moves_on(db_session, user):
    rows = select(History).where(History.subject_type == "ab_user", History.subject_id == user.id)
    return [(row.move, row.from_state, row.to_state, row.actor_id, row.reason) for row in db_session.scalars(rows)]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
class TestWhoMay:
    @pytest.mark.parametrize("role", [Role.CLIENT, Role.AGENT])
    def test_others_than_the_office_may_not(self, db_session, verb, role):
        with pytest.raises(NotAllowed):
            verb(actor_of(make_user(role)), make_user().id)

    @pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
    def test_staff_may_not_act_upon_the_office(self, staff, verb, role):
        with pytest.raises(NotAllowed):
            verb(staff, make_user(role).id)

    @pytest.mark.parametrize("role", [Role.CLIENT, Role.AGENT])
    def test_staff_may_act_upon_clients_and_agents(self, staff, verb, role):
        user = make_user(role)
        assert verb(staff, user.id) is user

    def test_admins_may_act_upon_staff_and_admins(self, admin, verb):
        for role in (Role.STAFF, Role.ADMIN):
            user = make_user(role)
            assert verb(admin, user.id) is user

    def test_nobody_acts_upon_himself(self, admin, verb):
        make_user(Role.ADMIN)
        with pytest.raises(NotAllowed):
            verb(admin, admin.id)

    def test_nobody_at_all_is_not_found(self, admin, verb):
        with pytest.raises(NotFound):
            verb(admin, 2**31 - 1)


class TestDeactivate:
    def test_sessions_end_and_the_door_closes(self, client, staff):
        user = make_user()
        headers = auth(user)
        services.deactivate(staff, user.id, reason="Fake listings")
        assert client.get("/users/me", headers=headers).status_code == 401
        answer = client.post("/auth/login", json={"email": user.email, "password": PASSWORD})
        assert answer.json["code"] == "account_disabled"

    def test_it_is_written_down_once(self, db_session, staff):
        user = make_user()
        for _ in range(2):
            services.deactivate(staff, user.id, reason=" Fake listings ")
        db_session.flush()
        assert moves_on(db_session, user) == [("deactivate", "active", "inactive", staff.id, "Fake listings")]

    def test_the_last_admin_stays(self, db_session):
        admin = make_user(Role.ADMIN)
        make_user(Role.ADMIN, active=False)
        with pytest.raises(LastAdmin):
            services.deactivate(SYSTEM, admin.id)

    def test_an_admin_of_two_may_go(self, admin):
        other = make_user(Role.ADMIN)
        assert services.deactivate(admin, other.id).active is False

    def test_an_overlong_reason_is_refused(self, staff):
        with pytest.raises(InvalidInput):
            services.deactivate(staff, make_user().id, reason="x" * 501)


class TestReactivate:
    def test_one_can_sign_in_again(self, client, db_session, staff):
        user = make_user(active=False)
        services.reactivate(staff, user.id)
        db_session.commit()
        assert client.post("/auth/login", json={"email": user.email, "password": PASSWORD}).status_code == 200
        assert [row[:3] for row in moves_on(db_session, user)] == [("reactivate", "inactive", "active")]

    def test_a_deleted_account_stays_gone(self, staff):
        user = make_user()
        services.close(actor_of(user))
        with pytest.raises(AccountDeleted):
            services.reactivate(staff, user.id)


class TestUnlock:
    def test_failed_sign_ins_are_forgotten(self, client, staff, limited):
        user = make_user()
        for number in range(10):
            elsewhere = {"environ_base": {"REMOTE_ADDR": f"198.51.100.{number}"}}
            client.post("/auth/login", json={"email": user.email, "password": "no"}, **elsewhere)
        right = {"email": user.email, "password": PASSWORD}
        assert client.post("/auth/login", json=right).status_code == 429
        services.unlock(staff, user.id)
        assert client.post("/auth/login", json=right).status_code == 200


class TestSignOut:
    def test_every_session_ends_and_a_new_one_may_begin(self, client, db_session, staff):
        user = make_user()
        token = token_for(user)
        services.sign_out(staff, user.id)
        db_session.commit()
        assert client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert client.get("/users/me", headers=auth(user)).status_code == 200


class TestCreateColleague:
    @pytest.mark.parametrize(("role", "expected"), [("staff", Role.STAFF), ("admin", Role.ADMIN)])
    def test_a_colleague_can_sign_in(self, client, db_session, role, expected):
        user = services.create_colleague("grace@example.com", PASSWORD, role=role)
        db_session.commit()
        assert services.role_of(user) is expected
        answer = client.post("/auth/login", json={"email": "grace@example.com", "password": PASSWORD})
        assert answer.json["user"]["verified"] is True

    def test_a_common_password_is_refused(self, db_session):
        with pytest.raises(InvalidInput):
            services.create_colleague("grace@example.com", "password123", role="admin")

    @pytest.mark.parametrize("email", ["grace", "grace@", "a b@example.com"])
    def test_an_address_must_be_one(self, db_session, email):
        with pytest.raises(InvalidInput):
            services.create_colleague(email, PASSWORD, role="admin")
