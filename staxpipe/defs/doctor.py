"""The doctor in the Dagster UI: a check of the asset that discovers, made from the reports that are kept."""

from collections.abc import Sequence

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue

from staxpipe.defs.metadata import small_table
from staxpipe.doctor.coverage import heat_map
from staxpipe.doctor.findings import Report, State

NAME = "doctor"


def doctor_check_spec(asset: str) -> AssetCheckSpec:
    """The check's declaration. It never keeps a month from being loaded."""
    return AssetCheckSpec(
        NAME,
        asset=asset,
        description="Role, bucket and export settings, as the doctor last found them; `staxpipe doctor` looks anew.",
    )


def doctor_check(reports: Sequence[Report]) -> AssetCheckResult:
    """What was last found of an account's links. No report is no fault: the doctor looks once a day."""
    checks = [check for report in reports for check in report.checks]
    broken = [check for check in checks if check.state is State.BROKEN]
    months = "\n\n".join(
        "\n".join(f"{year.year}  {year.marks}" for year in heat_map(report.months, report.at)) for report in reports
    )
    return AssetCheckResult(
        check_name=NAME,
        passed=not broken,
        severity=AssetCheckSeverity.WARN,
        description=" ".join(f"{check.found} {check.to_do}".strip() for check in broken)
        or "; ".join(report.sentence for report in reports)
        or "The doctor has not looked yet.",
        metadata={
            "checks": small_table(
                {
                    "check": check.title,
                    "code": check.code,
                    "export": check.subject,
                    "state": check.state.value,
                    "found": check.found,
                    "what to do": check.to_do,
                }
                for check in checks
            ),
            "months": MetadataValue.md(f"```\n{months}\n```") if months.strip() else MetadataValue.text("none"),
        },
    )
