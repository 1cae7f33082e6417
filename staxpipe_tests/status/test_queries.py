"""The report as read from a database in which something of everything happened."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from staxpipe.db import links
from staxpipe.db.tables import deliveries
from staxpipe.model import DeliveryState
from staxpipe.settings import read_settings
from staxpipe.status.queries import read_report
from staxpipe.status.report import MonthStatus, Progress, Report
from staxpipe_tests.ledger import ACCOUNT, a_delivery, record
from staxpipe_tests.status.conftest import NOW, OTHER


def report(engine: Engine, **settings: object) -> Report:
    with engine.connect() as connection:
        return read_report(connection, read_settings({"home": Path("/nowhere"), **settings}), NOW)


def month(found: Report, period: str, source: str = "s3://billing/cur/report") -> MonthStatus:
    [one] = [month for month in found.months if (month.period, month.source) == (period, source)]
    return one


def test_nothing_is_reported_of_an_empty_database(engine: Engine) -> None:
    found = report(engine)
    assert (found.links, found.requests, found.months, found.mails, found.problems) == ((), (), (), (), ())


def test_links_come_with_state_and_problem(busy: Engine) -> None:
    links = {link.account_id: link for link in report(busy).links}
    assert (links[ACCOUNT].state, links[ACCOUNT].problem) == ("active", None)
    assert (links[OTHER].state, links[OTHER].problem) == ("paused", "The bucket billing refuses to be listed.")


def test_requests_are_those_that_somebody_may_still_act_on(busy: Engine) -> None:
    assert {request.id for request in report(busy).requests} == {"r-draft", "r-refused", "r-listening"}


def test_a_loaded_month_has_totals_of_what_was_loaded_not_of_the_source(busy: Engine) -> None:
    loaded = month(report(busy), "2026-07").loaded
    assert loaded is not None
    [total] = loaded.totals
    assert (total.billing_account_id, total.currency, total.rows) == (ACCOUNT, "USD", 100)
    assert (total.billed_cost, total.effective_cost, total.list_cost) == (Decimal("100.105"),) * 3
    assert (loaded.rows_read, loaded.rows_written, loaded.reconciled, loaded.provisional) == (101, 100, True, False)


def test_only_the_elected_export_counts(busy: Engine) -> None:
    found = report(busy)
    elected = month(found, "2026-07").loaded
    other = month(found, "2026-07", "s3://billing/cur/second").loaded
    nobody_elected = month(found, "2026-08").loaded
    counted = [loaded.totals[0].counted for loaded in (elected, other, nobody_elected) if loaded]
    assert counted == [True, False, True]


@pytest.mark.parametrize(
    ("period", "state", "progress"),
    [
        ("2026-07", "loaded", None),
        ("2026-08", "loaded, newer failed", Progress.FAILED),
        ("2026-09", "loading", Progress.LOADING),
        ("2026-10", "retrying", Progress.RETRYING),
        ("2026-11", "waiting", Progress.WAITING),
    ],
)
def test_every_month_says_how_far_it_is(busy: Engine, period: str, state: str, progress: Progress | None) -> None:
    found = month(report(busy), period)
    assert found.state == state
    assert (found.coming.progress if found.coming else None) == progress


def test_what_is_under_way_says_which_run_has_it_and_how_often_it_was_tried(busy: Engine) -> None:
    coming = month(report(busy), "2026-09").coming
    assert coming is not None
    assert (coming.run_id, coming.attempts, coming.files, coming.bytes) == ("0a1b2c3d-run", 2, 2, 2000)


def test_findings_are_those_of_what_readers_see_gravest_first(busy: Engine) -> None:
    loaded = month(report(busy), "2026-08").loaded
    assert loaded is not None
    assert [finding.code for finding in loaded.findings] == ["unknown-line-item-type", "rows-without-invoice"]
    assert loaded.findings[0].count == 3


def test_sent_messages_are_not_reported(busy: Engine) -> None:
    assert [mail.key for mail in report(busy).mails] == ["invite:1", "data_ready:link-1"]


def test_superseded_deliveries_are_not_reported(busy: Engine) -> None:
    with busy.begin() as connection:
        record(connection, a_delivery("2026-11", "assembly-2", hours=2))
        states = connection.execute(deliveries.select().where(deliveries.c.period == "2026-11")).all()
        assert DeliveryState.SUPERSEDED in {row.state for row in states}
    coming = month(report(busy), "2026-11").coming
    assert coming is not None
    assert coming.delivery_id == "assembly-2"


def test_the_number_of_statements_does_not_grow_with_the_months(busy: Engine) -> None:
    def statements() -> int:
        seen: list[str] = []
        listener = lambda *args: seen.append(args[2])  # noqa: E731 - one name to add and to remove
        event.listen(busy, "before_cursor_execute", listener)
        report(busy)
        event.remove(busy, "before_cursor_execute", listener)
        return len(seen)

    before = statements()
    with busy.begin() as connection:
        for number in range(1, 13):
            record(connection, a_delivery(f"2024-{number:02d}"))
    assert statements() == before <= 8


def test_of_a_link_that_has_ended_only_what_is_loaded_is_reported(busy: Engine) -> None:
    before = [found.period for found in report(busy).months if found.account_id == ACCOUNT and found.loaded]
    with busy.begin() as connection:
        links.end(connection, "link-1")
    after = [found for found in report(busy).months if found.account_id == ACCOUNT]
    assert [found.period for found in after] == before
    assert all(found.coming is None for found in after)
