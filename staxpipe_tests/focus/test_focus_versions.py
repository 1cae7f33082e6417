"""Which version of FOCUS a file is in, and 1.0 rows becoming 1.2 rows."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from staxpipe.focus.columns import FOCUS_COLUMNS
from staxpipe.focus.focus_versions import ONLY_IN_1_0, ONLY_IN_1_2, FocusVersion, version_of
from staxpipe.focus.names import canonical_name
from staxpipe.focus.passthrough_columns import AWS_COLUMNS, wanted
from staxpipe.synthetic.focus_columns import FOCUS_HEADERS
from staxpipe_tests.focus.focus_batches import FOCUS_1_0, FOCUS_1_2, focus_row, only, passed, without

NEW_AND_UNKNOWN = (
    "CapacityReservationId",
    "CapacityReservationStatus",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "InvoiceId",
    "SkuPriceDetails",
)


@pytest.mark.parametrize("version", list(FocusVersion))
def test_the_columns_tell_the_version(version: FocusVersion) -> None:
    names = [canonical_name(name) for name in FOCUS_HEADERS[version]]
    assert version_of(names) is version
    assert all(wanted(name) for name in names)


@pytest.mark.parametrize("name", sorted(ONLY_IN_1_0 | ONLY_IN_1_2))
def test_one_column_is_enough(name: str) -> None:
    assert version_of({"billed_cost", name}) is (FocusVersion.V1_0 if name in ONLY_IN_1_0 else FocusVersion.V1_2)


def test_without_any_such_column_nothing_is_told() -> None:
    assert version_of(["billed_cost", "tags", "x_discounts"]) is None


def test_the_columns_of_the_two_versions_are_all_columns() -> None:
    known = {canonical_name(column.name) for column in (*FOCUS_COLUMNS, *AWS_COLUMNS)}
    both = {name.partition("/")[0] for name in FOCUS_1_0} & {name.partition("/")[0] for name in FOCUS_1_2}
    assert known >= ONLY_IN_1_0 | ONLY_IN_1_2
    assert not ONLY_IN_1_0 & ONLY_IN_1_2
    assert not both & (ONLY_IN_1_0 | ONLY_IN_1_2)
    assert len(known) == 57 + 5


@pytest.mark.outside_data
def test_awss_own_list_of_1_2_columns_is_read_whole(outside_data: Path) -> None:
    with (outside_data / "tables" / "focus12_aws_columns_types.csv").open() as file:
        listed = {row["column"] for row in csv.DictReader(file)}
    ours = {name.lower() for name in FOCUS_HEADERS["1.2"]}
    assert listed - ours == {"source_account_id", "report_name", "data", "billing_period"}  # partitions
    assert ours <= listed


def test_usage_type_is_the_meter_and_cost_categories_stay() -> None:
    found = only(FOCUS_1_0)
    assert found["SkuMeter"] == "BoxUsage:m5.large"
    assert found["x_CostCategories"] == [("Team", "core")]
    assert only(focus_row(FOCUS_1_0, sku_id=None))["SkuMeter"] == "BoxUsage:m5.large"


def test_the_pricing_currency_is_the_billing_currency() -> None:
    found = only(focus_row(FOCUS_1_0, billing_currency="EUR"))
    assert found["PricingCurrency"] == "EUR"
    assert found["PricingCurrencyContractedUnitPrice"] == found["ContractedUnitPrice"] == Decimal("0.14")
    assert found["PricingCurrencyEffectiveCost"] == found["EffectiveCost"] == Decimal("0.24")
    assert found["PricingCurrencyListUnitPrice"] == found["ListUnitPrice"] == Decimal("0.15")


def test_a_sub_account_has_a_type_and_no_sub_account_has_none() -> None:
    assert only(FOCUS_1_0)["SubAccountType"] == "Usage Account"
    assert only(focus_row(FOCUS_1_0, sub_account_id=None))["SubAccountType"] is None


@pytest.mark.parametrize("name", NEW_AND_UNKNOWN)
def test_what_1_0_cannot_tell_stays_null(name: str) -> None:
    assert only(FOCUS_1_0)[name] is None


def test_a_charge_class_is_kept() -> None:
    assert only(focus_row(FOCUS_1_0, charge_class="Correction"))["ChargeClass"] == "Correction"


def test_a_1_2_file_without_a_column_is_not_upgraded() -> None:
    found = only(without(FOCUS_1_2, "pricing_currency", "sku_meter", "sub_account_type"))
    assert (found["PricingCurrency"], found["SkuMeter"], found["SubAccountType"]) == (None, None, None)


def test_a_map_that_is_empty_in_a_batch_does_not_change_the_version() -> None:
    reduced = without(FOCUS_1_0, "x_cost_categories/Team")
    result = passed(reduced)
    assert result.rows.to_pylist()[0]["x_FocusVersion"] == "1.0"
    assert result.tally.assumed == {}
