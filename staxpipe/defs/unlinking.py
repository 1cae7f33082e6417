"""What follows when a link ends: the op and job that delete or settle its data, and the sensor that starts them."""

from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, OpExecutionContext, RunsFilter, SensorDefinition, job, op

from staxpipe.db import deliveries as ledger
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.partitions import ACCOUNT_TAG
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.work_sensor import work_sensor
from staxpipe.settings import Settings
from staxpipe.unlinking import words
from staxpipe.unlinking.run import finish_unlinkings, waiting

_FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


@op(retry_policy=RETRY)
def end_links(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Delete the data of links that ended, where that was ordered; settle the months of the others."""
    with in_dagsters_words():
        report = finish_unlinkings(staxpipe.platform(), datetime.now(UTC))
    for receipt in report.finished:
        forget_runs(context.instance, staxpipe, receipt.account_id)
        deleted = ", ".join(words.counted(receipt.found or {})) or "nothing, for there was nothing"
        context.log.info("Receipt %d, account %s: deleted %s.", receipt.id, receipt.account_id, deleted)
    for sentence in report.postponed:
        context.log.warning("Not finished: %s", sentence)
    context.add_output_metadata(
        {"deleted": len(report.finished), "not_this_time": len(report.postponed), "settled": report.settled}
    )


def forget_runs(instance: DagsterInstance, staxpipe: StaxpipeResource, account_id: str) -> int:
    """Delete the finished runs of an account's months, if nothing of it is left to which they could belong; how many
    those were. Their events hold sums of the months. Results of asset checks, which have findings and no sums of their
    own, are Dagster's to keep: it has no way to delete those of one partition.
    """
    with staxpipe.engine.connect() as connection:
        if ledger.has_any(connection, account_id):
            return 0
    runs = instance.get_runs(RunsFilter(tags={ACCOUNT_TAG: account_id}, statuses=_FINISHED))
    for run in runs:
        instance.delete_run(run.run_id)
    return len(runs)


# Before the months that wait: who asked to delete something does not wait for a first load of three years.
@job(description="Delete the data of links that ended, where that was ordered.", tags={"dagster/priority": "5"})
def unlink() -> None:
    """What is left to do for links that have ended."""
    end_links()


def unlinking_sensor(settings: Settings) -> SensorDefinition:
    """Starts the job when there is something to do: also after a run that was killed, for the receipt says so."""

    def idle(staxpipe: StaxpipeResource, now: datetime) -> str | None:
        with staxpipe.engine.connect() as connection:
            left = waiting(connection, now)
        return None if left else "No link that ended has left anything to do."

    said = "Delete or settle what links have left that ended."
    return work_sensor("ended_links", unlink, settings.sensor_seconds, said, idle)
