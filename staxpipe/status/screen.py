"""The report on a terminal: what needs somebody first, then tables. What is true is in `report`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from staxpipe.cli.tables import print_table
from staxpipe.model import Badge, Severity
from staxpipe.status.report import Loaded, MonthStatus, Report

FINDINGS_SHOWN = 20

_SEVERITIES = ((Severity.ERROR, "error", "red"), (Severity.WARNING, "warning", "yellow"), (Severity.INFO, "note", ""))
_COLOURS = {
    "loaded": "green",
    "active": "green",
    "linked": "green",
    "listening": "cyan",
    "loading": "cyan",
    "waiting": "cyan",
    "retrying": "yellow",
    "paused": "yellow",
    "draft": "dim",
    "failed": "red",
    "refused": "red",
}


def show(report: Report, console: Console, base_url: str) -> None:
    """Write the report for a person."""
    console.print(_headline(report))
    _show_problems(report, console)
    if not (report.links or report.requests or report.months):
        console.print(
            f"\nNothing is linked and nothing is loaded yet. Link an account at {base_url} while `staxpipe up` runs, "
            "or load a report that you downloaded: `staxpipe load FOLDER`.",
            highlight=False,
            markup=False,
        )
    for table, leading in ((_links(report), 1), (_requests(report), 1), (_months(report), 2), (_mails(report), 2)):
        if table.row_count:
            console.print()
            print_table(console, table, leading)
    _show_findings(report, console)


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago, or how soon, in one unit: 3 min ago, in 2 h."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "just now" if seconds >= 0 else "in a moment"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= length:
            said = f"{size // length:.0f} {unit}"
            break
    return f"{said} ago" if seconds >= 0 else f"in {said}"


def _headline(report: Report) -> Text:
    readable = sum(month.loaded is not None for month in report.months)
    coming = [month.coming.progress for month in report.months if month.coming]
    waiting = sum(mail.given_up_at is None for mail in report.mails)
    parts = [
        _counted(len({link.account_id for link in report.links}), "account", "linked"),
        _counted(readable, "month", "loaded"),
    ]
    parts += [f"{coming.count(progress):,} {progress}" for progress in sorted(set(coming)) if progress != "loaded"]
    if waiting:
        parts.append(_counted(waiting, "message", "waiting"))
    return Text.assemble(("staxpipe", "bold"), "  ", " · ".join(parts))


def _show_problems(report: Report, console: Console) -> None:
    if report.problems:
        console.print("\n[bold]Needs attention[/bold]")
    for problem in report.problems:
        console.print(Padding.indent(Text.assemble(("✗ ", "red"), (problem.subject, "bold")), 1))
        console.print(Padding.indent(Text(problem.problem), 3))
        console.print(Padding.indent(Text(problem.what_to_do, style="dim"), 3))


def _links(report: Report) -> Table:
    table = _table("Links", "account", "state", "bucket", "listed", "role proved")
    for link in report.links:
        _row(
            table,
            link.account_id,
            _state(link.state, mark="!" if link.problem else ""),
            f"{link.bucket}/{link.prefix}".rstrip("/"),
            ago(link.discovered_at, report.at),
            ago(link.verified_at, report.at),
        )
    return table


def _requests(report: Report) -> Table:
    table = _table("Requests", "account", "state", "asked for by", "asked", "next look", "expires", "last answer")
    for request in report.requests:
        _row(
            table,
            request.account_id or "not said yet",
            _state(request.state),
            request.requested_by,
            ago(request.created_at, report.at),
            ago(request.next_probe_at, report.at) if request.next_probe_at else "",
            ago(request.expires_at, report.at) if request.expires_at else "",
            request.verdict_detail or "",
        )
    return table


def _months(report: Report) -> Table:
    table = _table("Months", "account", "month", "state", ">line\nitems", ">billed", ">effective", "findings")
    for month in report.months:
        totals = month.loaded.totals if month.loaded else ()
        accounts = month.accounts or (month.export,)
        _row(
            table,
            "\n".join(accounts) if len(accounts) <= 3 else f"{accounts[0]} and {len(accounts) - 1} more",
            month.period,
            _progress(month, report.at),
            f"{month.loaded.rows_written:,}" if month.loaded else "",
            "\n".join(f"{total.currency} {_money(total.billed_cost)}" for total in totals),
            "\n".join(f"{total.currency} {_money(total.effective_cost)}" for total in totals),
            _findings(month),
        )
    return table


def _show_findings(report: Report, console: Console) -> None:
    """The sentences of all findings; notes, which only explain, come last."""
    told = [
        (" ".join(month.accounts), month.period, finding)
        for month in report.months
        if month.loaded
        for finding in month.loaded.findings
    ]
    told += [(account, "", finding) for account, finding in report.findings]
    told.sort(key=lambda found: found[2].severity == Severity.INFO)
    if told:
        console.print("\n[bold]Findings[/bold]")
    for account, period, finding in told[:FINDINGS_SHOWN]:
        where = " ".join(part for part in (account, period) if part)
        word, colour = next((word, colour) for severity, word, colour in _SEVERITIES if severity == finding.severity)
        console.print(Padding(Text.assemble((f"{word} ", colour), (where, "bold")), (0, 0, 0, 1), expand=False))
        console.print(Padding.indent(Text(finding.message), 3))
    if len(told) > FINDINGS_SHOWN:
        console.print(f" and {len(told) - FINDINGS_SHOWN:,} more: staxpipe status --json", style="dim")


def _mails(report: Report) -> Table:
    table = _table("Messages not sent", "message", "about", "written", ">attempts", "next", "why")
    for mail in report.mails:
        _row(
            table,
            mail.kind,
            mail.key.partition(":")[2],
            ago(mail.created_at, report.at),
            str(mail.attempts),
            "given up" if mail.given_up_at else ago(mail.next_attempt_at, report.at) if mail.attempts else "",
            mail.error or "",
        )
    return table


def _progress(month: MonthStatus, now: datetime) -> Text:
    text = _readable(month)
    if coming := month.coming:
        text.append("\nnewer: " if month.loaded else "")
        text.append(str(coming.progress), _COLOURS[coming.progress])
        details = [f"attempt {coming.attempts}"] if coming.attempts > 1 else []
        if coming.progress == "retrying" and coming.retry_at:
            details.append(ago(coming.retry_at, now))
        if coming.run_id and coming.progress != "waiting":
            details.append(f"run {coming.run_id[:8]}")
        if details:
            text.append(f"\n{', '.join(details)}", "dim")
        if coming.error and coming.progress == "retrying":
            text.append(f"\n{coming.error}", "dim")
    return text


def _readable(month: MonthStatus) -> Text:
    if month.loaded is None:
        return Text()
    text = Text("\n").join(Text(badge, badge_colour(badge)) for badge in _badges(month.loaded))
    if month.loaded.totals and not any(total.counted for total in month.loaded.totals):
        text.append("\nnot counted: another export is", "yellow")
    return text


def badge_colour(badge: str) -> str:
    """The colour of a verdict in words."""
    return {"reconciled": "green", "provisional": "yellow"}.get(badge, "red")


def _badges(loaded: Loaded) -> list[str]:
    """The verdicts on a delivery's accounts and currencies, each once; one without any is judged as a whole."""
    badges = list(dict.fromkeys(total.badge for total in loaded.totals if total.badge))
    if not loaded.reconciled and not any(badge.startswith(Badge.OFF) for badge in badges):
        return ["not all of it"]
    return badges or [Badge.PROVISIONAL if loaded.provisional else Badge.RECONCILED]


def _findings(month: MonthStatus) -> Text:
    if month.loaded is None:
        return Text()
    severities = [finding.severity for finding in month.loaded.findings]
    lines = [
        Text(f"{severities.count(severity):,} {word}{'' if severities.count(severity) == 1 else 's'}", colour)
        for severity, word, colour in _SEVERITIES
        if severity in severities
    ]
    if month.loaded.rows_quarantined:
        lines.append(Text(f"{month.loaded.rows_quarantined:,} rows set aside", "red"))
    return Text("\n").join(lines)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=True)
    for column in columns:
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            overflow="fold",
            no_wrap=column.startswith(">") or column in {"account", "month"},
        )
    return table


def _row(table: Table, *cells: str | Text) -> None:
    """Add a row whose texts are shown as they are: brackets in what others wrote are no markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _state(state: str, mark: str = "") -> Text:
    return Text.assemble((state, _COLOURS.get(state, "")), (mark, "red"))


def _counted(count: int, noun: str, done: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'} {done}"


def _money(amount: Decimal) -> str:
    return f"{round(amount, 2) + 0:,.2f}"
