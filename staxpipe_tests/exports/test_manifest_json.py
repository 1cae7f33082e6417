import pytest

from staxpipe.errors import PermanentError, TransientError
from staxpipe.exports.manifest_json import FileList, json_object, listed_files, month_of, text_of
from staxpipe.model import BillingPeriod

IN_S3 = "s3://costs/pfx/x-Manifest.json"
ON_DISK = "file:///home/me/pfx/x-Manifest.json"


def files(address: str, *listed: object) -> FileList:
    return listed_files(address, {"dataFiles": list(listed)}, "dataFiles")


@pytest.mark.parametrize("spelled", ["pfx/a", "/pfx/a", "//pfx/a", "s3://costs/pfx/a", "S3://costs/pfx/a"])
def test_however_a_file_is_spelled_it_is_listed_once(spelled: str) -> None:
    assert [key.lstrip("/") for key in files(IN_S3, spelled).keys] == ["pfx/a"]
    assert files(IN_S3, "pfx/a", "pfx/b", spelled) == FileList(("pfx/a", "pfx/b"), ("pfx/a",))


def test_a_key_keeps_its_colons_and_odd_characters() -> None:
    key = "pré fix/exp/data/BILLING_PERIOD=2024-03/2024-03-31T20:55:07.771Z-57bd/r#1 (copy)+%41?x=1-00001.csv.gz"
    assert files(IN_S3, f"s3://costs/{key}").keys == (key,)


def test_only_the_bucket_of_the_manifest_is_believed() -> None:
    with pytest.raises(PermanentError, match=r"another bucket \(s3://others\)"):
        files(IN_S3, "s3://costs/a", "s3://others/b")
    with pytest.raises(PermanentError, match=r"another bucket \(s3://COSTS\)"):
        files(IN_S3, "s3://COSTS/a")
    assert files(ON_DISK, "s3://costs/a", "s3://costs/b").keys == ("a", "b")
    with pytest.raises(PermanentError, match="another bucket"):
        files(ON_DISK, "s3://costs/a", "s3://others/b")


@pytest.mark.parametrize("item", ["", "/", "s3://costs", "s3://costs/", "a\0b", "\ud800", "x" * 1025, "ä" * 513])
def test_what_is_no_key_is_refused(item: str) -> None:
    with pytest.raises(PermanentError, match="nothing but names of files under dataFiles") as caught:
        files(IN_S3, "a", item)
    assert str(caught.value).startswith(f"The manifest {IN_S3} ")


@pytest.mark.parametrize("value", [None, "a", {}, [1], [["a"]], [{"key": "a"}], ["a", None]])
def test_what_is_no_list_of_files_is_refused(value: object) -> None:
    with pytest.raises(PermanentError, match="a list of file names under dataFiles"):
        listed_files(IN_S3, {"dataFiles": value}, "dataFiles", "reportKeys")


def test_the_first_list_that_is_there_counts() -> None:
    assert listed_files(IN_S3, {"reportKeys": ["a"]}, "dataFiles", "reportKeys").keys == ("a",)
    assert listed_files(IN_S3, {"reportKeys": ["a"], "dataFiles": ["b"]}, "dataFiles", "reportKeys").keys == ("b",)


def test_ten_thousand_files() -> None:
    keys = [f"pfx/exp/data/BILLING_PERIOD=2026-10/exp-{number:05d}.csv.gz" for number in range(10_000)]
    listed = files(IN_S3, *[f"s3://costs/{key}" for key in keys], keys[17])
    assert listed == FileList(tuple(keys), (keys[17],))


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("20261001T000000.000Z", BillingPeriod(2026, 10)),
        ("2026-10-01T00:00:00.000Z", BillingPeriod(2026, 10)),
        ("2026-10-01 00:00:00", BillingPeriod(2026, 10)),
        ("2026-10-01", BillingPeriod(2026, 10)),
        ("2026-10", BillingPeriod(2026, 10)),
        ("2026-13", None),
        ("2026-1", None),
        ("0000-01", None),
        ("9999-12", None),
        ("2026-10-01x", None),
        ("٢٠٢٦-10", None),
        (202610, None),
        (None, None),
    ],
)
def test_the_month_of_a_text(text: object, month: BillingPeriod | None) -> None:
    assert month_of(text) == month


def test_text_that_nothing_can_hold_counts_as_absent() -> None:
    content = {"a": "\0", "b": "\ud800", "c": "x" * 1025, "d": "", "e": 7, "f": "yes"}
    assert text_of(content, "a", "b", "c", "d", "e") == ""
    assert text_of(content, *"abcdef") == "yes"


@pytest.mark.parametrize("body", [b"{]}", b"[]", b"7", b"null", b"\xff\xfe{}", b"[" * 100_000, b"1" * 5000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises((PermanentError, TransientError), match=IN_S3):
        json_object(IN_S3, body)


def test_an_object_that_stops_is_read_later() -> None:
    body = '{"dataFiles": ["ä"], "n": 1}'.encode()
    assert json_object(IN_S3, body + b"\n") == {"dataFiles": ["ä"], "n": 1}
    for length in range(len(body)):
        with pytest.raises(TransientError, match="stops in its middle"):
            json_object(IN_S3, body[:length])
