from datetime import UTC, datetime

from dagster import DagsterInstance, SensorDefinition, SensorResult, build_sensor_context
from sqlalchemy import Engine, select

from staxpipe.db import links
from staxpipe.db.tables import deliveries
from staxpipe.defs.assets import ONLY_NEW
from staxpipe.defs.sensors import build_sensors
from staxpipe.doctor.facts import of_link
from staxpipe.doctor.keeping import keep_verdict, kept
from staxpipe.linking.verdicts import Safe
from staxpipe.settings import read_settings
from staxpipe_tests.defs.conftest import FolderStaxpipe, Run
from staxpipe_tests.generated import OCTOBER, SEPTEMBER, Deliver
from staxpipe_tests.ledger import ACCOUNT


def sensor(name: str) -> SensorDefinition:
    [found] = [sensor for sensor in build_sensors(read_settings()) if sensor.name == name]
    return found


def tick(instance: DagsterInstance, staxpipe: FolderStaxpipe) -> SensorResult:
    with build_sensor_context(instance=instance, resources={"staxpipe": staxpipe}) as context:
        result = sensor("new_deliveries")(context)
    assert isinstance(result, SensorResult)
    return result


def test_new_deliveries_are_asked_for_once_the_newest_month_first(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, deliver_month: Deliver, engine: Engine
) -> None:
    for period in (SEPTEMBER, OCTOBER):
        deliver_month(period)
    requests = tick(instance, staxpipe).run_requests or []
    assert [request.partition_key for request in requests] == [f"{ACCOUNT}|{period}" for period in (OCTOBER, SEPTEMBER)]
    assert {request.tags[ONLY_NEW] for request in requests} == {"true"}
    assert not tick(instance, staxpipe).run_requests, "a lost run is asked for again after a pause, not at once"
    with engine.connect() as connection:
        waits = connection.execute(select(deliveries.c.retry_at)).scalars().all()
    assert all(moment is not None and moment > datetime.now(UTC) for moment in waits)


def test_what_was_loaded_is_not_asked_for_again_until_it_is_restated(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, deliver_month: Deliver, run: Run
) -> None:
    deliver_month(OCTOBER, day=10)
    assert len(tick(instance, staxpipe).run_requests or []) == 1
    assert run(OCTOBER, tags={ONLY_NEW: "true"}).success
    assert not tick(instance, staxpipe).run_requests
    deliver_month(OCTOBER, day=20)
    [request] = tick(instance, staxpipe).run_requests or []
    assert request.partition_key == f"{ACCOUNT}|{OCTOBER}"


def test_new_deliveries_bring_a_look_of_the_doctor(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, deliver_month: Deliver, engine: Engine
) -> None:
    with engine.begin() as connection:
        [link] = links.by_account(connection, ACCOUNT)
        keep_verdict(connection, of_link(link), Safe(), datetime.now(UTC))
    deliver_month(OCTOBER)
    tick(instance, staxpipe)
    with engine.connect() as connection:
        report = kept(connection, link.request_id)
    assert report is not None
    assert report.months == (OCTOBER,)
    tick(instance, staxpipe)
    with engine.connect() as connection:
        assert kept(connection, link.request_id) == report, "nothing is new"


def test_a_bucket_that_holds_nothing_is_looked_at_by_the_doctor_who_has_not_seen_it(
    instance: DagsterInstance, staxpipe: FolderStaxpipe, engine: Engine
) -> None:
    with engine.begin() as connection:
        [link] = links.by_account(connection, ACCOUNT)
        keep_verdict(connection, of_link(link), Safe(), datetime.now(UTC))
    tick(instance, staxpipe)
    with engine.connect() as connection:
        report = kept(connection, link.request_id)
    assert report is not None
    assert report.looked_at is not None
    assert report.broken, "there is no report"
