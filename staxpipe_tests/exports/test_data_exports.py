import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError, StaxpipeError, TransientError
from staxpipe.exports.data_exports import DataExports, OtherTableError, is_of_other_table
from staxpipe.exports.layout import Manifest, Place
from staxpipe.model import BillingPeriod, ExportKind
from staxpipe_tests.exports.conftest import (
    CUR_2_0_COLUMNS,
    FOCUS_1_0_COLUMNS,
    FOCUS_1_2_COLUMNS,
    check_answer,
    export_body,
    json_values,
)

LAYOUT = DataExports()
EXPORT = "s3://costs/pfx/exp"
ADDRESS = f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json"
VERSION = "2026-10-20T08:00:00.771Z-57bd634a-0f0e"
FIELDS = (
    "executionId",
    "exportArn",
    "columns",
    "dataFiles",
    "billingPeriod",
    "timePeriod",
    "exportName",
    "compression",
    "account",
    "reportKeys",
)


def parse(address: str = ADDRESS, **changes: Any) -> Manifest:
    body = export_body(["s3://costs/pfx/exp/data/BILLING_PERIOD=2026-10/exp-00001.csv.gz"], "57bd", **changes)
    return LAYOUT.parse(address, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (ADDRESS, Place(EXPORT, "2026-10", None)),
        (f"{EXPORT}/metadata/billing_period=2026-10/exp-Manifest.json", Place(EXPORT, "2026-10", None)),
        (f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/Manifest.json", Place(EXPORT, "2026-10", None)),
        (f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/manifest.json", Place(EXPORT, "2026-10", None)),
        (f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/{VERSION}/exp-Manifest.json", Place(EXPORT, "2026-10", VERSION)),
        ("s3://b/exp/metadata/BILLING_PERIOD=2026-01/exp-Manifest.json", Place("s3://b/exp", "2026-01", None)),
        ("s3://b/é #1/metadata/BILLING_PERIOD=2026-01/x-Manifest.json", Place("s3://b/é #1", "2026-01", None)),
        ("file:///x/BILLING_PERIOD=2026-01/exp-Manifest.json", Place("file:///x", "2026-01", None)),
    ],
)
def test_where_a_manifest_stands(address: str, place: Place) -> None:
    assert LAYOUT.place(address) == place


@pytest.mark.parametrize(
    "address",
    [
        f"{EXPORT}/data/BILLING_PERIOD=2026-10/exp-00001.csv.gz",
        f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/exp-Metadata.json",
        f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/exp-RedshiftManifest.json",
        f"{EXPORT}/metadata/BILLING_PERIOD=2026-13/exp-Manifest.json",
        f"{EXPORT}/metadata/BILLING_PERIOD=/exp-Manifest.json",
        f"{EXPORT}/metadata/BILLING_PERIOD=2026-10/a/b/exp-Manifest.json",
        f"{EXPORT}/metadata/date=2026-10-01/exp-Manifest.json",
        "s3://b/pfx/cur/20261001-20261101/cur-Manifest.json",
    ],
)
def test_what_is_not_a_manifest_of_billing_periods(address: str) -> None:
    assert LAYOUT.place(address) is None


@pytest.mark.parametrize(
    ("address", "other"),
    [
        (f"{EXPORT}/metadata/date=2026-10-01/exp-Manifest.json", True),
        (f"{EXPORT}/metadata/date=2026-10-01/{VERSION}/exp-Manifest.json", True),
        (f"{EXPORT}/metadata/date=2026-10-01/exp-RedshiftManifest.json", False),
        (f"{EXPORT}/metadata/exp-Manifest.json", False),
        (f"{EXPORT}/data/date=2026-10-01/exp-00001.csv.gz", False),
        (ADDRESS, False),
        ("s3://b/site/manifest.json", False),
    ],
)
def test_exports_without_billing_periods_are_told_by_their_address(address: str, other: bool) -> None:
    assert is_of_other_table(address) is other


def test_what_a_manifest_says() -> None:
    manifest = parse()
    assert manifest == Manifest(
        name="exp",
        kind=ExportKind.CUR_2_0,
        owner=manifest.owner,
        period=BillingPeriod(2026, 10),
        delivery_id="57bd",
        keys=("pfx/exp/data/BILLING_PERIOD=2026-10/exp-00001.csv.gz",),
        repeated=(),
        compression="",
        columns=("bill_billing_period_start_date", "line_item_unblended_cost", "resource_tags"),
    )
    assert manifest.owner == "012345678901"


def test_only_the_files_are_indispensable() -> None:
    body = json.dumps({"dataFiles": ["x.csv.gz"]}).encode()
    manifest = LAYOUT.parse(ADDRESS, body)
    assert (manifest.name, manifest.owner, manifest.columns) == ("exp", None, ())
    assert (manifest.kind, manifest.period) == (ExportKind.DATA_EXPORT, BillingPeriod(2026, 10))
    assert manifest.delivery_id == LAYOUT.parse(ADDRESS, body).delivery_id
    assert manifest.delivery_id != LAYOUT.parse(ADDRESS, body + b" ").delivery_id


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (CUR_2_0_COLUMNS, ExportKind.CUR_2_0),
        (FOCUS_1_0_COLUMNS, ExportKind.FOCUS_1_0),
        (FOCUS_1_2_COLUMNS, ExportKind.FOCUS_1_2),
        ([*CUR_2_0_COLUMNS, *FOCUS_1_2_COLUMNS], ExportKind.CUR_2_0),
        (["BilledCost", "InvoiceId"], ExportKind.FOCUS_1_2),
        ([], ExportKind.DATA_EXPORT),
        (None, ExportKind.DATA_EXPORT),
        ("BilledCost", ExportKind.DATA_EXPORT),
        ({"name": "BilledCost"}, ExportKind.DATA_EXPORT),
        ([1, None, [], {"type": "x"}, {"name": 7}, {"name": ""}], ExportKind.DATA_EXPORT),
        ([1, {"name": "BilledCost"}], ExportKind.FOCUS_1_0),
    ],
)
def test_the_columns_tell_the_kind(columns: object, kind: ExportKind) -> None:
    assert parse(columns=columns).kind is kind


def test_a_table_without_costs_is_named() -> None:
    columns = [{"name": name} for name in ("account_id", "action_type", "recommendation_id")]
    with pytest.raises(OtherTableError, match=f"{EXPORT} is neither .* columns are account_id, action_type,"):
        parse(columns=columns)


@pytest.mark.parametrize(
    "said",
    [
        {"billingPeriod": {"start": "2026-09-01T00:00:00.000Z", "end": "2026-10-01T00:00:00.000Z"}},
        {"billingPeriod": {"startDate": "2026-09-01"}},
        {"billingPeriod": "2026-09"},
        {"billing_period": "2026-09"},
        {"timePeriod": {"start": "20260901T000000.000Z"}},
    ],
)
def test_the_period_is_the_manifests_where_it_says_one(said: dict[str, Any]) -> None:
    assert parse(**said).period == BillingPeriod(2026, 9)


@pytest.mark.parametrize("said", ["soon", 7, {}, {"start": None}, [], {"start": "0000-01-01"}, None])
def test_the_period_is_the_addresss_where_the_manifest_does_not_say(said: object) -> None:
    assert parse(billingPeriod=said).period == BillingPeriod(2026, 10)


def test_a_period_that_nothing_tells_is_missed() -> None:
    with pytest.raises(PermanentError, match="does not have its billing period"):
        parse("file:///somewhere/exp-Manifest.json")
    assert parse("file:///somewhere/exp-Manifest.json", billingPeriod="2026-10").period == BillingPeriod(2026, 10)


def test_files_of_another_bucket_are_refused() -> None:
    with pytest.raises(PermanentError, match=r"lists files of another bucket \(s3://others\)"):
        parse(dataFiles=["s3://others/pfx/exp/data/BILLING_PERIOD=2026-10/exp-00001.csv.gz"])


@pytest.mark.parametrize("arn", ["", "arn:aws:s3:::012345678901", "arn:aws:bcm-data-exports:x:1:export/e", 7, None])
def test_an_owner_that_nothing_tells_is_done_without(arn: object) -> None:
    assert parse(exportArn=arn).owner is None
    assert parse(exportArn=arn, account="999999999999").owner == "999999999999"


def test_a_half_written_manifest_is_read_again_later() -> None:
    body = json.dumps(export_body(["ä-1.csv.gz"], "one"), ensure_ascii=False).encode()
    for length in range(len(body)):
        with pytest.raises(TransientError, match="stops in its middle"):
            LAYOUT.parse(ADDRESS, body[:length])


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_whatever_the_fields_hold_the_answer_is_a_manifest_or_a_sentence(changes: dict[str, Any]) -> None:
    check_answer(LAYOUT, ADDRESS, json.dumps(export_body(["a"], "one") | changes).encode())


@given(st.lists(json_values, max_size=4), st.lists(json_values, max_size=4))
def test_whatever_the_lists_hold_the_answer_is_a_manifest_or_a_sentence(files: list[Any], columns: list[Any]) -> None:
    check_answer(LAYOUT, ADDRESS, json.dumps({"dataFiles": files, "columns": columns}).encode())


@given(st.binary(max_size=200))
def test_whatever_the_bytes_the_answer_is_a_sentence(body: bytes) -> None:
    with pytest.raises(StaxpipeError):
        LAYOUT.parse(ADDRESS, body)
