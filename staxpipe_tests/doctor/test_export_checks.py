"""How an export is set up: what AWS says counts, then what its files show; otherwise nothing is known."""

from __future__ import annotations

from datetime import timedelta

from staxpipe.doctor.export_checks import export_checks
from staxpipe.doctor.facts import Facts, Granularity, Versioning
from staxpipe.doctor.findings import Check, State
from staxpipe.model import ExportKind, FileFormat
from staxpipe_tests.doctor.cases import NOW, export, facts, one, settings


def check(code: str, found: Facts) -> Check:
    return one(export_checks(found, NOW), code)


def test_what_is_checked_depends_on_the_kind() -> None:
    def codes(kind: ExportKind) -> list[str]:
        return [check.code for check in export_checks(facts(export(kind=kind)), NOW)]

    of_cur2 = ["format", "granularity", "resource-ids", "versioning", "split-cost"]
    assert codes(ExportKind.CUR_2_0) == of_cur2
    assert codes(ExportKind.LEGACY_CUR) == [*of_cur2[:4], "closed-months", "split-cost"]
    assert codes(ExportKind.FOCUS_1_2) == ["format", "granularity", "versioning"]


def test_formats() -> None:
    assert check("format", facts(export())).state is State.HOLDS
    assert check("format", facts(export(format=FileFormat.CSV_GZIP))).state is State.HOLDS
    zipped = check("format", facts(export(format=FileFormat.CSV_ZIP)))
    assert (zipped.state, "GZIP" in zipped.to_do) == (State.IMPROVABLE, True)
    assert check("format", facts(export(format=None))).state is State.UNKNOWN


def test_a_monthly_export_names_the_setting_where_aws_lets_it_be_set() -> None:
    said = (settings(granularity=Granularity.MONTHLY),)
    monthly = check("granularity", facts(export(kind=ExportKind.LEGACY_CUR), settings=said))
    assert monthly.state is State.IMPROVABLE
    assert monthly.to_do == (
        "Billing and Cost Management → Data Exports → daily → Edit: set “Time granularity” to Daily or Hourly."
    )
    of_table = check("granularity", facts(export(), settings=said)).to_do
    assert "Data Exports → Create, another one with “Time granularity” set to Daily or Hourly" in of_table
    assert "Edit" not in of_table


def test_granularity_is_told_by_files_too() -> None:
    hourly = check("granularity", facts(export(granularity=Granularity.HOURLY)))
    assert (hourly.state, hourly.found) == (State.HOLDS, "Rows are hourly.")


def test_the_settings_count_before_the_files() -> None:
    said = settings(resource_ids=False, versioning=Versioning.CREATE_NEW)
    assert check("resource-ids", facts(export(), settings=(said,))).state is State.IMPROVABLE
    assert "beside the ones before" in check("versioning", facts(export(), settings=(said,))).found
    other = settings(name="another", resource_ids=False)
    assert check("resource-ids", facts(export(), settings=(other,))).state is State.HOLDS


def test_without_settings_the_columns_of_the_manifest_tell() -> None:
    assert check("resource-ids", facts(export(columns=("lineItem/ResourceId",)))).state is State.HOLDS
    assert check("resource-ids", facts(export(columns=("lineItem/UsageType",)))).state is State.IMPROVABLE
    assert "are in it" in check("split-cost", facts(export(columns=("splitLineItem/SplitCost",)))).found


def test_a_query_may_leave_out_what_its_table_includes() -> None:
    bare, said = ("line_item_usage_type",), (settings(resource_ids=True),)
    left_out = check("resource-ids", facts(export(columns=bare), settings=said))
    assert left_out.state is State.IMPROVABLE
    assert "line_item_resource_id" in left_out.to_do
    legacy = export(kind=ExportKind.LEGACY_CUR, columns=bare)
    assert check("resource-ids", facts(legacy, settings=said)).state is State.HOLDS, "a legacy report has no query"


def test_an_export_that_overwrites_itself_is_told_and_no_fault() -> None:
    found = check("versioning", facts(export(versioning=Versioning.OVERWRITE)))
    assert found.state is State.HOLDS
    assert "overwrites the one before" in found.found


def test_closed_months_that_are_not_refreshed_lose_money() -> None:
    legacy = export(kind=ExportKind.LEGACY_CUR)
    off = check("closed-months", facts(legacy, settings=(settings(refresh_closed=False),)))
    assert off.state is State.IMPROVABLE
    assert "credits" in off.found
    assert "“Refresh automatically”" in off.to_do
    assert check("closed-months", facts(legacy, settings=(settings(refresh_closed=True),))).state is State.HOLDS


def test_what_the_role_may_not_ask_is_unknown_with_the_reason_and_never_a_failure() -> None:
    bare = export(kind=ExportKind.LEGACY_CUR, columns=(), versioning=None)
    found = list(export_checks(facts(bare, unread={"cur": "AWS refuses access to the settings."}), NOW))
    assert {check.state for check in found if check.code != "format"} == {State.UNKNOWN}
    unknown = one(found, "closed-months")
    assert "AWS refuses access" in unknown.found
    assert "cur:DescribeReportDefinitions" in unknown.to_do
    of_other_service = facts(bare, unread={"bcm-data-exports": "No such service."})
    assert one(export_checks(of_other_service, NOW), "closed-months").to_do == ""


def test_an_export_that_stopped_long_ago_is_left_out_beside_one_that_lives() -> None:
    old = export(name="old", source="s3://bills/reports/old", delivered_at=NOW - timedelta(days=60))
    assert {check.subject for check in export_checks(facts(export(), old), NOW)} == {"daily"}
    assert {check.subject for check in export_checks(facts(old), NOW)} == {"old"}
