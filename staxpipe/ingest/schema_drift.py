"""Which columns a delivery has, over all of its files, and what changed since the delivery before."""

from __future__ import annotations

from sqlalchemy import Connection

from staxpipe.db.columns_read import columns_before
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.focus.names import canonical_name
from staxpipe.focus.source_schema import SourceSchema, drift
from staxpipe.model import Finding, Severity

EXAMPLES = 5


class ColumnsRead:
    """Collects the columns of a delivery's files: those of the first, then what only later ones have."""

    def __init__(self) -> None:
        self._columns: dict[str, tuple[str, str]] = {}
        self._first: SourceSchema | None = None
        self._uneven: set[str] = set()  # headers that not every file has

    def add(self, schema: SourceSchema) -> None:
        """One more file; one without a header says nothing."""
        if not schema.columns:
            return
        names = {canonical_name(header) or header: header for header, _ in schema.columns}
        if self._first is None:
            self._first = schema
        else:
            known = {canonical_name(header) or header: header for header, _ in self._columns.values()}
            self._uneven |= {known[name] for name in known.keys() - names.keys()}
            self._uneven |= {names[name] for name in names.keys() - known.keys()}
        for header, type_ in schema.columns:
            self._columns.setdefault(canonical_name(header) or header, (header, type_))

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
