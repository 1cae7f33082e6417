"""How often is too often: for all processes at once, with a page that says when to come back, and no lock-out."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, text

from staxpipe.db import audit_log, rate_limits
from staxpipe.db.engine import make_engine
from staxpipe.db.rate_limits import Usage
from staxpipe.onboarding import limits
from staxpipe.onboarding.limits import Limit, TooManyError, Use
from staxpipe_tests.onboarding.conftest import DETAILS, Pages, Serve, begin, begin_listening

NOW = datetime(2026, 11, 3, 12, 0, 30, tzinfo=UTC)
TWO = Limit("two", 2, timedelta(minutes=10), "things were done")


def usage(used: int) -> Usage:
    return Usage(used, NOW + timedelta(minutes=4))


@pytest.mark.parametrize(("used", "times", "refused", "first"), [
    (1, 1, False, False),
    (2, 1, False, False),
    (3, 1, True, True),
    (4, 1, True, False),
    (4, 3, True, True),
    (9, 3, True, False),
])  # fmt: skip
def test_more_than_the_limit_is_refused_until_the_span_ends(used: int, times: int, refused: bool, first: bool) -> None:
    use = Use(TWO, "a", times)
    assert limits.wait(use, usage(used), NOW) == (timedelta(minutes=4) if refused else None)
    assert limits.is_first_refusal(use, usage(used)) is first


def test_the_time_to_come_back_is_never_too_early() -> None:
    error = TooManyError(TWO, timedelta(seconds=90.2), NOW)
    assert error.headers == {"Retry-After": "91"}
    assert error.again_at == NOW.replace(minute=2, second=0) + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_who_can_choose_among_many_addresses_is_one_client(client: str | None, network: str) -> None:
    assert limits.network(client) == network


def test_each_limit_has_a_counter_of_its_own() -> None:
    every = [value for value in vars(limits).values() if isinstance(value, Limit)]
    assert len(every) >= 8
    assert len({limit.name for limit in every}) == len(every)


def already_used(pages: Pages, use: Use) -> None:
    with pages.engine.begin() as connection:
        rate_limits.count(connection, use.key, pages.clock.now, use.limit.span, use.times)


def told_to_come_back(answer: httpx.Response) -> None:
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "That was too often" in answer.text
    assert re.search(r"Please come back in .+, after \d+ \w+ \d{4}, \d\d:\d\d UTC\.", answer.text)
    assert "content-security-policy" in answer.headers


def test_links_that_do_not_work_are_tried_so_often_and_then_none_is_looked_up(pages: Pages, engine: Engine) -> None:
    stranger, genuine = pages.visitor(), pages.sign_in_link()
    paths = ("/sign-in/invented", "/invite/invented")
    tried = [stranger.request(method, path) for _ in range(15) for path in paths for method in ("GET", "POST")]
    assert {answer.status_code for answer in tried} == {403}
    assert len(tried) == limits.FAILING.most
    for method in ("GET", "POST"):
        told_to_come_back(stranger.request(method, genuine))
    for _ in range(3):
        told_to_come_back(stranger.get(paths[1]))
    with engine.connect() as connection:
        reached = audit_log.entries(connection, "dead-links:127.0.0.1")
    assert [(entry.actor, entry.action, entry.result) for entry in reached] == [
        ("anonymous", "limit.reached", "refused")
    ]
    pages.clock.pass_by(limits.FAILING.span)
    assert stranger.post(pages.sign_in_link()).url.path == "/requests"


def test_links_that_work_use_nothing_up(pages: Pages, engine: Engine) -> None:
    browser, link = pages.operator(), pages.sign_in_link()
    for _ in range(5):
        assert browser.get(link).status_code == 200
    with engine.connect() as connection:
        used = {row.key: row.used for row in connection.execute(text("SELECT key, used FROM rate_limits"))}
    assert used == {"dead-links:127.0.0.1": 0, "sign-ins:127.0.0.1": 1}


def test_signing_in_again_and_again_is_refused_for_a_while(pages: Pages) -> None:
    browser = pages.visitor()
    for _ in range(limits.SIGNING_IN.most):
        assert browser.post(pages.sign_in_link(), follow_redirects=False).status_code == 303
    link = pages.sign_in_link()
    told_to_come_back(browser.post(link))
    pages.clock.pass_by(limits.SIGNING_IN.span - timedelta(seconds=1))
    assert "in 1 second, after" in browser.post(link).text
    pages.clock.pass_by(timedelta(seconds=1))
    assert browser.get("/requests").status_code == 200  # who is in stays in


def test_a_look_is_asked_for_so_often_and_of_other_requests_still(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    mine, other = begin_listening(browser), begin_listening(browser)
    for _ in range(limits.LOOKING.most):
        assert browser.post(f"/requests/{mine}/look-now").status_code == 200
    told_to_come_back(browser.post(f"/requests/{mine}/look-now"))
    assert browser.post(f"/requests/{other}/look-now").status_code == 200
    assert browser.get(f"/requests/{mine}").status_code == 200
    pages.clock.pass_by(limits.LOOKING.span)
    assert browser.post(f"/requests/{mine}/look-now").status_code == 200


def test_answers_are_saved_so_often_and_those_of_other_requests_still(pages: Pages, engine: Engine) -> None:
    """Each saving has the role looked for at once, and is a row of a log that never shrinks."""
    browser = pages.operator()
    mine, other = begin_listening(browser), begin_listening(browser)
    already_used(pages, Use(limits.SAVING, mine, limits.SAVING.most - 2))
    for bucket in ("acme-two", "acme-three"):
        answer = browser.post(f"/requests/{mine}/details", data={**DETAILS, "bucket": bucket})
        assert answer.status_code == (200 if bucket == "acme-two" else 429)
    told_to_come_back(answer)
    assert pages.request(mine).bucket == "acme-two"
    assert browser.post(f"/requests/{other}/details", data={**DETAILS, "bucket": "acme-two"}).status_code == 200
    stranger = pages.visitor()
    assert stranger.post(f"/requests/{mine}/details", data=DETAILS).status_code == 403


def test_one_address_is_not_flooded_with_invitations_to_many_requests(pages: Pages, engine: Engine) -> None:
    browser = pages.operator()
    form = {"addresses": "alan@example.com", "invited_by": "Grace"}
    for _ in range(limits.INVITED.most):
        request_id = begin(browser)
        for _ in range(3):  # the same again sends nothing, and uses nothing up
            assert browser.post(f"/requests/{request_id}/invite", data=form).status_code == 200
    another = begin(browser)
    answer = browser.post(f"/requests/{another}/invite", data={**form, "addresses": "ALAN@example.com"})
    told_to_come_back(answer)
    assert "Too many invitations were sent to this address" in answer.text
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM outbox")) == limits.INVITED.most
    assert browser.post(f"/requests/{another}/invite", data={**form, "addresses": "b@example.com"}).status_code == 200


def test_one_inviter_sends_so_many(pages: Pages) -> None:
    browser = pages.operator()
    answers = []
    for batch in range(limits.INVITING.most // 10 + 1):
        addresses = ",".join(f"a{batch}-{number}@example.com" for number in range(10))
        form = {"addresses": addresses, "invited_by": "Grace"}
        answers.append(browser.post(f"/requests/{begin(browser)}/invite", data=form))
    assert {answer.status_code for answer in answers[:-1]} == {200}
    told_to_come_back(answers[-1])
    assert "sent by you" in answers[-1].text


def test_invitations_to_one_request_are_bounded_however_often_they_expire(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin(browser)
    already_used(pages, Use(limits.INVITING_TO_REQUEST, request_id, limits.INVITING_TO_REQUEST.most))
    form = {"addresses": "alan@example.com", "invited_by": "Grace"}
    answer = browser.post(f"/requests/{request_id}/invite", data=form)
    told_to_come_back(answer)
    assert "invitations to this request" in answer.text
    key = re.search(r'name="key" value="([^"]+)"', browser.get("/start").text)
    assert key is not None
    beside = browser.post(f"/requests/{request_id}/another", data={"key": key[1]}).url.path.split("/")[2]
    told_to_come_back(browser.post(f"/requests/{beside}/invite", data=form))  # it is one request, with two accounts


def test_requests_are_begun_so_often_by_all_processes_together(serve: Serve, database_url: str) -> None:
    """Two sites on one database, asked at once over several connections: together they let so many through."""
    other_engine = make_engine(database_url)
    one = serve()
    two = serve(database=other_engine)
    left = 12
    already_used(one, Use(limits.BEGINNING, "operator", limits.BEGINNING.most - left))

    def begin_one(browser: httpx.Client) -> int:
        key = re.search(r'name="key" value="([^"]+)"', browser.get("/start").text)
        assert key is not None
        return browser.post("/requests", data={"key": key[1]}, follow_redirects=False).status_code

    browsers = [(one, two)[number % 2].operator_cookie() for number in range(20)]
    with ThreadPoolExecutor(10) as pool:
        codes = Counter(pool.map(begin_one, browsers))
    assert codes == {303: left, 429: 20 - left}
    with one.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM link_requests")) == left
    other_engine.dispose()


def test_taking_a_request_up_again_is_a_look_too(pages: Pages) -> None:
    browser = pages.operator()
    request_id = begin_listening(browser)
    already_used(pages, Use(limits.LOOKING, request_id, limits.LOOKING.most - 1))
    assert browser.post(f"/requests/{request_id}/resume").status_code == 200
    told_to_come_back(browser.post(f"/requests/{request_id}/resume"))
