"""Who gets in by a token, how far, and what is written down of it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import api_tokens, audit_log, probes
from staxpipe.db.api_tokens import Scope
from staxpipe.onboarding import limits
from staxpipe_tests.onboarding.api.conftest import REQUESTS, Pages, Serve, begin, begun, person, problem, program, token
from staxpipe_tests.onboarding.conftest import begin as begin_on_the_pages
from staxpipe_tests.onboarding.conftest import begin_listening
from staxpipe_tests.onboarding.ledger import add_link


def with_token(pages: Pages, secret: str) -> httpx.Client:
    return pages.visitor(headers={"Authorization": f"Bearer {secret}"})


def test_without_a_token_nothing_opens_and_a_cookie_is_none(pages: Pages) -> None:
    operator = pages.operator()
    request_id = begin_listening(operator)
    for client in (pages.visitor(), operator):
        for path in (REQUESTS, f"{REQUESTS}/{request_id}", f"{REQUESTS}/{request_id}/deployment"):
            answer = client.get(path)
            problem(answer, 401, "token-missing")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert pages.request(request_id).external_id not in answer.text
        problem(client.post(f"{REQUESTS}/{request_id}/cancel"), 401, "token-missing")
    assert pages.request(request_id).state == "listening"


def test_a_token_says_what_it_opens(pages: Pages) -> None:
    secret = token(pages, "ada@example.com")
    answer = with_token(pages, secret).get("/api/v1/token")
    told = answer.json()
    assert (told["name"], told["scope"], told["acts_for"]) == ("test", "linker", "ada@example.com")
    assert told["expires_at"]
    assert secret not in answer.text
    assert program(pages).get("/api/v1/token").json()["acts_for"] is None
    problem(pages.operator().get("/api/v1/token"), 401, "token-missing")


def test_a_token_opens_no_page(pages: Pages) -> None:
    client = program(pages)
    assert client.get("/requests").status_code == 403
    assert "set-cookie" not in client.get(REQUESTS).headers


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Basic c3hwOng=", "sxp_x", "Bearer sxp_" + "x" * 43, "Bearer " + "x" * 9_000, "Bearer é\xff"],
)
def test_forged_tokens_open_nothing(pages: Pages, authorization: str) -> None:
    answer = pages.visitor().get(REQUESTS, headers={b"Authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.json()["code"] in {"token-missing", "token-invalid"}


def test_an_end_is_an_end(pages: Pages, engine: Engine) -> None:
    expired, revoked = token(pages, lifetime=timedelta(hours=1)), token(pages)
    with engine.begin() as connection:
        found = api_tokens.find(connection, revoked)
        assert found is not None
        assert with_token(pages, revoked).get(REQUESTS).status_code == 200
        api_tokens.revoke(connection, found.id, pages.clock.now)
    pages.clock.pass_by(timedelta(hours=1))
    said = problem(with_token(pages, revoked).get(REQUESTS), 401, "token-invalid")
    assert "was revoked" in said["detail"]
    answer = with_token(pages, expired).get(REQUESTS)
    assert "has expired" in problem(answer, 401, "token-invalid")["detail"]
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    with engine.connect() as connection:
        acts = audit_log.entries(connection)
    assert [(act.actor, act.action, act.result, act.detail["why"]) for act in acts] == [
        ("anonymous", "token.shown", "refused", "expired"),
        ("anonymous", "token.shown", "refused", "revoked"),
    ]
    assert acts[1].subject == f"token:{found.id}"
    assert not any(secret in str(acts) for secret in (expired, revoked))


def test_tokens_that_do_not_work_are_limited_and_one_that_does_is_never_locked_out(pages: Pages) -> None:
    stranger, client = with_token(pages, "sxp_invented"), program(pages)
    codes = [stranger.get(REQUESTS).status_code for _ in range(limits.FAILING_TOKENS.most)]
    assert set(codes) == {401}
    answer = stranger.get(REQUESTS)
    problem(answer, 429, "too-often")
    assert int(answer.headers["retry-after"]) > 0
    assert client.get(REQUESTS).status_code == 200
    pages.clock.pass_by(limits.FAILING_TOKENS.span)
    assert stranger.get(REQUESTS).status_code == 401


def test_a_linkers_token_opens_that_persons_requests_alone(pages: Pages, engine: Engine) -> None:
    ada, grace, operator = program(pages, "ada@example.com"), program(pages, "grace@example.com"), program(pages)
    mine, other = begun(ada), begun(grace, bucket="another-bucket")
    page = begin_on_the_pages(pages.operator())
    assert [one["id"] for one in ada.get(REQUESTS).json()["requests"]] == [mine]
    assert {one["id"] for one in operator.get(REQUESTS).json()["requests"]} == {mine, other, page}
    paths = [("GET", path) for path in ("", "/deployment", "/doctor", "/invitations", "/link")]
    paths += [("POST", path) for path in ("/look", "/cancel", "/pause", "/resume")]
    for method, path in paths:
        foreign = ada.request(method, f"{REQUESTS}/{other}{path}")
        unknown = ada.request(method, f"{REQUESTS}/{'x' * 22}{path}")
        problem(foreign, 404, "not-found")
        assert foreign.text == unknown.text, "they cannot be told apart"
    details = {"account_id": "123456789012", "bucket": "evil-bucket", "region": "eu-west-1"}
    problem(ada.put(f"{REQUESTS}/{other}/details", json=details), 404, "not-found")
    body = {"addresses": ["eve@example.com"], "invited_by": "Eve"}
    problem(ada.post(f"{REQUESTS}/{other}/invitations", json=body), 404, "not-found")
    problem(ada.post(REQUESTS, json={"beside": other}, headers={"Idempotency-Key": "k"}), 404, "not-found")
    assert pages.request(other).bucket == "another-bucket"
    with engine.connect() as connection:
        tried = audit_log.entries(connection, f"request:{other}", limit=1)[0]
    assert (tried.actor, tried.action, tried.result) == ("ada@example.com", "request.opened", "refused")


def test_a_linkers_token_opens_what_that_person_began_at_the_provider_and_on_the_pages_it_is_theirs(
    pages: Pages, engine: Engine
) -> None:
    browser, client = person(pages, "ada@example.com"), program(pages, "ada@example.com")
    on_the_pages, by_token = begin_listening(browser), begun(client, bucket="another-bucket")
    beside = client.post(REQUESTS, json={"beside": on_the_pages}, headers={"Idempotency-Key": "beside"}).json()["id"]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE link_requests SET requested_by = 'grace@example.com'")
    mine = {on_the_pages, by_token, beside}
    assert {one["id"] for one in client.get(REQUESTS).json()["requests"]} == mine
    assert {client.get(f"{REQUESTS}/{one}").status_code for one in mine} == {200}
    assert {browser.get(f"/requests/{one}").status_code for one in mine} == {200}
    grace = program(pages, "grace@example.com")
    assert grace.get(REQUESTS).json()["requests"] == [], "being told of a request's news opens nothing"
    problem(grace.get(f"{REQUESTS}/{by_token}"), 404, "not-found")


def test_a_linker_does_not_slip_a_request_to_somebody_else(pages: Pages) -> None:
    ada = program(pages, "ada@example.com")
    problem(begin(ada, contact="grace@example.com"), 403, "another-contact")
    assert ada.get(REQUESTS).json()["requests"] == [], "nothing was begun"
    assert begin(ada, contact="ada@example.com").status_code == 201


PROVIDER: dict[str, object] = {
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "staxpipe",
    "oidc_client_secret": "the-client-secret-of-the-tests",
    "oidc_operators": "grace@example.com",
}


def test_whom_the_settings_do_not_let_in_any_more_opens_nothing_by_a_token_either(
    serve: Serve, pages: Pages, engine: Engine
) -> None:
    secret = token(pages, "ada@example.com")
    among = serve(oidc_linkers="@example.com", **PROVIDER)
    assert with_token(among, secret).get(REQUESTS).status_code == 200
    left = serve(oidc_linkers="max@example.com", **PROVIDER)
    said = problem(with_token(left, secret).get(REQUESTS), 401, "token-invalid")
    assert "may not sign in here any more" in said["detail"]
    assert program(left).get(REQUESTS).status_code == 200, "the operator's own"
    with engine.connect() as connection:
        assert audit_log.entries(connection, limit=1)[0].detail == {"why": "suspended"}


def test_of_an_operators_token_the_audit_log_says_which_it_was(serve: Serve, engine: Engine) -> None:
    pages = serve(**PROVIDER)
    with engine.begin() as connection:
        made = (Scope.OPERATOR, "operator", "grace@example.com", pages.clock.now, timedelta(days=1))
        hers = api_tokens.issue(connection, "terraform prod", *made)[1]
    request_id = begun(program(pages))
    assert with_token(pages, hers).post(f"{REQUESTS}/{request_id}/cancel").status_code == 200
    linked = begun(program(pages), "another")
    with engine.begin() as connection:
        probes.mark_linked(connection, linked, pages.clock.now)
        add_link(connection, linked, pages.clock.now)
    assert with_token(pages, hers).post(f"{REQUESTS}/{linked}/pause").status_code == 200
    with engine.connect() as connection:
        acts = audit_log.entries(connection)[::-1]
    grace, other = "operator by token terraform prod of grace@example.com", "operator by token test"
    assert [(act.actor, act.action) for act in acts] == [
        (other, "request.begun"),
        (other, "request.details-saved"),
        (grace, "request.cancelled"),
        (other, "request.begun"),
        (other, "request.details-saved"),
        (grace, "link.stopped"),
    ]
    assert pages.request(linked).requested_by == "operator", "a request is the operator's, by whichever token"


def test_every_act_is_in_the_audit_log_with_its_token(pages: Pages, engine: Engine) -> None:
    secret = token(pages, "ada@example.com")
    ada = with_token(pages, secret)
    with engine.begin() as connection:
        found = api_tokens.find(connection, secret)
    assert found is not None
    request_id = begun(ada)
    pages.clock.pass_by(timedelta(seconds=1))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE link_requests SET next_probe_at = next_probe_at + interval '1 hour'")
    for path, body in (
        ("/look", None),
        ("/invitations", {"addresses": ["barbara@example.com"], "invited_by": "Ada"}),
        ("/cancel", None),
    ):
        assert ada.post(f"{REQUESTS}/{request_id}{path}", json=body).status_code == 200
    with engine.connect() as connection:
        acts = audit_log.entries(connection)[::-1]
    assert [(act.actor, act.action) for act in acts] == [
        ("ada@example.com", "request.begun"),
        ("ada@example.com", "request.details-saved"),
        ("ada@example.com", "request.look-asked"),
        ("ada@example.com", "colleague.invited"),
        ("ada@example.com", "request.cancelled"),
    ]
    assert {act.source_ip for act in acts} == {f"127.0.0.1, token {found.id}"}
    assert secret not in str(acts)


def test_a_browsers_origin_is_no_matter_to_a_token(pages: Pages) -> None:
    client = program(pages)
    request_id = begun(client)
    for headers in ({"Origin": "https://ci.example.com"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(f"{REQUESTS}/{request_id}/cancel", headers=headers).status_code == 200
        problem(pages.operator().post(f"{REQUESTS}/{request_id}/cancel", headers=headers), 401, "token-missing")
    answer = pages.visitor().options(REQUESTS, headers={"Origin": "https://ci.example.com"})
    assert "access-control-allow-origin" not in answer.headers
