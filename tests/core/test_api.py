"""The edge: one order of refusals, one shape of answers, for every endpoint that is declared."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import fields as stock

from sheda.core import api as edge
from sheda.core import fields
from sheda.core.actor import Actor
from sheda.core.api import Answer, ServiceApi, endpoint
from sheda.core.errors import Conflict
from sheda.core.fields import RequestSchema
from sheda.core.paging import Page, PageQuery

SHAPE = {"type", "title", "status", "detail", "message", "code", "errors", "request_id"}


class Wish(RequestSchema):
    """What the probe takes."""

    aliases = {"called": "name"}
    name = fields.Text(least=1, most=10, required=True)
    price = fields.Amount()
    at = fields.Moment()
    size = fields.Whole(1, 5)
    kinds = stock.List(fields.Choice(("a", "b")))


class ProbeApi(ServiceApi):
    """An API that does nothing, for tests of the edge."""

    resource_name = "probe"
    class_permission_name = "Health"

    @endpoint("POST", "/", may="read", body=Wish, status=201)
    def make(self, _actor: Actor, *, body: dict[str, Any]) -> dict[str, Any]:
        """Give back what came."""
        return {"id": 7, "name": body["name"], "price": str(body.get("price"))}

    @endpoint("GET", "/", may="read", lists=True, query=PageQuery)
    def browse(self, _actor: Actor, *, query: dict[str, Any]) -> Page:
        """List nothing much."""
        return Page([{"id": 1}][: query["limit"]])

    @endpoint("GET", "/spend", may="read", flat=True, query=PageQuery)
    def spend(self, _actor: Actor, *, query: dict[str, Any]) -> dict[str, Any]:
        """Use the query up."""
        return {"limit": query.pop("limit")}

    @endpoint("GET PATCH", "/<pk>", may="read", etag=True)
    def one(self, actor: Actor, pk: int) -> Any:
        """Show one."""
        return self.representation(actor, pk)

    @endpoint("DELETE", "/<pk>", may="read", status=204)
    def gone(self, _actor: Actor, _pk: int) -> None:
        """Remove one."""

    @endpoint("POST", "/<pk>/break", may="read")
    def broken(self, _actor: Actor, pk: int) -> Any:
        """Fail."""
        if pk == 1:
            raise ZeroDivisionError("a secret value")
        raise Conflict("Not now.", suggestions=["later"])

    @endpoint("POST", "/upload", may="read", upload="files", many=True)
    def upload(self, _actor: Actor, *, files: list[Any]) -> Answer:
        """Count files."""
        return Answer({"id": len(files)})

    def representation(self, _actor: Actor, *ids: int) -> Any:
        """Show one."""
        return {"id": ids[0], "name": "one"}


@pytest.fixture(scope="module")
def probe(make_app: Callable[..., Flask]) -> Flask:
    """Return an application with the probe in it."""
    made = make_app(RATELIMIT_ENABLED=True, RATE_ANONYMOUS="10000 per minute")
    made.config["PROPAGATE_EXCEPTIONS"] = False
    with made.app_context():
        made.appbuilder.add_api(ProbeApi)  # type: ignore[attr-defined]
    return made


@pytest.fixture
def http(probe: Flask) -> FlaskClient:
    """Return a client of it."""
    return probe.test_client()


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(answer.data)
    assert set(body) >= SHAPE
    assert body["status"] == status
    assert body["message"] == body["detail"]
    return body


class TestPaths:
    @pytest.mark.parametrize("path", ["/api/v1/probe/7", "/api/v1/probe/7/", "/probe/7", "/probe/7/"])
    def test_prefix_and_trailing_slash_make_no_difference(self, http: FlaskClient, path: str) -> None:
        assert http.get(path).json == {"id": 7, "result": {"id": 7, "name": "one"}}

    @pytest.mark.parametrize("pk", ["0x7", "-1", "1.5", "99999999999999999999", "%00", "٣"])
    def test_an_id_that_is_none_is_missing(self, http: FlaskClient, pk: str) -> None:
        problem_of(http.get(f"/probe/{pk}"), 404)

    def test_an_unknown_path_is_a_problem(self, http: FlaskClient) -> None:
        assert problem_of(http.get("/api/v1/nowhere"), 404)["code"] == "not_found"

    @pytest.mark.parametrize(
        ("path", "known"), [("/probe/7", "PATCH"), ("/probe/7/", "PATCH"), ("/probe", "POST"), ("/probe/", "POST")]
    )
    def test_an_unknown_method_says_which_are_known(self, http: FlaskClient, path: str, known: str) -> None:
        answer = http.put(path)
        problem_of(answer, 405)
        assert known in answer.headers["Allow"]

    def test_the_request_id_is_echoed(self, http: FlaskClient) -> None:
        answer = http.get("/probe/x", headers={"X-Request-ID": "abc-1"})
        assert answer.headers["X-Request-ID"] == "abc-1" == answer.json["request_id"]

    def test_an_unusable_request_id_is_replaced(self, http: FlaskClient) -> None:
        answer = http.get("/probe/7", headers={"X-Request-ID": "x" * 65})
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


class TestBodies:
    def test_a_good_body_is_answered(self, http: FlaskClient) -> None:
        answer = http.post("/probe", json={"name": " Ada ", "price": 2500000})
        assert answer.status_code == 201
        assert answer.json["result"] == {"id": 7, "name": "Ada", "price": "2500000.00"}

    def test_a_field_comes_under_its_alias_too(self, http: FlaskClient) -> None:
        assert http.post("/probe", json={"called": "Ada"}).json["result"]["name"] == "Ada"

    @pytest.mark.parametrize("body", ["{", "[]", "null", '"x"', '{"name": NaN}', "[" * 5000, '{"a": ' * 3000])
    def test_what_is_no_json_object_is_malformed(self, http: FlaskClient, body: str) -> None:
        answer = http.post("/probe", data=body[:1900], content_type="application/json")
        assert problem_of(answer, 400)["code"] == "malformed_json"

    def test_a_missing_body_is_said(self, http: FlaskClient) -> None:
        assert problem_of(http.post("/probe"), 400)["code"] == "body_missing"

    def test_another_media_type_is_refused(self, http: FlaskClient) -> None:
        problem_of(http.post("/probe", data="name=x", content_type="text/plain"), 415)

    def test_a_body_over_the_limit_is_too_large(self, http: FlaskClient) -> None:
        problem_of(http.post("/probe", data=json.dumps({"name": "x" * 300_000}), content_type="application/json"), 413)

    def test_all_wrong_fields_are_named_at_once(self, http: FlaskClient) -> None:
        body = {"price": -1, "at": "2026-12-01T14:30", "size": 6, "owner": 1, "kinds": ["a", "c"]}
        named = {one["field"] for one in problem_of(http.post("/probe", json=body), 422)["errors"]}
        assert named == {"name", "price", "at", "size", "owner", "kinds.1"}

    @pytest.mark.parametrize("value", ["a\x00b", "\ud800"])
    def test_characters_that_cannot_be_stored_are_refused(self, http: FlaskClient, value: str) -> None:
        body = json.dumps({"name": value})
        problem_of(http.post("/probe", data=body, content_type="application/json"), 422)

    @pytest.mark.parametrize("price", ["NaN", "1e400", 0, "1.001", 10**13, True, [], {}, None])
    def test_money_that_is_none_is_refused(self, http: FlaskClient, price: Any) -> None:
        problem_of(http.post("/probe", json={"name": "x", "price": price}), 422)

    @pytest.mark.parametrize("size", [True, 1.5, "1e1", "٣", 10**30, "", None])
    def test_a_whole_number_is_one(self, http: FlaskClient, size: Any) -> None:
        problem_of(http.post("/probe", json={"name": "x", "size": size}), 422)

    def test_an_upload_needs_its_media_type(self, http: FlaskClient) -> None:
        problem_of(http.post("/probe/upload", json={}), 415)

    def test_an_upload_needs_a_file(self, http: FlaskClient) -> None:
        answer = http.post("/probe/upload", data={"note": "x"}, content_type="multipart/form-data")
        assert problem_of(answer, 422)["errors"][0]["field"] == "files"


class TestQueries:
    def test_a_list_has_the_envelope(self, http: FlaskClient) -> None:
        expected = {"result": [{"id": 1}], "count": None, "count_is_exact": True, "next_cursor": None}
        assert http.get("/probe").json == expected

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "offset=3", "count=maybe"])
    def test_wrong_and_unknown_parameters_are_refused(self, http: FlaskClient, query: str) -> None:
        problem_of(http.get(f"/probe?{query}"), 422)

    def test_a_query_that_came_before_is_not_loaded_again(
        self, http: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert http.get("/probe/spend?limit=7").json == {"limit": 7}
        monkeypatch.setattr(PageQuery, "take", None)
        assert http.get("/probe/spend?limit=7").json == {"limit": 7}

    def test_queries_are_forgotten_when_they_are_many(self, http: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(edge, "QUERIES_KNOWN", 2)
        loaded = []
        monkeypatch.setattr(PageQuery, "take", lambda _self, sent: loaded.append(sent["limit"]) or sent)
        for limit in ("31", "32", "33", "34", "31", "31"):
            http.get(f"/probe/spend?limit={limit}")
        assert loaded == ["31", "32", "33", "34", "31"]

    def test_an_unknown_parameter_is_refused_everywhere(self, http: FlaskClient) -> None:
        problem_of(http.get("/probe/7?x=1"), 422)


class TestTokens:
    @pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c"])
    def test_a_bad_token_is_refused_even_where_none_is_needed(self, http: FlaskClient, header: str) -> None:
        answer = http.get("/probe/7", headers={"Authorization": header})
        problem_of(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


class TestCaching:
    def test_an_unchanged_object_is_not_sent_again(self, http: FlaskClient) -> None:
        tag = http.get("/probe/7").headers["ETag"]
        again = http.get("/probe/7", headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")

    def test_a_change_on_an_old_copy_is_refused(self, http: FlaskClient) -> None:
        assert problem_of(http.patch("/probe/7", headers={"If-Match": '"old"'}), 412)["code"] == "stale"

    def test_a_change_on_the_present_copy_passes(self, http: FlaskClient) -> None:
        tag = http.get("/probe/7").headers["ETag"]
        assert http.patch("/probe/7", headers={"If-Match": tag}).status_code == 200


class TestFaults:
    def test_a_fault_of_ours_says_nothing_of_its_cause(self, http: FlaskClient) -> None:
        answer = http.post("/probe/1/break")
        assert problem_of(answer, 500)["code"] == "internal_error"
        assert b"secret" not in answer.data
        assert b"ZeroDivision" not in answer.data

    def test_a_refusal_carries_its_extras(self, http: FlaskClient) -> None:
        assert problem_of(http.post("/probe/2/break"), 409)["suggestions"] == ["later"]

    def test_nothing_is_answered_with_a_body_when_nothing_is_left(self, http: FlaskClient) -> None:
        answer = http.delete("/probe/7")
        assert (answer.status_code, answer.data) == (204, b"")


class TestLimits:
    def test_headers_tell_what_is_left(self, http: FlaskClient) -> None:
        first = int(http.get("/probe/7").headers["RateLimit-Remaining"])
        answer = http.get("/probe/7")
        assert answer.headers["RateLimit-Limit"] == "10000"
        assert int(answer.headers["RateLimit-Remaining"]) == first - 1

    def test_over_the_limit_says_when_to_come_back(self, make_app: Callable[..., Flask]) -> None:
        strict = make_app(RATELIMIT_ENABLED=True, RATE_ANONYMOUS="1 per minute")
        with strict.app_context():
            strict.appbuilder.add_api(ProbeApi)  # type: ignore[attr-defined]
        client = strict.test_client()
        answers = [client.get("/probe/7", environ_base={"REMOTE_ADDR": "10.9.8.7"}) for _ in range(2)]
        problem_of(answers[1], 429)
        assert int(answers[1].headers["Retry-After"]) >= 1

    def test_production_refuses_to_run_without_limits(self, app: Flask) -> None:
        from sheda.app import create_app

        with pytest.raises(RuntimeError, match="RATELIMIT_ENABLED"):
            create_app(ENVIRONMENT="production", RATELIMIT_ENABLED=False)


class TestOrigins:
    @pytest.fixture
    def browser(self, make_app: Callable[..., Flask]) -> FlaskClient:
        """Return a client of an application that one origin may use."""
        return make_app(CORS_ORIGINS=["https://app.example"]).test_client()

    def test_the_configured_origin_may_read(self, browser: FlaskClient) -> None:
        answer = browser.get("/healthz", headers={"Origin": "https://app.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "Access-Control-Allow-Credentials" not in answer.headers

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.example"])
    def test_others_may_not(self, browser: FlaskClient, origin: str) -> None:
        answer = browser.get("/healthz", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_a_preflight_is_cached(self, browser: FlaskClient) -> None:
        headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
        answer = browser.options("/healthz", headers=headers)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Max-Age"] == "86400"
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
