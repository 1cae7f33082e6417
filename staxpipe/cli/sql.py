"""`staxpipe sql`: questions to the lake and the marts."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from staxpipe.cli.cells import cell
from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One question in SQL, or - to read it from standard input.")],
    format: Annotated[  # the option's name
        Format, typer.Option("--format", "-f", help="A table for people; CSV or JSON with every digit.")
    ] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=0, help="Rows at most; a table shows 50 unless told otherwise, 0 is all.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="See only this billing account.")] = None,
    period: Annotated[str | None, typer.Option(help="See only this month, YYYY-MM.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="See line items of an export's month as of this delivery: its number, or how its id begins."),
    ] = None,
) -> None:
    """Ask questions in SQL (DuckDB's dialect). Nothing can be changed by it.

    [bold]line_items[/bold]        FOCUS 1.2 rows from the lake, each account's month once
    [bold]line_items_all[/bold]    the same from every export, also those that are not counted
    [bold]split_line_items[/bold]  shares of tasks and pods in instances (split cost allocation)
    [bold]daily_costs[/bold]       daily sums by account, service, region, category and usage type
    [bold]daily_costs_all[/bold]   the same from every export, also those that are not counted
    [bold]month_ledger[/bold]      how each loaded month adds up, from what AWS delivered to the marts
    [bold]cost_changes[/bold]      what each delivery changed against the one before it
    [bold]quarantine[/bold]        values that could not be read: file, row, column, value, reason and cost
    [bold]accounts[/bold]          names, units and tags of organisations' accounts (whatever account and period)
    [bold]audit_log[/bold]         who did what, from where, and how it ended (whatever account and period)

    Examples:

    staxpipe sql "SELECT period, service_name, sum(effective_cost) FROM daily_costs GROUP BY ALL ORDER BY ALL"

    staxpipe sql "SELECT Tags['Team'] AS team, sum(BilledCost) FROM line_items GROUP BY ALL" --period 2026-10

    staxpipe sql "DESCRIBE line_items"
    """
    from staxpipe.query.connection import connect

    parse_account(account)
    parse_period(period)
    chosen = Format.JSON if as_json else format
    if query == "-":
        query = sys.stdin.read()
    with connect() as connection, connection.batches(query, account=account, period=period, as_of=as_of) as batches:
        if chosen is Format.TABLE:
            _table(batches, 50 if limit is None else limit)
        elif chosen is Format.CSV:
            _csv(batches, limit or 0)
        else:
            _json(batches, limit or 0)


def _rows(batches: pa.RecordBatchReader, limit: int) -> Iterator[list[object]]:
    """Values row by row; maps as dicts."""
    rows = (
        list(row)
        for batch in batches
        for row in zip(*(column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns), strict=True)
    )
    return itertools.islice(rows, limit) if limit else rows


def _table(batches: pa.RecordBatchReader, limit: int) -> None:
    from staxpipe.query.answers import is_number, shown

    numbers = [is_number(field.type) for field in batches.schema]
    rows = _rows(batches, limit + 1 if limit else 0)
    values = list(itertools.islice(rows, limit) if limit else rows)
    cells = [[shown(value) for value in row] for row in values]
    console = standard_output()
    table = Table()
    for name, number in zip(batches.schema.names, numbers, strict=True):
        # Text folds where it must; a number that is cut in two is misread.
        table.add_column(Text(name), justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in cells:
        table.add_row(*(Text(text) for text, _ in row))
    print_table(console, table)
    if next(rows, None) is not None:
        console.print(f"The first {len(cells):,} rows; --limit 0 shows all.", style="dim")
    if any(lossy for row in cells for _, lossy in row):
        console.print("Amounts are rounded to be read; --format csv and json have every digit.", style="dim")


def _csv(batches: pa.RecordBatchReader, limit: int) -> None:
    from staxpipe.query.answers import exact

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(batches.schema.names)
    for row in _rows(batches, limit):
        values = (exact(value) for value in row)
        writer.writerow(
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else cell(value) for value in values
        )


def _json(batches: pa.RecordBatchReader, limit: int) -> None:
    """A list of objects, a row a line, written as it comes."""
    from staxpipe.query.answers import exact

    names = batches.schema.names
    between = "[\n"
    for row in _rows(batches, limit):
        values = (exact(value) for value in row)
        sys.stdout.write(between + json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[\n" else "\n]\n")
