"""`staxpipe diff`: what changed between two deliveries of a month."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from staxpipe.cli.options import parse_account, parse_period
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from staxpipe.db.journal import JournalEntry
    from staxpipe.query.diff import Amounts, Change, Diff


def diff(
    account: Annotated[str, typer.Option(help="The billing account, by its 12 digits.")],
    period: Annotated[str, typer.Option(help="The month, YYYY-MM.")],
    before: Annotated[
        str | None,
        typer.Option("--from", metavar="DELIVERY", help="A delivery's number, or how its id begins."),
    ] = None,
    after: Annotated[
        str | None, typer.Option("--to", metavar="DELIVERY", help="The same; left out, the newest.")
    ] = None,
    since: Annotated[
        Literal["yesterday", "close"] | None,
        typer.Option(help="Instead of both: what was there yesterday, or when the month was closed."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Lines of services at most; 0 is all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, with every digit, as a JSON object.")] = False,
) -> None:
    """Show what AWS changed in a month, from one delivery to another: in money, by service, in which columns.

    Without --from, --to and --since: the last two deliveries of the export that counts.

    Example: staxpipe diff --account 123456789012 --period 2026-10 --since yesterday
    """
    from staxpipe.query.connection import connect

    parse_account(account)
    parse_period(period)
    with connect() as connection:
        found = connection.diff(account, period, before=before, after=after, since=since)
    if as_json:
        print(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    else:
        _show(found, limit)


def _show(found: Diff, limit: int) -> None:
    console = standard_output()
    console.print(Text(f"{found.period} of account {found.billing_account_id}", style="bold"))
    for word, entry in (("from", found.before), ("to", found.after)):
        console.print(Text(f"{word:>4} {_called(entry)}"))
    for sentence in sentences(found):
        console.print(Text(sentence))
    print_table(console, _table("total", found.totals, with_service=False))
    if found.changes:
        shown = found.changes[:limit] if limit else found.changes
        print_table(console, _table("what changed, largest first", shown, with_service=True), leading=1)
        if len(shown) < len(found.changes):
            console.print(f"The first {len(shown):,} of {len(found.changes):,}; --limit 0 shows all.", style="dim")


def sentences(found: Diff) -> Iterator[str]:
    """What changed, in words."""
    if found.before.id == found.after.id:
        yield f"Nothing was published since delivery {found.after.id}."
        return
    if found.accounts[0] != found.accounts[1]:
        yield (
            f"Delivery {found.before.id} is of account {found.accounts[0]} and delivery {found.after.id} of "
            f"{found.accounts[1]}; they are compared as if that were one account."
        )
    if found.rows is None:
        yield f"{found.rows_unknown} Rows cannot be compared any more; these amounts are from the journal."
        return
    rows = found.rows
    if rows.none:
        yield "Every row is the same."
    elif rows.only_columns:
        names = _joined([column.name for column in rows.columns])
        yield f"Only {names} changed, on {_counted(rows.changed)}."
    else:
        yield f"{_counted(rows.added)} added, {rows.removed:,} removed, {rows.changed:,} changed."
        if rows.columns:
            columns = [f"{column.name} (on {column.rows:,})" for column in rows.columns]
            yield f"In the rows that changed, these columns are different: {_joined(columns)}."
        elif rows.changed:
            yield "In the rows that changed, the same values stand in other combinations."


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _called(entry: JournalEntry) -> str:
    final = ", final" if entry.final else ""
    return f"delivery {entry.id} of {entry.delivered_at:%Y-%m-%d %H:%M} UTC{final}: {entry.delivery_id}, {entry.source}"


def _table(title: str, changes: tuple[Change, ...], with_service: bool) -> Table:
    from staxpipe.query.answers import shown

    table = Table(title=title, title_justify="left")
    for name in ("service", "sub-account", "category") if with_service else ():
        table.add_column(name, overflow="fold")
    table.add_column("currency")
    for name in ("billed", "effective", "line items"):
        for side in ("before", "change") if with_service else ("before", "after", "change"):
            table.add_column(f"{name} {side}", justify="right", no_wrap=True)
    for line in changes:
        cells = [line.service_name, line.sub_account_id, line.charge_category] if with_service else []
        cells.append(line.currency)
        sides = (line.before, line.change) if with_service else (line.before, line.after, line.change)
        for name in ("billed", "effective"):
            cells += [shown(getattr(side, name))[0] for side in sides]
        cells += [f"{side.rows:,}" for side in sides]
        table.add_row(*(Text(cell or "") for cell in cells))
    return table


def _as_json(found: Diff) -> dict[str, object]:
    rows = found.rows
    return {
        "account": found.billing_account_id,
        "accounts": list(found.accounts),
        "period": str(found.period),
        "from": _entry(found.before),
        "to": _entry(found.after),
        "summary": " ".join(sentences(found)),
        "totals": [_change(total) for total in found.totals],
        "changes": [
            {
                "service": line.service_name,
                "sub_account": line.sub_account_id,
                "category": line.charge_category,
                **_change(line),
            }
            for line in found.changes
        ],
        "rows": None
        if rows is None
        else {
            "added": rows.added,
            "removed": rows.removed,
            "changed": rows.changed,
            "only_columns": rows.only_columns,
            "columns": {column.name: column.rows for column in rows.columns},
        },
    }


def _entry(entry: JournalEntry) -> dict[str, object]:
    return {
        "delivery": entry.id,
        "delivery_id": entry.delivery_id,
        "source": entry.source,
        "delivered_at": entry.delivered_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "final": entry.final,
    }


def _change(line: Change) -> dict[str, object]:
    return {
        "currency": line.currency,
        "before": _amounts(line.before),
        "after": _amounts(line.after),
        "change": _amounts(line.change),
    }


def _amounts(amounts: Amounts) -> dict[str, object]:
    from staxpipe.query.answers import plain

    return {"rows": amounts.rows, "billed": plain(amounts.billed), "effective": plain(amounts.effective)}
