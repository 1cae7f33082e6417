"""`staxpipe unlink`: stop reading an account at once, keep or delete what was loaded, and show the receipt."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from staxpipe.cli.tables import standard_output

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from staxpipe.db.deletion_receipts import DeletionReceipt
    from staxpipe.db.links import Link
    from staxpipe.ingest.platform import Platform
    from staxpipe.settings import Settings


def unlink(
    account: Annotated[str, typer.Argument(help="The linked account, by its 12 digits.")],
    keep: Annotated[
        bool | None,
        typer.Option("--keep-data/--delete-data", help="What becomes of what was loaded; asked where it is left out."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False,
    receipt: Annotated[bool, typer.Option("--receipt", help="Only show the receipts of earlier deletions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The receipts as a list of objects, for programs.")] = False,
) -> None:
    """Unlink an account: it is not read from now on. What was loaded is kept, or deleted for good, as you say.

    All links of the account end. What another account's link reads as well stays. Killing this is safe: a deletion goes
    on by itself while `staxpipe up` runs, or when the same command is given again. In AWS, delete the stack whose name
    begins with staxpipe-link-.

    Example: staxpipe unlink 111122223333 --delete-data
    """
    from staxpipe.db import deletion_receipts
    from staxpipe.errors import PermanentError
    from staxpipe.local.database import open_database
    from staxpipe.model import account_id
    from staxpipe.settings import read_settings
    from staxpipe.unlinking.receipts import as_json as receipt_as_json

    try:
        wanted = account_id(account)
    except ValueError as error:
        raise PermanentError(f"ACCOUNT: {error}.") from None
    settings = read_settings()
    with open_database(settings) as engine:
        if not receipt:
            _unlink(settings, engine, wanted, keep, yes, tell=not as_json)
        with engine.connect() as connection:
            receipts = deletion_receipts.of_account(connection, wanted)
    if as_json:
        print(json.dumps([receipt_as_json(found) for found in receipts], indent=2))
    elif receipts and (receipt or keep is not True):
        for found in receipts:
            _show(found)
    elif receipt:
        _say(f"Nothing of account {wanted} was deleted, so there is no receipt.")


def _unlink(settings: Settings, engine: Engine, account: str, keep: bool | None, yes: bool, tell: bool) -> None:
    from staxpipe.db.link_requests import OPERATOR
    from staxpipe.errors import PermanentError
    from staxpipe.local.terminal import whereabouts
    from staxpipe.unlinking import acts

    links, place = _links(engine, account), whereabouts()
    if keep is None and (yes or not sys.stdin.isatty()):
        raise PermanentError("Say what becomes of what was loaded: --keep-data or --delete-data.")
    with engine.begin() as connection:
        stopped = [acts.stop(connection, link, OPERATOR, datetime.now(UTC), place) for link in links]
    if any(stopped) and tell:
        _say(f"Account {account} is not read any more.")
    if keep is None:
        keep = typer.prompt("Keep what was loaded, or delete it? (keep, delete)", err=True).strip().lower() != "delete"
    if not yes:
        _confirm(account, keep)
    now = datetime.now(UTC)  # not of the question, but of the answer
    with engine.begin() as connection:
        for link in links:
            if keep:
                acts.keep(connection, link, OPERATOR, now, place)
            else:
                acts.order_deletion(connection, link, OPERATOR, now, place)
    _finish(_platform(settings, engine), account)
    if keep and tell:
        _say(f"Account {account} is unlinked; what was loaded stays and can be asked.")


def _links(engine: Engine, account: str) -> list[Link]:
    """The links of the account that have not ended, and those whose data was kept."""
    from staxpipe.db import deletion_receipts
    from staxpipe.db import links as link_queries
    from staxpipe.errors import PermanentError
    from staxpipe.model import LinkState
    from staxpipe.unlinking.scope import has_data

    with engine.connect() as connection:
        links = link_queries.of_account(connection, account)
        ordered = {found.link_id for found in deletion_receipts.of_account(connection, account)}
        kept = {link.id for link in links if has_data(connection, link.id)} - ordered
    if not links:
        raise PermanentError(f"Account {account} was never linked. `staxpipe status` shows the accounts that are.")
    return [link for link in links if link.state is not LinkState.ENDED or link.id in kept]


def _confirm(account: str, keep: bool) -> None:
    """Ask once more; what cannot be taken back is confirmed by typing the account's number."""
    from staxpipe.errors import PermanentError

    left = (
        f"Account {account} is stopped, and nothing was kept or deleted. Give the command again to decide, or let it "
        "go on: its page says `Keep the link`."
    )
    if keep:
        if not typer.confirm(f"End the link of account {account} and keep its data?", err=True):
            raise PermanentError(left)
    elif typer.prompt("This cannot be taken back. Type the account's number to delete its data", err=True) != account:
        raise PermanentError(f"That is not the account's number. {left}")


def _finish(platform: Platform, account: str) -> None:
    """Do what the links that ended have left, here and now; another process that does it is waited for."""
    from staxpipe.db import deletion_receipts
    from staxpipe.db import deliveries as ledger
    from staxpipe.unlinking.deletion import delete_data
    from staxpipe.unlinking.settling import settle

    with platform.engine.connect() as connection:
        receipts = deletion_receipts.of_account(connection, account)
    for found in receipts:
        if found.finished_at is None:
            delete_data(platform, found.id)
    with platform.engine.connect() as connection:
        unpublished = ledger.unpublished_of_unlinked(connection)
    for entry in unpublished:
        if entry.account_id == account:
            settle(platform, entry)


def _platform(settings: Settings, engine: Engine) -> Platform:
    from staxpipe.ingest.platform import Platform

    if not settings.landing.startswith("s3://"):
        return Platform.open(settings, engine)
    import boto3

    return Platform.open(settings, engine, boto3.client("s3", region_name=settings.region))


def _show(receipt: DeletionReceipt) -> None:
    from staxpipe.unlinking import words
    from staxpipe.unlinking.scope import Scope

    scope = Scope.of(receipt)
    asked = f"{receipt.asked_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {receipt.asked_by}"
    _say(f"Receipt {receipt.id}: the data of account {receipt.account_id}")
    _say(f"  asked for    {asked}")
    if receipt.finished_at is None:
        _say(f"  under way    {receipt.error or 'not finished yet'}")
        return
    _say(f"  deleted      {receipt.finished_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    for line in words.counted(receipt.found or {}) or ["nothing, for nothing was loaded"]:
        _say(f"    {line}")
    _say(f"  left         nothing: {len(words.entries(receipt.remaining or {}))} kinds of things were counted again")
    for source in scope.sources if scope else ():
        _say(f"  came from    {source}")
    for source in scope.handed_over if scope else ():
        _say(f"  not deleted  {source}: another link reads it")


def _say(sentence: str) -> None:
    standard_output().print(sentence, highlight=False, markup=False, soft_wrap=True)
