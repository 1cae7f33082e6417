"""`staxpipe audit`: the audit log, who did what, newest first."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from staxpipe.cli.cells import cell
from staxpipe.cli.sql import Format
from staxpipe.cli.tables import standard_output

if TYPE_CHECKING:
    from staxpipe.db.audit_log import AuditEntry


def audit(
    limit: Annotated[int, typer.Option(min=1, help="Entries at most, the newest.")] = 50,
    subject: Annotated[
        str | None,
        typer.Option(
            help="Only what was done to this: an account, by its number, or as an entry names it (request:…, link:…)."
        ),
    ] = None,
    format: Annotated[  # the option's name
        Format, typer.Option("--format", "-f", help="A table for people; CSV or JSON with every field.")
    ] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show the audit log, newest first: when, who, what, from where, and how it ended. Times are in UTC.

    People, the operator and staxpipe's own processes are in it. `staxpipe sql "FROM audit_log"` asks more of it.

    Example: staxpipe audit --limit 20
    """
    from staxpipe.db import audit_log
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings

    with open_database(read_settings()) as engine, engine.connect() as connection:
        # One more than is shown tells whether there are more.
        found = audit_log.entries(connection, subject, limit + 1)
    entries = found[:limit]
    chosen = Format.JSON if as_json else format
    if chosen is Format.JSON:
        print(json.dumps([_fields(entry) for entry in entries], indent=2, ensure_ascii=False))
    elif chosen is Format.CSV:
        _csv(entries)
    else:
        _show(entries, len(found) > limit)


def _fields(entry: AuditEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "result": entry.result,
        "source_ip": entry.source_ip,
        "detail": dict(entry.detail),
    }


def _csv(entries: Sequence[AuditEntry]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("id", "at", "actor", "action", "subject", "result", "source_ip", "detail"))
    for entry in entries:
        values = _fields(entry).values()
        writer.writerow(
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else cell(value) for value in values
        )


def _show(entries: Sequence[AuditEntry], more: bool) -> None:
    console = standard_output()
    if not entries:
        console.print("Nothing that this asks for was done yet.")
        return
    for entry in entries:
        _tell(console, entry)
    if more:
        console.print(f"The newest {len(entries):,}; --limit shows more.", style="dim")


def _tell(console: Console, entry: AuditEntry) -> None:
    """One entry in three lines: mail addresses, ids and IPv6 addresses beside one another would be cut by a table."""
    when = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    console.print(Text.assemble(f"{when}  ", (entry.action, "bold"), f": {entry.result}"))
    came = f" from {entry.source_ip}" if entry.source_ip else ""
    about = [entry.subject, *(f"{key} {value}" for key, value in entry.detail.items() if value is not None)]
    for line in (Text(f"by {entry.actor}{came}"), Text(", ".join(about), "dim")):
        console.print(Padding(line, (0, 0, 0, 4), expand=False))
