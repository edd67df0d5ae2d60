import threading

import pytest
from sqlalchemy import func, select

from sheda.core import events
from sheda.core.actor import Role
from sheda.core.banks import nuban_check_digit
from sheda.core.db import db, in_transaction
from sheda.core.states import History
from sheda.profiles import services
from sheda.profiles.events import BankAccountChanged
from sheda.profiles.models import BankAccount
from tests.factories import actor_of, auth, make_bank_account, make_user

PATH = "/users/me/bank-accounts"


def number(serial=12345678, bank="058"):
    digits = f"{serial:09d}"
    return f"{digits}{nuban_check_digit(bank, digits)}"


def body(**over):
    return {"bank_code": "058", "account_number": number(), "account_name": "Obi Homes Ltd", **over}


@pytest.fixture
def told(monkeypatch):
    """Collect the news of bank accounts."""
    heard = []

    def note(event):
        heard.append((event.account.agent_id, event.change))

    monkeypatch.setitem(events._reactions, BankAccountChanged, (note,))
    return heard


def numbers_of(client, user):
    return [(one["account_number"], one["is_default"]) for one in client.get(PATH, headers=auth(user)).json["result"]]


class TestAdd:
    def test_it_is_shown_in_full_to_its_owner(self, client, agent):
        answer = client.post(PATH, json=body(), headers=auth(agent))
        assert answer.status_code == 201
        assert answer.json["result"] == {
            "id": answer.json["id"],
            "bank_code": "058",
            "bank_name": "Guaranty Trust Bank",
            "account_name": "Obi Homes Ltd",
            "account_number": number(),
            "is_default": True,
        }

    def test_the_first_is_the_default_and_the_second_only_when_asked(self, client, agent):
        headers = auth(agent)
        client.post(PATH, json=body(), headers=headers)
        client.post(PATH, json=body(account_number=number(2)), headers=headers)
        assert numbers_of(client, agent) == [(number(), True), (number(2), False)]
        client.post(PATH, json=body(account_number=number(3), is_default=True), headers=headers)
        assert numbers_of(client, agent) == [(number(), False), (number(2), False), (number(3), True)]

    def test_its_owner_is_told(self, client, agent, told):
        client.post(PATH, json=body(), headers=auth(agent))
        assert told == [(agent.id, "added")]

    def test_it_is_written_down_masked(self, client, agent, db_session):
        client.post(PATH, json=body(), headers=auth(agent))
        row = db_session.scalars(select(History).where(History.subject_type == "bank_accounts")).one()
        assert row.details["account_number"].endswith(number()[-4:])
        assert number() not in str(row.details)

    def test_a_retry_with_the_same_key_adds_one(self, client, agent):
        headers = {**auth(agent), "Idempotency-Key": "k"}
        first, second = (client.post(PATH, json=body(), headers=headers) for _ in range(2))
        assert (second.status_code, second.json) == (201, first.json)

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"bank_code": "999"}, "bank_code"),
            ({"bank_code": 58}, "bank_code"),
            ({"account_number": number()[:-1] + str((int(number()[-1]) + 1) % 10)}, "account_number"),
            ({"account_number": "123"}, "account_number"),
            ({"account_number": "١٢٣٤٥٦٧٨٩٠"}, "account_number"),
            ({"account_number": 123456789}, "account_number"),
            ({"account_name": ""}, "account_name"),
            ({"account_name": "a\nb"}, "account_name"),
            ({"agent_id": 1}, "agent_id"),
            ({"bank_name": "My bank"}, "bank_name"),
            ({"is_default": "perhaps"}, "is_default"),
        ],
    )
    def test_bad_values_are_422(self, client, agent, over, field):
        answer = client.post(PATH, json=body(**over), headers=auth(agent))
        assert answer.status_code == 422
        assert {one["field"] for one in answer.json["errors"]} == {field}

    def test_the_same_account_twice_is_409(self, client, agent):
        client.post(PATH, json=body(), headers=auth(agent))
        answer = client.post(PATH, json=body(), headers=auth(agent))
        assert (answer.status_code, answer.json["code"]) == (409, "bank_account_exists")

    def test_a_removed_one_may_be_added_again(self, client, agent):
        first = client.post(PATH, json=body(), headers=auth(agent)).json["id"]
        client.delete(f"{PATH}/{first}", headers=auth(agent))
        assert client.post(PATH, json=body(), headers=auth(agent)).status_code == 201

    @pytest.mark.parametrize("role", [Role.CLIENT, Role.STAFF, Role.ADMIN])
    def test_only_agents_have_accounts(self, client, role):
        user = make_user(role)
        assert client.get(PATH, headers=auth(user)).status_code == 403
        assert client.post(PATH, json=body(), headers=auth(user)).status_code == 403

    def test_without_a_token_it_is_401(self, client):
        assert client.get(PATH).status_code == 401


class TestList:
    def test_only_ones_own_are_there(self, client, agent):
        mine = make_bank_account(agent)
        make_bank_account(make_user(Role.AGENT))
        answer = client.get(f"{PATH}?count=true", headers=auth(agent)).json
        assert [one["id"] for one in answer["result"]] == [mine.id]
        assert (answer["count"], answer["next_cursor"]) == (1, None)

    def test_its_statements_do_not_grow_with_the_rows(self, client, agent, count_statements):
        make_bank_account(agent)
        headers = auth(agent)
        client.get(PATH, headers=headers)
        with count_statements() as one:
            client.get(PATH, headers=headers)
        for _ in range(3):
            make_bank_account(agent, is_default=False)
        with count_statements() as four:
            client.get(PATH, headers=headers)
        assert len(one) == len(four)

    def test_the_generated_query_sees_the_same_rows(self, client, agent):
        mine = make_bank_account(agent)
        make_bank_account(make_user(Role.AGENT))
        answer = client.get(f"{PATH}?q=(order_column:id)", headers=auth(agent)).json
        assert [one["id"] for one in answer["result"]] == [mine.id]


class TestChange:
    def test_another_becomes_the_default(self, client, agent, told):
        first, second = make_bank_account(agent), make_bank_account(agent, is_default=False)
        answer = client.patch(f"{PATH}/{second.id}", json={"is_default": True}, headers=auth(agent))
        assert answer.json["result"]["is_default"] is True
        assert numbers_of(client, agent) == [(first.account_number, False), (second.account_number, True)]
        assert told == [(agent.id, "changed")]

    def test_the_default_is_not_just_dropped(self, client, agent):
        account = make_bank_account(agent)
        answer = client.patch(f"{PATH}/{account.id}", json={"is_default": False}, headers=auth(agent))
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "is_default")

    def test_a_number_must_fit_the_bank_that_stays(self, client, agent):
        account = make_bank_account(agent)
        wrong = client.patch(f"{PATH}/{account.id}", json={"bank_code": "044"}, headers=auth(agent))
        assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "account_number")
        both = {"bank_code": "044", "account_number": number(7, "044")}
        assert client.patch(f"{PATH}/{account.id}", json=both, headers=auth(agent)).status_code == 200

    def test_nothing_changed_tells_nobody(self, client, agent, told):
        account = make_bank_account(agent)
        same = {"account_name": account.account_name}
        assert client.patch(f"{PATH}/{account.id}", json=same, headers=auth(agent)).status_code == 200
        assert told == []

    def test_a_stale_etag_is_412(self, client, agent):
        path, headers = f"{PATH}/{make_bank_account(agent).id}", auth(agent)
        first = client.patch(path, json={"account_name": "Ada Obi"}, headers=headers).headers["ETag"]
        second = client.patch(path, json={"account_name": "Ada Eze"}, headers={**headers, "If-Match": first})
        assert second.status_code == 200
        for answer in (
            client.patch(path, json={"account_name": "Ada Uba"}, headers={**headers, "If-Match": first}),
            client.delete(path, headers={**headers, "If-Match": first}),
        ):
            assert (answer.status_code, answer.json["code"]) == (412, "stale")
        assert client.delete(path, headers={**headers, "If-Match": second.headers["ETag"]}).status_code == 204

    def test_anothers_is_404(self, client, agent):
        account = make_bank_account(make_user(Role.AGENT))
        for answer in (
            client.patch(f"{PATH}/{account.id}", json={"account_name": "Mine"}, headers=auth(agent)),
            client.delete(f"{PATH}/{account.id}", headers=auth(agent)),
            client.delete(f"{PATH}/99999999999999", headers=auth(agent)),
            client.delete(f"{PATH}/x", headers=auth(agent)),
        ):
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")


class TestRemove:
    def test_the_latest_left_becomes_the_default(self, client, agent, told):
        first, second = make_bank_account(agent), make_bank_account(agent, is_default=False)
        assert client.delete(f"{PATH}/{first.id}", headers=auth(agent)).status_code == 204
        assert numbers_of(client, agent) == [(second.account_number, True)]
        assert told == [(agent.id, "removed")]

    def test_a_repeat_is_404(self, client, agent):
        account = make_bank_account(agent)
        client.delete(f"{PATH}/{account.id}", headers=auth(agent))
        assert client.delete(f"{PATH}/{account.id}", headers=auth(agent)).status_code == 404

    def test_without_any_there_is_no_default(self, client, agent, db_session):
        account = make_bank_account(agent)
        assert services.default_bank_account(agent.id).id == account.id
        client.delete(f"{PATH}/{account.id}", headers=auth(agent))
        db_session.expire_all()
        assert services.default_bank_account(agent.id) is None


class TestRaces:
    def test_accounts_added_at_once_have_one_default(self, app, live_db):
        actor, start = actor_of(make_user(Role.AGENT)), threading.Barrier(4)

        def add(serial):
            with app.app_context():
                start.wait()
                account = {
                    "bank_code": "058",
                    "account_number": number(serial),
                    "account_name": "Obi",
                    "is_default": True,
                }
                in_transaction(lambda: services.add_bank_account(actor, **account))
                db.session.remove()

        threads = [threading.Thread(target=add, args=(serial,)) for serial in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = select(func.count(), func.count().filter(BankAccount.is_default)).select_from(BankAccount)
        assert live_db.execute(rows).one() == (4, 1)
