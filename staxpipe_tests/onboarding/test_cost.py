"""What a page costs the database, and a web process the machine: counted, never timed. `benchmarks.pages` measures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, event, select

from staxpipe.db import link_requests, probes
from staxpipe.db.link_requests import Details
from staxpipe.db.tables import exports
from staxpipe.doctor.findings import Report
from staxpipe.doctor.keeping import keep
from staxpipe.model import AccountId, DeliveryState
from staxpipe.onboarding.outline import outline_of, read_outlines
from staxpipe.onboarding.pages.home import ON_A_PAGE
from staxpipe.onboarding.progress import read_progress
from staxpipe_tests.onboarding.conftest import Pages, begin, begin_listening
from staxpipe_tests.onboarding.ledger import ACCOUNT, NOW, add_delivery, add_export, add_link
from staxpipe_tests.onboarding.test_access import invitation
from staxpipe_tests.onboarding.test_safe_methods import paths

MOST_QUERIES = 20
"""Of one page, whatever it shows. Most need half of it."""

HEAVY = ("boto3", "botocore", "dagster", "duckdb", "numpy", "pandas", "pyarrow", "pyiceberg")
"""What the pages have no use for: each costs tens of megabytes and a second at the start."""


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that go to the database meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def linked(pages: Pages, number: int, first: str | None = None, months: int = 1) -> str:
    """A request that came to a link with months, beside others in one request."""
    now = pages.clock.now
    with pages.engine.begin() as connection:
        request_id = f"{number:04}{'x' * 18}"
        assert link_requests.begin_once(connection, request_id, "ada@example.com", now, timedelta(days=1), first)
        details = Details(AccountId(f"3{number:011d}"), "bills", "reports", "eu-west-1")
        link_requests.save_details(connection, request_id, details, now, timedelta(days=1))
        probes.mark_linked(connection, request_id, now)
        export = add_link(connection, request_id, now)
        for month in range(1, months + 1):
            add_delivery(connection, export, f"2026-{month:02}", DeliveryState.LOADED, cost="1", rows=1)
        keep(connection, request_id, Report(now, ()))
    return request_id


def queries(browser: httpx.Client, engine: Engine, addresses: Sequence[str]) -> dict[str, int]:
    """How many statements each page took."""
    found = {}
    for address in addresses:
        with counted(engine) as statements:
            assert browser.get(address, follow_redirects=False).status_code in {200, 303, 404}, address
        found[address] = len(statements)
    return found


def test_no_page_asks_more_of_the_database_the_more_there_is(pages: Pages) -> None:
    browser = pages.operator()
    first, draft, waiting = linked(pages, 0), begin(browser), begin_listening(browser)
    tokens = {"/invite/{token}": invitation(pages, browser, draft), "/sign-in/{token}": pages.sign_in_link()}
    addresses = [
        tokens.get(path, path.format(request_id=request_id, token=""))
        for path in paths(pages, "get")
        for request_id in (first, draft, waiting)
    ]
    few = queries(browser, pages.engine, addresses)
    for number in range(1, 30):
        linked(pages, number, first, months=3)
    for number in range(5):
        begin_listening(browser, account_id=f"4{number:011d}")
    with pages.engine.begin() as connection:
        export = connection.execute(select(exports.c.id).where(exports.c.link_id == f"link-{first[:16]}")).scalar_one()
        for month in range(2, 12):
            add_delivery(connection, export, f"2026-{month:02}", DeliveryState.LOADED, cost="1", rows=1)
    many = queries(browser, pages.engine, addresses)
    # A group of several accounts is asked for: two more statements for all of them together.
    assert {address: many[address] - few[address] for address in addresses if many[address] > few[address] + 2} == {}
    assert {address: count for address, count in many.items() if count > MOST_QUERIES} == {}
    assert "Accounts in this request" in browser.get(f"/requests/{first}").text


def test_the_list_has_pages_that_lead_to_each_other(pages: Pages) -> None:
    browser = pages.operator()
    for number in range(ON_A_PAGE + 1):
        linked(pages, number, months=0)
        pages.clock.pass_by(timedelta(seconds=1))
    newest, oldest = browser.get("/requests").text, browser.get("/requests?page=2").text
    assert newest.count('data-label="Account"') == ON_A_PAGE
    assert oldest.count('data-label="Account"') == 1
    assert f'href="/requests/0000{"x" * 18}"' in oldest
    assert ('href="/requests?page=2"' in newest, "Newer ones" in newest) == (True, False)
    assert ('href="/requests?page=1"' in oldest, "Older ones" in oldest) == (True, False)
    assert "No account is linked yet" not in browser.get("/requests?page=3").text


@pytest.mark.parametrize("state", ["active", "paused", "ended"])
def test_an_outline_says_what_the_months_say(engine: Engine, state: str) -> None:
    with engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=1))
        details = Details(AccountId(ACCOUNT), "bills", "reports", "eu-west-1")
        link_requests.save_details(connection, request.id, details, NOW, timedelta(days=1))
        export = add_link(connection, request.id, NOW, state=state, problem="none", discovered_at=NOW)
        other = add_export(connection, f"link-{request.id[:16]}", "other")
        empty = read_outlines(connection, [request.id])[request.id]
        assert empty == outline_of(read_progress(connection, request.id))  # type: ignore[arg-type]
        later = NOW + timedelta(hours=1)
        add_delivery(connection, export, "2026-08", DeliveryState.LOADED)
        add_delivery(connection, export, "2026-08", DeliveryState.FAILED, at=later, error="an update that failed")
        add_delivery(connection, other, "2026-08", DeliveryState.SUPERSEDED)
        add_delivery(connection, export, "2026-09", DeliveryState.DISCOVERED)
        add_delivery(connection, export, "2026-09", DeliveryState.FAILED, at=later, error="why")
        add_delivery(connection, export, "2026-10", DeliveryState.FAILED, error="why")
        add_delivery(connection, export, "2026-10", DeliveryState.LANDED, at=later)
        add_delivery(connection, other, "2026-10", DeliveryState.LOADED)
        for period in ("2026-11", "2026-12"):
            progress = read_progress(connection, request.id)
            assert progress is not None
            assert read_outlines(connection, [request.id, "nobody"]) == {request.id: outline_of(progress)}
            add_delivery(connection, other, period, DeliveryState.COMMITTED)


def test_a_web_process_imports_nothing_that_it_does_not_need() -> None:
    program = f"import sys, staxpipe.onboarding.server; print(*(set(sys.modules) & set({HEAVY!r})))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []
