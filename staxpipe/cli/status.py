"""`staxpipe status`: what is linked, loaded, under way and failed, for people or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from staxpipe.cli.options import parse_account
from staxpipe.cli.tables import standard_output


def status(
    account: Annotated[str | None, typer.Option(help="Only this account, by its 12 digits.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything there is, as one JSON object.")] = False,
) -> None:
    """Show what is linked, which months are loaded, what is under way, and what failed and why.

    Works whether or not `staxpipe up` is running. Changes nothing.
    """
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings
    from staxpipe.status.queries import read_report
    from staxpipe.status.report import as_json as report_as_json
    from staxpipe.status.screen import show

    settings = read_settings()
    parse_account(account)
    with (
        open_database(settings) as engine,
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
    ):
        report = read_report(connection, settings, datetime.now(UTC))
    if account is not None:
        whole, report = report, report.of(account)
        if not as_json and not report.accounts and whole.accounts:
            known = ", ".join(whole.accounts)
            standard_output().print(f"Nothing is known of account {account}; linked or loaded are {known}.")
            return
    if as_json:
        print(json.dumps(report_as_json(report), indent=2))
    else:
        show(report, standard_output(), settings.base_url)
