"""What was compared, asked at a price, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from staxpipe.comparison.due import CountedMonth
from staxpipe.comparison.verdicts import Against, Part, Reason, concluded
from staxpipe.db import comparisons, results
from staxpipe.db.tables import audit_log, deliveries, exports, findings, links, period_sources
from staxpipe.model import BillingPeriod, Finding, Severity
from staxpipe_tests.ledger import ACCOUNT, NOON, a_delivery, add_link, record

AGREES = concluded(Against.INVOICES, "USD", [Part("A1", Decimal("10.00"), Decimal("10.001"))])
DIFFERS = concluded(Against.INVOICES, "EUR", [Part("A2", Decimal(12), Decimal(10), Reason.TAX)])


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def loaded(connection: Connection, period: str = "2026-09", delivery_id: str = "assembly-1", **values: object) -> int:
    row = record(connection, a_delivery(period, delivery_id))
    state = {"state": "loaded", "loaded_at": NOON, "final": True} | values
    connection.execute(update(deliveries).where(deliveries.c.id == row).values(state))
    export = connection.execute(select(exports.c.id)).scalar_one()
    connection.execute(insert(period_sources).values(billing_account_id=ACCOUNT, period=period, export_id=export))
    return row


@pytest.fixture
def month(connection: Connection) -> CountedMonth:
    add_link(connection)
    loaded(connection)
    [month] = comparisons.counted_months(connection)
    return month


def test_counted_months_are_those_of_linked_payers_the_newest_first(
    connection: Connection, month: CountedMonth
) -> None:
    loaded(connection, "2026-10", "assembly-2", final=None)
    newest, before = comparisons.counted_months(connection)
    assert before == month
    assert (newest.period, newest.delivery_id, newest.final) == (BillingPeriod(2026, 10), "assembly-2", False)
    assert comparisons.counted_months(connection, ACCOUNT, BillingPeriod(2026, 9)) == [month]
    assert comparisons.counted_months(connection, "999999999999") == []


@pytest.mark.parametrize("what", ["superseded", "paused", "a member's"])
def test_what_is_not_seen_or_not_ours_to_ask_is_not_counted(
    connection: Connection, month: CountedMonth, what: str
) -> None:
    change = {
        "superseded": update(deliveries).values(state="superseded"),
        "paused": update(links).values(state="paused"),
        "a member's": update(period_sources).values(billing_account_id="999999999999"),
    }
    connection.execute(change[what])
    assert comparisons.counted_months(connection) == []


def test_a_comparison_takes_the_place_of_the_one_before_and_of_its_findings(
    connection: Connection, month: CountedMonth
) -> None:
    other = Finding("no-invoice-yet", Severity.INFO, "provisional")
    results.add_finding(connection, other, month.delivery, ACCOUNT, month.period)
    assert comparisons.keep(connection, month, Against.INVOICES, [AGREES, DIFFERS], NOON)
    assert {row.currency: row.reason for row in comparisons.compared(connection)} == {"USD": None, "EUR": Reason.TAX}
    last = comparisons.last_times(connection, Against.INVOICES)[ACCOUNT, month.period]
    assert (last.at, last.delivery_id, last.reason) == (NOON, "assembly-1", Reason.TAX)
    assert comparisons.last_times(connection, Against.COST_EXPLORER) == {}
    later = NOON + timedelta(days=1)
    assert comparisons.keep(connection, month, Against.INVOICES, [AGREES], later)
    [row] = comparisons.compared(connection, ACCOUNT, month.period)
    assert (row.theirs, row.ours, row.compared_at) == (Decimal("10.00"), Decimal("10.001"), later)
    assert row.detail["parts"][0] == {
        "subject": "A1",
        "theirs": "10.00",
        "ours": "10.001",
        "reason": None,
        "note": "",
    }
    codes = connection.execute(select(findings.c.code).order_by(findings.c.id)).scalars().all()
    assert codes == ["no-invoice-yet", "invoices-agree"]


def test_the_other_comparison_of_a_month_stays(connection: Connection, month: CountedMonth) -> None:
    costs = concluded(Against.COST_EXPLORER, "USD", [Part("Tax", Decimal(1), Decimal(1))])
    comparisons.keep(connection, month, Against.COST_EXPLORER, [costs], NOON)
    comparisons.keep(connection, month, Against.INVOICES, [AGREES], NOON)
    assert {row.against for row in comparisons.compared(connection)} == set(Against)
    assert set(connection.execute(select(findings.c.code)).scalars()) == {"cost-explorer-agrees", "invoices-agree"}


def test_nothing_is_kept_of_a_delivery_that_readers_no_longer_see(connection: Connection, month: CountedMonth) -> None:
    connection.execute(update(deliveries).values(state="superseded"))
    assert not comparisons.keep(connection, month, Against.INVOICES, [AGREES], NOON)
    assert comparisons.compared(connection) == []
    assert connection.execute(select(findings)).all() == []


def test_a_delivery_has_one_request_and_the_audit_log_has_its_price(
    connection: Connection, month: CountedMonth
) -> None:
    assert comparisons.claim_request(connection, month)
    assert not comparisons.claim_request(connection, month)
    [row] = connection.execute(select(audit_log)).all()
    assert (row.subject, row.result) == (f"delivery:{month.delivery}", "asked")
    assert row.detail == {"account": ACCOUNT, "period": "2026-09", "usd": "0.01"}
    comparisons.give_back_request(connection, month)
    assert comparisons.claim_request(connection, month)
    assert not comparisons.claim_request(connection, month)


def test_the_newest_refusal_of_a_link_or_of_a_delivery_is_known(connection: Connection, month: CountedMonth) -> None:
    assert comparisons.refusals(connection) == {}
    comparisons.record_denied(connection, month, Against.INVOICES, "Not allowed.", NOON)
    comparisons.record_denied(connection, month, Against.INVOICES, "Still not.", NOON + timedelta(days=7))
    comparisons.record_failed(connection, month, Against.COST_EXPLORER, "Too old.", NOON)
    found = comparisons.refusals(connection)
    assert len(found) == 2
    [denied] = comparisons.refusals_of(found, month, Against.INVOICES)
    assert (denied.at, denied.why) == (NOON + timedelta(days=7), "Still not.")
    [failed] = comparisons.refusals_of(found, month, Against.COST_EXPLORER)
    assert failed.why == "Too old."
