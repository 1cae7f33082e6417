"""Sensors: roles that became assumable, deliveries that are new, messages that wait, runs that failed."""

import time
from datetime import UTC, datetime

from dagster import (
    DagsterRun,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    run_failure_sensor,
    sensor,
)

from staxpipe.aws.sessions import operator_session
from staxpipe.db import deliveries as ledger
from staxpipe.db import links as link_queries
from staxpipe.db.outbox import enqueue, waiting
from staxpipe.defs.assets import ONLY_NEW
from staxpipe.defs.jobs import ingest, notify
from staxpipe.defs.partitions import ACCOUNTS, PARTITION_TAG, month_exists, partition_key
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.work_sensor import WORKING, work_sensor
from staxpipe.doctor.facts import of_link
from staxpipe.doctor.keeping import AFTER_NEWS, DAILY, look_at_due
from staxpipe.ingest.outcome import pause
from staxpipe.ingest.requests import Request, choose_requests, waits_for_another_attempt
from staxpipe.ingest.sweep import look_into_buckets
from staxpipe.linking.listening import listen
from staxpipe.linking.probe import probe
from staxpipe.linking.reverify import reverify, try_due
from staxpipe.model import BillingPeriod
from staxpipe.settings import Settings

SWEEP_SECONDS = 40.0
"""A tick may take 60 seconds (Dagster's limit); a sweep ends well before."""

LISTEN_SECONDS = 20.0
"""For so long a tick goes on looking for roles while somebody is creating one: a tick each few seconds would cost more.
Not longer than a process that is told to stop is waited for."""

ROLES_SECONDS = 10
"""Between two ticks that look for roles, at most: whoever has just saved a request is soon in the second of them."""

TRIAL_SECONDS = 10.0
"""Of such a tick, for the roles of paused links: an unsafe one takes eight."""

WORK_SECONDS = 50.0
"""For the sweep and what follows it. The doctor has what is left; whom it does not reach, it does tomorrow."""

MOST_REQUESTS = 50
"""Run requests a tick: queueing 100 runs took 11 to 23 seconds."""


def build_sensors(settings: Settings) -> list[SensorDefinition]:
    """Every sensor; how often they look is a setting."""
    seconds = settings.sensor_seconds

    @sensor(
        minimum_interval_seconds=min(seconds, ROLES_SECONDS),
        default_status=DefaultSensorStatus.RUNNING,
        description="Probe the role of every waiting link request, and of paused links that are to be read again; a "
        "role that is proved safe links its account.",
    )
    def assumable_roles(context: SensorEvaluationContext, staxpipe: StaxpipeResource) -> SensorResult:
        try_due(staxpipe.engine, staxpipe.settings, _utc_now(), TRIAL_SECONDS)
        report = listen(staxpipe.engine, staxpipe.settings, probe, _utc_now, SWEEP_SECONDS, LISTEN_SECONDS)
        with staxpipe.engine.connect() as connection:
            linked = {link.account_id for link in link_queries.active(connection)}
        # Asked of the links, not of this sweep: a tick that was killed after linking is made good here.
        missing = sorted(linked - set(context.instance.get_dynamic_partitions(ACCOUNTS.name or "")))
        return SensorResult(
            dynamic_partitions_requests=[ACCOUNTS.build_add_request(missing)] if missing else [],
            skip_reason=None if missing else SkipReason(report.sentence()),
        )

    @sensor(
        job=ingest,
        minimum_interval_seconds=seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="List the linked buckets, compare them with the ledger, and load what is new.",
    )
    def new_deliveries(context: SensorEvaluationContext, staxpipe: StaxpipeResource) -> SensorResult:
        now, ends = datetime.now(UTC), time.monotonic() + WORK_SECONDS
        looks = look_into_buckets(staxpipe.engine, staxpipe.settings, staxpipe.bucket, now, SWEEP_SECONDS)
        if looks.refused_links:  # is it the bucket only, or does the role no longer hold?
            operator = operator_session(staxpipe.settings)
            reverify(staxpipe.engine, staxpipe.settings, operator, now, only=looks.refused_links, seconds=10)
        news, nothing = map(of_link, looks.new_links), map(of_link, looks.empty_links)
        look_at_due(staxpipe.engine, [*news], staxpipe.look, now, AFTER_NEWS, ends - time.monotonic(), found=True)
        look_at_due(staxpipe.engine, [*nothing], staxpipe.look, now, DAILY, ends - time.monotonic())
        working = context.instance.get_runs(RunsFilter(statuses=WORKING))
        accounts = set(context.instance.get_dynamic_partitions(ACCOUNTS.name or ""))
        with staxpipe.engine.begin() as connection:
            due = [entry for entry in ledger.due(connection, now) if month_exists(entry.period, now)]
            requests = choose_requests(
                [entry for entry in due if entry.account_id in accounts],
                {run.tags[PARTITION_TAG] for run in working if PARTITION_TAG in run.tags},
                MOST_REQUESTS,
            )
            for request in requests:
                for delivery, attempts in request.deliveries.items():
                    ledger.count_attempt(connection, delivery, now + pause(attempts))
        said = f"{looks.looked} buckets listed, {looks.new} new deliveries, {len(due)} waiting"
        for refused in looks.refused:
            context.log.warning("Not readable: %s", refused)
        return SensorResult(
            run_requests=[_run_request(request) for request in requests],
            skip_reason=None if requests else SkipReason(said),
        )

    outbox = work_sensor("outbox", notify, min(seconds, 30), "Send what waits in the outbox.", _nothing_to_send)

    @run_failure_sensor(
        name="failed_runs",
        minimum_interval_seconds=seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tell the operator of a run that failed for good.",
    )
    def failed_runs(context: RunFailureSensorContext, staxpipe: StaxpipeResource) -> None:
        run = context.dagster_run
        if run.tags.get("dagster/will_retry") == "true" or run.job_name == notify.name:
            return  # it will be run again; and mail that fails is not told by mail
        _tell_operator(staxpipe, run, context.failure_event.message or "")

    return [assumable_roles, new_deliveries, outbox, failed_runs]


def _nothing_to_send(staxpipe: StaxpipeResource, now: datetime) -> str | None:
    if staxpipe.settings.smtp_url is None:
        return "STAXPIPE_SMTP_URL is not set: messages wait in the outbox."
    with staxpipe.engine.connect() as connection:
        return None if waiting(connection, now) else "Nothing waits."


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _run_request(request: Request) -> RunRequest:
    # Only what is new: when the month was loaded before this run's turn (a lost run was repeated), nothing is left.
    return RunRequest(
        run_key=request.key, partition_key=partition_key(request.account_id, request.period), tags={ONLY_NEW: "true"}
    )


def _tell_operator(staxpipe: StaxpipeResource, run: DagsterRun, message: str) -> None:
    partition = run.tags.get(PARTITION_TAG, "")
    to = staxpipe.settings.operator_email
    if to is None:
        return
    account, _, period = partition.partition("|")
    with staxpipe.engine.begin() as connection:
        if account and waits_for_another_attempt(ledger.newest(connection, account, BillingPeriod.parse(period))):
            return
        enqueue(
            connection,
            f"run_failed:{run.job_name}:{partition}:{datetime.now(UTC):%Y-%m-%d}",  # one mail a day about one month
            "ingest_failed",
            {
                "to": [to],
                "account_id": account,
                "period": period,
                "reason": message,
                "what_to_do": "Open the run in the Dagster UI: its failed step says why.",
                "url": f"{staxpipe.settings.dagster_url}/runs/{run.run_id}",
            },
        )
