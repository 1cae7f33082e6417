"""`staxpipe doctor`: whether each link works and how well, looked at now, for people or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from staxpipe.cli.options import parse_account
from staxpipe.cli.tables import standard_output

if TYPE_CHECKING:
    from rich.console import Console

    from staxpipe.doctor.examination import Patient
    from staxpipe.doctor.findings import Report

SECONDS = 120.0


def doctor(
    account: Annotated[str | None, typer.Option(help="Only this account, by its 12 digits.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,
) -> None:
    """Check every link, and every request that still listens: role, bucket, encryption, exports, months.

    Tries the role as the sensors do, then asks AWS as that role; changes nothing in the account. Each finding says
    what to do, by the name of the screen or setting. A link that somebody stopped is left alone. Exits with 1 if
    anything has to be mended, also where that is why nothing could be checked.

    Example: staxpipe doctor --account 123456789012
    """
    from staxpipe.aws.sessions import operator_session
    from staxpipe.db import audit_log
    from staxpipe.db.link_requests import OPERATOR
    from staxpipe.doctor.examination import examine_all, patients
    from staxpipe.doctor.keeping import keep
    from staxpipe.errors import PermanentError
    from staxpipe.local.database import open_database
    from staxpipe.local.terminal import whereabouts
    from staxpipe.settings import read_settings

    settings = read_settings()
    parse_account(account)
    with open_database(settings) as engine:
        with engine.connect() as connection:
            who = patients(connection, account)
        if account is not None and not who:
            raise PermanentError(f"Account {account} has no link and no request that listens. See staxpipe status.")
        with engine.begin() as connection:
            about = f"account:{account or '*'}"
            audit_log.record(connection, OPERATOR, "doctor.asked", about, "done", whereabouts())
        reports = dict(examine_all(operator_session(settings), who, datetime.now(UTC), SECONDS))
        for patient, report in reports.items():
            if report.looked_at is not None or report.broken:  # else an earlier look says more
                with engine.begin() as connection:
                    keep(connection, patient.subject.request_id, report)
    found = [(patient, reports[patient]) for patient in who if patient in reports]
    late = len(who) - len(found)
    if as_json:
        looked_at = [_as_json(patient, report) for patient, report in found]
        print(json.dumps({"accounts": looked_at, "not_reached": late}, indent=2))
    else:
        _show(standard_output(), found, late)
    if any(report.broken or report.blind for _, report in found):
        raise typer.Exit(1)


def _as_json(patient: Patient, report: Report) -> dict[str, object]:
    from staxpipe.doctor.findings import as_json

    return {
        "account_id": patient.subject.account_id,
        "state": patient.state,
        "request_id": patient.subject.request_id,
        "bucket": patient.subject.bucket,
        "prefix": patient.subject.prefix,
        **as_json(report),
    }


def _show(console: Console, found: list[tuple[Patient, Report]], late: int) -> None:
    for number, (patient, report) in enumerate(found):
        if number:
            console.print()
        subject = patient.subject
        console.print(Text.assemble((subject.account_id, "bold"), f"  {patient.state}  {subject.address}"))
        console.print(Text(f" {report.sentence}"))
        _show_checks(console, report)
        _show_months(console, report)
    if not found:
        console.print("Nothing is linked, and no request listens.")
    if late:
        console.print(f"There was no time left for {late} more: use --account.")


def _show_checks(console: Console, report: Report) -> None:
    from staxpipe.doctor.findings import State

    marks = {
        State.HOLDS: ("✓", "green"),
        State.IMPROVABLE: ("!", "yellow"),
        State.BROKEN: ("✗", "red"),
        State.UNKNOWN: ("?", "dim"),
    }
    for check in report.checks:
        mark, colour = marks[check.state]
        title = f"{check.title}, {check.subject}" if check.subject else check.title
        console.print(Padding.indent(Text.assemble((f"{mark} ", colour), (title, "bold"), f"  {check.state}"), 1))
        console.print(Padding.indent(Text(check.found), 3))
        if check.to_do:
            console.print(Padding.indent(Text(check.to_do, style="dim"), 3))


def _show_months(console: Console, report: Report) -> None:
    from staxpipe.doctor.coverage import MARKS, MONTH_NAMES, Cell, heat_map

    years = heat_map(report.months, report.at)
    if not years:
        return
    console.print(Text(f"       {' '.join(name[0] for name in MONTH_NAMES)}", style="dim"))
    for year in years:
        console.print(Text(f" {year.year}  {year.marks}"))
    console.print(Text(f"       {MARKS[Cell.REPORT]} report  {MARKS[Cell.MISSING]} missing", style="dim"))
