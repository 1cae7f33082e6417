"""The daily reading of organisations, whose accounts' names join the marts: op, job, and the sensor that starts it."""

from datetime import UTC, datetime

from dagster import OpExecutionContext, SensorDefinition, job, op

from staxpipe.aws.sessions import operator_session
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.work_sensor import work_sensor
from staxpipe.organization import run

LOOK_SECONDS = 300
"""Often, so that an account that was just linked has names soon; each has its turn once a day."""


@op(retry_policy=RETRY)
def read_organizations(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Read names, units and tags of accounts, where it is an account's turn."""
    with in_dagsters_words():
        now = datetime.now(UTC)
        with staxpipe.engine.connect() as connection:
            due = run.due_accounts(connection, now)
        report = run.read_organizations(staxpipe.engine, operator_session(staxpipe.settings), due, now)
    for sentences in report.said.values():  # a refusal is a choice of the account's owner, and no problem
        for sentence in sentences:
            context.log.info("%s", sentence)
    context.add_output_metadata(
        {"accounts": report.accounts, **{outcome.value: len(said) for outcome, said in report.said.items()}}
    )


@job(description="Read the names, units and tags of organisations' accounts, where the role allows it.")
def name_accounts() -> None:
    """The daily reading of organisations."""
    read_organizations()


def organizations_sensor() -> SensorDefinition:
    """Starts the job when it is some account's turn."""

    def idle(staxpipe: StaxpipeResource, now: datetime) -> str | None:
        with staxpipe.engine.connect() as connection:
            due = run.due_accounts(connection, now)
        return None if due else "Every organisation was read, or refused, not long ago."

    said = "Read organisations whose turn it is: once a day each, and at once when a link is new."
    return work_sensor("organizations", name_accounts, LOOK_SECONDS, said, idle)
