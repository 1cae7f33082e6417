"""How AWS's answers about exports are understood; the stand-in has no Data Exports, so botocore's Stubber answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from staxpipe.aws.report_settings import data_exports, legacy_reports, settings_region
from staxpipe.doctor.facts import Granularity, ReportSettings, Versioning
from staxpipe.errors import NotGrantedError
from staxpipe.model import ExportKind

ARN = "arn:aws:bcm-data-exports:us-east-1:222222222222:export/daily-1"


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    session = boto3.Session("key", "secret", region_name="us-east-1")
    client = session.client("bcm-data-exports", endpoint_url="http://127.0.0.1:1")
    with Stubber(client) as stubber:
        yield client, stubber


def answer(table: str = "COST_AND_USAGE_REPORT", query: str = "SELECT a FROM COST_AND_USAGE_REPORT", **of: str) -> Any:
    return {
        "Export": {
            "ExportArn": ARN,
            "Name": "daily",
            "DataQuery": {"QueryStatement": query, "TableConfigurations": {table: of} if of else {}},
            "DestinationConfigurations": {
                "S3Destination": {
                    "S3Bucket": "bills",
                    "S3Prefix": "reports",
                    "S3Region": "us-east-1",
                    "S3OutputConfigurations": {
                        "OutputType": "CUSTOM",
                        "Format": "PARQUET",
                        "Compression": "PARQUET",
                        "Overwrite": "OVERWRITE_REPORT",
                    },
                }
            },
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        },
        "ExportStatus": {"StatusCode": "HEALTHY"},
    }


def read_one(stubbed: tuple[Any, Stubber], export: Any) -> tuple[ReportSettings, ...]:
    client, stubber = stubbed
    reference = {"ExportArn": ARN, "ExportName": "daily", "ExportStatus": {}}
    stubber.add_response("list_exports", {"Exports": [reference]})
    stubber.add_response("get_export", export, {"ExportArn": ARN})
    found = data_exports(client)
    stubber.assert_no_pending_responses()
    return found


def test_a_cur_2_0_export_by_stubber(stubbed: tuple[Any, Stubber]) -> None:
    configured = {"TIME_GRANULARITY": "DAILY", "INCLUDE_RESOURCES": "TRUE"}
    [found] = read_one(stubbed, answer(**configured))
    assert found == ReportSettings(
        name="daily",
        bucket="bills",
        prefix="reports",
        kind=ExportKind.CUR_2_0,
        granularity=Granularity.DAILY,
        resource_ids=True,
        versioning=Versioning.OVERWRITE,
        split_cost=False,
    )
    assert found.source == "s3://bills/reports/daily"


def test_defaults_of_a_table_without_configuration_by_stubber(stubbed: tuple[Any, Stubber]) -> None:
    [found] = read_one(stubbed, answer())
    assert (found.kind, found.granularity, found.resource_ids) == (ExportKind.CUR_2_0, Granularity.HOURLY, False)


def test_a_focus_export_says_only_what_it_has_by_stubber(stubbed: tuple[Any, Stubber]) -> None:
    [found] = read_one(stubbed, answer(query="SELECT BilledCost FROM FOCUS_1_2_AWS"))
    assert (found.kind, found.granularity, found.resource_ids) == (ExportKind.FOCUS_1_2, None, None)


def test_an_export_without_costs_is_left_out_by_stubber(stubbed: tuple[Any, Stubber]) -> None:
    assert read_one(stubbed, answer(query="SELECT a FROM COST_OPTIMIZATION_RECOMMENDATIONS")) == ()


def test_why_an_export_is_not_delivered_by_stubber(stubbed: tuple[Any, Stubber]) -> None:
    status = {"StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION"}
    [found] = read_one(stubbed, answer() | {"ExportStatus": status})
    assert found.trouble == "INSUFFICIENT_PERMISSION"


def test_a_role_that_is_older_than_the_permission_is_told_so_and_nothing_of_buckets_by_stubber(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    stubber.add_client_error("list_exports", "AccessDeniedException", "not authorized", 400)
    with pytest.raises(NotGrantedError, match="Data Exports") as refused:
        data_exports(client)
    assert "does not allow bcm-data-exports:ListExports" in str(refused.value)
    assert "update the role's stack with the current template" in str(refused.value)
    assert "bucket" not in str(refused.value)


def test_a_legacy_report_s_status_by_stubber() -> None:
    # The stand-in has this service, but never fails to deliver.
    client = boto3.Session("key", "secret", region_name="us-east-1").client("cur", endpoint_url="http://127.0.0.1:1")
    definition = {
        "ReportName": "daily",
        "TimeUnit": "MONTHLY",
        "Format": "textORcsv",
        "Compression": "ZIP",
        "AdditionalSchemaElements": ["SPLIT_COST_ALLOCATION_DATA"],
        "S3Bucket": "bills",
        "S3Prefix": "",
        "S3Region": "eu-west-1",
        "RefreshClosedReports": True,
        "ReportVersioning": "CREATE_NEW_REPORT",
        "ReportStatus": {"lastStatus": "ERROR_PERMISSIONS"},
    }
    with Stubber(client) as stubber:
        stubber.add_response("describe_report_definitions", {"ReportDefinitions": [definition]})
        [found] = legacy_reports(client)
    assert found == ReportSettings(
        name="daily",
        bucket="bills",
        prefix="",
        kind=ExportKind.LEGACY_CUR,
        granularity=Granularity.MONTHLY,
        resource_ids=False,
        versioning=Versioning.CREATE_NEW,
        refresh_closed=True,
        split_cost=True,
        trouble="ERROR_PERMISSIONS",
    )
    assert found.source == "s3://bills/daily"


def test_the_region_that_answers() -> None:
    assert settings_region("eu-west-1") == "us-east-1"
    assert settings_region("cn-north-1") == "cn-northwest-1"
