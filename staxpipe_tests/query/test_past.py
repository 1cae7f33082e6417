"""Line items as of an earlier delivery, asked for by its number or the beginning of its id."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from staxpipe.db.tables import deliveries
from staxpipe.errors import PermanentError
from staxpipe.query import Connection, connect
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, OTHER_PAYER, PAYER, costs
from staxpipe_tests.query.conftest import Loaded, publish


@pytest.fixture
def restated(empty: Loaded) -> dict[str, int]:
    """October delivered three times by one export and once by another, November once; numbers by delivery id."""
    numbers: dict[str, int] = {}

    def deliver(export: str, delivery_id: str, amount: str, day: int, *accounts: str) -> None:
        numbers[delivery_id] = publish(
            empty.engine,
            empty.lake,
            export,
            OCTOBER,
            lambda id_: [costs(10, amount, account=one, export_id=id_, delivery=delivery_id) for one in accounts],
            delivery_id,
            datetime(2018, 11, day, tzinfo=UTC),
        )

    deliver("first", "alpha-1", "1", 1, PAYER, OTHER_PAYER)
    deliver("first", "alpha-2", "2", 2, PAYER)
    deliver("first", "beta-3", "3", 3, PAYER, OTHER_PAYER)
    deliver("second", "other-1", "7", 4, PAYER)
    publish(empty.engine, empty.lake, "first", NOVEMBER, lambda id_: [costs(10, "5", period=NOVEMBER, export_id=id_)])
    return numbers


def billed(connection: Connection, as_of: str | None = None, **narrowed: str) -> dict[str, int]:
    """Billed cost by month, then by account."""
    found = connection.arrow(
        "SELECT strftime(BillingPeriodStart, '%Y-%m') || ' ' || BillingAccountId, sum(BilledCost)::BIGINT "
        "FROM line_items GROUP BY ALL ORDER BY ALL",
        as_of=as_of,
        **narrowed,
    )
    return dict(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))


def test_a_month_is_shown_as_it_was_and_others_as_they_are(empty: Loaded, restated: dict[str, int]) -> None:
    november = {f"2018-11 {PAYER}": 50}
    with connect(empty.settings) as connection:
        assert billed(connection) == {f"2018-10 {PAYER}": 30, f"2018-10 {OTHER_PAYER}": 30, **november}
        by_number = billed(connection, str(restated["alpha-1"]))
        assert by_number == {f"2018-10 {PAYER}": 10, f"2018-10 {OTHER_PAYER}": 10, **november}
        assert billed(connection, "alpha-2") == {f"2018-10 {PAYER}": 20, **november}
        assert billed(connection, "be") == billed(connection)


def test_a_delivery_that_is_not_counted_takes_the_place_of_the_one_that_is(
    empty: Loaded, restated: dict[str, int]
) -> None:
    with connect(empty.settings) as connection:
        assert billed(connection, "other") == {
            f"2018-10 {PAYER}": 70,
            f"2018-10 {OTHER_PAYER}": 30,
            f"2018-11 {PAYER}": 50,
        }
        ((everything,),) = connection.arrow("SELECT sum(BilledCost)::BIGINT FROM line_items_all", as_of="alpha-1")
        assert everything.as_py() == 10 + 10 + 70 + 50


def test_it_is_narrowed_as_ever(empty: Loaded, restated: dict[str, int]) -> None:
    with connect(empty.settings) as connection:
        assert billed(connection, "alpha-1", account=OTHER_PAYER) == {f"2018-10 {OTHER_PAYER}": 10}
        assert billed(connection, "alpha-1", account=OTHER_PAYER, period="2018-10") == {f"2018-10 {OTHER_PAYER}": 10}


def test_what_is_meant_must_be_clear(empty: Loaded, restated: dict[str, int]) -> None:
    with connect(empty.settings) as connection:
        with pytest.raises(PermanentError, match=rf"2 deliveries begin with 'alpha'.* {restated['alpha-2']} \(2018-10"):
            billed(connection, "alpha")
        for nothing in ("gamma", "", "%", "999"):
            with pytest.raises(PermanentError, match="No delivery has the number"):
                billed(connection, nothing)
        with pytest.raises(PermanentError, match="No delivery of 2018-11"):
            billed(connection, "alpha-1", period="2018-11")


def test_marts_do_not_pretend_to_know_the_past(empty: Loaded, restated: dict[str, int]) -> None:
    with connect(empty.settings) as connection, pytest.raises(PermanentError, match="ask line_items instead"):
        connection.sql("SELECT * FROM daily_costs", as_of="alpha-1")


def test_what_the_lake_does_not_hold_is_told(empty: Loaded, restated: dict[str, int]) -> None:
    empty.lake.expire(datetime.now(UTC))
    with connect(empty.settings) as connection:
        with pytest.raises(PermanentError, match=r"does not hold delivery .* UTC\) any more: .*KEEP_DELIVERIES_DAYS"):
            billed(connection, "alpha-1")
        assert billed(connection, "beta-3") == billed(connection), "the current one stays"
        with empty.engine.begin() as change:
            change.execute(update(deliveries).where(deliveries.c.delivery_id == "alpha-2").values(snapshot_id=None))
        with pytest.raises(PermanentError, match=r"^Delivery .* was never loaded"):
            billed(connection, "alpha-2")
