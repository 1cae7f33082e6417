"""Jobs: the pipeline for an account's month, the final notification, and what is done every day beside it."""

from datetime import UTC, datetime

from dagster import AssetSelection, OpExecutionContext, define_asset_job, job, op

from staxpipe.aws.sessions import operator_session
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.ingest.expiry import expire
from staxpipe.linking.reverify import reverify
from staxpipe.notify.channels import channel_from
from staxpipe.notify.drain import drain

ingest = define_asset_job(
    "ingest",
    selection=AssetSelection.groups("ingest"),
    description="Discover, land, normalise and publish one account's month.",
)


@op(retry_policy=RETRY)
def send_notifications(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Send what waits in the outbox: invitations, "your data is ready", failures."""
    with in_dagsters_words():
        channel = channel_from(staxpipe.settings)
        if channel is None:
            context.log.warning("STAXPIPE_SMTP_URL is not set: messages wait in the outbox.")
            return
        report = drain(staxpipe.engine, channel, staxpipe.settings, datetime.now(UTC))
        context.add_output_metadata({"sent": report.sent, "failed": report.failed, "given_up": report.given_up})


# Before the months that wait: an invitation must not queue behind a first load of three years.
@job(description="Send what waits in the outbox.", tags={"dagster/priority": "10"})
def notify() -> None:
    """The final notification."""
    send_notifications()


@op(retry_policy=RETRY)
def verify_roles(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Probe the role of every link again: still assumable, still refusing a wrong ExternalId."""
    with in_dagsters_words():
        report = reverify(staxpipe.engine, staxpipe.settings, operator_session(staxpipe.settings), datetime.now(UTC))
        context.add_output_metadata(
            {"holding": len(report.holding), "paused": len(report.paused), "unknown": len(report.unknown)}
        )


@job(description="Prove again that every linked role is safe; pause the links whose role is not.")
def verify_links() -> None:
    """The daily look at every link's role."""
    verify_roles()


@op(retry_policy=RETRY)
def expire_deliveries(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Let the lake forget deliveries that were superseded long ago."""
    with in_dagsters_words():
        report = expire(staxpipe.platform(), datetime.now(UTC))
        context.add_output_metadata(
            {"snapshots": report.snapshots, "files": report.files, "deliveries": report.deliveries}
        )


@job(description="Expire the snapshots and files of deliveries that were superseded long ago; the journal stays.")
def forget_deliveries() -> None:
    """The daily tidying of the lake."""
    expire_deliveries()
