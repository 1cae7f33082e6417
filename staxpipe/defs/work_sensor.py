"""The sensor that starts a job when there is something for it to do and no run is at it; each room says what there is.

What a job has done it writes down itself, so no run has a key: one that was killed is made good by the next look.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from staxpipe.defs.resources import StaxpipeResource

WORKING = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def work_sensor(
    name: str,
    job: JobDefinition,
    seconds: int,
    description: str,
    idle: Callable[[StaxpipeResource, datetime], str | None],
) -> SensorDefinition:
    """A sensor that looks every so many `seconds`.

    `idle` says why the job would have nothing to do at that time, in words for the Dagster UI; None where it has.
    """

    @sensor(
        name=name,
        job=job,
        minimum_interval_seconds=seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description=description,
    )
    def look(context: SensorEvaluationContext, staxpipe: StaxpipeResource) -> RunRequest | SkipReason:
        why = idle(staxpipe, datetime.now(UTC))
        if why is not None:
            return SkipReason(why)
        if context.instance.get_runs(RunsFilter(job_name=job.name, statuses=WORKING), limit=1):
            return SkipReason("A run that does it is under way.")
        return RunRequest()

    return look
