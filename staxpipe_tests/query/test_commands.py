"""`staxpipe sql` and `staxpipe export` as a person types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from staxpipe.cli.export import export
from staxpipe.cli.sql import sql
from staxpipe.errors import PermanentError
from staxpipe_tests.lake.line_item_batches import PAYER
from staxpipe_tests.query.conftest import Loaded

app = typer.Typer()
app.command()(sql)
app.command()(export)

BY_MONTH = "SELECT period, sum(billed_cost) AS billed FROM daily_costs GROUP BY ALL ORDER BY ALL"


@pytest.fixture(autouse=True)
def surroundings(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded.settings.database_url is not None
    monkeypatch.setenv("STAXPIPE_HOME", str(loaded.settings.home))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", loaded.settings.database_url.get_secret_value())


def run(*arguments: str, typed: str | None = None) -> str:
    result = CliRunner().invoke(app, list(arguments), input=typed)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_table_has_readable_amounts_at_the_right_and_says_that_they_are_rounded() -> None:
    lines = run("sql", BY_MONTH).splitlines()
    assert "│ 2018-10 │ 60.0000 │" in lines
    assert "│ 2018-11 │ 20.0000 │" in lines
    assert any("every digit" in line for line in lines)


def test_csv_has_every_digit_and_a_header() -> None:
    assert run("sql", BY_MONTH, "-f", "csv") == "period,billed\n2018-10,60.000000000000000001\n2018-11,20\n"


def test_json_is_a_list_of_objects_with_exact_amounts() -> None:
    expected = [{"period": "2018-10", "billed": "60.000000000000000001"}, {"period": "2018-11", "billed": "20"}]
    assert json.loads(run("sql", BY_MONTH, "--json")) == expected
    assert json.loads(run("sql", BY_MONTH, "--format", "json")) == expected
    assert json.loads(run("sql", "SELECT 1 AS a WHERE false", "--json")) == []


def test_maps_are_objects_in_json_and_json_in_csv() -> None:
    query = "SELECT Tags FROM line_items WHERE Tags['user:Team'] = 'search'"
    assert json.loads(run("sql", query, "--json")) == [{"Tags": {"user:Team": "search"}}]
    _, (cell,) = csv.reader(io.StringIO(run("sql", query, "-f", "csv")))
    assert json.loads(cell) == {"user:Team": "search"}


def test_a_table_shows_fifty_rows_and_says_that_there_are_more() -> None:
    few = run("sql", "SELECT ChargePeriodStart FROM line_items")
    assert "The first 50 rows; --limit 0 shows all." in few
    everything = run("sql", "SELECT ChargePeriodStart FROM line_items", "--limit", "0")
    assert "The first" not in everything
    assert everything.count("2018-") == 121
    assert "The first" not in run("sql", "SELECT ChargePeriodStart FROM line_items LIMIT 50")


def test_csv_and_json_are_whole_unless_limited() -> None:
    assert len(run("sql", "SELECT 1 FROM line_items", "-f", "csv").splitlines()) == 122
    assert len(json.loads(run("sql", "SELECT 1 AS a FROM line_items", "--json", "--limit", "3"))) == 3


def test_a_query_is_read_from_standard_input_and_narrowed() -> None:
    query = "SELECT sum(BilledCost) AS billed FROM line_items"
    assert run("sql", "-", "-f", "csv", "--period", "2018-11", "--account", PAYER, typed=query) == "billed\n20\n"


@pytest.mark.usefixtures("narrow_terminal")
def test_rows_of_many_columns_stand_upright_where_the_terminal_is_narrow() -> None:
    shown = run("sql", "SELECT * FROM line_items LIMIT 1")
    assert "row 1" in shown
    assert "ServiceName" in shown
    assert "CapacityReservationId" not in shown  # it is empty


def test_a_wrong_query_is_a_sentence() -> None:
    with pytest.raises(PermanentError, match="The query cannot be answered"):
        run("sql", "SELECT nothing_like_it FROM line_items")


def test_export_writes_the_file_and_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "october.parquet"
    said = run("export", "--account", PAYER, "--period", "2018-10", "--out", str(out))
    assert said.startswith(f"{out}: 101 line items, ")
    assert pq.read_metadata(out).num_rows == 101
    told = json.loads(run("export", "--account", PAYER, "--period", "2018-10", "--out", str(out), "--json"))
    assert told == {"path": str(out), "rows": 101, "bytes": out.stat().st_size}


@pytest.mark.parametrize(("option", "value"), [("--account", "12"), ("--period", "2026-13")])
def test_what_is_no_account_or_month_is_refused_in_words(option: str, value: str) -> None:
    with pytest.raises(PermanentError, match=f"{option}: "):
        run("sql", "SELECT 1", option, value)
