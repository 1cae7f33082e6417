"""What a delivery writes: a month as the table of one kind of export. Each kind has its rows, columns and writers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from staxpipe.model import ExportKind, FileFormat
from staxpipe.synthetic.columns import PARQUET_DOUBLES, PARQUET_MOMENTS
from staxpipe.synthetic.cur2 import Cur2Query, Cur2Text
from staxpipe.synthetic.files import CsvWriter, ParquetWriter, legacy_parquet
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.text import MonthText


class ExportTable(Protocol):
    """A month as one kind of export lays it out."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        ...

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each column, as a Data Exports manifest tells them."""
        ...

    def write(self, path: Path, format: FileFormat, first: int, count: int) -> None:
        """Write `count` rows from `first` as one file."""
        ...


class LegacyTable:
    """The legacy Cost and Usage Report."""

    def __init__(self, month: Month, _: Cur2Query) -> None:
        self._text = MonthText(month)
        self.rows = len(month.rows)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Headers as in CSV, and the types that they have in Parquet."""
        return tuple(
            (name, "double" if name in PARQUET_DOUBLES else "timestamp" if name in PARQUET_MOMENTS else "string")
            for name in self._text.header
        )

    def write(self, path: Path, format: FileFormat, first: int, count: int) -> None:
        """Write one file."""
        if format is FileFormat.PARQUET:
            self._parquet.write(path, first, count)
        else:
            self._csv.write(path, first, count, format=format)

    @cached_property
    def _csv(self) -> CsvWriter:
        return CsvWriter(self._text)

    @cached_property
    def _parquet(self) -> ParquetWriter:
        return ParquetWriter(self._text, legacy_parquet(self._text))


class Cur2Table:
    """CUR 2.0, as the export's query selects it."""

    def __init__(self, month: Month, query: Cur2Query) -> None:
        self._text = Cur2Text(MonthText(month), query)
        self.rows = len(month.rows)
        self.columns = self._text.columns

    def write(self, path: Path, format: FileFormat, first: int, count: int) -> None:
        """Write one file."""
        if format is FileFormat.PARQUET:
            self._parquet.write(path, first, count)
        else:
            self._csv.write(path, first, count, format=format)

    @cached_property
    def _csv(self) -> CsvWriter:
        return CsvWriter(self._text)

    @cached_property
    def _parquet(self) -> ParquetWriter:
        return ParquetWriter(self._text.month_text, self._text.parquet())


TABLES: Mapping[ExportKind, Callable[[Month, Cur2Query], ExportTable]] = {
    ExportKind.LEGACY_CUR: LegacyTable,
    ExportKind.CUR_2_0: Cur2Table,
}
"""How a month becomes the table of a kind of export; only CUR 2.0 has a query."""


def export_table(month: Month, kind: ExportKind, query: Cur2Query) -> ExportTable:
    """A month as the table of a kind of export.

    Raises:
        ValueError: for a kind that the generator does not write.
    """
    if kind not in TABLES:
        raise ValueError(f"generated months are not written as {kind}, only as {', '.join(TABLES)}")
    return TABLES[kind](month, query)
