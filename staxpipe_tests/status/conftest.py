"""A database in which something of everything happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, insert

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, outbox, results
from staxpipe.db.results import SumRow
from staxpipe.db.tables import link_requests, period_sources
from staxpipe.model import DeliveryState, Finding, Severity
from staxpipe_tests.ledger import ACCOUNT, a_delivery, add_link, record

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
OTHER = "210987654321"


def load(
    connection: Connection,
    delivery: int,
    billed: str = "100.10",
    findings: tuple[Finding, ...] = (),
    final: bool = True,
) -> None:
    """Mark a delivery as loaded, with sums in two charge categories."""
    entry = ledger.entry(connection, delivery)
    sums = [
        SumRow("focus", ACCOUNT, "USD", charge, 50, Decimal(cost), Decimal(cost), Decimal(cost), Decimal(cost))
        for charge, cost in (("Usage", billed), ("Tax", "0.005"))
    ]
    source = [SumRow("source", ACCOUNT, "USD", "Usage", 100, Decimal("9999"))]
    results.replace_results(connection, entry, [*sums, *source], findings, [], ACCOUNT)
    ledger.mark(
        connection,
        delivery,
        DeliveryState.LOADED,
        rows_read=101,
        rows_written=100,
        rows_quarantined=0,
        reconciled=True,
        final=final,
        loaded_at=NOW,
    )


@pytest.fixture
def busy(engine: Engine) -> Engine:
    """One link with a month in every state, one whose bucket is refused, requests, and messages."""
    with engine.begin() as connection:
        add_link(connection, discovered_at=NOW - timedelta(minutes=4), verified_at=NOW, linked_at=NOW)
        add_link(connection, OTHER, "link-2", problem="The bucket billing refuses to be listed.", state="paused")
        note = Finding("unknown-line-item-type", Severity.WARNING, "3 rows are of an unknown type.", 3, ("X",))
        to_know = Finding("rows-without-invoice", Severity.INFO, "No invoice yet.")
        load(connection, record(connection, a_delivery("2026-07")))
        load(connection, record(connection, a_delivery("2026-08")), findings=(to_know, note), final=False)
        failed = record(connection, a_delivery("2026-08", "assembly-2", hours=1))
        ledger.mark_failed(connection, failed, "report-2.csv.gz ends in the middle.")
        loading = record(connection, a_delivery("2026-09"))
        ledger.count_attempt(connection, loading, NOW)
        ledger.count_attempt(connection, loading, NOW)
        ledger.assign_run(connection, [loading], "0a1b2c3d-run")
        retrying = record(connection, a_delivery("2026-10"))
        ledger.assign_run(connection, [retrying], "4e5f6a7b-run")
        ledger.postpone(connection, retrying, "S3 asks to slow down.", NOW + timedelta(minutes=5))
        record(connection, a_delivery("2026-11"))
        second = record(connection, a_delivery("2026-07", source="s3://billing/cur/second"))
        load(connection, second)
        counted = ledger.find(connection, exports.record(connection, a_delivery().export, None), a_delivery("2026-07"))
        connection.execute(
            insert(period_sources).values(billing_account_id=ACCOUNT, period="2026-07", export_id=counted.export_id)
        )
        by_hand = a_delivery("2025-01", source="file:///home/ada/report")
        export_id = exports.record(connection, by_hand.export, None)
        ledger.record_delivery(connection, export_id, None, by_hand, error="line 3 of report-1.csv.gz has no date.")
        _requests(connection)
        outbox.enqueue(connection, "linked:link-1", "linked", {})
        outbox.enqueue(connection, "data_ready:link-1", "data_ready", {})
        sent = outbox.claim(connection, NOW)
        assert sent is not None
        outbox.mark_sent(connection, sent, NOW)
        outbox.enqueue(connection, "invite:1", "invite", {})
    return engine


def _requests(connection: Connection) -> None:
    for request_id, state, details in (
        ("r-draft", "draft", {}),
        ("r-refused", "refused", {"account_id": OTHER, "verdict_detail": "Any external id is accepted."}),
        ("r-listening", "listening", {"account_id": ACCOUNT, "next_probe_at": NOW + timedelta(minutes=2)}),
        ("r-expired", "expired", {}),
    ):
        connection.execute(
            insert(link_requests).values(
                id=request_id,
                state=state,
                requested_by="ada@example.com",
                external_id=request_id.ljust(40, "x"),
                role_name=f"staxpipe-link-{request_id}",
                **({"bucket": "b", "region": "eu-west-1", **details} if details else {}),
            )
        )
