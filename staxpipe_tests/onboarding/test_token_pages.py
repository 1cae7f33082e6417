"""The page on which people make, see and revoke tokens, and programs that use what it made."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import api_tokens, audit_log, rate_limits
from staxpipe.db.api_tokens import ApiToken, Scope
from staxpipe.onboarding.limits import MAKING_TOKENS, Use
from staxpipe.onboarding.sessions import LATELY
from staxpipe_tests.onboarding.api.conftest import REQUESTS, begun, person
from staxpipe_tests.onboarding.conftest import Pages, begin_listening, errors
from staxpipe_tests.onboarding.test_access import invitation

FORM = {"name": "terraform prod", "days": "30", "scope": "operator", "acts_for": ""}


def key_of(browser: httpx.Client) -> str:
    found = re.search(r'name="key" value="([^"]+)"', browser.get("/tokens").text)
    assert found is not None
    return found[1]


def sent(browser: httpx.Client, **changes: str) -> httpx.Response:
    """Fill in the form and send it."""
    return browser.post("/tokens", data={**FORM, "key": key_of(browser), **changes})


def made(browser: httpx.Client, **changes: str) -> str:
    """Make a token; what a program shows."""
    answer = sent(browser, **changes)
    assert answer.status_code == 200, answer.text
    found = re.search(r"sxp_[\w-]{43}", answer.text)
    assert found is not None
    return found[0]


def with_token(pages: Pages, secret: str) -> httpx.Client:
    return pages.visitor(headers={"Authorization": f"Bearer {secret}"})


def stored(engine: Engine) -> list[ApiToken]:
    with engine.connect() as connection:
        return api_tokens.every(connection)


def issued(pages: Pages, whose: str, name: str = "theirs") -> ApiToken:
    with pages.engine.begin() as connection:
        span = (pages.clock.now, timedelta(days=1))
        return api_tokens.issue(connection, name, Scope.LINKER, whose, "operator", *span)[0]


def test_an_operators_token_is_made_shown_once_used_and_revoked(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    secret = made(browser)
    assert secret not in browser.get("/tokens").text
    client = with_token(pages, secret)
    assert client.get(f"{REQUESTS}/{request_id}").status_code == 200
    [token] = stored(engine)
    assert (token.name, token.scope, token.created_by) == ("terraform prod", Scope.OPERATOR, "operator")
    assert token.expires_at - token.created_at == timedelta(days=30)
    page = browser.get("/tokens").text
    assert "terraform prod" in page
    assert "never" not in page, "it was used"
    answer = browser.post(f"/tokens/{token.id}/revoke")
    assert answer.url.path == "/tokens"
    assert ">revoked</span>" in answer.text
    assert "Revoke</button>" not in answer.text
    assert client.get(REQUESTS).status_code == 401
    browser.post(f"/tokens/{token.id}/revoke")  # a second click is no second act
    with engine.connect() as connection:
        acts = audit_log.entries(connection, f"token:{token.id}")[::-1]
    acts = [act for act in acts if act.action != "token.shown"]
    assert [(act.actor, act.action, act.source_ip) for act in acts] == [
        ("operator", "token.made", "127.0.0.1"),
        ("operator", "token.revoked", "127.0.0.1"),
    ]
    assert secret not in str(acts)


def test_an_operator_makes_one_for_a_linker(pages: Pages, engine: Engine) -> None:
    secret = made(pages.operator(), scope="linker", acts_for="Lin@example.com", days="7")
    begun(with_token(pages, secret))
    assert (stored(engine)[0].scope, stored(engine)[0].acts_for) == (Scope.LINKER, "lin@example.com")
    assert len(with_token(pages, secret).get(REQUESTS).json()["requests"]) == 1


def test_a_linker_makes_their_own_and_sees_and_revokes_no_others(pages: Pages, engine: Engine) -> None:
    lin = person(pages, "lin@example.com")
    other, given = issued(pages, "max@example.com", "not hers"), issued(pages, "lin@example.com", "from the operator")
    page = lin.get("/tokens").text
    assert "not hers" not in page
    assert "from the operator" in page
    assert 'name="scope"' not in page
    secret = made(lin, scope="operator", acts_for="max@example.com")  # what her form has no field for
    [hers] = [one for one in stored(engine) if one.name == "terraform prod"]
    assert (hers.scope, hers.acts_for) == (Scope.LINKER, "lin@example.com")
    request_id = begin_listening(lin)
    theirs = begin_listening(person(pages, "max@example.com"))
    client = with_token(pages, secret)
    assert client.get(f"{REQUESTS}/{request_id}").status_code == 200
    assert client.get(f"{REQUESTS}/{theirs}").status_code == 404

    assert lin.post(f"/tokens/{other.id}/revoke").status_code == 404
    assert lin.post("/tokens/unknown0/revoke").text == lin.post(f"/tokens/{other.id}/revoke").text.replace(
        other.id, "unknown0"
    )
    assert lin.post(f"/tokens/{given.id}/revoke").status_code == 200
    assert {one.name for one in stored(engine) if one.revoked_at} == {"from the operator"}
    assert pages.operator().post(f"/tokens/{other.id}/revoke").status_code == 200
    with engine.connect() as connection:
        tried = audit_log.entries(connection, f"token:{other.id}")
    assert [(act.actor, act.action, act.result) for act in tried] == [
        ("operator", "token.revoked", "done"),
        ("lin@example.com", "token.revoked", "refused"),
        ("lin@example.com", "token.revoked", "refused"),
    ]


def test_who_did_not_sign_in_lately_makes_none_and_still_revokes(pages: Pages, engine: Engine) -> None:
    """A copied cookie must not become something that lasts."""
    browser, lin = pages.operator(), person(pages, "lin@example.com")
    key, token = key_of(browser), issued(pages, "lin@example.com")
    link = invitation(pages, browser, begin_listening(browser))
    pages.clock.pass_by(LATELY)
    assert browser.post(link).status_code == 200, "which makes nobody's session younger"
    answer = browser.post("/tokens", data={**FORM, "key": key})
    assert answer.status_code == 403
    assert "To make a token, sign in again" in answer.text
    assert "<code>staxpipe sign-in</code>" in answer.text
    assert 'href="/oidc/begin?then=/tokens"' in lin.get("/tokens").text
    assert stored(engine) == [token]
    assert lin.post(f"/tokens/{token.id}/revoke").status_code == 200
    assert stored(engine)[0].revoked_at is not None


def test_a_form_that_is_sent_twice_makes_one(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    form = {**FORM, "key": key_of(browser)}
    assert browser.post("/tokens", data=form).status_code == 200
    again = browser.post("/tokens", data=form)
    assert again.status_code == 409
    assert "was sent twice" in again.text
    assert "sxp_" not in again.text
    assert len(stored(engine)) == 1


@pytest.mark.parametrize("key", ["", "x"])
def test_a_form_of_nobodys_makes_none(pages: Pages, engine: Engine, key: str) -> None:
    answer = sent(pages.operator(), key=key)
    assert answer.status_code == 422
    assert "Nothing was made: send it again" in answer.text
    assert 'value="terraform prod"' in answer.text
    assert stored(engine) == []


def test_what_is_wrong_is_told_beside_its_field(pages: Pages, engine: Engine) -> None:
    answer = sent(pages.operator(), name="", days="400", scope="linker")
    assert answer.status_code == 422
    assert set(errors(answer)) == {"name", "days", "acts_for"}
    assert stored(engine) == []


def test_so_many_are_made_a_day(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    use = Use(MAKING_TOKENS, "operator")
    with engine.begin() as connection:
        rate_limits.count(connection, use.key, pages.clock.now, use.limit.span, use.limit.most - 1)
    assert [sent(browser).status_code for _ in range(2)] == [200, 429]
    assert len(stored(engine)) == 1


def test_it_is_for_those_who_begin_requests_and_from_our_own_page(pages: Pages, engine: Engine) -> None:
    operator, invited, stranger = pages.operator(), pages.visitor(), pages.visitor()
    invited.post(invitation(pages, operator, begin_listening(operator)))
    token = issued(pages, "lin@example.com")
    for visitor, status in ((invited, 404), (stranger, 403), (with_token(pages, made(operator)), 403)):
        assert visitor.get("/tokens").status_code == status
        assert visitor.post("/tokens", data=FORM).status_code == status
        assert visitor.post(f"/tokens/{token.id}/revoke").status_code == status
        assert 'href="/tokens"' not in visitor.get("/help").text
    form, elsewhere = {**FORM, "key": key_of(operator)}, {"Origin": "https://evil.example.com"}
    assert operator.post("/tokens", data=form, headers=elsewhere).status_code == 403
    assert operator.post(f"/tokens/{token.id}/revoke", headers=elsewhere).status_code == 403
    assert {one.name for one in stored(engine) if one.revoked_at is None} == {"terraform prod", "theirs"}
    assert len(stored(engine)) == 2


def test_the_list_is_read_page_by_page_and_names_are_text(pages: Pages) -> None:
    for number in range(51):
        issued(pages, "lin@example.com", f"<b>{number}")
        pages.clock.pass_by(timedelta(seconds=1))
    lin = person(pages, "lin@example.com")
    first, second = lin.get("/tokens"), lin.get("/tokens?page=2")
    assert "<b>" not in first.text
    rows = [re.findall(r"&lt;b&gt;(\d+)<br>", answer.text) for answer in (first, second)]
    assert rows == [[str(number) for number in range(50, 0, -1)], ["0"]]
    assert 'href="/tokens?page=2">Older ones' in first.text
    assert 'href="/tokens?page=1">Newer ones' in second.text
    assert lin.get("/tokens?page=0").status_code == 400
