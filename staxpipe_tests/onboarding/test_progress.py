"""What the ledger's rows mean to the person who linked the account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Connection, Engine, insert

from staxpipe.db import link_requests, probes, results
from staxpipe.db.link_requests import Details
from staxpipe.db.tables import period_sources
from staxpipe.model import BillingPeriod, DeliveryState, Finding, Severity
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding.progress import Progress, Total, read_progress
from staxpipe_tests.onboarding.ledger import ACCOUNT, NOW, add_delivery, add_export, add_link, add_sum

HOUR = timedelta(hours=1)
DETAILS = Details(parse_account_id(ACCOUNT), "acme-billing", "cur", "eu-west-1")


def linked(connection: Connection, **values: object) -> tuple[str, int]:
    """A linked request and its export."""
    request = link_requests.create(connection, "ada@example.com", NOW, HOUR)
    link_requests.save_details(connection, request.id, DETAILS, NOW, HOUR)
    probes.mark_linked(connection, request.id, NOW)
    return request.id, add_link(connection, request.id, NOW, **values)


def progress_of(connection: Connection, request_id: str) -> Progress:
    progress = read_progress(connection, request_id)
    assert progress is not None
    return progress


def test_without_a_link_there_is_none(engine: Engine) -> None:
    with engine.begin() as connection:
        assert read_progress(connection, link_requests.create(connection, "operator", NOW, HOUR).id) is None


def test_months_come_newest_first_with_rows_and_exact_sums(engine: Engine) -> None:
    with engine.begin() as connection:
        request_id, export = linked(connection)
        add_delivery(connection, export, "2026-09", DeliveryState.LOADED, rows=10, cost="0.1", size=300)
        october = add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=20, cost="0.2", size=700)
        add_sum(connection, october, "5", currency="CNY")
        progress = progress_of(connection, request_id)
    assert [str(month.period) for month in progress.months] == ["2026-10", "2026-09"]
    assert progress.months[0].totals == (
        Total("CNY", Decimal(5), Decimal("2.5")),
        Total("USD", Decimal("0.2"), Decimal("0.1")),
    )
    assert progress.totals[1] == Total("USD", Decimal("0.3"), Decimal("0.15"))
    assert (progress.rows, progress.bytes, progress.fraction) == (30, 1000, 1.0)


def test_a_newer_delivery_does_not_hide_what_readers_see(engine: Engine) -> None:
    with engine.begin() as connection:
        request_id, export = linked(connection)
        add_delivery(connection, export, "2026-10", DeliveryState.SUPERSEDED, at=NOW - HOUR, rows=1, cost="1")
        add_delivery(connection, export, "2026-10", DeliveryState.LOADED, rows=2, cost="2")
        add_delivery(connection, export, "2026-10", DeliveryState.FAILED, at=NOW + HOUR, error="A file is cut.")
        (month,) = progress_of(connection, request_id).months
    assert (month.state, month.rows, month.error) == (DeliveryState.LOADED, 2, None)
    assert (month.newer, month.newer_error) == (DeliveryState.FAILED, "A file is cut.")


def test_of_two_exports_of_a_month_one_counts(engine: Engine) -> None:
    with engine.begin() as connection:
        request_id, elected = linked(connection)
        other = add_export(connection, f"link-{request_id[:16]}", "second-cur")
        connection.execute(
            insert(period_sources).values(billing_account_id=ACCOUNT, period="2026-10", export_id=elected)
        )
        add_delivery(connection, elected, "2026-10", DeliveryState.LOADED, rows=5, cost="7")
        add_delivery(connection, other, "2026-10", DeliveryState.LOADED, rows=6, cost="7")
        progress = progress_of(connection, request_id)
    assert [(month.export, month.counted) for month in progress.months] == [("acme-cur", True), ("second-cur", False)]
    assert progress.totals == (Total("USD", Decimal(7), Decimal("3.5")),)
    assert progress.rows == 5


def test_findings_come_gravest_first_and_stay_with_their_account(engine: Engine) -> None:
    def finding(severity: Severity, count: int = 1) -> Finding:
        return Finding(f"a-{severity}", severity, f"{severity}!", count, ("x",))

    with engine.begin() as connection:
        request_id, export = linked(connection)
        delivery = add_delivery(connection, export, "2026-10", DeliveryState.LOADED)
        for severity in (Severity.INFO, Severity.ERROR, Severity.WARNING):
            results.add_finding(connection, finding(severity, 3), delivery, ACCOUNT, BillingPeriod(2026, 10))
        results.add_finding(connection, finding(Severity.INFO), account_id=ACCOUNT)
        results.add_finding(connection, finding(Severity.ERROR), account_id="999999999999")
        progress = progress_of(connection, request_id)
    assert progress.findings == (finding(Severity.INFO),)
    assert progress.months[0].findings == tuple(
        finding(severity, 3) for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
    )


def test_what_is_done_is_weighed_by_bytes(engine: Engine) -> None:
    with engine.begin() as connection:
        request_id, export = linked(connection)
        assert progress_of(connection, request_id).fraction == 0
        add_delivery(connection, export, "2026-10", DeliveryState.LOADED, size=0)
        assert progress_of(connection, request_id).fraction == 1
        add_delivery(connection, export, "2026-09", DeliveryState.DISCOVERED, size=3)
        assert progress_of(connection, request_id).fraction == 0.25
