"""What Dagster does when a link was stopped or has ended: no run goes on, and the deletion is a run of its own."""

from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter, SkipReason, build_sensor_context
from sqlalchemy import Engine, text

from staxpipe.db import deletion_receipts, links
from staxpipe.defs.assets import ONLY_NEW
from staxpipe.defs.partitions import ACCOUNT_TAG
from staxpipe.defs.unlinking import unlink, unlinking_sensor
from staxpipe.settings import read_settings
from staxpipe.unlinking import acts
from staxpipe_tests.defs.conftest import FolderStaxpipe, Run
from staxpipe_tests.defs.test_sensors import tick
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver
from staxpipe_tests.ledger import ACCOUNT


def look(instance: DagsterInstance, staxpipe: FolderStaxpipe) -> RunRequest | SkipReason:
    with build_sensor_context(instance=instance, resources={"staxpipe": staxpipe}) as context:
        result = unlinking_sensor(read_settings())(context)
    assert isinstance(result, RunRequest | SkipReason)
    return result


def act(engine: Engine, what: object) -> None:
    assert callable(what)
    with engine.begin() as connection:
        assert what(connection, links.get(connection, "link-1"), "operator", datetime.now(UTC))


def test_a_deletion_that_was_ordered_is_a_run_and_the_receipt_is_written(
    run: Run, instance: DagsterInstance, staxpipe: FolderStaxpipe, engine: Engine, deliver_month: Deliver
) -> None:
    deliver_month(SEPTEMBER)
    assert run(SEPTEMBER).success
    assert isinstance(look(instance, staxpipe), SkipReason)
    act(engine, acts.order_deletion)
    assert isinstance(look(instance, staxpipe), RunRequest)
    instance.create_run_for_job(unlink, status=DagsterRunStatus.STARTED)
    waits = look(instance, staxpipe)
    assert isinstance(waits, SkipReason)
    assert "under way" in (waits.skip_message or "")

    of_the_account = RunsFilter(tags={ACCOUNT_TAG: ACCOUNT})
    assert instance.get_runs(of_the_account), "with their sums"
    result = unlink.execute_in_process(instance=instance, resources={"staxpipe": staxpipe})
    assert result.success
    assert not instance.get_runs(of_the_account)
    [event] = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    assert event.step_output_data.metadata["deleted"].value == 1
    with engine.connect() as connection:
        receipt = deletion_receipts.of_link(connection, "link-1")
        assert receipt is not None
        assert receipt.finished_at is not None
        assert connection.execute(text("SELECT count(*) FROM daily_costs_all")).scalar_one() == 0
    assert isinstance(look(instance, staxpipe), SkipReason)


def test_no_run_begins_for_a_link_that_a_person_stopped(
    run: Run, instance: DagsterInstance, staxpipe: FolderStaxpipe, engine: Engine, deliver_month: Deliver
) -> None:
    deliver_month(OCTOBER, day=10)
    assert len(tick(instance, staxpipe).run_requests or []) == 1
    act(engine, acts.stop)
    queued = run(OCTOBER, tags={ONLY_NEW: "true"})
    assert queued.success, "a run that had been asked for finds nothing to do, and nothing has failed"
    assert not run(OCTOBER).success, "a person who asks for it is told why"
    with engine.connect() as connection:
        states = connection.execute(text("SELECT array_agg(state) FROM deliveries")).scalar_one()
    assert states == ["discovered"]
    assert not tick(instance, staxpipe).run_requests
