"""The generated month: what it contains, that it is always the same, and how it is restated."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.text import MonthText
from staxpipe_tests.synthetic.conftest import CLOSED_LONG_AGO, OPENED, SCALE, SECOND

COLUMNS = [
    "identity/LineItemId", "identity/TimeInterval", "bill/InvoiceId", "bill/BillingEntity", "costCategory/Environment",
    "lineItem/LineItemType", "lineItem/LineItemDescription", "lineItem/ProductCode", "lineItem/ResourceId",
    "lineItem/UsageAccountId", "lineItem/UsageType", "lineItem/Operation", "lineItem/AvailabilityZone",
    "lineItem/UsageStartDate", "lineItem/UsageEndDate", "lineItem/UsageAmount", "lineItem/UnblendedCost",
    "lineItem/BlendedCost", "pricing/publicOnDemandRate", "reservation/EffectiveCost",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "reservation/UnusedRecurringFee",
    "reservation/AmortizedUpfrontFeeForBillingPeriod", "resourceTags/user:Team", "savingsPlan/SavingsPlanARN",
    "savingsPlan/SavingsPlanEffectiveCost", "savingsPlan/UsedCommitment", "savingsPlan/TotalCommitmentToDate",
]  # fmt: skip


_KNOWN: dict[str, list[dict[str, str | None]]] = {}  # one month is looked at by many tests


def _records(month: Month) -> list[dict[str, str | None]]:
    if month.assembly_id not in _KNOWN:
        _KNOWN[month.assembly_id] = MonthText(month).table().select(COLUMNS).to_pylist()
    return _KNOWN[month.assembly_id]


def _amount(record: dict[str, str | None], column: str) -> Decimal:
    return Decimal(record.get(column) or "0")


def test_a_month_holds_every_kind_of_charge(closed_month: Month) -> None:
    assert set(closed_month.expected.rows_by_type) == {
        "Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee",
        "SavingsPlanUpfrontFee", "RIFee", "Fee", "Tax", "Credit", "Refund", "EdpDiscount",
    }  # fmt: skip


def test_reservations_pay_upfront_in_the_month_of_purchase_only(
    organisation: Organisation, closed_month: Month
) -> None:
    first = generate_month(organisation, OPENED, CLOSED_LONG_AGO, SCALE)
    sign_ups = [
        record for record in _records(first) if "Sign up charge" in (record["lineItem/LineItemDescription"] or "")
    ]
    assert len(sign_ups) == 2  # the third reservation has no upfront fee
    assert not any("Sign up" in (record["lineItem/LineItemDescription"] or "") for record in _records(closed_month))


def test_the_same_seed_gives_the_same_rows(organisation: Organisation, closed_month: Month) -> None:
    again = generate_month(Organisation.sample(7, OPENED, SCALE, edp_percent=3), SECOND, CLOSED_LONG_AGO, SCALE)
    assert again.assembly_id == closed_month.assembly_id
    assert MonthText(again).table().equals(MonthText(closed_month).table())


def test_another_seed_gives_other_accounts_and_rows(closed_month: Month) -> None:
    other = generate_month(Organisation.sample(8, OPENED, SCALE), SECOND, CLOSED_LONG_AGO, SCALE)
    assert other.organisation.payer.id != closed_month.organisation.payer.id
    assert other.expected.unblended != closed_month.expected.unblended


def test_totals_are_those_of_the_rows(closed_month: Month) -> None:
    unblended: dict[str, Decimal] = {}
    rows: Counter[str] = Counter()
    for record in _records(closed_month):
        kind = str(record["lineItem/LineItemType"])
        rows[kind] += 1
        unblended[kind] = unblended.get(kind, Decimal(0)) + _amount(record, "lineItem/UnblendedCost")
    assert dict(rows) == closed_month.expected.rows_by_type
    assert unblended == closed_month.expected.unblended_by_type
    assert sum(rows.values()) == closed_month.expected.rows == len(closed_month.rows)


def test_billed_cost_is_the_unblended_cost_without_covered_usage(closed_month: Month) -> None:
    assert closed_month.expected.focus.billed == closed_month.expected.unblended


def test_negations_take_back_covered_usage_hour_by_hour(closed_month: Month) -> None:
    balance: dict[tuple[str | None, ...], Decimal] = {}
    for record in _records(closed_month):
        if record["lineItem/LineItemType"] in {"SavingsPlanCoveredUsage", "SavingsPlanNegation"}:
            key = tuple(
                record[column]
                for column in (
                    "savingsPlan/SavingsPlanARN", "lineItem/Operation", "lineItem/UsageType",
                    "lineItem/AvailabilityZone", "lineItem/UsageStartDate",
                )
            )  # fmt: skip
            balance[key] = balance.get(key, Decimal(0)) + _amount(record, "lineItem/UnblendedCost")
    assert balance
    assert set(balance.values()) == {Decimal(0)}


def test_reservations_spend_what_they_cost(closed_month: Month) -> None:
    """The invariant measured on AWS's own files: used and unused cost equal both fees."""
    used = unused = recurring = amortised = Decimal(0)
    for record in _records(closed_month):
        used += _amount(record, "reservation/EffectiveCost")
        if record["lineItem/LineItemType"] == "RIFee":
            unused += _amount(record, "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod")
            unused += _amount(record, "reservation/UnusedRecurringFee")
            recurring += _amount(record, "lineItem/UnblendedCost")
            amortised += _amount(record, "reservation/AmortizedUpfrontFeeForBillingPeriod")
    assert used > 0
    assert used + unused == recurring + amortised


def test_savings_plans_spend_what_they_commit(closed_month: Month) -> None:
    used: dict[tuple[str | None, str | None], Decimal] = {}
    for record in _records(closed_month):
        if record["lineItem/LineItemType"] == "SavingsPlanCoveredUsage":
            key = (record["savingsPlan/SavingsPlanARN"], record["lineItem/UsageStartDate"])
            used[key] = used.get(key, Decimal(0)) + _amount(record, "savingsPlan/SavingsPlanEffectiveCost")
    for record in _records(closed_month):
        if record["lineItem/LineItemType"] == "SavingsPlanRecurringFee":
            key = (record["savingsPlan/SavingsPlanARN"], record["lineItem/UsageStartDate"])
            assert _amount(record, "savingsPlan/UsedCommitment") == used.pop(key, Decimal(0))
            assert _amount(record, "savingsPlan/UsedCommitment") <= _amount(record, "savingsPlan/TotalCommitmentToDate")
    assert not used


def test_rows_are_like_those_of_aws(closed_month: Month) -> None:
    records = _records(closed_month)
    by_type = {record["lineItem/LineItemType"]: record for record in records}
    assert by_type["RIFee"]["lineItem/UsageEndDate"] == "2026-08-31T23:59:59Z"  # inclusive
    assert by_type["Tax"]["lineItem/UsageEndDate"] == "2026-09-01T00:00:00Z"
    assert by_type["Tax"]["identity/TimeInterval"] == "2026-08-01T00:00:00Z/2026-08-02T00:00:00Z"
    assert by_type["EdpDiscount"]["lineItem/BlendedCost"] is None
    assert any(record["pricing/publicOnDemandRate"] == "1.81E-8" for record in records)
    assert any(str(record["lineItem/UsageAccountId"]).startswith("00") for record in records)
    assert any(record["resourceTags/user:Team"] == "データ基盤" for record in records)
    assert any(record["bill/BillingEntity"] == "AWS Marketplace" for record in records)
    free = sum(record["lineItem/UnblendedCost"] == "0.0" for record in records)
    assert free > len(records) / 5


def test_line_item_ids_are_no_key(closed_month: Month) -> None:
    records = _records(closed_month)
    assert len({record["identity/LineItemId"] for record in records}) < len(records) / 20
    times = Counter((record["identity/LineItemId"], record["identity/TimeInterval"]) for record in records)
    assert 0 < sum(count - 1 for count in times.values()) < len(records) / 100  # a few rows are there twice


def test_an_open_month_ends_now_and_has_no_invoice(organisation: Organisation) -> None:
    now = datetime(2026, 8, 20, 9, tzinfo=UTC)
    month = generate_month(organisation, SECOND, now, SCALE)
    records = _records(month)
    assert {record["bill/InvoiceId"] for record in records} == {None}
    assert month.expected.rows_without_invoice == len(records)
    ahead = [record for record in records if str(record["lineItem/UsageStartDate"]) >= "2026-08-20T09"]
    assert {record["lineItem/LineItemType"] for record in ahead} == {"SavingsPlanRecurringFee"}
    assert {record["savingsPlan/TotalCommitmentToDate"] for record in ahead} == {"0.0000000000"}


def test_a_later_delivery_restates_the_month(organisation: Organisation) -> None:
    now = datetime(2026, 8, 20, 9, tzinfo=UTC)
    earlier = generate_month(organisation, SECOND, now, SCALE)
    later = generate_month(organisation, SECOND, now + timedelta(days=4), SCALE)
    assert earlier.assembly_id != later.assembly_id

    def before(month: Month, code: str) -> Counter[tuple[str | None, ...]]:
        return Counter(
            (record["lineItem/ResourceId"], record["lineItem/UsageStartDate"], record["lineItem/UnblendedCost"])
            for record in _records(month)
            if record["lineItem/ProductCode"] == code
            and record["lineItem/LineItemType"] == "Usage"
            and str(record["lineItem/UsageEndDate"]) <= "2026-08-20T09:00:00Z"
        )

    # What was said of the past stays, but for what arrives late and what was estimated.
    assert before(earlier, "awskms") == before(later, "awskms")
    assert before(earlier, "AmazonCloudFront") < before(later, "AmazonCloudFront")
    assert not before(earlier, "AmazonDynamoDB") <= before(later, "AmazonDynamoDB")


def test_closed_months_change_by_refunds_and_support(organisation: Organisation) -> None:
    end = SECOND.end
    at = {days: generate_month(organisation, SECOND, end + timedelta(days=days), SCALE) for days in (1, 4, 7, 10, 13)}
    assert at[1].expected.rows_without_invoice == at[1].expected.rows
    # Marketplace invoices come later than AWS's own.
    assert 0 < at[4].expected.rows_without_invoice < 1_600
    assert at[7].expected.rows_without_invoice == 0
    assert at[7].expected.focus_by_code["AWSSupportBusiness"].billed > 0
    assert "AWSSupportBusiness" not in at[4].expected.focus_by_code
    assert "Refund" not in at[7].expected.rows_by_type
    assert at[10].expected.unblended_by_type["Refund"] == -438
    assert at[10].expected.focus.effective == at[7].expected.focus.effective  # a plan's fee is no effective cost
    assert at[13].expected.rows_by_type["Refund"] == 2


def test_usage_grows_from_month_to_month(organisation: Organisation) -> None:
    def requests(period: BillingPeriod) -> int:
        month = generate_month(organisation, period, CLOSED_LONG_AGO, SCALE)
        chosen = [template.text.get("lineItem/UsageType") == "EUC1-Requests-Tier2" for template in month.templates]
        mine = np.array(chosen)[month.rows.template]
        return int(month.rows.quantity[mine].sum()) // ((period.end - period.start).days)

    assert requests(BillingPeriod(2026, 10)) > requests(OPENED) * 1.05


def test_usage_follows_the_week(closed_month: Month) -> None:
    hours = Counter(
        datetime.fromisoformat(str(record["lineItem/UsageStartDate"])).strftime("%u %H")
        for record in _records(closed_month)
        if record["costCategory/Environment"] == "Non-production" and record["lineItem/ProductCode"] == "AmazonEC2"
        and str(record["lineItem/UsageType"]).startswith("EUC1-BoxUsage")
    )  # fmt: skip
    assert hours["2 10"] > 0
    assert not any(hour.startswith(("6", "7")) for hour in hours)
    assert "2 02" not in hours


def test_columns_appear_when_a_tag_is_activated(organisation: Organisation, closed_month: Month) -> None:
    third = generate_month(organisation, BillingPeriod(2026, 9), CLOSED_LONG_AGO, SCALE)
    assert len(third.header) == 208
    assert set(third.header) - set(closed_month.header) == {"resourceTags/user:project", "resourceTags/user:Ürün"}


def test_a_month_that_has_not_begun_is_refused(organisation: Organisation) -> None:
    with pytest.raises(ValueError, match="2026-12 has no usage yet"):
        generate_month(organisation, BillingPeriod(2026, 12), CLOSED_LONG_AGO)
    with pytest.raises(ValueError, match="2026-06"):
        generate_month(organisation, BillingPeriod(2026, 6), CLOSED_LONG_AGO)
