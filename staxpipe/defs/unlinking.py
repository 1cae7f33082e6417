"""What follows when a link ends: the op and job that delete or settle its data, and the sensor that starts them."""

from datetime import UTC, datetime

from dagster import OpExecutionContext, SensorDefinition, job, op

from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.work_sensor import work_sensor
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

    def idle(staxpipe: StaxpipeResource, now: datetime) -> str | None:
        with staxpipe.engine.connect() as connection:
            left = waiting(connection, now)
        return None if left else "No link that ended has left anything to do."

    said = "Delete or settle what links have left that ended."
    return work_sensor("ended_links", unlink, settings.sensor_seconds, said, idle)
