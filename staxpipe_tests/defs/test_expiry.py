from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance
from sqlalchemy import Engine, select

from staxpipe.db.tables import deliveries
from staxpipe.defs import jobs
from staxpipe.defs.jobs import forget_deliveries
from staxpipe.defs.schedules import expiry_daily
from staxpipe_tests.defs.conftest import FolderStaxpipe, Run
from staxpipe_tests.generated import OCTOBER, Deliver


def test_the_daily_round_lets_superseded_deliveries_go_and_says_so(
    run: Run,
    instance: DagsterInstance,
    staxpipe: FolderStaxpipe,
    engine: Engine,
    deliver_month: Deliver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for day in (10, 20):
        deliver_month(OCTOBER, day=day)
        assert run(OCTOBER).success

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return datetime.now(UTC) + timedelta(days=91)

    monkeypatch.setattr(jobs, "datetime", Later)
    result = forget_deliveries.execute_in_process(instance=instance, resources={"staxpipe": staxpipe})
    assert result.success
    with engine.connect() as connection:
        expired = connection.execute(
            select(deliveries.c.snapshot_expired_at.is_not(None)).order_by(deliveries.c.delivered_at)
        ).scalars()
        assert list(expired) == [True, False]
    [event] = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    metadata = event.step_output_data.metadata
    assert (metadata["snapshots"].value, metadata["deliveries"].value) == (1, 1)
    assert expiry_daily.job_name == "forget_deliveries"
