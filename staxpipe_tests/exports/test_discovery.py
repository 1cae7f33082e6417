import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from staxpipe.exports.discovery import Discovery, discover, still_current
from staxpipe.exports.folder import FolderBucket
from staxpipe.model import BillingPeriod, ExportKind, FileFormat, Severity, StoredObject
from staxpipe_tests.exports.conftest import (
    FOCUS_1_0_COLUMNS,
    FOCUS_1_2_COLUMNS,
    MORNING,
    CountingBucket,
    ReportWriter,
    export_body,
    manifest_body,
)

HOUR = timedelta(hours=1)
OCTOBER = BillingPeriod(2026, 10)
NOW = MORNING + 30 * HOUR


def found(bucket: FolderBucket, prefix: str = "", known: dict[str, str] | None = None) -> Discovery:
    return discover(bucket, prefix, known, NOW)


def codes(discovery: Discovery) -> list[str]:
    return [finding.code for finding in discovery.findings]


def test_a_delivery_is_what_its_manifest_lists(report: ReportWriter, bucket: CountingBucket) -> None:
    keys = report.versioned("one", chunks=3)
    report.data("pfx/cur/20261001-20261101/one/cur-4.csv.gz")  # an old chunk that the manifest does not list
    (delivery,) = found(bucket).deliveries
    assert delivery.export.source == f"{bucket.url}/pfx/cur"
    assert (delivery.export.name, delivery.export.kind) == ("cur", ExportKind.LEGACY_CUR)
    assert delivery.export.owner == "012345678901"
    assert (delivery.period, delivery.delivery_id) == (OCTOBER, "one")
    assert (delivery.delivered_at, delivery.format) == (MORNING, FileFormat.CSV_GZIP)
    assert [stored.key for stored in delivery.files] == keys
    assert delivery.files == tuple(bucket.head(key) for key in keys)
    assert delivery.columns == ("lineItem/UnblendedCost",)
    assert not delivery.shared_files


def test_of_kept_versions_only_the_newest_counts(report: ReportWriter, bucket: CountingBucket) -> None:
    for number in range(5):
        report.versioned(f"delivery {number}", at=MORNING + 8 * number * HOUR)
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id == "delivery 4"
    assert len(delivery.files) == 1
    assert bucket.reads == ["pfx/cur/20261001-20261101/cur-Manifest.json"]


def test_the_versioned_manifest_stands_for_the_moving_one(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("one")
    (delivery,) = found(bucket).deliveries
    assert delivery.manifest is not None
    assert delivery.manifest.key == "pfx/cur/20261001-20261101/one/cur-Manifest.json"


def test_an_older_delivery_that_arrives_late_does_not_win(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("new", at=MORNING + 8 * HOUR)
    report.versioned("old", at=MORNING)  # with it the pointer goes back, too
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id == "new"


def test_a_pointer_is_believed_where_copying_shuffled_the_times(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("old", at=MORNING + timedelta(minutes=2), pointer=False)
    report.versioned("new", at=MORNING)
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id == "new"


def test_versions_without_a_pointer_are_found(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("old", pointer=False)
    report.versioned("new", at=MORNING + HOUR, pointer=False)
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id == "new"


def test_a_report_that_overwrites_itself(report: ReportWriter, bucket: CountingBucket) -> None:
    folder = "pfx/cur/20261001-20261101"
    keys = [report.data(f"{folder}/cur-{number}.csv.gz") for number in (1, 2)]
    manifest = report.put(f"{folder}/cur-Manifest.json", manifest_body(keys, "one"), MORNING + HOUR)
    report.data(f"{folder}/cur-3.csv.gz")  # left over from a longer delivery
    (delivery,) = found(bucket).deliveries
    assert [stored.key for stored in delivery.files] == keys
    assert delivery.delivered_at == MORNING + HOUR
    assert delivery.manifest is not None
    assert delivery.manifest.key == manifest


@pytest.mark.parametrize("month", ["month=10", "month=9", "month=09"])
@pytest.mark.parametrize("beside", [True, False])
def test_the_athena_layout(report: ReportWriter, bucket: CountingBucket, month: str, beside: bool) -> None:
    folder = f"pfx/cur/cur/year=2026/{month}"
    number = int(month.removeprefix("month="))
    key = report.data(f"{folder}/cur-00001.snappy.parquet")
    place = folder if beside else f"pfx/cur/2026{number:02d}01-2026{number + 1:02d}01"
    body = manifest_body([key], "one", f"2026-{number:02d}", compression="Parquet", contentType="Parquet")
    report.put(f"{place}/cur-Manifest.json", body)
    (delivery,) = found(bucket).deliveries
    assert delivery.export.source == f"{bucket.url}/pfx/cur"
    assert (delivery.period, delivery.format) == (BillingPeriod(2026, number), FileFormat.PARQUET)


def test_the_period_is_the_manifests_and_not_the_paths(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("one", month="20261001-20261031", billingPeriod={"start": "20260901T000000.000Z"})
    (delivery,) = found(bucket).deliveries
    assert delivery.period == BillingPeriod(2026, 9)


def test_one_month_in_two_folders_is_one_delivery(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("old", month="20261001-20261031")
    report.versioned("new", month="20261001-20261101", at=MORNING + 8 * HOUR)
    assert [delivery.delivery_id for delivery in found(bucket).deliveries] == ["new"]


def test_every_report_and_period_of_a_bucket(report: ReportWriter, bucket: CountingBucket) -> None:
    for name in ("pfx/cur", "pfx/other", "deep/er/cur", "top"):
        for month in ("20260801-20260901", "20260901-20261001", "20261201-20270101"):
            report.versioned("one", month, report=name)
    assert {(item.export.source, str(item.period)) for item in found(bucket).deliveries} == {
        (f"{bucket.url}/{name}", period)
        for name in ("pfx/cur", "pfx/other", "deep/er/cur", "top")
        for period in ("2026-08", "2026-09", "2026-12")
    }
    assert {item.export.name for item in found(bucket, "pfx").deliveries} == {"cur", "other"}
    assert {item.export.name for item in found(bucket, "pfx/other/").deliveries} == {"other"}


def test_a_prefix_is_a_folder_and_not_its_neighbour(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("one", report="cur/daily")
    report.versioned("two", report="cur-archive/daily")
    assert [item.delivery_id for item in found(bucket, "cur").deliveries] == ["one"]


def test_report_keys_may_begin_with_a_slash(report: ReportWriter, bucket: CountingBucket) -> None:
    keys = report.versioned("one", report="cur")
    report.versioned("one", report="cur", reportKeys=[f"/{key}" for key in keys])
    (delivery,) = found(bucket).deliveries
    assert [stored.key for stored in delivery.files] == keys


def test_a_key_that_climbs_out_of_the_bucket_is_a_missing_file(report: ReportWriter, bucket: CountingBucket) -> None:
    (report.folder.parent / "secret.csv.gz").write_bytes(b"x")
    report.versioned("one", reportKeys=["../secret.csv.gz"])
    (broken,) = found(bucket).broken
    assert "../secret.csv.gz" in broken.reason


def test_what_the_ledger_knows_is_not_read_again(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("september", "20260901-20261001")
    report.versioned("october")
    folder = "pfx/plain/20261001-20261101"
    key = report.data(f"{folder}/plain-1.csv.gz")
    report.put(f"{folder}/plain-Manifest.json", manifest_body([key], "plain"))
    first = found(bucket)
    known = {item.manifest.key: item.manifest.etag for item in first.deliveries if item.manifest}
    assert len(known) == 3
    bucket.reads.clear()
    assert found(bucket, known=known) == Discovery(bucket)
    assert bucket.reads == []
    report.versioned("october again", at=MORNING + 8 * HOUR)
    report.put(f"{folder}/plain-Manifest.json", manifest_body([key], "plain again"), MORNING + 8 * HOUR)
    assert {item.delivery_id for item in found(bucket, known=known).deliveries} == {"october again", "plain again"}
    assert len(bucket.reads) == 2


def test_a_report_that_begins_to_overwrite_itself_is_noticed(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("one")
    (first,) = found(bucket).deliveries
    assert first.manifest is not None
    folder = "pfx/cur/20261001-20261101"
    key = report.data(f"{folder}/cur-1.csv.gz")
    report.put(f"{folder}/cur-Manifest.json", manifest_body([key], "two"), MORNING + timedelta(minutes=5))
    (second,) = found(bucket, known={first.manifest.key: first.manifest.etag}).deliveries
    assert second.delivery_id == "two"


def test_a_missing_file_breaks_its_delivery_and_no_other(report: ReportWriter, bucket: CountingBucket) -> None:
    keys = report.versioned("broken", chunks=3)
    report.versioned("whole", "20260901-20261001")
    (report.folder / keys[1]).unlink()
    discovery = found(bucket)
    assert [item.delivery_id for item in discovery.deliveries] == ["whole"]
    (broken,) = discovery.broken
    assert (broken.period, broken.delivery_id, broken.export.name) == (OCTOBER, "broken", "cur")
    assert keys[1] in broken.reason
    assert "1 of 3 data files" in broken.reason
    (finding,) = discovery.findings
    assert (finding.severity, finding.message) == (Severity.ERROR, broken.reason)
    report.data(keys[1])  # it arrives after all: nobody had recorded the manifest as known
    assert len(found(bucket).deliveries) == 2


@pytest.mark.parametrize("again", ["", "/"])
def test_a_file_that_is_listed_twice_is_read_once(report: ReportWriter, bucket: CountingBucket, again: str) -> None:
    (key,) = report.versioned("one")
    report.versioned("one", reportKeys=[key, again + key])
    discovery = found(bucket)
    (delivery,) = discovery.deliveries
    assert [stored.key for stored in delivery.files] == [key]
    assert [(finding.code, finding.severity) for finding in discovery.findings] == [
        ("file-listed-twice", Severity.WARNING)
    ]


@pytest.mark.parametrize(
    ("keys", "changes", "words"),
    [
        (["x-1.csv.gz", "x-2.parquet"], {}, "of one format"),
        (["x-1.orc"], {"compression": ""}, "not clear how"),
    ],
)
def test_files_that_are_not_read_break_their_delivery(
    report: ReportWriter, bucket: CountingBucket, keys: list[str], changes: dict[str, Any], words: str
) -> None:
    for key in keys:
        report.data(key)
    report.versioned("one", reportKeys=keys, **changes)
    discovery = found(bucket)
    assert discovery.deliveries == ()
    assert words in discovery.broken[0].reason


@pytest.mark.parametrize(
    ("body", "code"),
    [("{}", "manifest-invalid"), ('{"reportKeys": ["x', "manifest-half-written"), ("", "manifest-half-written")],
)
def test_a_bad_manifest_hides_no_other(report: ReportWriter, bucket: CountingBucket, body: str, code: str) -> None:
    report.put("pfx/bad/20261001-20261101/bad-Manifest.json", body)
    report.versioned("good")
    discovery = found(bucket)
    assert [item.delivery_id for item in discovery.deliveries] == ["good"]
    assert codes(discovery) == [code]
    assert "pfx/bad/20261001-20261101/bad-Manifest.json" in discovery.findings[0].message


def test_a_delivery_that_is_being_overwritten_is_waited_for(report: ReportWriter, bucket: CountingBucket) -> None:
    folder = "pfx/cur/20261001-20261101"
    keys = [report.data(f"{folder}/cur-1.csv.gz"), report.data(f"{folder}/cur-2.csv.gz")]
    report.put(f"{folder}/cur-Manifest.json", manifest_body(keys, "one"))
    written = MORNING + 8 * HOUR
    report.data(keys[0], written)  # the first chunk of the next delivery
    meanwhile = discover(bucket, "", now=written + timedelta(minutes=5))
    assert meanwhile.deliveries == ()
    assert codes(meanwhile) == ["delivery-in-progress"]
    assert len(discover(bucket, "", now=written + 24 * HOUR).deliveries) == 1  # it never came


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([], "nothing-there"),
        (["pfx/cur/x.csv.gz", "pfx/cur/y.parquet"], "data-without-manifest"),
        (["pfx/cur/x.csv.zip"], "data-without-manifest"),
        (["pfx/cur/x-1.csv.gz", "pfx/cur/x-RedshiftManifest.json"], "data-without-manifest"),
        (["readme.txt"], "no-cost-report"),
        (["site/manifest.json"], "no-cost-report"),
        (["e/metadata/date=2026-10-01/e-Manifest.json", "e/data/x.csv.gz"], "export-not-supported"),
    ],
)
def test_a_place_without_any_manifest_says_what_it_holds(
    report: ReportWriter, bucket: CountingBucket, keys: list[str], code: str
) -> None:
    for key in keys:
        report.put(key, "x")
    discovery = found(bucket)
    assert discovery.deliveries == ()
    assert codes(discovery) == [code]


def test_a_delivery_stays_current_until_its_manifest_says_otherwise(
    report: ReportWriter, bucket: CountingBucket
) -> None:
    folder = "pfx/cur/20261001-20261101"
    keys = [report.data(f"{folder}/cur-1.csv.gz")]
    manifest = report.put(f"{folder}/cur-Manifest.json", manifest_body(keys, "one"))
    (delivery,) = found(bucket).deliveries
    assert still_current(bucket, delivery)
    report.put(manifest, manifest_body(keys, "one"), MORNING + HOUR)
    assert still_current(bucket, delivery)
    report.put(manifest, manifest_body(keys, "two"), MORNING + 2 * HOUR)
    assert not still_current(bucket, delivery)
    report.put(manifest, "{}", MORNING + 3 * HOUR)
    assert not still_current(bucket, delivery)
    (report.folder / manifest).unlink()
    assert not still_current(bucket, delivery)


def test_a_versioned_delivery_stays_current_when_the_next_one_comes(
    report: ReportWriter, bucket: CountingBucket
) -> None:
    report.versioned("one")
    (delivery,) = found(bucket).deliveries
    report.versioned("two", at=MORNING + 8 * HOUR)
    assert still_current(bucket, delivery)


def test_odd_characters_in_names(report: ReportWriter, bucket: CountingBucket) -> None:
    keys = report.versioned("one", report="pré fix/r#1 (copy)+%41")
    (delivery,) = found(bucket).deliveries
    assert delivery.export.source == f"{bucket.url}/pré fix/r#1 (copy)+%41"
    assert [stored.key for stored in delivery.files] == keys


def test_a_large_bucket_is_listed_once_and_the_folder_of_what_is_new(report: ReportWriter) -> None:
    lists: list[str] = []

    class Listed(CountingBucket):
        def list(self, prefix: str) -> Any:
            lists.append(prefix)
            return super().list(prefix)

    for number in range(20):
        report.versioned(f"delivery {number}", at=MORNING + number * HOUR, chunks=5)
    (delivery,) = discover(Listed(report.folder), "").deliveries
    assert len(delivery.files) == 5
    assert lists == ["", "pfx/cur/20261001-20261101/delivery 19/"]


def test_of_what_is_no_manifest_nothing_is_kept(report: ReportWriter) -> None:
    report.versioned("one")
    refs: list[weakref.ref[StoredObject]] = []

    class Endless(CountingBucket):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            if prefix:
                yield from super().list(prefix)
                return
            for number in range(1_000):
                stored = StoredObject(f"logs/{number}.csv.gz", 1, "etag", MORNING)
                refs.append(weakref.ref(stored))
                yield stored
                del stored
            assert sum(ref() is not None for ref in refs) <= 2
            yield from super().list(prefix)

    assert len(discover(Endless(report.folder), "", now=NOW).deliveries) == 1
    assert len(refs) == 1_000


def test_files_in_several_folders_are_found_in_the_folder_of_them_all(
    report: ReportWriter, bucket: CountingBucket
) -> None:
    keys = [report.data(f"pfx/cur/20261001-20261101/{name}/x.csv.gz") for name in ("part", "parts")]
    report.versioned("one", reportKeys=keys)
    for prefix in ("", "pfx", "pfx/cur/20261001-20261101"):
        (delivery,) = found(bucket, prefix).deliveries
        assert [stored.key for stored in delivery.files] == keys


def test_files_outside_of_the_prefix_are_missing_and_not_asked_for(report: ReportWriter) -> None:
    lists: list[str] = []

    class Listed(CountingBucket):
        def list(self, prefix: str) -> Any:
            lists.append(prefix)
            return super().list(prefix)

    report.data("secret/x.csv.gz")
    report.versioned("one", reportKeys=["secret/x.csv.gz"])
    (broken,) = discover(Listed(report.folder), "pfx", now=NOW).broken
    assert "secret/x.csv.gz" in broken.reason
    assert lists == ["pfx/"]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("partition", ["BILLING_PERIOD", "billing_period"])
@pytest.mark.parametrize("spelled", ["{key}", "/{key}", "s3://costs/{key}"])
@pytest.mark.parametrize("export", ["pfx/exp", "exp", "dé ep/er/r#1 (copy)+%41"])
def test_a_data_export_is_found_however_it_is_laid_out(
    report: ReportWriter, bucket: CountingBucket, keep: bool, partition: str, spelled: str, export: str
) -> None:
    keys = report.export("57bd", chunks=2, keep=keep, partition=partition, spelled=spelled, export=export)
    discovery = found(bucket)
    (delivery,) = discovery.deliveries
    assert discovery.findings == ()
    assert delivery.export.source == f"{bucket.url}/{export}"
    assert delivery.export.name == export.rpartition("/")[2]
    assert (delivery.export.kind, delivery.export.owner) == (ExportKind.CUR_2_0, "012345678901")
    assert (delivery.period, delivery.delivery_id, delivery.format) == (OCTOBER, "57bd", FileFormat.CSV_GZIP)
    assert [stored.key for stored in delivery.files] == keys
    assert delivery.columns == ("bill_billing_period_start_date", "line_item_unblended_cost", "resource_tags")
    assert still_current(bucket, delivery)


def test_of_a_data_exports_versions_only_the_newest_counts(report: ReportWriter, bucket: CountingBucket) -> None:
    for number in range(3):
        keys = report.export(f"57bd-{number}", at=MORNING + 8 * number * HOUR)
    report.export("57bd-old", at=MORNING - HOUR)  # arrives late, and the pointer goes back with it
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id == "57bd-2"
    assert [stored.key for stored in delivery.files] == keys
    assert delivery.manifest is not None
    assert "/2026-10-21T00:00:00.771Z-57bd-2/" in delivery.manifest.key
    known = {delivery.manifest.key: delivery.manifest.etag}
    report.export("57bd-2", at=MORNING + 16 * HOUR)  # the pointer is the newest one's again
    bucket.reads.clear()
    assert found(bucket, known=known).deliveries == ()
    assert bucket.reads == []


def test_a_pointer_is_followed_to_the_version_that_it_names(report: ReportWriter, bucket: CountingBucket) -> None:
    report.export("new")
    report.export("old", at=MORNING - HOUR)
    pointer = "pfx/exp/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json"
    own = "pfx/exp/metadata/BILLING_PERIOD=2026-10/2026-10-20T08:00:00.771Z-new/exp-Manifest.json"
    report.put(pointer, (report.folder / own).read_bytes(), MORNING)
    (delivery,) = found(bucket).deliveries
    assert (delivery.delivery_id, delivery.manifest) == ("new", bucket.head(own))
    assert bucket.reads == [pointer]


def test_a_data_export_that_overwrites_itself(report: ReportWriter, bucket: CountingBucket) -> None:
    first = report.export("one", keep=False, chunks=3)
    (before,) = found(bucket).deliveries
    keys = report.export("two", keep=False, chunks=1, at=MORNING + HOUR)
    for surplus in first[1:]:
        report.put(surplus, b"", MORNING + HOUR)
    (after,) = found(bucket).deliveries
    assert (after.delivery_id, [stored.key for stored in after.files]) == ("two", keys)
    assert not still_current(bucket, before)
    written = MORNING + 9 * HOUR
    report.data(keys[0], written)
    assert codes(discover(bucket, "", now=written + timedelta(minutes=5))) == ["delivery-in-progress"]


def test_without_an_execution_id_a_delivery_is_known_by_its_manifest(
    report: ReportWriter, bucket: CountingBucket
) -> None:
    report.export("57bd", executionId=None)
    (delivery,) = found(bucket).deliveries
    assert delivery.delivery_id.startswith("content-")
    assert found(bucket).deliveries == (delivery,)
    report.export("57be", executionId=None, at=MORNING + 8 * HOUR)
    assert found(bucket).deliveries[0].delivery_id != delivery.delivery_id


def test_the_kind_is_each_manifests_own(report: ReportWriter, bucket: CountingBucket) -> None:
    report.versioned("one")
    report.export("two")
    report.export("three", export="pfx/focus", month="2026-09", columns=FOCUS_1_0_COLUMNS)
    report.export("four", export="pfx/focus", columns=FOCUS_1_2_COLUMNS)
    report.export("five", export="pfx/unsaid", columns=None)
    discovery = found(bucket)
    assert discovery.findings == ()
    assert {item.delivery_id: item.export.kind for item in discovery.deliveries} == {
        "one": ExportKind.LEGACY_CUR,
        "two": ExportKind.CUR_2_0,
        "three": ExportKind.FOCUS_1_0,
        "four": ExportKind.FOCUS_1_2,
        "five": ExportKind.DATA_EXPORT,
    }
    assert all(still_current(bucket, delivery) for delivery in discovery.deliveries)


def test_another_table_is_told_of_once_and_hides_nothing(report: ReportWriter, bucket: CountingBucket) -> None:
    for month in ("2026-08", "2026-09", "2026-10"):
        report.export("57bd", month, export="pfx/carbon", columns=[{"name": "total_mbm_emissions_value"}])
    report.export("57bd")
    discovery = found(bucket)
    assert [item.export.name for item in discovery.deliveries] == ["exp"]
    (finding,) = discovery.findings
    assert (finding.code, finding.severity, finding.count) == ("export-not-supported", Severity.WARNING, 3)
    assert f"{bucket.url}/pfx/carbon is neither a Cost and Usage Report nor FOCUS" in finding.message


def test_a_data_export_of_another_bucket_is_an_error(report: ReportWriter) -> None:
    class InS3(CountingBucket):
        @property
        def url(self) -> str:
            return "s3://costs"

    report.export("57bd", spelled="s3://others/{key}")
    report.export("57be", "2026-09", spelled="s3://costs/{key}")
    discovery = found(InS3(report.folder))
    assert [item.delivery_id for item in discovery.deliveries] == ["57be"]
    (finding,) = discovery.findings
    assert (finding.code, finding.severity) == ("manifest-invalid", Severity.ERROR)
    assert "another bucket (s3://others)" in finding.message


def test_zipped_files_are_data_files(report: ReportWriter, bucket: CountingBucket) -> None:
    key = report.put("pfx/cur/20261001-20261101/one/cur-1.csv.zip", b"x")
    report.versioned("one", reportKeys=[key], compression="ZIP")
    (delivery,) = found(bucket).deliveries
    assert (delivery.format, [stored.key for stored in delivery.files]) == (FileFormat.CSV_ZIP, [key])


@pytest.mark.parametrize("spelled", ["s3://costs/{key}", "/{key}", "s3://costs//{key}"])
@pytest.mark.parametrize("report_name", ["cur", "pfx/r#1 (copy)+%41"])
def test_legacy_files_are_found_however_they_are_spelled(
    report: ReportWriter, bucket: CountingBucket, spelled: str, report_name: str
) -> None:
    keys = report.versioned("one", report=report_name)
    report.versioned("one", report=report_name, reportKeys=[spelled.format(key=key) for key in keys])
    (delivery,) = found(bucket).deliveries
    assert [stored.key for stored in delivery.files] == keys
    assert delivery.export.source == f"{bucket.url}/{report_name}"


@pytest.mark.parametrize("climbing", ["../secret.csv.gz", "s3://costs/../secret.csv.gz", "pfx/../../secret.csv.gz"])
def test_no_key_of_a_data_export_climbs_out(report: ReportWriter, bucket: CountingBucket, climbing: str) -> None:
    (report.folder.parent / "secret.csv.gz").write_bytes(b"x")
    report.export("57bd", dataFiles=[climbing])
    (broken,) = found(bucket).broken
    assert "1 of 1 data files that are not there" in broken.reason


def test_a_delivery_of_ten_thousand_files(report: ReportWriter) -> None:
    keys = [f"pfx/exp/data/BILLING_PERIOD=2026-10/exp-{number:05d}.csv.gz" for number in range(10_000)]
    report.put("pfx/exp/metadata/BILLING_PERIOD=2026-10/exp-Manifest.json", export_body(keys, "57bd"))
    lists: list[str] = []

    class Full(CountingBucket):
        def list(self, prefix: str) -> Iterator[StoredObject]:
            lists.append(prefix)
            yield from super().list(prefix)
            yield from (StoredObject(key, 1, key, MORNING) for key in keys if prefix)

    (delivery,) = found(Full(report.folder)).deliveries
    assert [stored.key for stored in delivery.files] == keys
    assert lists == ["", "pfx/exp/data/BILLING_PERIOD=2026-10/"]
