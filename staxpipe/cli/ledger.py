"""`staxpipe ledger`: does it match the bill, row by row and sum by sum."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output
from staxpipe.status.screen import badge_colour

if TYPE_CHECKING:
    from rich.console import Console

    from staxpipe.status.ledger import LedgerMonth


def ledger(
    account: Annotated[str | None, typer.Option(help="Only this billing account, 12 digits.")] = None,
    period: Annotated[str | None, typer.Option(help="Only this month, YYYY-MM.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, with every digit.")] = False,
) -> None:
    """Show the reconciliation ledger: what AWS delivered, what the lake and the marts hold, and what must be equal.

    One line for each billing account, month, export and currency; for one month of one account, every sum behind it
    and the first values that could not be read.

    Example: staxpipe ledger --account 111122223333 --period 2026-10
    """
    from staxpipe.cli.quarantine import SHOWN, show_quarantine
    from staxpipe.db import quarantine
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings
    from staxpipe.status.ledger import read_ledger

    parse_account(account)
    only = parse_period(period)
    with open_database(read_settings()) as engine, engine.connect() as connection:
        months = read_ledger(connection, account, None if only is None else str(only))
        numbers = sorted({month.delivery for month in months}) if account and period else []
        unread = [quarantine.of_delivery(connection, number, SHOWN) for number in numbers]
    if as_json:
        print(json.dumps([{"badge": month.badge, **asdict(month)} for month in months], indent=2, default=_plain))
        return
    console = standard_output()
    if not months:
        console.print("Nothing is loaded that this asks for. `staxpipe status` shows what is.")
        raise typer.Exit(1)
    print_table(console, _overview(months), leading=2)
    if account is not None and period is not None:
        for month in months:
            _details(console, month)
        for kept in unread:
            show_quarantine(console, kept)


def _overview(months: list[LedgerMonth]) -> Table:
    counts = (">rows of the report", ">doubled", ">negated", ">split", ">set aside", ">line items")
    table = _table("account", "month", "currency", *counts, ">source", ">lake")
    table.add_column("verdict")
    table.add_column("export", overflow="fold")
    for month in months:
        line = month.line
        table.add_row(
            line.billing_account_id,
            month.period,
            line.currency,
            *(f"{count:,}" for count in (line.rows_read, line.rows_doubled, line.rows_dropped, line.rows_split)),
            f"{line.rows_quarantined:,}",
            f"{month.line_items:,}",
            f"{line.source_cost:,.2f}",
            f"{line.lake_cost:,.2f}",
            Text(month.badge, badge_colour(month.badge)),
            Text(f"{month.kind}, {'counted' if month.counted else 'not counted'}\n{month.export}", overflow="fold"),
        )
    return table


def _details(console: Console, month: LedgerMonth) -> None:
    line = month.line
    console.print(
        Text.assemble(
            (f"{line.billing_account_id} {month.period} {line.currency}", "bold"),
            f"  delivery {month.delivery}, {month.delivery_id}, of {month.delivered_at:%Y-%m-%d %H:%M} UTC",
        )
    )
    console.print(_sum(month), style="dim", markup=False)
    source = _table("line-item type", "became", ">rows of the report", ">cost")
    for total in month.source:
        source.add_row(total.charge, total.outcome, f"{total.rows:,}", f"{total.billed_cost:,.10f}")
    print_table(console, source, leading=1)
    made = _table("charge category", "in", ">line items", ">billed", ">effective", ">list")
    for name, side in (("lake", month.lake), ("marts", month.marts)):
        for total in side:
            amounts = (total.billed_cost, total.effective_cost or Decimal(0), total.list_cost or Decimal(0))
            made.add_row(total.charge, name, f"{total.rows:,}", *(f"{amount:,.10f}" for amount in amounts))
    print_table(console, made, leading=2)
    identities = _table("identity", ">left", ">right", ">difference", "verdict")
    for identity in month.identities:
        words = "holds" if identity.holds else "does not hold"
        identities.add_row(
            identity.name,
            *(f"{amount:,.10f}" for amount in (identity.left, identity.right, identity.difference)),
            Text(f"{words}, {identity.reason}" if identity.reason else words, "green" if identity.holds else "yellow"),
        )
    for comparison in month.comparisons:
        difference = comparison.ours - comparison.theirs
        identities.add_row(
            comparison.against,
            *(f"{amount:,.10f}" for amount in (comparison.ours, comparison.theirs, difference)),
            f"compared {comparison.compared_at:%Y-%m-%d}",
        )
    print_table(console, identities, leading=1)


def _sum(month: LedgerMonth) -> str:
    """How the rows of the report became line items, as a sum."""
    line = month.line
    parts = [f"{line.rows_read:,} {'row' if line.rows_read == 1 else 'rows'} of the report"]
    for sign, count, words in (
        ("+", line.rows_doubled, "doubled"),
        ("-", line.rows_dropped, "negated"),
        ("-", line.rows_quarantined, "set aside"),
        ("+", month.rows_added, "added to balance Savings Plans"),
    ):
        if count:
            parts.append(f"{sign} {count:,} {words}")
    return f"{' '.join(parts)} = {month.line_items:,} line item{'' if month.line_items == 1 else 's'}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    return table


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
