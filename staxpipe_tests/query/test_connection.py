from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.query import Connection, connect
from staxpipe.warehouse.tables import daily_costs_all
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OTHER_PAYER, PAYER, costs
from staxpipe_tests.query.conftest import Loaded, publish

TINY = Decimal("1e-18")


def one(connection: Connection, query: str, **narrowed: str) -> object:
    table = connection.arrow(query, **narrowed)
    assert table.num_rows == table.num_columns == 1
    return table.column(0)[0].as_py()


def test_line_items_are_each_accounts_month_once_and_exact(connection: Connection) -> None:
    assert one(connection, "SELECT sum(BilledCost) FROM line_items") == 10 + TINY + 50 + 20
    assert one(connection, "SELECT sum(BilledCost) FROM line_items_all") == 10 + TINY + 50 + 20 + 10


def test_marts_say_the_same_as_the_lake(connection: Connection) -> None:
    assert one(connection, "SELECT sum(billed_cost) FROM daily_costs") == 10 + TINY + 50 + 20
    differences = connection.arrow(
        """
        SELECT billing_account_id, period, sum(billed_cost), sum(line_items) FROM daily_costs GROUP BY ALL
        EXCEPT
        SELECT BillingAccountId, strftime(BillingPeriodStart, '%Y-%m'), sum(BilledCost), count(*)
        FROM line_items GROUP BY ALL
        """
    )
    assert differences.num_rows == 0


def test_tags_are_asked_for_by_their_key(connection: Connection) -> None:
    frame = connection.sql("SELECT Tags['user:Team'] AS team, count(*) AS n FROM line_items GROUP BY ALL ORDER BY n")
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("list") == {"team": ["search", "storefront"], "n": [1, 120]}


def test_an_account_and_a_month_narrow_what_is_seen(connection: Connection) -> None:
    for query in ("SELECT sum(BilledCost) FROM line_items", "SELECT sum(billed_cost) FROM daily_costs"):
        assert one(connection, query, account=PAYER) == 30 + TINY
        assert one(connection, query, period="2018-11") == 20
        assert one(connection, query, account=OTHER_PAYER, period="2018-11") is None


def test_costs_are_daily_and_of_any_account_or_month(connection: Connection) -> None:
    frame = connection.costs(period="2018-11")
    assert list(frame.columns) == [*daily_costs_all.columns.keys(), "billing_account_name", "sub_account_name"]
    assert frame["billed_cost"].sum() == 20


def test_nothing_loaded_answers_with_no_rows(empty: Loaded) -> None:
    with connect(empty.settings) as connection:
        for name in ("line_items", "line_items_all", "daily_costs"):
            assert one(connection, f"SELECT count(*) FROM {name}") == 0
        columns = connection.sql("DESCRIBE line_items")["column_name"]
        assert list(columns) == LINE_ITEM_SCHEMA.names


def test_a_column_has_one_type_whether_anything_is_loaded_or_not(connection: Connection) -> None:
    loaded = connection.sql("DESCRIBE line_items")
    nothing = connection.sql("DESCRIBE line_items", period="1999-01")
    assert list(zip(loaded["column_name"], loaded["column_type"], strict=True)) == list(
        zip(nothing["column_name"], nothing["column_type"], strict=True)
    )


def test_every_query_sees_what_is_loaded_at_that_moment(empty: Loaded) -> None:
    query = "SELECT sum(BilledCost) FROM line_items"
    with connect(empty.settings) as connection:
        for amount in ("2", "3"):
            made = costs(10, amount, period=NOVEMBER)
            publish(empty.engine, empty.lake, "first", NOVEMBER, lambda _id, made=made: [made])  # type: ignore[misc]
            assert one(connection, query) == 10 * int(amount)


def test_an_answer_can_be_streamed(connection: Connection) -> None:
    with connection.batches("SELECT BilledCost FROM line_items_all") as batches:
        assert isinstance(batches, pa.RecordBatchReader)
        assert sum(batch.num_rows for batch in batches) == 221


def test_a_frame_has_floats_for_decimals_and_dicts_for_maps(connection: Connection) -> None:
    frame = connection.sql("SELECT BilledCost, Tags, ChargePeriodStart, InvoiceId FROM line_items LIMIT 1")
    assert frame["BilledCost"].dtype == float
    assert frame["Tags"][0] == {"user:Team": "storefront"}
    assert frame["ChargePeriodStart"][0] == pd.Timestamp("2018-10-01", tz="UTC")


def test_a_month_that_is_none_is_told(connection: Connection) -> None:
    with pytest.raises(PermanentError, match="YYYY-MM"):
        connection.sql("SELECT 1", period="October")


def test_a_closed_connection_lets_the_database_go(loaded: Loaded) -> None:
    connection = connect(loaded.settings)
    connection.close()
    connection.close()  # harmless
