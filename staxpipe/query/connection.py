"""What a notebook and the command line hold: a connection that answers SQL over lake and marts."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import duckdb
import pyarrow as pa
from sqlalchemy import Engine

from staxpipe.lake.table import Lake
from staxpipe.local.database import open_database
from staxpipe.model import BillingPeriod
from staxpipe.query.answers import as_frame
from staxpipe.query.diff import Diff, compare
from staxpipe.query.focus_file import FocusFile, write_focus_file
from staxpipe.query.pair import Since
from staxpipe.query.session import open_session
from staxpipe.query.statements import explained, question, refuse_writing
from staxpipe.settings import Settings, read_settings

if TYPE_CHECKING:
    import pandas

BATCH_ROWS = 10_000


class Connection:
    """SQL over `line_items`, `line_items_all`, `split_line_items` (lake), the marts and our records; read-only.

    Every query sees the data of its moment. Tags are a map: ``SELECT Tags['Team'], sum(BilledCost) FROM
    line_items GROUP BY ALL``. `account` (a billing account id) and `period` ("2026-10") narrow what a query sees, so
    that other files are not even opened. `as_of` (a delivery's number in the ledger, or how its id begins) shows that
    export's month as it was then, and other months as they are.
    """

    def __init__(self, lake: Lake, engine: Engine) -> None:
        self._lake = lake
        self._engine = engine
        self._open = ExitStack()

    def sql(
        self, query: str, *, account: str | None = None, period: str | None = None, as_of: str | None = None
    ) -> pandas.DataFrame:
        """The answer as a DataFrame. Decimals become floats there, for plots; `arrow` keeps them exact.

        Raises:
            PermanentError: the query is wrong, it is not one that only reads, or the lake holds no such delivery.
        """
        return as_frame(self.arrow(query, account=account, period=period, as_of=as_of))

    def arrow(
        self, query: str, *, account: str | None = None, period: str | None = None, as_of: str | None = None
    ) -> pa.Table:
        """The answer as an Arrow table, with exact decimals; raises as `sql` does."""
        with self.batches(query, account=account, period=period, as_of=as_of) as batches:
            return batches.read_all()

    @contextmanager
    def batches(
        self, query: str, *, account: str | None = None, period: str | None = None, as_of: str | None = None
    ) -> Iterator[pa.RecordBatchReader]:
        """The answer as a stream of batches, for answers larger than memory; raises as `sql` does."""
        with self._answer(query, account, period, as_of) as answer:
            yield answer.to_arrow_reader(BATCH_ROWS)

    def costs(self, *, account: str | None = None, period: str | None = None) -> pandas.DataFrame:
        """Daily costs (the mart `daily_costs`), by day."""
        return self.sql("SELECT * FROM daily_costs ORDER BY day, billed_cost DESC", account=account, period=period)

    def export(self, account: str, period: str, out: Path | str) -> FocusFile:
        """Write an account's month as one FOCUS 1.2 Parquet file.

        Raises:
            PermanentError: that month is not loaded, or the file cannot be written.
        """
        return write_focus_file(self._lake, self._engine, account, _period(period), Path(out))

    def diff(
        self,
        account: str,
        period: str,
        *,
        before: str | None = None,
        after: str | None = None,
        since: Literal["yesterday", "close"] | None = None,
    ) -> Diff:
        """What changed in a month between two deliveries: the last two, where none is named.

        Raises:
            PermanentError: there are no two such deliveries; says which there are.
        """
        return compare(
            self._lake,
            self._engine,
            account,
            _period(period),
            datetime.now(UTC),
            before=before,
            after=after,
            since=None if since is None else Since(since),
        )

    def close(self) -> None:
        """Let go of the database; an embedded one that was started for this connection stops."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _answer(
        self, query: str, account: str | None, period: str | None, as_of: str | None
    ) -> Iterator[duckdb.DuckDBPyRelation]:
        """The answer, computed while it is read; DuckDB's errors on the way become sentences."""
        asked = question(query)
        month = None if period is None else _period(period)
        with open_session(self._lake, self._engine, asked.text, account=account, period=month, as_of=as_of) as session:
            refuse_writing(session, asked.asked)
            try:
                yield session.sql(asked.text)
            except (duckdb.Error, pa.ArrowInvalid) as error:
                raise explained(error) from None


def connect(settings: Settings | None = None) -> Connection:
    """Connect to the lake and marts that the settings mean (default: STAXPIPE_* variables and staxpipe.toml).

    Starts the embedded database if nobody runs it; `close()`, or the end of the program, stops it again.
    """
    chosen = settings or read_settings()
    with ExitStack() as stack:
        engine = stack.enter_context(open_database(chosen))
        connection = Connection(Lake.open(chosen, engine), engine)
        connection._open = stack.pop_all()
    atexit.register(connection.close)
    connection._open.callback(atexit.unregister, connection.close)
    return connection


def _period(text: str) -> BillingPeriod:
    from staxpipe.errors import PermanentError

    try:
        return BillingPeriod.parse(text)
    except ValueError as error:
        raise PermanentError(f"{error}.") from None
