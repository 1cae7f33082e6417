"""`staxpipe source`: which export counts for an account's month, and the operator's word on it."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from staxpipe.db.month_totals import MonthTotal
    from staxpipe.warehouse.choices import MonthElected

OPERATOR = "operator"

source = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="See and choose which export counts, where several hold the same month of an account. All are loaded; one "
    "counts, by a rule (docs/counting.md) or by your word. What people query follows at once.",
)

Account = Annotated[str, typer.Option(help="The billing account, by its 12 digits.")]
Period = Annotated[str | None, typer.Option(help="A month, YYYY-MM; every month of the account where it is left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="A list of objects, for programs.")]


@source.command("list")
def list_sources(
    account: Annotated[str | None, typer.Option(help="Only this billing account, by its 12 digits.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every account and month with the export that counts and those that do not, and why.

    Changes nothing.
    """
    from staxpipe.db.month_totals import month_totals
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings

    wanted = parse_account(account)
    with open_database(read_settings()) as engine, engine.connect() as connection:
        totals = month_totals(connection, wanted)
    if as_json:
        print(json.dumps([_as_json(total) for total in totals], indent=2))
    else:
        _show(totals, wanted)


@source.command()
def choose(
    account: Account,
    export: Annotated[int, typer.Option(help="The export's number, as `staxpipe source list` shows it.")],
    period: Period = None,
    as_json: AsJson = False,
) -> None:
    """Have one export counted for an account's month, or for all its months, whatever the rule says.

    A choice for a month goes before one for every month. In months that the export does not hold, the rule decides.

    Example: staxpipe source choose --account 111122223333 --period 2026-10 --export 4
    """
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.settings import read_settings
    from staxpipe.warehouse import choices

    wanted, month = parse_account(account), parse_period(period)
    with open_database(read_settings()) as engine, engine.begin() as connection:
        outcome = choices.choose(connection, wanted, month, export, OPERATOR, whereabouts())
    _tell(outcome, wanted, as_json)


@source.command()
def release(account: Account, period: Period = None, as_json: AsJson = False) -> None:
    """Take a choice back: that for a month, or without --period the one for every month. The rule decides again.

    Choices for single months stay when the one for every month is taken back.
    """
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.settings import read_settings
    from staxpipe.warehouse import choices

    wanted, month = parse_account(account), parse_period(period)
    with open_database(read_settings()) as engine, engine.begin() as connection:
        outcome = choices.release(connection, wanted, month, OPERATOR, whereabouts())
    _tell(outcome, wanted, as_json)


def _show(totals: list[MonthTotal], account: str | None) -> None:
    console = standard_output()
    if not totals:
        console.print("Nothing is loaded" + (f" of account {account}." if account else "."))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("account", "month"):
        table.add_column(name, no_wrap=True)
    table.add_column("export", justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for name in ("line items", "billed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("counted", "delivered to"):
        table.add_column(name, overflow="fold")
    for (account_shown, month), rows in groupby(totals, key=lambda total: (total.billing_account_id, total.period)):
        first = True
        for total in rows:
            table.add_row(
                account_shown if first else "",
                month if first else "",
                str(total.export_id),
                total.kind,
                f"{total.rows:,}",
                f"{total.currency} {total.billed_cost:,.2f}",
                _standing(total),
                Text(total.source),
            )
            first = False
    print_table(console, table, leading=2)


def _standing(total: MonthTotal) -> Text:
    from staxpipe.warehouse.source_rule import IN_WORDS

    if total.counted:
        return Text(f"yes: {IN_WORDS.get(total.reason or '', total.reason or '')}", "green")
    return Text("shadow", "dim")


def _tell(outcome: list[MonthElected], account: str, as_json: bool) -> None:
    from staxpipe.warehouse.source_rule import IN_WORDS

    if as_json:
        print(
            json.dumps(
                [
                    {
                        "billing_account_id": account,
                        "billing_period": str(month.period),
                        "export": month.export_id,
                        "source": month.source,
                        "reason": month.reason,
                        "changed": month.before != month.export_id,
                    }
                    for month in outcome
                ],
                indent=2,
            )
        )
        return
    console = standard_output()
    if not outcome:
        console.print(f"Taken back. Nothing of account {account} is loaded for it, so nothing changes.")
    for month in outcome:
        words = "is counted from now on" if month.before != month.export_id else "goes on being counted"
        console.print(
            f"{month.period}  export {month.export_id} ({month.source}) {words}: {IN_WORDS[month.reason]}.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _as_json(total: MonthTotal) -> dict[str, object]:
    from staxpipe.warehouse.source_rule import IN_WORDS

    return {
        "billing_account_id": total.billing_account_id,
        "billing_period": total.period,
        "export": total.export_id,
        "source": total.source,
        "kind": total.kind.value,
        "counted": total.counted,
        "reason": total.reason,
        "reason_in_words": None if total.reason is None else IN_WORDS.get(total.reason, total.reason),
        "chosen": total.chosen,
        "delivered_at": total.delivered_at.isoformat(),
        "provisional": not total.final,
        "currency": total.currency,
        "rows": total.rows,
        "billed_cost": f"{total.billed_cost:f}",
        "effective_cost": f"{total.effective_cost:f}",
    }
