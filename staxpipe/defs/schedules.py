"""Schedules: every day open months are looked at whatever the sensors saw, roles are tried, old deliveries expire."""

from collections.abc import Iterator

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule

from staxpipe.db import links as link_queries
from staxpipe.defs.assets import ONLY_NEW
from staxpipe.defs.jobs import forget_deliveries, ingest, verify_links
from staxpipe.defs.partitions import ACCOUNTS, partition_key
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.model import BillingPeriod


@schedule(job=ingest, cron_schedule="0 6 * * *", execution_timezone="UTC", default_status=DefaultScheduleStatus.RUNNING)
def open_months(context: ScheduleEvaluationContext, staxpipe: StaxpipeResource) -> Iterator[RunRequest]:
    """Every active account's current and previous month: AWS restates the previous one for two weeks and more."""
    day = context.scheduled_execution_time
    current = BillingPeriod.containing(day)
    with staxpipe.engine.connect() as connection:
        linked = {link.account_id for link in link_queries.active(connection)}
    accounts = sorted(linked & set(context.instance.get_dynamic_partitions(ACCOUNTS.name or "")))
    for account in accounts:
        for period in (current, current.previous()):
            yield RunRequest(
                run_key=f"{account}:{period}:{day:%Y-%m-%d}",
                partition_key=partition_key(account, period),
                tags={ONLY_NEW: "true"},
            )


roles_daily = ScheduleDefinition(
    name="roles_daily",
    job=verify_links,
    cron_schedule="30 5 * * *",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
)

expiry_daily = ScheduleDefinition(
    name="expiry_daily",
    job=forget_deliveries,
    cron_schedule="30 4 * * *",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
)
