"""How AWS is told to deliver an account's exports: legacy reports by the API `cur`, others by `bcm-data-exports`.

Both APIs answer in one region only. What follows from the settings is `staxpipe.doctor`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from staxpipe.aws.errors import by_choice_in_words
from staxpipe.aws.permissions import granted
from staxpipe.doctor.facts import Granularity, ReportSettings, Versioning
from staxpipe.model import ExportKind

MOST = 25
"""Data Exports of one account that are asked about: AWS allows fewer of each table."""

_REPORTS = "the settings of the account's Cost and Usage Reports"
_EXPORTS = "the settings of the account's Data Exports"
_VERSIONING = {"CREATE_NEW_REPORT": Versioning.CREATE_NEW, "OVERWRITE_REPORT": Versioning.OVERWRITE}
_GRANULARITY = {"HOURLY": Granularity.HOURLY, "DAILY": Granularity.DAILY, "MONTHLY": Granularity.MONTHLY}
_KINDS = {
    "COST_AND_USAGE_REPORT": ExportKind.CUR_2_0,
    "FOCUS_1_0_AWS": ExportKind.FOCUS_1_0,
    "FOCUS_1_2_AWS": ExportKind.FOCUS_1_2,
}


def settings_region(region: str) -> str:
    """The region that answers for a bucket's region."""
    return "cn-northwest-1" if region.startswith("cn-") else "us-east-1"


def legacy_reports(client: Any) -> tuple[ReportSettings, ...]:
    """Every legacy Cost and Usage Report of the account. `client` is of the service `cur`.

    Raises:
        NotGrantedError: the role does not allow it, as one that is older than this permission.
        TransientError, PermanentError: AWS could not or would not answer.
    """
    with by_choice_in_words(_REPORTS, granted("cur:DescribeReportDefinitions")):
        pages = client.get_paginator("describe_report_definitions").paginate()
        return tuple(_legacy(definition) for page in pages for definition in page.get("ReportDefinitions", ()))


def data_exports(client: Any) -> tuple[ReportSettings, ...]:
    """Every Data Export of costs of the account. `client` is of the service `bcm-data-exports`.

    Raises:
        NotGrantedError: the role does not allow it, as one that is older than this permission.
        TransientError, PermanentError: AWS could not or would not answer.
    """
    with by_choice_in_words(_EXPORTS, granted("bcm-data-exports:ListExports")):
        pages = client.get_paginator("list_exports").paginate()
        arns = [export["ExportArn"] for page in pages for export in page["Exports"]]
    with by_choice_in_words(_EXPORTS, granted("bcm-data-exports:GetExport")):
        answers = [client.get_export(ExportArn=arn) for arn in arns[:MOST]]
    found = [_data_export(answer["Export"], answer.get("ExportStatus", {})) for answer in answers]
    return tuple(settings for settings in found if settings is not None)


def _legacy(definition: Mapping[str, Any]) -> ReportSettings:
    elements = definition.get("AdditionalSchemaElements", ())
    status = definition.get("ReportStatus", {}).get("lastStatus", "")
    return ReportSettings(
        name=definition["ReportName"],
        bucket=definition["S3Bucket"],
        prefix=definition.get("S3Prefix", ""),
        kind=ExportKind.LEGACY_CUR,
        granularity=_GRANULARITY.get(definition.get("TimeUnit", "")),
        resource_ids="RESOURCES" in elements,
        versioning=_VERSIONING.get(definition.get("ReportVersioning", "")),
        refresh_closed=definition.get("RefreshClosedReports"),
        split_cost="SPLIT_COST_ALLOCATION_DATA" in elements,
        trouble="" if status == "SUCCESS" else status,
    )


def _data_export(export: Mapping[str, Any], status: Mapping[str, Any]) -> ReportSettings | None:
    tables = export["DataQuery"].get("TableConfigurations") or {}
    query = export["DataQuery"]["QueryStatement"].upper()
    table = next((name for name in _KINDS if name in tables or name in query.split()), None)
    if table is None:
        return None  # recommendations, carbon emissions: no costs
    configured = tables.get(table, {})
    of_cur = table == "COST_AND_USAGE_REPORT"
    destination = export["DestinationConfigurations"]["S3Destination"]
    return ReportSettings(
        name=export["Name"],
        bucket=destination["S3Bucket"],
        prefix=destination.get("S3Prefix", ""),
        kind=_KINDS[table],
        granularity=_GRANULARITY.get(configured.get("TIME_GRANULARITY", "HOURLY" if of_cur else "")),
        resource_ids=configured.get("INCLUDE_RESOURCES", "FALSE") == "TRUE" if of_cur else None,
        versioning=_VERSIONING.get(destination.get("S3OutputConfigurations", {}).get("Overwrite", "")),
        split_cost=configured.get("INCLUDE_SPLIT_COST_ALLOCATION_DATA", "FALSE") == "TRUE" if of_cur else None,
        trouble=status.get("StatusReason", "") if status.get("StatusCode") == "UNHEALTHY" else "",
    )
