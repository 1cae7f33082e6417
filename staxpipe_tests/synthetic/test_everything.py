"""The organisation that has everything: which rows its months hold, and the identities that are true of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from staxpipe.synthetic.adjustments import UNKNOWN_TYPE
from staxpipe.synthetic.features import Features, Spelling
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.text import MonthText
from staxpipe_tests.synthetic.conftest import CLOSED_LONG_AGO, OPENED, SCALE, SECOND

pytestmark = pytest.mark.long

ORDINARY = {
    "Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanUpfrontFee",
    "SavingsPlanRecurringFee", "RIFee", "Fee", "Tax", "Credit", "Refund", "FlatRateSubscription", UNKNOWN_TYPE,
}  # fmt: skip
DISCOUNTS = {
    "Discount", "BundledDiscount", "EdpDiscount", "PrivateRateDiscount", "RiVolumeDiscount", "SppDiscount",
}  # fmt: skip

LOOKED_AT = {
    "bill/BillType", "bill/BillingEntity", "bill/InvoiceId", "bill/InvoicingEntity", "lineItem/CurrencyCode",
    "lineItem/LineItemDescription", "lineItem/LineItemType", "lineItem/NetUnblendedCost", "lineItem/Operation",
    "lineItem/ResourceId", "lineItem/TaxType", "lineItem/UnblendedCost", "lineItem/UsageStartDate",
    "lineItem/UsageType", "discount/BundledDiscount", "discount/EdpDiscount", "discount/TotalDiscount",
    "reservation/EffectiveCost", "reservation/NetAmortizedUpfrontFeeForBillingPeriod",
    "reservation/NetEffectiveCost", "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/NetUnusedRecurringFee", "reservation/ReservationARN",
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod", "savingsPlan/PaymentOption",
    "savingsPlan/RecurringCommitmentForBillingPeriod", "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/TotalCommitmentToDate", "splitLineItem/ParentResourceId", "splitLineItem/SplitCost",
    "splitLineItem/UnusedCost",
}  # fmt: skip

_KNOWN: dict[tuple[str, bool], list[dict[str, str | None]]] = {}  # two months are looked at by many tests


def _records(month: Month) -> list[dict[str, str | None]]:
    key = month.assembly_id, "lineItem/NetUnblendedCost" in month.header
    if key not in _KNOWN:
        columns = [name for name in month.header if name in LOOKED_AT]
        _KNOWN[key] = MonthText(month).table().select(columns).to_pylist()
    return _KNOWN[key]


def _amount(record: dict[str, str | None], column: str) -> Decimal:
    return Decimal(record[column] or "0")


def test_every_line_item_type_is_there(month_of_rows: Month, month_of_net: Month) -> None:
    assert month_of_rows.expected.rows_by_type.keys() == ORDINARY | DISCOUNTS
    assert month_of_net.expected.rows_by_type.keys() == ORDINARY
    assert not any("/NetUn" in name for name in month_of_rows.header)
    assert month_of_rows.expected.net == month_of_rows.expected.unblended
    assert month_of_net.expected.net < month_of_net.expected.unblended


def test_rupees_are_apart_from_dollars(month_of_rows: Month) -> None:
    india = [record for record in _records(month_of_rows) if record["lineItem/CurrencyCode"] == "INR"]
    assert {record["bill/InvoicingEntity"] for record in india} == {"Amazon Web Services India Private Limited"}
    assert {record["lineItem/TaxType"] for record in india} == {None, "GST"}
    assert len({record["bill/InvoiceId"] for record in india}) == 1
    assert {key for key in month_of_rows.expected.source if key[0] == "INR"} == {
        ("INR", "Usage"), ("INR", "Tax"), ("INR", "EdpDiscount"),
    }  # fmt: skip
    rows = sum(sums.rows for (currency, _), sums in month_of_rows.expected.source.items() if currency == "INR")
    assert rows == len(india)


def test_a_refund_of_each_category(month_of_rows: Month) -> None:
    refunds = [record for record in _records(month_of_rows) if record["lineItem/LineItemType"] == "Refund"]
    assert {bool(record["lineItem/TaxType"]) for record in refunds} == {True, False}
    assert any(record["reservation/ReservationARN"] for record in refunds)
    assert any(str(record["lineItem/LineItemDescription"]).startswith("Refund for one-time fee") for record in refunds)
    assert len(refunds) == 4
    assert {record["bill/BillType"] for record in refunds} == {"Refund"}


def test_split_rows_share_out_what_their_instances_cost(everything: Month) -> None:
    shared: dict[tuple[str | None, str | None], Decimal] = {}
    costs: dict[tuple[str | None, str | None], Decimal] = {}
    operations = set()
    for record in _records(everything):
        hour = record["lineItem/UsageStartDate"]
        if parent := record["splitLineItem/ParentResourceId"]:
            assert record["lineItem/UnblendedCost"] == "0.0"
            operations.add(record["lineItem/Operation"])
            host: tuple[str | None, str | None] = parent, hour
            part = _amount(record, "splitLineItem/SplitCost") + _amount(record, "splitLineItem/UnusedCost")
            shared[host] = shared.get(host, Decimal(0)) + part
        elif "BoxUsage:" in str(record["lineItem/UsageType"]):
            column = {
                "Usage": "lineItem/UnblendedCost",
                "DiscountedUsage": "reservation/EffectiveCost",
                "SavingsPlanCoveredUsage": "savingsPlan/SavingsPlanEffectiveCost",
            }.get(str(record["lineItem/LineItemType"]))
            if column:
                key = record["lineItem/ResourceId"], hour
                costs[key] = costs.get(key, Decimal(0)) + _amount(record, column)
    assert operations == {"EKSPod-EC2", "ECSTask-EC2"}
    assert shared == {key: costs[key] for key in shared}
    assert sum(shared.values()) == everything.expected.split.cost + everything.expected.split.unused > 0


def test_net_costs_are_what_discounts_leave(month_of_net: Month) -> None:
    bundled = 0
    for record in _records(month_of_net):
        off = _amount(record, "discount/TotalDiscount")
        assert _amount(record, "lineItem/NetUnblendedCost") == _amount(record, "lineItem/UnblendedCost") - off
        assert off == _amount(record, "discount/EdpDiscount") + _amount(record, "discount/BundledDiscount")
        assert off >= 0
        bundled += record["discount/BundledDiscount"] is not None
        if record["lineItem/LineItemType"] in {"SavingsPlanCoveredUsage", "SavingsPlanNegation", "Tax", "Credit"}:
            assert off == 0
        if record["bill/BillingEntity"] == "AWS Marketplace" or record["lineItem/CurrencyCode"] == "INR":
            assert off == 0
    assert bundled > 0


def test_reservations_spend_their_net_fees(month_of_net: Month) -> None:
    used = unused = fees = Decimal(0)
    for record in _records(month_of_net):
        used += _amount(record, "reservation/NetEffectiveCost")
        unused += _amount(record, "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod")
        unused += _amount(record, "reservation/NetUnusedRecurringFee")
        if record["lineItem/LineItemType"] == "RIFee":
            fees += _amount(record, "lineItem/NetUnblendedCost")
            fees += _amount(record, "reservation/NetAmortizedUpfrontFeeForBillingPeriod")
    assert used + unused == fees > 0


def test_a_partly_upfront_plan_commits_both_parts(month_of_rows: Month) -> None:
    fees = [
        record
        for record in _records(month_of_rows)
        if record["savingsPlan/PaymentOption"] == "Partial Upfront"
        and record["lineItem/LineItemType"] == "SavingsPlanRecurringFee"
    ]
    for fee in fees:
        recurring = _amount(fee, "savingsPlan/RecurringCommitmentForBillingPeriod")
        assert recurring == _amount(fee, "lineItem/UnblendedCost") > 0
        amortised = _amount(fee, "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod")
        assert recurring + amortised == _amount(fee, "savingsPlan/TotalCommitmentToDate")
    assert fees


def test_discounts_are_told_one_way_only(month_of_net: Month) -> None:
    with pytest.raises(ValueError, match="either rows or net columns"):
        Features(every_discount=True, net_per_mille=10)
    with pytest.raises(ValueError, match="either rows or net columns"):
        replace(month_of_net.organisation, edp_percent=3)


def test_plain_keys_survive_every_spelling() -> None:
    alike = Organisation.alike(7, OPENED, SCALE)
    keys = {name for name in generate_month(alike, SECOND, CLOSED_LONG_AGO, SCALE).header if name.count("/user:")}
    assert keys == {f"resourceTags/user:{key}" for key in
                    ("cost_center", "cost_code", "environment", "name", "owner", "team")}  # fmt: skip
    assert Spelling.PLAIN.tag("aws:createdBy") == "aws:created_by"
    assert Spelling.PLAIN.tag("user:Ürün") == "user:product_line"
    assert Spelling.AWS_LIKE.tag("user:Cost Center") == "user:Cost Center"
