"""A month as files: CSV, plain or in gzip or ZIP, and Parquet. The same month gives the same bytes.

Which files make a delivery and where they lie is in `report` and `delivery`.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from staxpipe.model import FileFormat
from staxpipe.synthetic.columns import PARQUET_DOUBLES, PARQUET_MOMENTS, parquet_name
from staxpipe.synthetic.text import BATCH_ROWS, MonthText, TextTable, pieces

_GZIP = 31  # zlib's window bits for a gzip wrapper, whose header then carries no time and no name
_SPECIAL = (",", '"', "\n", "\r")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the time in a ZIP archive: always the same


class CsvWriter:
    """Writes parts of a month as CSV; values are quoted only where they must be, as AWS does."""

    def __init__(self, text: TextTable) -> None:
        self._text = text
        self.header_line = (",".join(_quoted(name) for name in text.header) + "\n").encode()
        self._segments = _segments(text)

    def write(
        self, path: Path, first: int, count: int, level: int = 1, format: FileFormat = FileFormat.CSV_GZIP
    ) -> None:
        """Write the header and `count` rows from `first`; in ZIP as the archive's only entry. `level` is gzip's.

        Raises:
            ValueError: for a format that is not CSV.
        """
        match format:
            case FileFormat.CSV_GZIP:
                compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
                with path.open("wb") as file:
                    for block in self._blocks(first, count):
                        file.write(compressor.compress(block))
                    file.write(compressor.flush())
            case FileFormat.CSV_ZIP:
                entry = zipfile.ZipInfo("report.csv", _LONG_AGO)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with zipfile.ZipFile(path, "w") as archive, archive.open(entry, "w", force_zip64=True) as packed:
                    for block in self._blocks(first, count):
                        packed.write(block)
            case FileFormat.CSV:
                with path.open("wb") as file:
                    for block in self._blocks(first, count):
                        file.write(block)
            case _:
                raise ValueError(f"{format} is no kind of CSV")

    def _blocks(self, first: int, count: int) -> Iterator[bytes | pa.Buffer]:
        yield self.header_line
        for start, size in pieces(count, BATCH_ROWS):
            if size:
                yield self._lines(first + start, size)

    def _lines(self, first: int, count: int) -> pa.Buffer:
        template = pa.array(self._text.month.rows.template[first : first + count])
        varying = self._text.varying(first, count)
        for name in self._text.quoted:
            varying[name] = _quoted_values(varying[name])
        columns = [
            varying[segment] if isinstance(segment, str) else segment.take(template) for segment in self._segments
        ]
        lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
        lines = pc.binary_join_element_wise(lines, "", "\n")
        return lines.buffers()[2]


@dataclass(frozen=True)
class ParquetColumn:
    """A column: either `static`, a value of its type a template, or made from the columns that vary by `convert`."""

    name: str
    type: pa.DataType
    static: pa.Array | None = None
    convert: Callable[[Mapping[str, pa.Array]], pa.Array] | None = None

    def values(self, template: pa.Array, varying: Mapping[str, pa.Array]) -> pa.Array:
        """The column for rows of the given templates."""
        if self.convert is not None:
            return self.convert(varying)
        return pc.take(self.static, template)


class ParquetWriter:
    """Writes parts of a month as Parquet: the given columns, made from the legacy report's text."""

    def __init__(self, text: MonthText, columns: Sequence[ParquetColumn]) -> None:
        self._text = text
        self._columns = columns
        self._schema = pa.schema([pa.field(column.name, column.type) for column in columns])

    def write(self, path: Path, first: int, count: int) -> None:
        """Write `count` rows from `first`."""
        with pq.ParquetWriter(path, self._schema, compression="snappy", store_schema=False) as writer:
            for start, size in pieces(count, BATCH_ROWS * 4):
                template = pa.array(self._text.month.rows.template[first + start : first + start + size])
                varying = self._text.varying(first + start, size)
                arrays = [column.values(template, varying) for column in self._columns]
                writer.write_table(pa.table(arrays, schema=self._schema))


def write_parquet(text: MonthText, path: Path, first: int, count: int) -> None:
    """Write `count` rows from `first` of a legacy report as AWS writes Parquet for Athena."""
    ParquetWriter(text, legacy_parquet(text)).write(path, first, count)


def legacy_parquet(text: MonthText) -> list[ParquetColumn]:
    """A legacy report's columns as AWS writes Parquet for Athena.

    AWS's column names, doubles for amounts, text for rates, ``''`` and ``0.0`` where a value is missing. Of
    headers that become the same name, the first non-empty value is kept (AWS keeps the first tag's).
    """
    names: dict[str, list[str]] = {}
    for header in text.header:
        names.setdefault(parquet_name(header), []).append(header)
    columns = []
    for name, (header, *others) in names.items():
        kind = _parquet_type(header)
        if header in text.static:
            values = pc.coalesce(*(text.static[each] for each in (header, *others)))
            columns.append(ParquetColumn(name, kind, _parquet_values(values, header)))
        else:
            columns.append(ParquetColumn(name, kind, convert=_converter(header)))
    return columns


def _converter(header: str) -> Callable[[Mapping[str, pa.Array]], pa.Array]:
    return lambda varying: _parquet_values(varying[header], header)


def _parquet_type(header: str) -> pa.DataType:
    if header in PARQUET_DOUBLES:
        return pa.float64()
    return pa.timestamp("ms", tz="UTC") if header in PARQUET_MOMENTS else pa.string()


def _parquet_values(values: pa.Array, header: str) -> pa.Array:
    if header in PARQUET_DOUBLES:
        return pc.fill_null(pc.cast(values, pa.float64()), 0.0)
    if header in PARQUET_MOMENTS:
        return pc.cast(pc.cast(values, pa.timestamp("s", tz="UTC")), pa.timestamp("ms", tz="UTC"))
    return pc.fill_null(values, "")


def _segments(text: TextTable) -> list[str | pa.Array]:
    """The columns as pieces of a line: a varying column's name, or the joined text of neighbouring static ones."""
    segments: list[str | pa.Array] = []
    run: list[pa.Array] = []

    def close() -> None:
        if run:
            segments.append(
                pc.binary_join_element_wise(*run, ",", null_handling="replace", null_replacement="")
                if len(run) > 1
                else run[0]
            )
            run.clear()

    for name in text.header:
        if name in text.static:
            run.append(_quoted_column(text.static[name]))
        else:
            close()
            segments.append(name)
    close()
    return segments


def _quoted_values(values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', pc.replace_substring(values, '"', '""'), '"', "")


def _quoted_column(values: pa.Array) -> pa.Array:
    coded = values.dictionary_encode()
    quoted = pa.array([_quoted(value) for value in coded.dictionary.to_pylist()], pa.string())
    return quoted.take(coded.indices)


def _quoted(value: str) -> str:
    if any(character in value for character in _SPECIAL):
        return '"' + value.replace('"', '""') + '"'
    return value
