"""The marts inside a DuckDB session are what Postgres says, in the same types."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import insert, text

from staxpipe.db.tables import reconciliations
from staxpipe.query import connect
from staxpipe.query.session import open_session
from staxpipe_tests.lake.line_item_batches import OCTOBER, OTHER_PAYER, PAYER, costs
from staxpipe_tests.query.conftest import Loaded, publish


def load_twice(empty: Loaded) -> int:
    for day, amount in ((1, "1"), (2, "1.5")):
        number = publish(
            empty.engine,
            empty.lake,
            "first",
            OCTOBER,
            lambda id_, amount=amount: [costs(10, amount, account=one, export_id=id_) for one in (PAYER, OTHER_PAYER)],  # type: ignore[misc]
            f"d{day}",
            datetime(2018, 11, day, 3, 4, 5, 678_901, tzinfo=UTC),
        )
    nothing = dict.fromkeys(
        ("rows_doubled", "rows_dropped", "rows_split", "rows_quarantined", "rows_without_invoice", "quarantined_cost"),
        0,
    )
    with empty.engine.begin() as connection:
        connection.execute(
            insert(reconciliations).values(
                delivery=number,
                billing_account_id=PAYER,
                currency="USD",
                rows_read=10,
                rows_mapped=10,
                source_cost=Decimal("15.000000000000000001"),
                lake_cost=Decimal(15),
                badge="off",
                reason='said "so",\nin two lines',
                **nothing,
            )
        )
    return number


def test_the_ledger_and_what_changed_are_there_as_postgres_says(empty: Loaded) -> None:
    number = load_twice(empty)
    with connect(empty.settings) as connection:
        for mart in ("month_ledger", "cost_changes"):
            with empty.engine.connect() as postgres:
                expected = [dict(row) for row in postgres.execute(text(f"SELECT * FROM {mart}")).mappings()]
            assert expected
            found = connection.arrow(f"SELECT * FROM {mart}").to_pylist()
            key = lambda row: str(row["billing_account_id"])  # noqa: E731
            assert sorted(found, key=key) == sorted(expected, key=key)
        [line] = connection.arrow("SELECT * FROM month_ledger").to_pylist()
        assert (line["delivery"], line["counted"], line["difference"]) == (number, True, Decimal("-1e-18"))
        [changed] = connection.arrow("SELECT * FROM cost_changes", account=PAYER).to_pylist()
        assert (changed["billed_change"], changed["rows_change"]) == (5, 0)
        assert connection.arrow("SELECT * FROM cost_changes", period="2018-11").num_rows == 0


def test_marts_that_a_query_does_not_name_are_empty_and_have_their_columns(empty: Loaded) -> None:
    load_twice(empty)
    with open_session(empty.lake, empty.engine, "SELECT * FROM month_ledger") as session:
        counts = [session.sql(f"SELECT count(*) FROM {mart}").fetchall() for mart in ("month_ledger", "cost_changes")]
        assert counts == [[(1,)], [(0,)]]
        assert session.sql("SELECT typeof(delivered_at) FROM month_ledger").fetchall() == [
            ("TIMESTAMP WITH TIME ZONE",)
        ]
