from __future__ import annotations

from datetime import UTC, datetime

from dagster import DagsterInstance, RunRequest, SkipReason, build_sensor_context
from sqlalchemy import Engine

from staxpipe.db import accounts
from staxpipe.defs.organizations import name_accounts, organizations_sensor
from staxpipe.local.aws_stand_in import StandInCredentials
from staxpipe.organization.due import LastReading, Outcome
from staxpipe_tests.aws_stand_in import aws, operator, operator_environment
from staxpipe_tests.defs.conftest import FolderStaxpipe
from staxpipe_tests.ledger import ACCOUNT

__all__ = ["aws", "operator", "operator_environment"]


def test_an_organisation_that_cannot_be_read_fails_nothing(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, engine: Engine, operator_environment: StandInCredentials
) -> None:
    result = name_accounts.execute_in_process(instance=instance, resources={"staxpipe": staxpipe})
    assert result.success
    [event] = [event for event in result.all_node_events if event.event_type_value == "STEP_OUTPUT"]
    metadata = {name: value.value for name, value in event.step_output_data.metadata.items()}
    assert metadata == {"accounts": 0, "failed": 1}
    with engine.connect() as connection:
        reading = accounts.readings(connection)[ACCOUNT]
    assert reading.outcome is Outcome.FAILED
    assert "can no longer be assumed" in reading.words, "for the test's role is not there"


def test_a_run_is_asked_for_when_it_is_some_link_s_turn(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, engine: Engine
) -> None:
    def tick() -> object:
        with build_sensor_context(instance=instance, resources={"staxpipe": staxpipe}) as context:
            return organizations_sensor()(context)

    assert isinstance(tick(), RunRequest)
    with engine.begin() as connection:
        reading = LastReading(datetime.now(UTC), Outcome.READ, "read", 1)
        accounts.keep_reading(connection, ACCOUNT, "link-1", reading)
    assert isinstance(tick(), SkipReason)
