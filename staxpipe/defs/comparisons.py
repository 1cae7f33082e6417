"""The daily comparison of finished months with AWS's invoices and Cost Explorer: op, job and schedule."""

from datetime import UTC, datetime

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, job, op

from staxpipe.comparison.run import compare_months
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource


@op(retry_policy=RETRY)
def compare_with_aws(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Compare finished months, where a newer delivery was loaded since the last time."""
    with in_dagsters_words():
        report = compare_months(
            staxpipe.engine, staxpipe.settings, staxpipe.platform().lake, staxpipe.billing(), datetime.now(UTC)
        )
    for sentence in report.differing:
        context.log.warning("Differs: %s", sentence)
    for sentence in report.denied:  # by choice, and no problem: nobody is told but the log
        context.log.info("Not compared: %s", sentence)
    for sentence in report.unknown:
        context.log.info("Not compared this time: %s", sentence)
    if report.requests:
        context.log.info("Requests to Cost Explorer: %d, which cost USD %s.", report.requests, report.cost)
    context.add_output_metadata(
        {
            "compared": report.compared,
            "differing": len(report.differing),
            "not_granted": len(report.denied),
            "not_this_time": len(report.unknown),
            "cost_explorer_requests": report.requests,
            "cost_explorer_usd": str(report.cost),
        }
    )


@job(description="Compare finished months with AWS's invoices, and with Cost Explorer where that is switched on.")
def compare() -> None:
    """The daily comparison."""
    compare_with_aws()


comparisons_daily = ScheduleDefinition(
    name="comparisons_daily",
    job=compare,
    cron_schedule="0 8 * * *",  # after the daily look at open months has had its time
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
)
