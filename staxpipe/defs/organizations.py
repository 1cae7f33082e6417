"""The daily reading of organisations, whose accounts' names join the marts: op, job, and the sensor that starts it."""

from datetime import UTC, datetime

from dagster import (
    DefaultSensorStatus,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    job,
    op,
    sensor,
)

from staxpipe.aws.sessions import operator_session
from staxpipe.defs.failures import RETRY, in_dagsters_words
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.defs.sensors import WORKING
from staxpipe.organization import run


@op(retry_policy=RETRY)
def read_organizations(context: OpExecutionContext, staxpipe: StaxpipeResource) -> None:
    """Read names, units and tags of accounts, where it is a link's turn."""
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


# Often, so that an account that was just linked has names soon; each link has its turn once a day.
@sensor(
    name="organizations",
    job=name_accounts,
    minimum_interval_seconds=300,
    default_status=DefaultSensorStatus.RUNNING,
    description="Read organisations whose turn it is: once a day each, and at once when a link is new.",
)
def organizations_sensor(context: SensorEvaluationContext, staxpipe: StaxpipeResource) -> RunRequest | SkipReason:
    """Start the job when it is some link's turn, unless it is at work."""
    with staxpipe.engine.connect() as connection:
        due = run.due_accounts(connection, datetime.now(UTC))
    if not due:
        return SkipReason("Every organisation was read, or refused, not long ago.")
    if context.instance.get_runs(RunsFilter(job_name=name_accounts.name, statuses=WORKING), limit=1):
        return SkipReason("A run that does it is under way.")
    return RunRequest()  # no run key: what was read is written down
