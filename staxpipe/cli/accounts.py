"""`staxpipe accounts`: the accounts of linked organisations, by name, unit and tags."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from staxpipe.cli.options import parse_account
from staxpipe.cli.tables import print_table, standard_output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from staxpipe.db.accounts import Account
    from staxpipe.organization.due import LastReading
    from staxpipe.settings import Settings


def accounts(
    account: Annotated[str | None, typer.Option(help="Only this management account's, by its 12 digits.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Ask AWS now; otherwise organisations are read once a day.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,
) -> None:
    """List the accounts of linked organisations: name, state, organisational unit, tags, and those that have left.

    A payer's role tells them where its stack was created or updated with IncludeOrganizations=true. Names join
    daily_costs and line_items by themselves; in SQL the view accounts has units and tags.

    Example: staxpipe accounts --now
    """
    from staxpipe.db import accounts as queries
    from staxpipe.local.database import open_database
    from staxpipe.settings import read_settings

    settings = read_settings()
    parse_account(account)
    with open_database(settings) as engine:
        if now:
            _ask(engine, settings, account)
        with engine.connect() as connection:
            found = queries.listed(connection, account)
            readings = queries.readings(connection, None if account is None else [account])
    if as_json:
        print(json.dumps(_as_json(found, readings), indent=2, ensure_ascii=False))
    else:
        _show(found, readings)


def _ask(engine: Engine, settings: Settings, account: str | None) -> None:
    from staxpipe.aws.sessions import operator_session
    from staxpipe.db import audit_log
    from staxpipe.db.link_requests import OPERATOR
    from staxpipe.errors import PermanentError
    from staxpipe.local.terminal import whereabouts
    from staxpipe.organization.run import due_accounts, read_organizations

    moment = datetime.now(UTC)
    with engine.begin() as connection:
        due = due_accounts(connection, moment, account, again=True)
        if not due:
            named = "No account" if account is None else f"Account {account} is not linked, or paused: nothing"
            raise PermanentError(f"{named} can be asked for its organisation. `staxpipe status` shows what is linked.")
        subject = f"account:{account or '*'}"
        audit_log.record(connection, OPERATOR, "organization.asked", subject, "done", whereabouts())
    read_organizations(engine, operator_session(settings), due, moment)


def _show(found: Sequence[Account], readings: Mapping[str, LastReading]) -> None:
    console = standard_output()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("account", no_wrap=True)
    for name in ("name", "unit", "state", "tags"):
        table.add_column(name, overflow="fold")
    for each in found:
        state = f"left after {each.left_at.astimezone(UTC):%Y-%m-%d}" if each.left_at else each.status.lower()
        tags = ", ".join(f"{key}={value}" for key, value in sorted((each.tags or {}).items()))
        name = f"{each.name} (manages)" if each.manages else each.name
        table.add_row(each.account_id, *(Text(_one_line(cell)) for cell in (name, each.ou_path, state, tags)))
    if found:
        print_table(console, table, leading=2)
    else:
        console.print("No account's name is known yet: no organisation was read.")
    for number, reading in readings.items():
        at = f"{reading.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        console.print(f"{number}, {at}: {reading.words}", highlight=False, markup=False)


def _one_line(text: str) -> str:
    """Names are written by others: what would move the cursor or ring a bell is not printed."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _as_json(found: Sequence[Account], readings: Mapping[str, LastReading]) -> dict[str, object]:
    return {
        "accounts": [
            {
                "account_id": each.account_id,
                "management_account_id": each.management_account_id,
                "name": each.name,
                "status": each.status,
                "ou_id": each.ou_id,
                "ou_path": each.ou_path,
                "tags": each.tags,
                "first_seen": each.first_seen.isoformat(),
                "seen_at": each.seen_at.isoformat(),
                "left_at": each.left_at.isoformat() if each.left_at else None,
            }
            for each in found
        ],
        "readings": [
            {"account_id": number, "at": reading.at.isoformat(), "outcome": reading.outcome, "said": reading.words}
            for number, reading in readings.items()
        ],
    }
