"""The page on which the operator reads the audit log."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import Engine

from staxpipe.db import audit_log
from staxpipe.model import DeliveryState
from staxpipe_tests.onboarding.conftest import Pages, begin_listening
from staxpipe_tests.onboarding.ledger import add_delivery, add_link
from staxpipe_tests.onboarding.test_access import invitation

EVIL = "<script>alert(1)</script>"


def shown(answer: httpx.Response) -> list[str]:
    """The subjects on the page, from the top."""
    assert answer.status_code == 200
    return re.findall(r'<td data-label="To what">(?:<a [^>]+>)?([^<]+)', answer.text)


def test_it_says_who_did_what_when_from_where_and_how_it_ended(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    page = browser.get("/activity").text
    rows = [re.sub(r"<[^>]+>", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]]
    assert len(rows) == 3
    for words in ("operator", "request: details saved", "done", f"request:{request_id}", "127.0.0.1", "123456789012"):
        assert words in rows[0]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", rows[0])
    assert 'href="/activity"' in browser.get("/requests").text


def test_it_is_read_page_by_page_and_by_subject(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    with engine.begin() as connection:
        for number in range(120):
            audit_log.record(connection, "staxpipe", "month.loaded", f"delivery:{number % 2}", "done")
    first = browser.get("/activity")
    assert len(shown(first)) == 50
    assert "The newest</a>" not in first.text

    def follow(answer: httpx.Response, words: str) -> httpx.Response:
        link = re.search(rf'href="([^"]+)">{words}</a>', answer.text)
        assert link is not None
        return browser.get(link[1].replace("&amp;", "&"))

    second = follow(first, "Older ones")
    third = follow(second, "Older ones")
    assert len(shown(second)) == 50
    assert len(shown(third)) == 21
    assert "Older ones</a>" not in third.text
    assert shown(follow(third, "The newest")) == shown(first)

    of_one = browser.get("/activity", params={"subject": " delivery:1 "})
    assert set(shown(of_one)) == {"delivery:1"}
    assert set(shown(follow(of_one, "Older ones"))) == {"delivery:1"}
    assert len(shown(follow(of_one, "Older ones"))) == 10


def test_of_an_account_all_is_shown_that_was_done_to_its_request_link_and_months(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    other = begin_listening(browser, account_id="999988887777")
    with engine.begin() as connection:
        export = add_link(connection, request_id, pages.clock.now)
        delivery = add_delivery(connection, export, "2026-10", DeliveryState.LOADED)
        for subject, detail in (
            (f"link:link-{request_id[:16]}", {}),
            (f"delivery:{delivery}", {}),
            ("delivery:999", {"account": "123456789012"}),  # it was deleted since
            ("account:123456789012/2026-10", {}),
        ):
            audit_log.record(connection, "staxpipe", "something.done", subject, "done", detail=detail)
    for asked in ("123456789012", "account:123456789012"):
        page = browser.get("/activity", params={"subject": asked}).text
        assert page.count("something: done") == 4
        assert f"request:{request_id}" in page
        assert other not in page


def test_what_others_wrote_is_text(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    with engine.begin() as connection:
        audit_log.record(connection, EVIL, EVIL, EVIL, EVIL, EVIL, {EVIL: EVIL})
    for answer in (browser.get("/activity"), browser.get("/activity", params={"subject": EVIL})):
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text
    link = re.search(r'href="(/activity\?subject=[^"]+script[^"]+)"', browser.get("/activity").text)
    assert link is not None
    assert EVIL.replace("<", "&lt;").replace(">", "&gt;") in browser.get(link[1]).text


@pytest.mark.parametrize("query", ["before=x", "before=0", "before=-1", f"before={2**63}", "subject=" + "x" * 501])
def test_what_cannot_be_asked_is_refused(pages: Pages, query: str) -> None:
    assert pages.operator().get(f"/activity?{query}").status_code == 400


def test_odd_subjects_find_nothing(pages: Pages) -> None:
    browser = pages.operator()
    for subject in ("%00", "%ff", "nobody", "%F0%9F%98%80"):
        answer = browser.get(f"/activity?subject={subject}")
        assert answer.status_code == 200
        assert "Nothing was done to" in answer.text


def test_only_the_operator_reads_it(pages: Pages) -> None:
    operator = pages.operator()
    invited = pages.visitor()
    invited.post(invitation(pages, operator, begin_listening(operator)))
    assert invited.get("/activity").status_code == 404
    assert "/activity" not in invited.get("/help").text
    assert pages.visitor().get("/activity").status_code == 403
