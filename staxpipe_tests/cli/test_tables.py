"""Tables on a terminal of 80 columns, and through a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from staxpipe.cli.tables import print_table, standard_output

ACCOUNT = "111122223333"
EXPORT = "s3://a-bucket-with-a-rather-long-name/cur/export-of-everything-by-the-hour/and-a-folder-more"


def printed(table: Table, leading: int = 0, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_table(console, table, leading)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= width
    return shown


def amounts(count: int, amount: str = "USD 1,234,567.89") -> Table:
    table = Table(Column("account", no_wrap=True), "month", box=None)
    for number in range(count):
        table.add_column(f"amount {number}", no_wrap=True)
    table.add_row(ACCOUNT, "2026-10", *[amount] * count)
    return table


def test_what_fits_is_a_table_with_whole_accounts() -> None:
    assert ACCOUNT in printed(amounts(2))


def test_accounts_fold_before_anything_else() -> None:
    shown = printed(amounts(3, "USD 112,345,678.90"))
    assert shown.count("USD 112,345,678.90") == 3
    assert "1111222" in shown
    assert ACCOUNT not in shown


def test_a_row_that_fits_not_even_so_stands_upright() -> None:
    lines = printed(amounts(5), leading=2).splitlines()
    assert lines[0].strip() == f"{ACCOUNT} 2026-10"
    assert [line.split(maxsplit=2)[2].strip() for line in lines[1:]] == ["USD 1,234,567.89"] * 5


def test_a_leading_cell_left_empty_is_that_of_the_row_above() -> None:
    table = amounts(5)
    table.add_row("", "2026-11", *["1"] * 5)
    assert f"{ACCOUNT} 2026-11" in printed(table, leading=2)


def test_a_word_too_long_for_the_terminal_folds_and_is_whole() -> None:
    table = Table("month", "export", "nothing")
    table.add_row("2026-10", Text(EXPORT), "")
    shown = printed(table)
    assert "row 1" in shown
    assert "nothing" not in shown
    assert EXPORT in "".join(shown.replace("export", "", 1).split()) or EXPORT in "".join(shown.split())


def test_a_pipe_has_no_edge(capsys: pytest.CaptureFixture[str]) -> None:
    table = amounts(30)
    print_table(standard_output(), table, leading=2)
    assert capsys.readouterr().out.count("USD 1,234,567.89") == 30
    standard_output().print("word " * 500)
    assert capsys.readouterr().out.count("\n") == 1


def test_an_address_folds_inside_a_table_where_its_column_says_so() -> None:
    table = Table(Column("account", no_wrap=True), Column("export", overflow="fold"), box=None)
    table.add_row(ACCOUNT, EXPORT)
    shown = printed(table)
    assert ACCOUNT in shown
    assert EXPORT in "".join(shown.replace(ACCOUNT, "").split())
