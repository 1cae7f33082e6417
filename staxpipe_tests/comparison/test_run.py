"""Comparing generated months on a real Postgres and lake, from end to end; only AWS's billing APIs are a fake."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import Engine, insert, select, update

from staxpipe.comparison.costs import Costs
from staxpipe.comparison.invoices import Amount, Invoice
from staxpipe.comparison.run import CompareReport, compare_months
from staxpipe.comparison.verdicts import Against, Reason
from staxpipe.db import comparisons
from staxpipe.db.comparisons import Compared
from staxpipe.db.links import Link
from staxpipe.db.tables import deliveries, exports, findings, period_sources
from staxpipe.errors import NotGrantedError, PermanentError, TransientError
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod, Severity
from staxpipe.settings import read_settings
from staxpipe_tests.comparison.conftest import NOW, FakeBilling, Load, as_invoices, invoices_in
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver
from staxpipe_tests.ledger import a_delivery, add_link, record

pytestmark = pytest.mark.long


def compare(platform: Platform, billing: FakeBilling, **changed: Any) -> CompareReport:
    settings = read_settings({"compare_cost_explorer": changed.pop("cost_explorer", False)})
    arguments: dict[str, Any] = {"now": NOW, "seconds": 60} | changed
    return compare_months(platform.engine, settings, platform.lake, billing, **arguments)


def kept(engine: Engine) -> list[Compared]:
    with engine.connect() as connection:
        return comparisons.compared(connection)


def told(engine: Engine) -> dict[str, tuple[str, str]]:
    """Code → severity and message of the findings that comparisons made."""
    with engine.connect() as connection:
        rows = connection.execute(select(findings).where(findings.c.code.contains("invoice")))
        return {row.code: (row.severity, row.message) for row in rows if row.code != "no-invoice-yet"}


def refused(kind: type[Exception], code: str) -> Exception:
    """An error as `staxpipe.aws` raises it of an answer of AWS's."""
    error = kind("AWS refused it.")
    error.__cause__ = ClientError({"Error": {"Code": code}}, "GetCostAndUsage")
    return error


def test_invoices_of_a_generated_month_agree_to_the_cent(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, bucket_folder: Path
) -> None:
    month = deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    sums = invoices_in(bucket_folder, month.assembly_id)
    assert len(sums) >= 3, "of several legal entities, the marketplace and refunds"
    assert "" not in sums
    assert any(tax for _, tax in sums.values())
    theirs = as_invoices(account, sums)
    billing.invoices_of[SEPTEMBER] = theirs
    report = compare(platform, billing)
    assert (report.compared, report.differing, report.unknown, report.requests) == (1, [], [], 0)
    [row] = kept(platform.engine)
    assert (row.account, row.period, row.currency, row.reason) == (account, "2026-09", "USD", None)
    assert row.ours == month.expected.unblended
    assert row.theirs == sum((invoice.amounts[0].total for invoice in theirs), Decimal(0))
    assert {part["subject"] for part in row.detail["parts"]} == set(sums)
    severity, message = told(platform.engine)["invoices-agree"]
    assert severity == Severity.INFO
    assert f"2026-09 of account {account}" in message


def test_an_invoice_that_differs_is_named(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, bucket_folder: Path
) -> None:
    month = deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    theirs = as_invoices(account, invoices_in(bucket_folder, month.assembly_id))
    wrong = replace(theirs[0], amounts=(Amount("USD", theirs[0].amounts[0].total + 500),))
    billing.invoices_of[SEPTEMBER] = [wrong, *theirs[1:]]
    report = compare(platform, billing)
    assert len(report.differing) == 1
    [row] = kept(platform.engine)
    assert row.reason is Reason.UNEXPLAINED
    severity, message = told(platform.engine)["invoice-differs"]
    assert severity == Severity.WARNING
    assert "difference of 500.0" in message or "difference of 499.9" in message
    with platform.engine.connect() as connection:
        [examples] = connection.execute(
            select(findings.c.examples).where(findings.c.code == "invoice-differs")
        ).scalars()
    assert [example.split(":")[0] for example in examples] == [wrong.id]


def test_a_month_is_compared_once_until_it_is_restated(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, bucket_folder: Path
) -> None:
    first = deliver_month(SEPTEMBER, day=10)
    account = load_linked()
    billing.invoices_of[SEPTEMBER] = as_invoices(account, invoices_in(bucket_folder, first.assembly_id))
    assert compare(platform, billing).compared == 1
    assert compare(platform, billing, now=NOW + timedelta(days=3)).compared == 0
    second = deliver_month(SEPTEMBER, day=25)
    assert second.expected.unblended != first.expected.unblended
    load_linked(NOW + timedelta(days=3, hours=12))
    assert compare(platform, billing, now=NOW + timedelta(days=4)).compared == 1
    [row] = kept(platform.engine)
    assert row.ours == second.expected.unblended
    assert row.reason is not None, "the invoices are still those of before"
    assert compare(platform, billing, now=NOW + timedelta(days=5), again=True).compared == 1
    assert len(kept(platform.engine)) == 1
    assert set(told(platform.engine)) >= {"invoice-differs"}


def test_a_month_that_is_not_over_is_left_alone(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    deliver_month(OCTOBER, day=20)
    load_linked()
    assert compare(platform, billing, now=NOW - timedelta(days=15), again=True).compared == 0
    assert billing.asked == []


def test_a_month_that_aws_has_not_invoiced_waits_without_a_warning_and_is_looked_at_again(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    deliver_month(OCTOBER, day=20)
    load_linked()
    report = compare(platform, billing)
    assert (report.compared, report.differing) == (1, [])
    [row] = kept(platform.engine)
    assert (row.reason, row.theirs) == (Reason.NOT_FINAL, Decimal(0))
    assert told(platform.engine)["invoice-differs"][0] == Severity.INFO
    assert compare(platform, billing, now=NOW + timedelta(hours=1)).compared == 0
    assert compare(platform, billing, now=NOW + timedelta(days=1)).compared == 1


def test_a_role_that_does_not_permit_it_is_left_in_peace(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    for period in (SEPTEMBER, OCTOBER):
        deliver_month(period, day=20)
        billing.invoices_of[period] = NotGrantedError("the role does not allow invoicing:ListInvoiceSummaries.")
    account = load_linked()
    report = compare(platform, billing)
    assert billing.asked == [f"invoices {account} 2026-10"], "of one role, one question"
    assert (report.compared, report.differing, report.unknown) == (0, [], [])
    assert len(report.denied) == 1
    assert kept(platform.engine) == []
    assert told(platform.engine) == {}
    with platform.engine.connect() as connection:
        [((_, against), refusal)] = comparisons.refusals(connection).items()
        states = set(connection.execute(select(deliveries.c.state)).scalars())
    assert against is Against.INVOICES
    assert "ListInvoiceSummaries" in refusal.why
    assert states == {"loaded"}, "the months are none the worse"
    compare(platform, billing, now=NOW + timedelta(days=6))
    assert len(billing.asked) == 1
    compare(platform, billing, now=NOW + timedelta(days=8))
    assert len(billing.asked) == 2


def test_being_throttled_waits_until_tomorrow(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    for period in (SEPTEMBER, OCTOBER):
        deliver_month(period, day=20)
        billing.invoices_of[period] = refused(TransientError, "ThrottlingException")
    load_linked()
    report = compare(platform, billing)
    assert len(billing.asked) == 1, "the next month would be throttled too"
    assert len(report.unknown) == 1
    assert told(platform.engine) == {}
    billing.invoices_of.clear()
    assert compare(platform, billing, now=NOW + timedelta(days=1)).compared == 2


def test_a_month_that_aws_will_not_answer_for_holds_up_no_other(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    for period in (SEPTEMBER, OCTOBER):
        deliver_month(period, day=20)
    billing.invoices_of[OCTOBER] = refused(PermanentError, "ValidationException")
    account = load_linked()
    report = compare(platform, billing)
    assert (report.compared, len(report.unknown)) == (1, 1)
    assert [row.period for row in kept(platform.engine)] == ["2026-09"]
    billing.asked.clear()
    compare(platform, billing, now=NOW + timedelta(days=1))
    assert f"invoices {account} 2026-10" not in billing.asked, "nor is AWS asked every day"


def costs(total: Decimal, *, estimated: bool = False) -> Costs:
    return Costs({"USD": {"NetUnblendedCost": {"Usage": total}}}, estimated)


def test_cost_explorer_is_asked_only_where_that_is_switched_on_and_once_for_each_delivery(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load
) -> None:
    month = deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    billing.costs_of[SEPTEMBER] = costs(month.expected.unblended)
    compare(platform, billing)
    assert f"costs {account} 2026-09" not in billing.asked
    report = compare(platform, billing, cost_explorer=True)
    assert (report.requests, report.cost) == (1, Decimal("0.01"))
    [row] = [row for row in kept(platform.engine) if row.against is Against.COST_EXPLORER]
    assert (row.reason, row.theirs, row.ours) == (None, month.expected.unblended, month.expected.unblended)
    for again in (False, True):
        later = compare(platform, billing, cost_explorer=True, again=again, now=NOW + timedelta(days=30))
        assert later.requests == 0
    assert billing.asked.count(f"costs {account} 2026-09") == 1


@pytest.mark.parametrize(
    ("failure", "asked_again"),
    [
        (refused(TransientError, "LimitExceededException"), True),
        (refused(PermanentError, "BillExpirationException"), False),
        (TransientError("The connection was cut."), False),
    ],
    ids=["throttled", "refused for good", "lost"],
)
def test_a_request_that_may_have_been_charged_is_not_repeated(
    platform: Platform,
    billing: FakeBilling,
    deliver_month: Deliver,
    load_linked: Load,
    failure: Exception,
    asked_again: bool,
) -> None:
    month = deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    billing.costs_of[SEPTEMBER] = failure
    report = compare(platform, billing, cost_explorer=True)
    assert report.requests == (0 if asked_again else 1)
    billing.costs_of[SEPTEMBER] = costs(month.expected.unblended)
    compare(platform, billing, cost_explorer=True, again=True, now=NOW + timedelta(days=1))
    assert billing.asked.count(f"costs {account} 2026-09") == (2 if asked_again else 1)


class Hanging(FakeBilling):
    """One account's invoices hang until they are released."""

    released: threading.Event

    def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:
        if link.id == "link-2":
            self.released.wait(30)
        return super().invoices(link, period)


def test_an_account_that_hangs_or_breaks_delays_no_other(
    platform: Platform, deliver_month: Deliver, load_linked: Load, engine: Engine
) -> None:
    deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    with engine.begin() as connection:  # an account whose month has no row in the lake, and one that hangs
        add_link(connection, "222222222222", "link-2")
        delivery = a_delivery("2026-09", "other-1", "s3://other/report")
        row = record(connection, delivery, "222222222222", "link-2")
        export = connection.execute(select(exports.c.id).where(exports.c.link_id == "link-2")).scalar_one()
        connection.execute(
            update(deliveries).where(deliveries.c.id == row).values(state="loaded", loaded_at=NOW, final=True)
        )
        connection.execute(
            insert(period_sources).values(billing_account_id="222222222222", period="2026-09", export_id=export)
        )
    platform.lake.replace(export, SEPTEMBER, [], "other-1")
    billing = Hanging()
    billing.released = threading.Event()
    try:
        report = compare(platform, billing, seconds=4)
    finally:
        billing.released.set()
    assert [row.account for row in kept(engine)] == [account]
    assert len(report.unknown) == 1
    assert report.unknown[0].startswith("222222222222: It took longer")


def test_another_currency_is_kept_and_no_warning(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, bucket_folder: Path
) -> None:
    month = deliver_month(SEPTEMBER, day=20)
    account = load_linked()
    euros = [
        replace(invoice, amounts=(Amount("EUR", invoice.amounts[0].total),))
        for invoice in as_invoices(account, invoices_in(bucket_folder, month.assembly_id))
    ]
    billing.invoices_of[SEPTEMBER] = euros
    assert compare(platform, billing).differing == []
    [row] = kept(platform.engine)
    assert (row.currency, row.reason) == ("USD", Reason.OTHER_CURRENCY)
    assert told(platform.engine)["invoice-differs"][0] == Severity.INFO


def test_files_that_a_person_loaded_and_a_members_months_are_not_asked_about(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, engine: Engine
) -> None:
    deliver_month(SEPTEMBER, day=20)
    load_linked()
    with engine.begin() as connection:
        connection.execute(update(period_sources).values(billing_account_id="999999999999"))
    assert compare(platform, billing).compared == 0
    with engine.begin() as connection:
        connection.execute(update(exports).values(link_id=None))
    assert compare(platform, billing).compared == 0
    assert billing.asked == []


def test_a_delivery_that_is_replaced_meanwhile_keeps_nothing(
    platform: Platform, billing: FakeBilling, deliver_month: Deliver, load_linked: Load, engine: Engine
) -> None:
    deliver_month(SEPTEMBER, day=20)
    load_linked()

    class Slow(FakeBilling):
        def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:
            with engine.begin() as connection:
                connection.execute(update(deliveries).values(state="superseded"))
            return super().invoices(link, period)

    assert compare(platform, Slow()).compared == 0
    assert kept(engine) == []
    assert told(engine) == {}
