"""The checks of how an export is set up: format, granularity, resource ids, versioning, closed months, split costs.

Pure. What AWS says of its settings counts; where it may not be asked, what the delivered files show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from staxpipe.doctor.bucket_checks import DATA_EXPORTS
from staxpipe.doctor.facts import ExportFacts, Facts, Granularity, Versioning
from staxpipe.doctor.findings import Check, State
from staxpipe.exports.kinds import TITLES
from staxpipe.focus.names import canonical_name
from staxpipe.model import ExportKind, FileFormat

FORMAT, GRANULARITY, RESOURCES, VERSIONING, CLOSED, SPLIT = (
    "format",
    "granularity",
    "resource-ids",
    "versioning",
    "closed-months",
    "split-cost",
)
_TITLES = {
    FORMAT: "Format",
    GRANULARITY: "Granularity",
    RESOURCES: "Resource ids",
    VERSIONING: "Versioning",
    CLOSED: "Refresh of closed months",
    SPLIT: "Split cost allocation",
}

LIVE = timedelta(days=45)
"""How an export is set up that has brought nothing for longer is nobody's concern any more."""

_FOCUS = {ExportKind.FOCUS_1_0, ExportKind.FOCUS_1_2}
_FORMATS = {
    FileFormat.PARQUET: "Parquet",
    FileFormat.CSV_GZIP: "CSV in gzip",
    FileFormat.CSV_ZIP: "CSV in zip",
    FileFormat.CSV: "CSV",
}
_ACTIONS = {
    "cur": "cur:DescribeReportDefinitions",
    "bcm-data-exports": "bcm-data-exports:ListExports and bcm-data-exports:GetExport",
}


def export_checks(facts: Facts, now: datetime) -> Iterator[Check]:
    """All checks of every export that is still delivered."""
    for export in facts.bucket.exports:
        if now - export.delivered_at <= LIVE or len(facts.bucket.exports) == 1:
            yield _format(export)
            yield _granularity(export, facts)
            if export.kind not in _FOCUS:
                yield _resources(export, facts)
            yield _versioning(export, facts)
            if export.kind is ExportKind.LEGACY_CUR:
                yield _closed_months(export, facts)
            if export.kind not in _FOCUS:
                yield _split(export, facts)


def _format(export: ExportFacts) -> Check:
    kind = TITLES[export.kind]
    if export.format is None:
        return _check(FORMAT, export, State.UNKNOWN, f"It is {kind}; its manifest does not tell the files' format.")
    said = f"It is {kind}, as {_FORMATS[export.format]}."
    if export.format is FileFormat.CSV_ZIP:
        return _check(
            FORMAT,
            export,
            State.IMPROVABLE,
            f"{said} Zip is the slowest to read.",
            _set(export, "Compression type", "GZIP"),
        )
    if export.kind is ExportKind.LEGACY_CUR:
        return _check(
            FORMAT,
            export,
            State.HOLDS,
            f"{said} A CUR 2.0 export beside it would also have the names of accounts.",
        )
    return _check(FORMAT, export, State.HOLDS, said)


def _granularity(export: ExportFacts, facts: Facts) -> Check:
    known = facts.settings_of(export)
    granularity = (known.granularity if known else None) or export.granularity
    if granularity is None:
        return _unknown(GRANULARITY, export, facts)
    if granularity is Granularity.MONTHLY:
        return _check(
            GRANULARITY,
            export,
            State.IMPROVABLE,
            "Rows are for whole months, so costs cannot be shown by day.",
            _set(export, "Time granularity", "Daily or Hourly"),
        )
    return _check(GRANULARITY, export, State.HOLDS, f"Rows are {granularity.value}.")


def _resources(export: ExportFacts, facts: Facts) -> Check:
    known = facts.settings_of(export)
    included, selected = known.resource_ids if known else None, _has_column(export, "line_item_resource_id")
    if included and selected is False and export.kind is not ExportKind.LEGACY_CUR:
        return _check(
            RESOURCES,
            export,
            State.IMPROVABLE,
            "The export includes resource ids, but its query leaves their column out.",
            f"{DATA_EXPORTS} → {export.name} → Edit: select the column line_item_resource_id.",
        )
    if included is None:
        included = selected
    if included is None:
        return _unknown(RESOURCES, export, facts)
    if included:
        return _check(RESOURCES, export, State.HOLDS, "Rows name the resource that they are about.")
    return _check(
        RESOURCES,
        export,
        State.IMPROVABLE,
        "Rows do not name resources, so costs cannot be told by instance, bucket or database.",
        _set(export, "Include resource IDs", "on"),
    )


def _versioning(export: ExportFacts, facts: Facts) -> Check:
    known = facts.settings_of(export)
    versioning = (known.versioning if known else None) or export.versioning
    if versioning is None:
        return _unknown(VERSIONING, export, facts)
    if versioning is Versioning.CREATE_NEW:
        said = "AWS keeps each delivery beside the ones before. Old ones cost a little storage and may be deleted."
    else:
        said = "Each delivery overwrites the one before. staxpipe keeps copies of its own, so nothing is lost by that."
    return _check(VERSIONING, export, State.HOLDS, said)


def _closed_months(export: ExportFacts, facts: Facts) -> Check:
    known = facts.settings_of(export)
    if known is None or known.refresh_closed is None:
        return _unknown(CLOSED, export, facts)
    if known.refresh_closed:
        return _check(CLOSED, export, State.HOLDS, "AWS delivers closed months again when it corrects them.")
    return _check(
        CLOSED,
        export,
        State.IMPROVABLE,
        "AWS does not deliver a closed month again: refunds, credits and support fees that it adds later are missing.",
        _set(export, "Refresh automatically", "on"),
    )


def _split(export: ExportFacts, facts: Facts) -> Check:
    known = facts.settings_of(export)
    included = known.split_cost if known else None
    if included is None:
        included = _has_column(export, "split_line_item_", beginning=True)
    if included is None:
        return _unknown(SPLIT, export, facts)
    if included:
        return _check(SPLIT, export, State.HOLDS, "Shares of ECS tasks and EKS pods are in it, if there are any.")
    return _check(
        SPLIT,
        export,
        State.HOLDS,
        "Shares of ECS tasks and EKS pods are not in it. Only who runs containers needs them.",
        _set(export, "Split cost allocation data", "on, if you run containers on ECS or EKS"),
    )


def _has_column(export: ExportFacts, name: str, beginning: bool = False) -> bool | None:
    """Whether a manifest names a column; None where it names none at all."""
    if not export.columns:
        return None
    names = (canonical_name(column) for column in export.columns)
    return any(found.startswith(name) if beginning else found == name for found in names)


def _set(export: ExportFacts, setting: str, value: str) -> str:
    """Where a setting is changed: of a Data Export nowhere, for AWS settles what its table holds when it is created
    (the table configurations of CloudFormation's AWS::BCMDataExports::Export are replaced with it).
    """
    if export.kind is ExportKind.LEGACY_CUR:
        return f"{DATA_EXPORTS} → {export.name} → Edit: set “{setting}” to {value}."
    return (
        f"AWS settles this when an export is created: {DATA_EXPORTS} → Create, another one with “{setting}” set to "
        f"{value}, for the same bucket and prefix. staxpipe counts each month once."
    )


def _unknown(code: str, export: ExportFacts, facts: Facts) -> Check:
    why = _why_unread(export, facts.unread)
    return _check(code, export, State.UNKNOWN, f"Neither AWS nor the delivered files say.{why[0]}", why[1])


def _why_unread(export: ExportFacts, unread: Mapping[str, str]) -> tuple[str, str]:
    service = "cur" if export.kind is ExportKind.LEGACY_CUR else "bcm-data-exports"
    if service not in unread:
        return "", ""
    return f" {unread[service]}", (
        f"If the role lacks {_ACTIONS[service]}, update its stack with the newest template: CloudFormation → Stacks → "
        "the stack → Update."
    )


def _check(code: str, export: ExportFacts, state: State, found: str, to_do: str = "") -> Check:
    return Check(code, _TITLES[code], state, found, to_do, subject=export.name)
