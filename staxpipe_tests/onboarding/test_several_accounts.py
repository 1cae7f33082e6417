"""Several accounts in one request: each on its own, listed together."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import Engine, select

from staxpipe.db.tables import link_requests as table
from staxpipe.onboarding import steps
from staxpipe.onboarding.pages.home import together
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, begin, begin_listening


def key_on(browser: httpx.Client, request_id: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', browser.get(f"/requests/{request_id}").text)
    assert found is not None
    return found[1]


def add(browser: httpx.Client, request_id: str) -> str:
    answer = browser.post(f"/requests/{request_id}/another", data={"key": key_on(browser, request_id)})
    assert answer.url.path.endswith("/details")
    return answer.url.path.split("/")[2]


def test_another_account_is_beside_the_first_with_a_role_of_its_own(pages: Pages) -> None:
    browser = pages.operator()
    first = begin_listening(browser)
    assert "Accounts in this request" not in browser.get(f"/requests/{first}").text
    second = add(browser, first)
    one, two = pages.request(first), pages.request(second)
    assert two.first_id == first
    assert two.requested_by == one.requested_by == "ada@example.com"
    assert len({one.external_id, two.external_id, one.role_name, two.role_name}) == 4
    listed = browser.get(f"/requests/{first}").text
    assert "Accounts in this request" in listed
    assert f'href="/requests/{second}"' in listed
    assert "Not complete yet" in listed

    browser.post(f"/requests/{second}/details", data={**DETAILS, "account_id": "210987654321"})
    third = add(browser, second)
    assert pages.request(third).first_id == first
    listed = browser.get(f"/requests/{second}").text
    assert "2109-8765-4321" in listed
    assert listed.count("Listening for your IAM role</span>") == 2
    assert f'href="/requests/{first}"' in listed


def test_a_double_click_adds_one(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    first = begin_listening(browser)
    key = key_on(browser, first)
    ends = {browser.post(f"/requests/{first}/another", data={"key": key}).url.path for _ in range(2)}
    assert len(ends) == 1
    assert browser.post(f"/requests/{first}/another", data={"key": "invented"}).url.path == f"/requests/{first}"
    with engine.connect() as connection:
        assert len(connection.execute(select(table)).all()) == 2


def test_a_key_of_one_request_does_not_open_another_that_is_there(pages: Pages) -> None:
    operator = pages.operator()
    mine, other = begin_listening(operator), begin_listening(operator, prefix="elsewhere")
    key = key_on(operator, mine)
    second = operator.post(f"/requests/{mine}/another", data={"key": key}).url.path.split("/")[2]
    operator.post(f"/requests/{other}/another", data={"key": key})
    assert pages.request(second).first_id == mine


def test_cancelling_one_leaves_the_others_and_says_so(pages: Pages) -> None:
    browser = pages.operator()
    first = begin_listening(browser)
    second = add(browser, first)
    browser.post(f"/requests/{second}/details", data={**DETAILS, "account_id": "210987654321"})
    assert "The other account of this request goes on." in browser.get(f"/requests/{first}/cancel").text
    page = browser.post(f"/requests/{first}/cancel").text
    assert "Add another account" not in page
    assert browser.post(f"/requests/{first}/another", data={"key": key_on(browser, second)}).url.path == (
        f"/requests/{first}"
    )
    assert pages.request(second).state == "listening"


def test_what_is_to_be_done_in_aws_is_said_before_and_after_cancelling(pages: Pages) -> None:
    browser = pages.operator()
    draft, listening = begin(browser), begin_listening(browser)
    role = pages.request(listening).role_name
    assert "Nothing was created in AWS yet" in browser.get(f"/requests/{draft}/cancel").text
    for page in (browser.get(f"/requests/{listening}/cancel"), browser.post(f"/requests/{listening}/cancel")):
        assert f"aws cloudformation delete-stack --region eu-west-1 --stack-name {role}" in page.text
        assert f"filteringText={role}" in page.text
    assert "delete-stack" not in browser.post(f"/requests/{draft}/cancel").text


def test_a_request_has_no_more_accounts_than_it_may(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MOST_ACCOUNTS", 2)
    browser = pages.operator()
    first = begin_listening(browser)
    key = key_on(browser, first)
    add(browser, first)
    refused = browser.post(f"/requests/{first}/another", data={"key": key})
    assert refused.status_code == 422
    assert "at most 2 accounts" in refused.text


def test_the_list_of_all_requests_keeps_accounts_of_one_together(pages: Pages) -> None:
    browser = pages.operator()
    first = begin_listening(browser)
    between = begin_listening(browser, prefix="elsewhere")
    second = add(browser, first)
    requests = [pages.request(name) for name in (second, between, first)]
    assert [request.id for request in together(requests)] == [second, first, between]
    page = browser.get("/requests").text
    shown = [name for name in re.findall(r'href="/requests/([\w-]{22})"', page) if name in {first, between, second}]
    assert abs(shown.index(first) - shown.index(second)) == 1
