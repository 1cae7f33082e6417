"""`staxpipe load`: files that a person already has, without AWS."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from staxpipe.cli import importing
from staxpipe.cli.tables import print_table, standard_output
from staxpipe.model import Badge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from staxpipe.exports.discovery import Discovery
    from staxpipe.ingest.load import FailedMonth, LoadedMonth
    from staxpipe.model import StoredObject
    from staxpipe.settings import Settings


def load(
    paths: Annotated[
        list[Path],
        typer.Argument(help="A folder with manifests as AWS delivers it, one manifest, or bare data files."),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of objects, one a billing account and month.")
    ] = False,
) -> None:
    """Load Cost and Usage Reports and FOCUS exports that lie on this machine into the lake and the marts.

    Files are read in place, month by month; loading the same again changes nothing. Works whether or not
    `staxpipe up` is running. Exits with 0 only if everything was loaded and reconciled, with 130 if interrupted.

    Example: staxpipe load ~/Downloads/my-report && staxpipe sql "SELECT * FROM daily_costs LIMIT 5"
    """
    with importing():
        from staxpipe.exports.local import find_all
        from staxpipe.settings import read_settings

    settings = read_settings()
    errors = Console(stderr=True)
    found = find_all(paths)  # before the database starts: a wrong path is told at once
    try:
        months, failed = _load(settings, found, errors)
    except KeyboardInterrupt:
        errors.print(
            "Interrupted. Months that were done are kept; the same command goes on with the others.", soft_wrap=True
        )
        raise typer.Exit(130) from None
    if as_json:
        print(
            json.dumps([_as_json(month) for month in months] + [_failed_as_json(month) for month in failed], indent=2)
        )
    elif months:
        _show(months)
    if failed or not months or not all(month.reconciled for month in months):
        raise typer.Exit(1)


def _load(
    settings: Settings, found: Sequence[Discovery], errors: Console
) -> tuple[list[LoadedMonth], list[FailedMonth]]:
    """Load all that was found, and say meanwhile how far it is and what is wrong."""
    with importing():
        from staxpipe.local.database import open_database

    months: list[LoadedMonth] = []
    failed: list[FailedMonth] = []
    with (
        open_database(settings, _import_the_rest) as engine,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} files, {task.fields[rows]:,} rows"),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        ) as bar,
    ):
        from staxpipe.db import audit_log
        from staxpipe.db.link_requests import OPERATOR
        from staxpipe.ingest.load import LoadedMonth
        from staxpipe.ingest.load import load as load_found
        from staxpipe.ingest.platform import Platform
        from staxpipe.local.terminal import whereabouts

        def record(action: str, place: str, result: str, detail: dict[str, object]) -> None:
            with engine.begin() as connection:
                audit_log.record(connection, OPERATOR, action, place, result, whereabouts(), detail)

        gc.freeze()  # imported modules are no garbage, and searching them would take a twentieth of the time
        platform = Platform.open(settings, engine)
        for seen in found:
            record("files.load-begun", seen.bucket.url, "done", {"deliveries": len(seen.deliveries)})
            before = len(months), len(failed)
            told_as_failures = {broken.reason for broken in seen.broken}
            for finding in seen.findings:
                if finding.message not in told_as_failures:
                    errors.print(finding.message, highlight=False, markup=False)
            for result in load_found(platform, seen, _watched(bar, seen)):
                if isinstance(result, LoadedMonth):
                    months.append(result)
                else:
                    failed.append(result)
                    errors.print(
                        f"{result.billing_period} was not loaded: {result.error}", highlight=False, markup=False
                    )
            loaded, lost = len(months) - before[0], len(failed) - before[1]
            record("files.loaded", seen.bucket.url, "failed" if lost else "done", {"months": loaded, "failed": lost})
    return months, failed


def _import_the_rest() -> None:
    """Import what takes half a second, while the database starts."""
    with importing():
        import staxpipe.ingest.load  # noqa: F401


def _watched(bar: Progress, seen: Discovery) -> Callable[[StoredObject, int], None]:
    """Show on the bar which of the files are read."""
    files = {file.key for delivery in seen.deliveries for file in delivery.files}
    task = bar.add_task(seen.bucket.url.removeprefix("file://"), total=len(files), rows=0)
    begun: set[str] = set()

    def watch(file: StoredObject, rows: int) -> None:
        begun.add(file.key)
        bar.update(task, completed=len(begun), rows=rows)

    return watch


def _show(months: list[LoadedMonth]) -> None:
    console = standard_output()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("account", "month"):
        table.add_column(name, no_wrap=True)
    for name in ("rows of the report", "line items", "billed", "effective", "list"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("currency", "state"):
        table.add_column(name)
    for month in months:
        table.add_row(
            month.billing_account_id,
            str(month.billing_period),
            f"{month.rows_read:,}",
            f"{month.rows_written:,}",
            f"{month.billed_cost:,.2f}",
            f"{month.effective_cost:,.2f}",
            f"{month.list_cost:,.2f}",
            month.currency,
            _state(month),
        )
    print_table(console, table, leading=2)
    said: dict[str, list[str]] = {}
    for month in months:
        for finding in month.findings:
            said.setdefault(f"{finding.severity}: {finding.message}", []).append(str(month.billing_period))
    for message, periods in said.items():
        console.print(f"{', '.join(dict.fromkeys(periods))}  {message}", highlight=False, markup=False)


def _state(month: LoadedMonth) -> str:
    colour = "red" if not month.reconciled else "yellow" if month.badge == Badge.PROVISIONAL else "green"
    state = f"[{colour}]{month.badge}[/{colour}]"
    return state if month.changed else f"{state}, nothing changed"


def _as_json(month: LoadedMonth) -> dict[str, object]:
    return {
        "billing_account_id": month.billing_account_id,
        "billing_period": str(month.billing_period),
        "currency": month.currency,
        "rows_read": month.rows_read,
        "rows_written": month.rows_written,
        "billed_cost": str(month.billed_cost),
        "effective_cost": str(month.effective_cost),
        "list_cost": str(month.list_cost),
        "badge": month.badge,
        "reconciled": month.reconciled,
        "changed": month.changed,
        "source": month.source,
        "findings": [
            {"code": f.code, "severity": f.severity.value, "message": f.message, "count": f.count}
            for f in month.findings
        ],
    }


def _failed_as_json(month: FailedMonth) -> dict[str, object]:
    return {"billing_period": str(month.billing_period), "source": month.source, "error": month.error}
