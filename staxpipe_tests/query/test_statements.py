from __future__ import annotations

import duckdb
import pytest

from staxpipe.errors import PermanentError
from staxpipe.query import Connection
from staxpipe.query.statements import explained, mentions, names, question


def test_a_question_is_what_is_asked_without_comments_and_semicolon() -> None:
    assert question(" SELECT 1 ; ").text == "SELECT 1"
    assert question("EXPLAIN ANALYZE SELECT 1").asked == "SELECT 1"
    assert question("explain (format json) FROM line_items").asked == "FROM line_items"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "here are none"),
        ("-- nothing", "here are none"),
        ("SELECT 1; SELECT 2", "here are 2"),
        ("DROP TABLE x", "This is a DROP statement"),
        ("EXPLAIN DROP TABLE x", "This is a DROP statement"),
        ("PIVOT x ON a USING sum(b)", "needs its values named"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
    ],
)
def test_what_is_no_question_is_told_in_words(query: str, said: str) -> None:
    with pytest.raises(PermanentError) as told:
        question(query)
    assert said in str(told.value)
    assert "Error:" not in str(told.value)


def test_an_unknown_column_comes_with_the_ones_like_it_and_its_place(connection: Connection) -> None:
    with pytest.raises(PermanentError) as told:
        connection.sql("SELECT 1,\n  BiledCost\nFROM line_items")
    message = str(told.value)
    assert message.startswith('The query cannot be answered: Referenced column "BiledCost" not found')
    assert '"BilledCost"' in message
    assert "LINE 2:" in message
    assert "EXPLAIN" not in message


def test_an_unknown_table_is_told(connection: Connection) -> None:
    with pytest.raises(PermanentError, match="lineitems does not exist"):
        connection.sql("SELECT * FROM lineitems")


def test_an_error_while_rows_are_computed_is_told_too(connection: Connection) -> None:
    with pytest.raises(PermanentError, match="Could not convert string"):
        connection.arrow("SELECT CAST(ServiceName AS INTEGER) FROM line_items")
    with (
        pytest.raises(PermanentError, match="Could not convert string"),
        connection.batches("SELECT CAST(ServiceName AS INTEGER) FROM line_items") as batches,
    ):
        batches.read_all()


def test_only_the_kind_of_an_error_is_left_out() -> None:
    told = explained(duckdb.BinderException("Binder Error: x: y Error: z"))
    assert str(told) == "The query cannot be answered: x: y Error: z"


def test_a_name_is_found_in_any_case() -> None:
    assert mentions('select * from "DAILY_COSTS"', "daily_costs")
    assert not mentions("select 1", "daily_costs")


def test_a_table_is_named_only_by_its_whole_name() -> None:
    assert names('select * from "DAILY_COSTS"', "daily_costs")
    assert names("from daily_costs_all join daily_costs", "daily_costs")
    assert names(r"from query(e'from\ndaily_costs\nlimit 1')", "daily_costs")
    assert not names("from daily_costs_all", "daily_costs")
    assert not names("select rows_quarantined from month_ledger", "quarantine")
