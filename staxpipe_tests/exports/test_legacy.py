import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError, StaxpipeError, TransientError
from staxpipe.exports.layout import Place
from staxpipe.exports.legacy import LegacyCur
from staxpipe.model import BillingPeriod, ExportKind
from staxpipe_tests.exports.conftest import check_answer, json_values, manifest_body

LAYOUT = LegacyCur()
KEY = "s3://costs/pfx/cur/20261001-20261101/cur-Manifest.json"


def parse(**changes: Any) -> Any:
    return LAYOUT.parse(KEY, json.dumps(manifest_body(["a-1.csv.gz", "a-2.csv.gz"], "one", **changes)).encode())


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://b/pfx/cur/20261001-20261101/cur-Manifest.json", Place("s3://b/pfx/cur", "2026-10", None)),
        ("s3://b/pfx/cur/20261001-20261031/cur-Manifest.json", Place("s3://b/pfx/cur", "2026-10", None)),
        ("s3://b/pfx/cur/20261001-20261101/0f-1/cur-Manifest.json", Place("s3://b/pfx/cur", "2026-10", "0f-1")),
        ("s3://b/cur/20261201-20270101/cur-Manifest.json", Place("s3://b/cur", "2026-12", None)),
        ("s3://b/p/cur/cur/year=2018/month=9/cur-Manifest.json", Place("s3://b/p/cur", "2018-09", None)),
        ("s3://b/p/cur/cur/year=2018/month=09/cur-Manifest.json", Place("s3://b/p/cur", "2018-09", None)),
        ("s3://b/p/cur/cur/year=2018/month=12/cur-Manifest.json", Place("s3://b/p/cur", "2018-12", None)),
        ("s3://b/p/cur/cur/YEAR=2018/Month=1/cur-Manifest.json", Place("s3://b/p/cur", "2018-01", None)),
        ("s3://b/cur/cur/year=2018/month=1/cur-Manifest.json", Place("s3://b/cur", "2018-01", None)),
        ("file:///x/a b/20261001-20261101/r#1-Manifest.json", Place("file:///x/a b", "2026-10", None)),
    ],
)
def test_where_a_manifest_stands(address: str, place: Place) -> None:
    assert LAYOUT.place(address) == place


@pytest.mark.parametrize(
    "address",
    [
        "s3://b/pfx/cur/20261001-20261101/cur-1.csv.gz",
        "s3://b/pfx/cur/20261001-20261101/cur-RedshiftManifest.json",
        "s3://b/anything/cur-Manifest.json",
        "s3://b/p/cur/cur/year=2018/month=13/cur-Manifest.json",
        "s3://b/pfx/e/metadata/BILLING_PERIOD=2026-10/e-Manifest.json",
        "s3://b/pfx/e/metadata/billing_period=2026-10/e-Manifest.json",
    ],
)
def test_what_is_not_a_legacy_manifest(address: str) -> None:
    assert LAYOUT.place(address) is None


def test_what_a_manifest_says() -> None:
    manifest = parse()
    assert manifest.name == "cur"
    assert manifest.owner == "012345678901"
    assert manifest.period == BillingPeriod(2026, 10)
    assert manifest.delivery_id == "one"
    assert manifest.keys == ("a-1.csv.gz", "a-2.csv.gz")
    assert manifest.columns == ("lineItem/UnblendedCost",)
    assert manifest.compression == "GZIP"
    assert manifest.repeated == ()


def test_only_files_and_period_are_indispensable() -> None:
    body = {"reportKeys": ["x.csv.gz"], "billingPeriod": {"start": "20261001T000000.000Z"}}
    manifest = LAYOUT.parse(KEY, json.dumps(body).encode())
    again = LAYOUT.parse(KEY, json.dumps(body).encode())
    assert (manifest.name, manifest.owner, manifest.columns) == ("cur", None, ())
    assert manifest.delivery_id == again.delivery_id
    other = LAYOUT.parse(KEY, json.dumps(body | {"more": 1}).encode())
    assert manifest.delivery_id != other.delivery_id


@pytest.mark.parametrize("start", ["20261001T000000.000Z", "2026-10-01T00:00:00.000Z", "2026-10-01"])
def test_the_period_is_that_of_the_manifest(start: str) -> None:
    assert parse(billingPeriod={"start": start}).period == BillingPeriod(2026, 10)


@pytest.mark.parametrize("columns", [None, "x", [1], [{"name": "x"}], {}])
def test_columns_of_another_shape_are_done_without(columns: object) -> None:
    assert parse(columns=columns).columns == ()


def test_files_may_be_told_by_their_address() -> None:
    manifest = parse(reportKeys=["s3://costs/pfx/a-1.csv.gz", "S3://costs//pfx/a-1.csv.gz", "pfx/a-2.csv.gz"])
    assert manifest.keys == ("pfx/a-1.csv.gz", "pfx/a-2.csv.gz")
    assert manifest.repeated == ("pfx/a-1.csv.gz",)
    assert manifest.kind is ExportKind.LEGACY_CUR


def test_an_owner_that_is_no_account_id_is_done_without() -> None:
    assert parse(account="9999999999999").owner is None


def test_a_file_that_is_listed_twice_is_kept_once() -> None:
    manifest = parse(reportKeys=["b", "a", "b"])
    assert manifest.keys == ("b", "a")
    assert manifest.repeated == ("b",)
    manifest = parse(reportKeys=["/a", "b", "a", "//a"])
    assert (manifest.keys, manifest.repeated) == (("/a", "b"), ("a",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reportKeys": None}, "file names under reportKeys"),
        ({"reportKeys": "a"}, "file names under reportKeys"),
        ({"reportKeys": [1]}, "file names under reportKeys"),
        ({"reportKeys": ["/"]}, "names of files under reportKeys"),
        ({"reportKeys": []}, "any file under reportKeys"),
        ({"billingPeriod": None}, "billing period"),
        ({"billingPeriod": {"start": "tomorrow"}}, "billing period"),
        ({"billingPeriod": {"start": "20261301T000000.000Z"}}, "billing period"),
        ({"billingPeriod": {"start": 20261001}}, "billing period"),
        ({"billingPeriod": {"start": "00001001T000000.000Z"}}, "billing period"),
        ({"reportKeys": ["s3://others/a.csv.gz"]}, "another bucket .s3://others."),
    ],
)
def test_a_wrong_manifest_is_named_with_what_is_missing(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PermanentError, match=words) as caught:
        parse(**changes)
    assert KEY in str(caught.value)


def test_a_half_written_manifest_is_read_again_later() -> None:
    body = json.dumps(manifest_body(["ä-1.csv.gz"], "one"), ensure_ascii=False).encode()
    for length in range(len(body)):
        with pytest.raises(TransientError, match="stops in its middle"):
            LAYOUT.parse(KEY, body[:length])


@pytest.mark.parametrize(
    "body", [b"{]}", b"[]", b"7", b"{'a': 1}", b"\xff\xfe{}", b"[" * 100_000, b"<html></html>", b"1" * 5000]
)
def test_what_is_no_manifest_at_all(body: bytes) -> None:
    with pytest.raises(StaxpipeError, match=KEY):
        LAYOUT.parse(KEY, body)


@given(st.dictionaries(st.sampled_from(list(manifest_body([], ""))), json_values))
def test_whatever_the_fields_hold_the_answer_is_a_manifest_or_a_sentence(changes: dict[str, Any]) -> None:
    check_answer(LAYOUT, KEY, json.dumps(manifest_body(["a"], "one") | changes).encode())


@given(st.binary(max_size=200))
def test_whatever_the_bytes_the_answer_is_a_sentence(body: bytes) -> None:
    with pytest.raises(StaxpipeError):
        LAYOUT.parse(KEY, body)
