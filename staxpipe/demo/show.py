"""The demo's end as tables for people, and as JSON for programs. Decides nothing, changes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from staxpipe.demo.isolation import VARIABLES
from staxpipe.demo.run import Outcome, Restated
from staxpipe.program import program, typed
from staxpipe.settings import Settings

_SMALL_SERVICES = 12
"""Services shown by name; the rest is one row."""


def show(console: Console, outcome: Outcome) -> None:
    """Everything: cost by service and month, what was restated, how it reconciles, and the mail."""
    for part in (_services(outcome), _restated(outcome.restated), _reconciliation(outcome), _mail(outcome)):
        console.print()
        console.print(part)
    console.print()


def show_addresses(console: Console, outcome: Outcome, settings: Settings, sign_in_link: str) -> None:
    """Where to go on looking, while everything is up."""
    where = Table.grid(padding=(0, 3))
    where.add_column(style="bold")
    where.add_column(overflow="fold")
    where.add_row("The linked account", Text(outcome.request_url, style="cyan"))
    where.add_row("Pages", Text(outcome.pages_url, style="cyan"))
    where.add_row("Dagster", Text(outcome.dagster_url, style="cyan"))
    where.add_row("State and logs", str(outcome.home))
    console.print(Panel(where, title="[bold green]Everything is up[/bold green]", title_align="left", expand=False))
    command = typed(settings, Path.cwd())
    variables = settings.home / VARIABLES
    show_for_copying(console, "Sign in with this link, once:", sign_in_link)
    show_for_copying(console, "Another link:", f"{command} sign-in")
    show_for_copying(console, "Ask anything by SQL:", f"{command} sql 'FROM daily_costs LIMIT 20'")
    show_for_copying(
        console,
        "All other commands, in a shell with the demo's variables:",
        f". {variables}; {shlex.quote(program(Path.cwd()))} status",
    )


def show_for_copying(console: Console, what: str, text: str) -> None:
    """Never in a frame, and never wrapped."""
    console.print(what)
    console.print(Text(f"  {text}", style="bold cyan"), soft_wrap=True)


def as_json(outcome: Outcome) -> dict[str, object]:
    """The same for programs; money is text with every digit."""
    return {
        "ok": outcome.agrees,
        "seconds": round(outcome.seconds, 1),
        "steps": [{"title": step.title, "seconds": round(step.seconds, 2)} for step in outcome.steps],
        "account_id": outcome.organisation.payer.id,
        "bucket": outcome.bucket_url,
        "months": [
            {
                "period": str(month.period),
                "agrees": month.agrees,
                "differing": list(month.differing),
                "rows": month.lake.rows,
                "billed_cost": str(month.marts.billed),
                "effective_cost": str(month.marts.effective),
                "list_cost": str(month.marts.list),
                "expected": {
                    "rows": month.expected.rows,
                    "billed_cost": str(month.expected.billed),
                    "effective_cost": str(month.expected.effective),
                    "list_cost": str(month.expected.list),
                },
            }
            for month in outcome.months
        ],
        "restated": [
            {
                "period": str(month.before.period),
                "rows_before": month.before.expected.focus.rows,
                "rows_after": month.after.expected.focus.rows,
                "billed_before": str(month.before.expected.focus.billed),
                "billed_after": str(month.after.expected.focus.billed),
            }
            for month in outcome.restated
        ],
        "services": [
            {
                "service": cost.service,
                "period": cost.period,
                "billed_cost": str(cost.billed),
                "effective_cost": str(cost.effective),
            }
            for cost in outcome.services
        ],
        "mail": {"to": list(outcome.mail.to), "subject": outcome.mail.subject, "text": outcome.mail.text},
        "pages_url": outcome.pages_url,
        "request_url": outcome.request_url,
        "dagster_url": outcome.dagster_url,
    }


def _services(outcome: Outcome) -> RenderableType:
    periods = sorted({cost.period for cost in outcome.services})
    costs = {(cost.service, cost.period): cost.effective for cost in outcome.services}
    totals: dict[str, Decimal] = {}
    for cost in outcome.services:
        totals[cost.service] = totals.get(cost.service, Decimal(0)) + cost.effective
    by_size = sorted(totals, key=lambda service: (-totals[service], service))
    table = Table(title="Effective cost by service and month, US dollars", title_justify="left", show_footer=True)
    table.add_column("Service", footer="Total")
    for period in periods:
        total = sum((cost.effective for cost in outcome.services if cost.period == period), Decimal(0))
        table.add_column(period, footer=_money(total), justify="right")
    shown, rest = by_size[:_SMALL_SERVICES], by_size[_SMALL_SERVICES:]
    for service in shown:
        table.add_row(service, *(_money(costs.get((service, period), Decimal(0))) for period in periods))
    if rest:
        others = [
            _money(sum((costs.get((service, period), Decimal(0)) for service in rest), Decimal(0)))
            for period in periods
        ]
        table.add_row(f"{len(rest)} more", *others, style="dim")
    return table


def _restated(months: Sequence[Restated]) -> RenderableType:
    table = Table(title="Delivered again by AWS, and picked up", title_justify="left")
    table.add_column("Month")
    for name in ("Line items before", "after", "Billed before", "after", "Change"):
        table.add_column(name, justify="right")
    for month in months:
        before, after = month.before.expected.focus, month.after.expected.focus
        change = after.billed - before.billed
        table.add_row(
            str(month.before.period),
            f"{before.rows:,}",
            f"{after.rows:,}",
            _money(before.billed),
            _money(after.billed),
            f"{change:+,.2f}",
        )
    return table


def _reconciliation(outcome: Outcome) -> RenderableType:
    table = Table(
        title="What the generator put in, and what staxpipe's daily costs show",
        title_justify="left",
        caption="Compared by charge category, in the lake and in the marts, to the last digit."
        if outcome.agrees
        else "",
        caption_justify="left",
    )
    table.add_column("Month")
    for name in ("Line items", "Billed\nput in", "Billed\nshown", "Effective\nput in", "Effective\nshown"):
        table.add_column(name, justify="right")
    table.add_column("")
    for month in outcome.months:
        table.add_row(
            str(month.period),
            f"{month.lake.rows:,}",
            _money(month.expected.billed),
            _money(month.marts.billed),
            _money(month.expected.effective),
            _money(month.marts.effective),
            Text("equal", style="green")
            if month.agrees
            else Text(f"differs: {', '.join(month.differing)}", style="bold red"),
        )
    return table


def _mail(outcome: Outcome) -> RenderableType:
    mail = outcome.mail
    head = Text.assemble(("To       ", "bold"), ", ".join(mail.to), "\n", ("Subject  ", "bold"), mail.subject, "\n")
    body = Group(head, Text(mail.text.strip()))
    return Panel(body, title="The mail that came", title_align="left", expand=False)


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
