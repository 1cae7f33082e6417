"""The 36 traps of AWS's cost exports, one test each, in order: each fails without what handles its trap."""

from __future__ import annotations

import gzip
import json
import re
import sys
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.exports.bucket import Bucket
from staxpipe.exports.data_exports import DataExports
from staxpipe.exports.discovery import discover, still_current
from staxpipe.exports.folder import FolderBucket
from staxpipe.exports.legacy import LegacyCur
from staxpipe.exports.local import find
from staxpipe.focus.dialect import dialect_of
from staxpipe.focus.identities import IdentityName, identities
from staxpipe.focus.mapping import normalise
from staxpipe.focus.names import canonical_name
from staxpipe.focus.reading import read_source
from staxpipe.focus.reconciliation import reconcile, residual_rows
from staxpipe.focus.source_columns import wanted
from staxpipe.focus.tally import Tally
from staxpipe.ingest.load import FailedMonth, LoadedMonth
from staxpipe.ingest.platform import Platform
from staxpipe.model import FileFormat
from staxpipe.status.ledger import read_ledger
from staxpipe_tests.focus.batches import CONTEXT, PLAN, Row, batch, mapped, one, row
from staxpipe_tests.focus.commitments import COVERED, NEGATION, RECURRING, RI_FEE
from staxpipe_tests.ingest.conftest import platform
from staxpipe_tests.small_reports import billed, csv_of, deliver, load_all, load_one
from tools import validate_focus

__all__ = ["platform"]

RED, BLUE = row(line_item_unblended_cost="1"), row(line_item_unblended_cost="10")


def focus_rows(*rows: Row) -> list[dict[str, object]]:
    found: list[dict[str, object]] = mapped(*rows).rows.to_pylist()
    return found


def read(path: Path, format: FileFormat) -> list[dict[str, str]]:
    return [
        {name: value for name, value in item.items() if value is not None}
        for part in read_source(path, format, file=path.name, wanted=wanted)
        for item in part.rows.to_pylist()
    ]


def test_trap_01_every_delivery_is_the_whole_month_so_far(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first")
    load_all(platform, tmp_path)
    deliver(tmp_path, [[RED, BLUE]], "second", hours=8)
    load_all(platform, tmp_path)
    assert billed(platform) == 11


def test_trap_02_line_item_ids_are_no_keys() -> None:
    assert len(focus_rows(RED, RED, BLUE)) == 3


def test_trap_03_only_the_newest_manifests_files_count(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first", create_new=True)
    deliver(tmp_path, [[RED], [BLUE]], "second", hours=8, create_new=True)
    load_all(platform, tmp_path)
    assert billed(platform) == 11


def test_trap_04_an_older_delivery_that_arrives_late_does_not_win(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[BLUE]], "second", hours=8, create_new=True)
    pointer = (tmp_path / "billing/report/20261001-20261101/report-Manifest.json").read_bytes()
    deliver(tmp_path, [[RED]], "first", create_new=True)
    (tmp_path / "billing/report/20261001-20261101/report-Manifest.json").write_bytes(pointer)
    assert load_one(platform, tmp_path).billed_cost == 10


def test_trap_05_without_a_manifest_nothing_of_a_bucket_is_loaded(tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first", manifest=False)
    found = discover(FolderBucket(tmp_path), "billing")
    assert found.deliveries == ()
    assert [finding.code for finding in found.findings] == ["data-without-manifest"]


def test_trap_06_a_delivery_that_was_overwritten_meanwhile_is_not_believed(tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first")
    bucket: Bucket = FolderBucket(tmp_path)
    [delivery] = find(tmp_path).deliveries
    assert still_current(bucket, delivery)
    deliver(tmp_path, [[RED, BLUE]], "second", hours=8)
    assert not still_current(bucket, delivery)


def test_trap_07_empty_files_of_a_shrunken_report_are_no_fault(platform: Platform, tmp_path: Path) -> None:
    first, second = deliver(tmp_path, [[RED], [BLUE]], "first")
    header = csv_of([BLUE]).split(b"\n", 1)[0] + b"\n"
    second.write_bytes(gzip.compress(header))
    assert load_one(platform, tmp_path).billed_cost == 1
    assert first.exists()


def test_trap_08_months_long_past_are_loaded_again(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first")
    load_all(platform, tmp_path)
    refund = row(line_item_line_item_type="Refund", line_item_unblended_cost="-0.4")
    deliver(tmp_path, [[RED, refund]], "a-year-later", hours=24 * 365)
    load_all(platform, tmp_path)
    assert billed(platform) == Decimal("0.6")


def test_trap_09_one_row_without_an_invoice_keeps_the_month_provisional(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED, row(bill_invoice_id=None)]], "first")
    assert load_one(platform, tmp_path).badge == "provisional"


def test_trap_10_rows_that_span_the_month_are_kept_whatever_their_day(platform: Platform, tmp_path: Path) -> None:
    outside = row(line_item_usage_start_date="2026-09-28T00:00:00Z", line_item_usage_end_date="2026-11-02T00:00:00Z")
    deliver(tmp_path, [[RED, outside]], "first")
    assert load_one(platform, tmp_path).rows_written == 2


def test_trap_11_an_inclusive_end_becomes_exclusive() -> None:
    assert focus_rows(RI_FEE)[0]["ChargePeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)


def test_trap_12_rows_dated_in_the_future_are_no_fault() -> None:
    future = {**RECURRING, "line_item_usage_start_date": "2036-10-31T22:00:00Z"}
    future["line_item_usage_end_date"] = "2036-10-31T23:00:00Z"
    assert [found["BilledCost"] for found in focus_rows(future)] == [5, 0]


def test_trap_13_columns_come_and_go_and_absent_is_not_zero(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED]], "first")
    load_all(platform, tmp_path)
    deliver(tmp_path, [[{**RED, "resource_tags/user:Team": "core"}]], "second", hours=8)
    result = load_one(platform, tmp_path)
    assert "columns-new" in {finding.code for finding in result.findings}
    bare = {name: value for name, value in RED.items() if name != "line_item_availability_zone"}
    assert one(bare)["AvailabilityZone"] is None
    assert one(bare)["CommitmentDiscountQuantity"] is None


@pytest.mark.parametrize(
    "spelling", ["savingsPlan/SavingsPlanARN", "savingsPlan/SavingsPlanArn", "savings_plan_savings_plan_a_r_n"]
)
def test_trap_14_every_naming_scheme_comes_to_one_name(spelling: str) -> None:
    assert canonical_name(spelling) == "savings_plan_savings_plan_a_r_n"
    assert canonical_name("product/regionCode") == canonical_name("product_region_code")
    assert one(row(product_region_code=None, product_region="eu-west-1"))["RegionId"] == "eu-west-1"


def test_trap_15_colliding_and_duplicate_columns_lose_nothing(tmp_path: Path) -> None:
    tags = one({**RED, "resource_tags/user:team": "a", "resource_tags/user:Team": "b"})["Tags"]
    assert sorted(value for _, value in tags) == ["a", "b"]  # type: ignore[attr-defined]
    path = tmp_path / "x.parquet"
    twice = pa.table(
        [pa.array(["a"]), pa.array([0.5]), pa.array([0.5])], ["line_item_usage_type", *["line_item_unblended_cost"] * 2]
    )
    pq.write_table(twice, path)
    assert read(path, FileFormat.PARQUET)[0]["line_item_unblended_cost#2"] == "0.5"


def test_trap_16_nothing_and_zero_are_no_values() -> None:
    empty = {**RED, "savings_plan_savings_plan_a_r_n": "", "reservation_reservation_a_r_n": ""}
    assert one(empty)["CommitmentDiscountId"] is None
    spot = row(line_item_usage_type="SpotUsage:m5.large", pricing_public_on_demand_cost="0.0")
    assert one({**spot, "pricing_public_on_demand_rate": "0.0"})["ListCost"] == Decimal("0.25")


def test_trap_17_numbers_that_are_texts_are_read_or_quarantined() -> None:
    assert one(row(line_item_unblended_cost="1.81E-8"))["BilledCost"] == Decimal("1.81E-8")
    [refused] = mapped(row(line_item_unblended_cost="convertible")).rejected
    assert (refused.column, refused.value) == ("line_item_unblended_cost", "convertible")


def test_trap_18_account_ids_keep_their_zeros(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(csv_of([RED]))
    assert read(path, FileFormat.CSV)[0]["bill_payer_account_id"] == "001234567890"
    assert mapped(row(bill_payer_account_id="1234567890")).rejected, "a spreadsheet took its zeros"


@pytest.mark.parametrize(
    "text", ["2026-10-03T05:00:00Z", "2026-10-03T05:00:00.000Z", "2026-10-03 05:00:00+00:00", "2026-10-03 05:00:00"]
)
def test_trap_19_every_way_to_write_a_time_is_utc(text: str) -> None:
    assert one(row(line_item_usage_start_date=text))["ChargePeriodStart"] == datetime(2026, 10, 3, 5, tzinfo=UTC)


def test_trap_20_an_unknown_line_item_type_is_loaded_and_told() -> None:
    result = mapped(row(line_item_line_item_type="SomethingOfNextYear"))
    assert result.rows.column("BilledCost").to_pylist() == [Decimal("0.25")]
    assert "unknown-line-item-type" in {finding.code for finding in reconcile(result.tally).findings}


def test_trap_21_negation_has_no_row_and_covered_usage_bills_nothing() -> None:
    [found] = focus_rows(COVERED, NEGATION)
    assert (found["BilledCost"], found["EffectiveCost"], found["ConsumedQuantity"]) == (0, Decimal("0.1"), 2)
    assert residual_rows(mapped(COVERED, NEGATION).tally, CONTEXT) is None
    assert residual_rows(mapped(COVERED).tally, CONTEXT) is not None


@pytest.mark.parametrize(("fee", "unused"), [(RI_FEE, "1.75"), (RECURRING, "1.5")])
def test_trap_22_one_fee_row_is_a_purchase_and_an_unused_row(fee: Row, unused: str) -> None:
    purchase, rest = focus_rows(fee)
    assert (purchase["ChargeCategory"], purchase["EffectiveCost"]) == ("Purchase", 0)
    assert (rest["CommitmentDiscountStatus"], rest["BilledCost"], rest["EffectiveCost"]) == (
        "Unused",
        0,
        Decimal(unused),
    )


def test_trap_23_upfront_fees_are_billed_and_not_effective() -> None:
    fee = row(line_item_line_item_type="SavingsPlanUpfrontFee", savings_plan_savings_plan_a_r_n=PLAN)
    refund = row(
        line_item_line_item_type="Refund",
        line_item_line_item_description="Refund for one-time fee for Savings Plan ID: 1",
        line_item_unblended_cost="-0.25",
    )
    costs = [(found["BilledCost"], found["EffectiveCost"]) for found in focus_rows(fee, refund)]
    assert costs == [(Decimal("0.25"), 0), (Decimal("-0.25"), 0)]


def test_trap_24_split_shares_stand_beside_the_totals(platform: Platform, tmp_path: Path) -> None:
    share = row(
        line_item_operation="EKSPod-EC2", split_line_item_parent_resource_id="i-1", split_line_item_split_cost="1"
    )
    deliver(tmp_path, [[RED, {**share, "line_item_unblended_cost": "7"}]], "first")
    load_all(platform, tmp_path)
    assert billed(platform) == 1
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
    assert (of.line.rows_split, of.line.source_cost) == (1, Decimal(1))


def test_trap_25_discounts_are_never_subtracted_twice() -> None:
    net = row(line_item_net_unblended_cost="0.2", discount_total_discount="-0.05")
    discount = row(
        line_item_line_item_type="EdpDiscount", line_item_unblended_cost="-0.05", line_item_net_unblended_cost="0"
    )
    assert [found["BilledCost"] for found in focus_rows(net, discount)] == [Decimal("0.2"), 0]
    rows_only = row(line_item_line_item_type="EdpDiscount", line_item_unblended_cost="-0.05")
    assert [found["BilledCost"] for found in focus_rows(row(), rows_only)] == [Decimal("0.25"), Decimal("-0.05")]


def test_trap_26_two_exports_of_one_month_count_once(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path / "payer", [[RED]], "first")
    deliver(tmp_path / "member", [[RED]], "second")
    load_all(platform, tmp_path / "payer")
    load_all(platform, tmp_path / "member")
    assert billed(platform) == 1


def test_trap_27_currencies_are_never_summed_together(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED, row(line_item_currency_code="INR", line_item_unblended_cost="80")]], "first")
    months = [month for month in load_all(platform, tmp_path) if isinstance(month, LoadedMonth)]
    assert {(month.currency, month.billed_cost) for month in months} == {("USD", Decimal(1)), ("INR", Decimal(80))}


def test_trap_28_a_required_column_that_the_sql_dropped_is_named(platform: Platform, tmp_path: Path) -> None:
    without = {name: value for name, value in RED.items() if name != "line_item_unblended_cost"}
    deliver(tmp_path, [[without]], "first")
    [failed] = load_all(platform, tmp_path)
    assert isinstance(failed, FailedMonth)
    assert "line_item_unblended_cost" in failed.error


@pytest.mark.parametrize(
    "address",
    [
        "s3://b/p/cur/metadata/BILLING_PERIOD=2026-10/cur-Manifest.json",
        "s3://b/p/cur/metadata/billing_period=2026-10/2026-10-31T20:55:07.771Z-57bd634a/cur-Manifest.json",
        "s3://b/p/cur/cur/year=2026/month=10/cur-Manifest.json",
        "s3://b/cur/20261001-20261101/cur-Manifest.json",
    ],
)
def test_trap_29_every_variant_of_the_path_is_found(address: str, platform: Platform, tmp_path: Path) -> None:
    places = [place for layout in (DataExports(), LegacyCur()) if (place := layout.place(address))]
    assert len(places) == 1
    deliver(tmp_path, [[RED]], "first", keys=["/billing/report/20261001-20261101/report-00001.csv.gz"])
    assert load_one(platform, tmp_path).billed_cost == 1, "a key with a slash before it"


def test_trap_30_each_chunk_is_read_by_its_own_header(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED], [dict(reversed(BLUE.items()))]], "first")
    assert load_one(platform, tmp_path).billed_cost == 11
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", csv_of([RED]))
        archive.writestr("b.csv", csv_of([dict(reversed(BLUE.items()))]))
    assert [item["line_item_unblended_cost"] for item in read(path, FileFormat.CSV_ZIP)] == ["1", "10"]


def test_trap_31_rows_that_are_the_same_are_all_kept(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED, RED], [RED]], "first")
    assert load_one(platform, tmp_path).billed_cost == 3


def test_trap_32_the_ledger_has_the_totals_that_manifests_lack(platform: Platform, tmp_path: Path) -> None:
    deliver(tmp_path, [[RED, BLUE, row(line_item_line_item_type="Tax", line_item_unblended_cost="2")]], "first")
    load_all(platform, tmp_path)
    with platform.engine.connect() as connection:
        [of] = read_ledger(connection)
    assert {total.charge: (total.rows, total.billed_cost) for total in of.source} == {
        "Usage": (2, Decimal(11)),
        "Tax": (1, Decimal(2)),
    }


def test_trap_33_focus_rows_say_of_which_version_they_are() -> None:
    columns = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ChargeCategory", "BillingAccountId"]
    columns += ["BillingCurrency", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "ServiceName"]
    values = ["1", "1", "1", "1", "Usage", "001234567890", "USD", *["2026-10-01T00:00:00Z"] * 2, "2026-10-02T00:00:00Z"]
    line: Row = dict(zip(map(canonical_name, columns), [*values, "Amazon EC2"], strict=True))
    for own, version in (("x_UsageType", "1.0"), ("SkuMeter", "1.2")):
        mapping = dialect_of([*columns, own], "x.csv").mapping
        result = mapping(batch([{**line, canonical_name(own): "BoxUsage"}]), CONTEXT, 1)
        assert result.rows.column("x_FocusVersion").to_pylist() == [version]
    assert mapped(RED).rows.column("x_FocusVersion").to_pylist() == [None]


def test_trap_34_sums_are_exact_in_any_order() -> None:
    costs = ["0.1", "0.2", "1E-10", "1234567.89", "-1234567.89"]
    rows = [row(line_item_unblended_cost=cost) for cost in costs]
    for order in (rows, rows[::-1]):
        [total] = mapped(*order).tally.focus.values()
        assert total.billed == Decimal("0.3000000001")


@pytest.mark.outside_data
def test_trap_35_the_reservation_invariant_holds_on_real_months(outside_data: Path) -> None:
    files = sorted((outside_data / "workshop-2018").rglob("*.parquet"))
    assert len(files) == 2
    for path in files:
        parts = read_source(path, FileFormat.PARQUET, file=path.name, wanted=wanted)
        whole = Tally()
        for part in parts:
            whole.add(normalise(part.rows, CONTEXT, part.first_row).tally)
        [found] = [identity for identity in identities(whole) if identity.name is IdentityName.RESERVATIONS]
        assert found.holds
        assert found.left > 200
        assert abs(found.difference) < Decimal("0.0001")


def test_trap_36_the_validators_exit_status_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in for the validator that exits with 0, and whose report has one failure that nothing excuses."""
    venv = tmp_path / "validator"
    rules = venv / "lib/python3.12/site-packages/focus_validator/rules"
    rules.mkdir(parents=True)
    (rules / "currency_codes.csv").touch()
    (rules / "model-1.2.0.json").write_text(json.dumps({"ModelRules": {}}), encoding="utf-8")
    cases = "".join(f'<testcase name="Rule-{number}"/>' for number in range(300))
    failed = '<testcase name="BilledCost-C-999-M"><failure/></testcase>'
    (venv / "report.xml").write_text(f"<testsuite>{cases}{failed}</testsuite>", encoding="utf-8")
    program = venv / "bin" / "focus-validator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncp {venv}/report.xml "$last"\nexit 0\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["validate_focus.py", str(venv), str(tmp_path / "month.parquet")])
    assert validate_focus.main() == 1
    assert "FAILED  BilledCost-C-999-M" in capsys.readouterr().out


def test_all_36_traps_are_here_in_order() -> None:
    names = [name for name in vars(sys.modules[__name__]) if name.startswith("test_trap_")]
    assert [int(re.findall(r"[0-9]+", name)[0]) for name in names] == list(range(1, 37))
