from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from staxpipe.db import deliveries as ledger
from staxpipe.db import links
from staxpipe.ingest.pinning import pin, pinned
from staxpipe.model import BillingPeriod, DeliveryState
from staxpipe_tests.ledger import ACCOUNT, a_delivery, add_link, record
from staxpipe_tests.local.conftest import wait_until

OCTOBER = BillingPeriod(2026, 10)


def test_a_run_works_on_what_waits(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        ledger.mark(connection, record(connection, a_delivery(source="s3://b/one")), DeliveryState.LOADED)
        waiting = record(connection, a_delivery(source="s3://b/two"))
    assert [entry.id for entry in pin(engine, ACCOUNT, OCTOBER, "run", again=True)] == [waiting]
    with engine.begin() as connection:
        assert [entry.id for entry in pinned(connection, ACCOUNT, OCTOBER, "run", again=True)] == [waiting]


def test_a_backfill_of_a_loaded_month_loads_it_again_and_a_daily_look_does_not(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        loaded = record(connection, a_delivery())
        ledger.mark(connection, loaded, DeliveryState.LOADED)
    assert pin(engine, ACCOUNT, OCTOBER, "look", again=False) == []
    with engine.begin() as connection:
        assert pinned(connection, ACCOUNT, OCTOBER, "look", again=False) == []
    assert [entry.id for entry in pin(engine, ACCOUNT, OCTOBER, "backfill", again=True)] == [loaded]


def test_a_failed_month_is_tried_again_only_when_asked_for(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        failed = record(connection, a_delivery())
        ledger.mark_failed(connection, failed, "a file is missing")
    assert pin(engine, ACCOUNT, OCTOBER, "look", again=False) == []
    [entry] = pin(engine, ACCOUNT, OCTOBER, "backfill", again=True)
    assert entry.state is DeliveryState.DISCOVERED


def test_what_failed_in_one_step_is_left_out_of_the_next(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        broken = record(connection, a_delivery(source="s3://b/one"))
        good = record(connection, a_delivery(source="s3://b/two"))
    pin(engine, ACCOUNT, OCTOBER, "run", again=True)
    with engine.begin() as connection:
        ledger.mark_failed(connection, broken, "a file is missing")
        assert [entry.id for entry in pinned(connection, ACCOUNT, OCTOBER, "run", again=True)] == [good]


def test_a_later_step_alone_takes_the_newest_delivery(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        ledger.mark(connection, record(connection, a_delivery(delivery_id="a")), DeliveryState.SUPERSEDED)
        newest = record(connection, a_delivery(delivery_id="b", hours=1))
        ledger.mark(connection, newest, DeliveryState.LOADED)
        assert [entry.id for entry in pinned(connection, ACCOUNT, OCTOBER, "only-marts", again=True)] == [newest]


def test_a_run_takes_a_delivery_that_was_asked_for_though_it_pauses_before_it_is_asked_for_again(
    engine: Engine,
) -> None:
    with engine.begin() as connection:
        add_link(connection)
        id_ = record(connection, a_delivery())
        ledger.count_attempt(connection, id_, datetime.now(UTC) + timedelta(hours=1))
        assert ledger.due(connection, datetime.now(UTC)) == []
    assert [entry.id for entry in pin(engine, ACCOUNT, OCTOBER, "asked", again=False)] == [id_]


def test_a_later_step_and_a_look_into_the_bucket_never_wait_for_each_other(engine: Engine) -> None:
    with engine.begin() as connection:
        add_link(connection)
        waiting = record(connection, a_delivery())

    def pin_later() -> list[int]:
        with engine.begin() as connection:
            return [entry.id for entry in pinned(connection, ACCOUNT, OCTOBER, "run", again=False)]

    def waits() -> bool:
        with engine.connect() as connection:
            query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            return bool(connection.scalar(text(query)))

    with ThreadPoolExecutor(1) as pool, engine.begin() as looking:
        assert links.is_wanted(looking, "link-1", changing=True)
        later = pool.submit(pin_later)
        wait_until(waits)
        looking.execute(text("UPDATE deliveries SET files = files"))  # as a look records what it has seen
    assert later.result(20) == [waiting]
