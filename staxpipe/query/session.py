"""One DuckDB session over lake and marts that can read those and nothing else.

A session is made for one query and shows the data of that moment. It is locked before the query runs: no file but
the lake's can be opened, nothing can be written, loaded or attached, and no setting can be changed back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from sqlalchemy import Engine, select

from staxpipe.db.tables import period_sources
from staxpipe.errors import PermanentError
from staxpipe.lake.table import Lake, PlannedFile
from staxpipe.model import BillingPeriod
from staxpipe.query.marts import fill_mart, make_marts
from staxpipe.query.past import files_as_of, find_delivery
from staxpipe.query.statements import mentions, names
from staxpipe.query.storage import duckdb_path, reach
from staxpipe.query.views import COUNTED, SPLIT, know_names, make_view, quoted

ACCOUNTS = "accounts"
"""The record whose names the views of the lake show, too."""

MAY_ASK_THE_LAKE = ("line_items", "query")
"""Words without which a query cannot name a view of the lake, so that its files need not be planned: what the names of
all those views have in them, and DuckDB's functions that take a name as text."""


@contextmanager
def open_session(
    lake: Lake,
    engine: Engine,
    query: str,
    *,
    account: str | None = None,
    period: BillingPeriod | None = None,
    as_of: str | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked session for one query, with the views that the query may use.

    Args:
        lake: where line items are.
        engine: where the marts are.
        query: what will be asked; marts that it does not name are left empty, and so are line items.
        account: show only this billing account (of what has one); its files are chosen before any is opened.
        period: show only this month.
        as_of: show one export's month as of this delivery (its number in the ledger, or how its id begins).

    Raises:
        PermanentError: the delivery is not one, or is not held any more, or the query asks the marts as of it.
    """
    of_lake = as_of is not None or any(mentions(query, word) for word in MAY_ASK_THE_LAKE)
    seen = _seen(lake, engine, account, period, as_of) if of_lake else _Seen([], [])
    if as_of is not None and mentions(query, "daily_costs"):
        raise PermanentError(
            "daily_costs knows what is loaded now, not what it was as of a delivery: ask line_items instead."
        )
    with tempfile.TemporaryDirectory(prefix="staxpipe-sql-") as scratch:
        session = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            session.execute("SET TimeZone = 'UTC'")
            # After two seconds DuckDB would draw it on standard output, into the answer that a program reads.
            session.execute("SET enable_progress_bar = false")
            session.execute("SET python_enable_replacements = false")  # a query must not see Python's variables
            session.execute(f"SET temp_directory = {quoted(str(Path(scratch) / 'spill'))}")
            reach(session, lake, seen.all)
            for name, record in make_marts(session, engine).items():
                if names(query, name) or (of_lake and name == ACCOUNTS):
                    fill_mart(session, engine, name, record, account=account, period=period)
            one_schema = not of_lake or lake.has_one_schema()
            named = of_lake and know_names(session)
            make_view(session, "line_items_all", seen.all, one_schema, COUNTED, named=named)
            make_view(session, "line_items", seen.elected, one_schema, COUNTED, named=named)
            make_view(session, "split_line_items", seen.elected, one_schema, SPLIT, named=named)
            _lock(session, seen.all)
            yield session
        finally:
            session.close()


@dataclass(frozen=True)
class _Seen:
    """The files that a session shows: of every export, and of those that count."""

    all: list[PlannedFile]
    elected: list[PlannedFile]


def _seen(lake: Lake, engine: Engine, account: str | None, period: BillingPeriod | None, as_of: str | None) -> _Seen:
    files = lake.plan(account=account, period=period)
    elected = elected_files(engine, files)
    if as_of is None:
        return _Seen(files, elected)
    delivery = find_delivery(engine, as_of, account=account, period=period)
    then = [file for file in files_as_of(lake, delivery) if account is None or file.billing_account_id == account]
    # Whoever asks for a delivery sees it, whichever export counts now; and no account's month is there twice.
    accounts = {file.billing_account_id for file in then}

    def gives_way(file: PlannedFile, counted: bool) -> bool:
        own = file.export_id == delivery.export_id
        return file.period == delivery.period and (own or (counted and file.billing_account_id in accounts))

    return _Seen(
        [file for file in files if not gives_way(file, False)] + then,
        [file for file in elected if not gives_way(file, True)] + then,
    )


def elected_files(engine: Engine, files: list[PlannedFile]) -> list[PlannedFile]:
    """Those of the files that count: of each account's month, the elected export's."""
    with engine.connect() as connection:
        rows = connection.execute(select(period_sources)).all()
    elected = {(row.billing_account_id, row.period): row.export_id for row in rows}
    return [file for file in files if elected.get((file.billing_account_id, str(file.period))) == file.export_id]


def _lock(session: duckdb.DuckDBPyConnection, files: list[PlannedFile]) -> None:
    paths = ", ".join(quoted(duckdb_path(file.path)) for file in files)
    session.execute(f"SET allowed_paths = [{paths}]")
    session.execute("SET enable_external_access = false")
    session.execute("SET lock_configuration = true")
