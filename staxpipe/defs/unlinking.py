"""What follows when a link ends: the op and job that delete or settle its data, and the sensor that starts them."""

from datetime import UTC, datetime

from dagster import (
    DefaultSensorStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    job,
    op,
    sensor,
)

from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.sensors import WORKING
from staxpipe.settings import Settings
from staxpipe.unlinking import words
from staxpipe.unlinking.run import finish_unlinkings, waiting


@op(retry_policy=RETRY)
def end_links(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Delete the data of links that ended, where that was ordered; settle the months of the others."""
    with in_dagsters_words():
        report = finish_unlinkings(staxpipe.platform(), datetime.now(UTC))
    for receipt in report.finished:
        deleted = ", ".join(words.counted(receipt.found or {})) or "nothing, for there was nothing"
        context.log.info("Receipt %d, account %s: deleted %s.", receipt.id, receipt.account_id, deleted)
    for sentence in report.postponed:
        context.log.warning("Not finished: %s", sentence)
    context.add_output_metadata(
        {"deleted": len(report.finished), "not_this_time": len(report.postponed), "settled": report.settled}
    )


# Before the months that wait: who asked to delete something does not wait for a first load of three years.
@job(description="Delete the data of links that ended, where that was ordered.", tags={"dagster/priority": "5"})
def unlink() -> None:
    """What is left to do for links that have ended."""
    end_links()


def unlinking_sensor(settings: Settings) -> SensorDefinition:
    """Starts the job when there is something to do: also after a run that was killed, for the receipt says so."""

    @sensor(
        name="ended_links",
        job=unlink,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Delete or settle what links have left that ended.",
    )
    def ended_links(context: SensorEvaluationContext, staxpipe: StaxpipeResource) -> RunRequest | SkipReason:
        with staxpipe.engine.connect() as connection:
            left = waiting(connection, datetime.now(UTC))
        if left == 0:
            return SkipReason("No link that ended has left anything to do.")
        if context.instance.get_runs(RunsFilter(job_name=unlink.name, statuses=WORKING), limit=1):
            return SkipReason("A run that does it is under way.")
        return RunRequest()  # no run key: the receipts themselves know what is done

    return ended_links
