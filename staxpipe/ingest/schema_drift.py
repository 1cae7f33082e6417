"""Which columns a delivery has, over all of its files: how they are mapped, and what changed since the one before."""

from __future__ import annotations

from sqlalchemy import Connection

from staxpipe.db.columns_read import columns_before
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.errors import PermanentError
from staxpipe.focus.dialect import Dialect, dialect_of
from staxpipe.focus.names import canonical_name
from staxpipe.focus.source_schema import SourceSchema, drift
from staxpipe.model import Finding, Severity

EXAMPLES = 5


class ColumnsRead:
    """Collects the columns of a delivery's files: those of the first, then what only later ones have."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[str, str]] = {}
        self._first: SourceSchema | None = None
        self._dialect: Dialect | None = None
        self._uneven: set[str] = set()  # headers that not every file has

    def add(self, schema: SourceSchema, file: str) -> Dialect:
        """One more file, which has columns; returns how its rows are to be mapped.

        Raises:
            NotACostReportError: the file is no cost report.
            PermanentError: it is of another of AWS's tables than the files before it.
        """
        dialect = dialect_of([header for header, _ in schema.columns], file)
        if self._dialect is not None and (dialect is Dialect.CUR) is not (self._dialect is Dialect.CUR):
            raise PermanentError(
                f"{file} is {dialect}, and other files of the same delivery are {self._dialect}: most likely the same "
                "cost twice. Nothing was loaded from it."
            )
        self._dialect = dialect
        names = {canonical_name(header) or header: header for header, _ in schema.columns}
        if self._first is None:
            self._first = schema
        else:
            known = {canonical_name(header) or header: header for header, _ in self._columns.values()}
            self._uneven |= {known[name] for name in known.keys() - names.keys()}
            self._uneven |= {names[name] for name in names.keys() - known.keys()}
        for header, type_ in schema.columns:
            self._columns.setdefault(canonical_name(header) or header, (header, type_))
        return dialect

    @property
    def schema(self) -> SourceSchema:
        """All columns, and those that the first file has twice as often as it has them."""
        first = self._first.columns if self._first is not None else ()
        known = {canonical_name(header) or header for header, _ in first}
        return SourceSchema((*first, *(column for name, column in self._columns.items() if name not in known)))

    def findings(self, connection: Connection, entry: LedgerEntry) -> tuple[Finding, ...]:
        """What changed since the delivery before, and where the delivery's own files differ."""
        before = SourceSchema.of_json(columns_before(connection, entry))
        found = drift(before, self.schema)
        if not self._uneven:
            return found
        uneven = Finding(
            "columns-differ-between-files",
            Severity.INFO,
            f"{len(self._uneven):,} columns are in some files of this delivery and not in others. Each file is read by "
            "its own header: absent values stay absent, never zero.",
            len(self._uneven),
            tuple(sorted(self._uneven)[:EXAMPLES]),
        )
        return (*found, uneven)
