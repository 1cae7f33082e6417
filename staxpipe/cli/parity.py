"""`staxpipe parity`: do the exports of one account say the same?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import Console

    from staxpipe.warehouse.holdings import Holding
    from staxpipe.warehouse.parity import Compared, Comparison
    from staxpipe.warehouse.parity_report import MonthParity

SERVICES_SHOWN = 10


def parity(
    account: Annotated[str, typer.Option(help="The billing account, by its 12 digits.")],
    period: Annotated[str | None, typer.Option(help="Only this month, YYYY-MM.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects, one a month; every digit.")] = False,
) -> None:
    """Compare the export that counts with every other that holds the same month, to the cent.

    For the move from one export to another: load both, compare, then choose (staxpipe source choose). Amounts stand
    side by side by charge category; where they differ, by service, with the reasons that are known. Changes nothing.

    Example: staxpipe parity --account 111122223333 --period 2026-10
    """
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings
    from staxpipe.warehouse.parity_report import read_parity

    wanted, month = parse_account(account), parse_period(period)
    with (
        open_database(read_settings()) as engine,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
    ):
        months = read_parity(connection, wanted, month)
    if as_json:
        print(json.dumps([_month_as_json(month) for month in months], indent=2))
    else:
        _show(months, standard_output())


def _show(months: list[MonthParity], console: Console) -> None:
    for month in months:
        for comparison in month.comparisons:
            _show_comparison(month, comparison, console)
    alone = [str(month.period) for month in months if not month.comparisons]
    if alone:
        console.print(f"Only one export holds {', '.join(alone)}: there is nothing to compare.", highlight=False)


def _show_comparison(month: MonthParity, comparison: Comparison, console: Console) -> None:
    counted, shadow = comparison.counted, comparison.shadow
    console.print(Text(f"{month.period}  account {month.account}", "bold"))
    for word, side in (("counted", counted), ("shadow ", shadow)):
        console.print(Padding.indent(Text(f"{word}  {_side(side)}"), 2))
    if comparison.scope:
        only = ", ".join(comparison.scope)
        console.print(Padding.indent(Text(f"compared on usage account {only} only", "dim"), 2))
    print_table(console, _table("charge category", comparison.categories), leading=1)
    if comparison.services:
        print_table(console, _table("service that differs", comparison.services[:SERVICES_SHOWN]), leading=1)
        more = len(comparison.services) - SERVICES_SHOWN
        if more > 0:
            console.print(Padding.indent(Text(f"and {more:,} more: --json shows all", "dim"), 2))
    colour = "green" if comparison.agrees else "yellow"
    console.print(Padding.indent(Text(f"The shadow {comparison.in_words}.", colour), 2))
    for reason in comparison.reasons:
        console.print(Padding.indent(Text(reason, "dim"), 2))
    console.print()


def _side(side: Holding) -> str:
    holder = side.holder
    return f"export {holder.export_id} ({holder.kind}) {holder.source}, delivered {holder.delivered_at:%Y-%m-%d %H:%M}"


def _table(what: str, parts: tuple[Compared, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(what, overflow="fold")
    table.add_column("currency")
    for name in ("line items", "shadow", "billed", "shadow", "difference", "effective", "shadow", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in parts:
        table.add_row(
            Text(part.part),
            part.currency,
            f"{part.counted.rows:,}",
            f"{part.shadow.rows:,}",
            _money(part.counted.billed),
            _money(part.shadow.billed),
            _difference(part.billed_difference),
            _money(part.counted.effective),
            _money(part.shadow.effective),
            _difference(part.effective_difference),
        )
    return table


def _money(amount: Decimal) -> str:
    return f"{round(amount, 2) + 0:,.2f}"


def _difference(amount: Decimal) -> Text:
    rounded = round(amount, 2)
    return Text(f"{rounded:+,.2f}", "yellow") if rounded else Text("0.00", "dim")


def _month_as_json(month: MonthParity) -> dict[str, object]:
    return {
        "billing_account_id": month.account,
        "billing_period": str(month.period),
        "comparisons": [_comparison_as_json(comparison) for comparison in month.comparisons],
    }


def _comparison_as_json(comparison: Comparison) -> dict[str, object]:
    return {
        "counted": _side_as_json(comparison.counted),
        "shadow": _side_as_json(comparison.shadow),
        "only_usage_accounts": list(comparison.scope),
        "verdict": comparison.verdict.value,
        "verdict_in_words": f"The shadow {comparison.in_words}.",
        "reasons": list(comparison.reasons),
        "totals": [_part_as_json(part) for part in comparison.totals],
        "charge_categories": [_part_as_json(part) for part in comparison.categories],
        "services_that_differ": [_part_as_json(part) for part in comparison.services],
    }


def _side_as_json(side: Holding) -> dict[str, object]:
    holder = side.holder
    return {
        "export": holder.export_id,
        "source": holder.source,
        "kind": holder.kind.value,
        "delivered_at": holder.delivered_at.isoformat(),
        "provisional": not holder.final,
    }


def _part_as_json(part: Compared) -> dict[str, object]:
    return {
        "name": part.part,
        "currency": part.currency,
        "rows": part.counted.rows,
        "rows_shadow": part.shadow.rows,
        "billed_cost": f"{part.counted.billed:f}",
        "billed_cost_shadow": f"{part.shadow.billed:f}",
        "billed_cost_difference": f"{part.billed_difference:f}",
        "effective_cost": f"{part.counted.effective:f}",
        "effective_cost_shadow": f"{part.shadow.effective:f}",
        "effective_cost_difference": f"{part.effective_difference:f}",
    }
