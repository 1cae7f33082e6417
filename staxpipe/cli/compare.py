"""`staxpipe compare`: loaded months beside AWS's invoices and Cost Explorer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from staxpipe.comparison.run import CompareReport
    from staxpipe.db.comparisons import Compared
    from staxpipe.model import BillingPeriod
    from staxpipe.settings import Settings


def compare(
    account: Annotated[str | None, typer.Option(help="Only this billing account, by its 12 digits.")] = None,
    period: Annotated[str | None, typer.Option(help="Only this month, YYYY-MM.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Ask AWS now. Cost Explorer is asked once only for each delivery.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,
) -> None:
    """Show how finished months compare with AWS's invoices, and with Cost Explorer where that is switched on.

    Months are compared every day after a newer delivery was loaded; --now does it at once. Exits with 1 if a month
    differs for a reason that does not pass by itself, or if --now could not ask.

    Example: staxpipe compare --account 123456789012 --period 2026-10
    """
    from staxpipe.db import comparisons
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings

    settings = read_settings()
    parse_account(account)
    month = parse_period(period)
    with open_database(settings) as engine:
        report = _ask(engine, settings, account, month) if now else None
        with engine.connect() as connection:
            rows = comparisons.compared(connection, account, month)
        notes = _notes(engine, settings, account, month, report)
    if as_json:
        print(json.dumps({"comparisons": [_as_json(row) for row in rows], "notes": notes}, indent=2))
    else:
        _show(rows, notes)
    unanswered = report is not None and bool(report.unknown)
    if unanswered or any(_needs_a_look(row) for row in rows):
        raise typer.Exit(1)


def _ask(engine: Engine, settings: Settings, account: str | None, period: BillingPeriod | None) -> CompareReport:
    from staxpipe.aws.link_billing import LinkBilling
    from staxpipe.aws.sessions import operator_session
    from staxpipe.comparison.run import compare_months
    from staxpipe.db import audit_log
    from staxpipe.db.link_requests import OPERATOR
    from staxpipe.lake.table import Lake
    from staxpipe.local.terminal import whereabouts

    with engine.begin() as connection:
        subject = f"account:{account or '*'}/{period or '*'}"
        audit_log.record(connection, OPERATOR, "comparison.asked", subject, "done", whereabouts())
    return compare_months(
        engine,
        settings,
        Lake.open(settings, engine),
        LinkBilling(operator_session(settings)),
        datetime.now(UTC),
        account=account,
        period=period,
        again=True,
    )


def _notes(
    engine: Engine,
    settings: Settings,
    account: str | None,
    period: BillingPeriod | None,
    report: CompareReport | None,
) -> list[str]:
    """Why there is no comparison where one could be, and what asking just now came to."""
    from staxpipe.comparison.verdicts import Against
    from staxpipe.db import comparisons

    notes = []
    if not settings.compare_invoices:
        notes.append("Invoices are not asked for: STAXPIPE_COMPARE_INVOICES is off.")
    if not settings.compare_cost_explorer:
        notes.append("Cost Explorer is not asked: STAXPIPE_COMPARE_COST_EXPLORER is off (USD 0.01 for each request).")
    with engine.connect() as connection:
        months = comparisons.counted_months(connection, account, period)
        refused = comparisons.refusals(connection)
        compared = {(row.account, row.period, row.against): row.compared_at for row in comparisons.compared(connection)}
    for month in months:
        for against in Against:
            at = compared.get((month.account, str(month.period), against))
            for refusal in comparisons.refusals_of(refused, month, against):
                if at is None or at < refusal.at:
                    notes.append(f"{refusal.why} (Asked on {refusal.at:%Y-%m-%d}.)")
    if report is not None:
        notes += report.unknown
        if report.requests:
            notes.append(f"Requests to Cost Explorer just now: {report.requests}, which cost USD {report.cost}.")
    return list(dict.fromkeys(notes))


def _needs_a_look(row: Compared) -> bool:
    from staxpipe.comparison.verdicts import passes

    return row.reason is not None and not passes(row.reason)


def _show(rows: list[Compared], notes: list[str]) -> None:
    from staxpipe.comparison.verdicts import money, words

    console = standard_output()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("account", "month", "against"):
        table.add_column(name, no_wrap=True)
    for name in ("theirs", "ours", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("currency", "verdict", "compared"):
        table.add_column(name)
    for row in rows:
        colour = "green" if row.reason is None else "red" if _needs_a_look(row) else "yellow"
        table.add_row(
            row.account,
            row.period,
            row.against,
            money(row.theirs),
            money(row.ours),
            money(row.theirs - row.ours),
            row.currency,
            f"[{colour}]{row.reason or 'equal'}[/{colour}]",
            f"{row.compared_at.astimezone(UTC):%Y-%m-%d %H:%M}",
        )
    if rows:
        print_table(console, table, leading=3)
    else:
        console.print("No month was compared yet. Finished months of linked accounts are, once a day.")
    for reason in dict.fromkeys(row.reason for row in rows if row.reason):
        console.print(f"{reason}: {words(reason)}", highlight=False, markup=False)
    for note in notes:
        console.print(note, highlight=False, markup=False)


def _as_json(row: Compared) -> dict[str, object]:
    return {
        "billing_account_id": row.account,
        "billing_period": row.period,
        "against": row.against,
        "currency": row.currency,
        "theirs": f"{row.theirs:f}",
        "ours": f"{row.ours:f}",
        "difference": f"{row.theirs - row.ours:f}",
        "equal": row.reason is None,
        "reason": row.reason,
        "needs_a_look": _needs_a_look(row),
        "detail": row.detail,
        "compared_at": row.compared_at.isoformat(),
    }
