"""A month as files: CUR CSV in gzip, and Parquet as AWS writes it for Athena. The same month gives the same bytes.

Which files make a delivery and where they lie is in `delivery`.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from staxpipe.synthetic.columns import PARQUET_DOUBLES, PARQUET_MOMENTS, parquet_name
from staxpipe.synthetic.text import BATCH_ROWS, MonthText, pieces

_GZIP = 31  # zlib's window bits for a gzip wrapper, whose header then carries no time and no name
_SPECIAL = (",", '"', "\n", "\r")


class CsvWriter:
    """Writes parts of a month as ``csv.gz``; values are quoted only where they must be, as AWS does."""

    def __init__(self, text: MonthText) -> None:
        self._text = text
        self.header_line = (",".join(_quoted(name) for name in text.header) + "\n").encode()
        self._segments = _segments(text)

    def write(self, path: Path, first: int, count: int, level: int = 1) -> None:
        """Write the header and `count` rows from `first`."""
        compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        with path.open("wb") as file:
            file.write(compressor.compress(self.header_line))
            for start, size in pieces(count, BATCH_ROWS):
                if size:
                    file.write(compressor.compress(self._lines(first + start, size)))
            file.write(compressor.flush())

    def _lines(self, first: int, count: int) -> pa.Buffer:
        template = pa.array(self._text.month.rows.template[first : first + count])
        varying = self._text.varying(first, count)
        columns = [
            varying[segment] if isinstance(segment, str) else segment.take(template) for segment in self._segments
        ]
        lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
        lines = pc.binary_join_element_wise(lines, "", "\n")
        return lines.buffers()[2]


def write_parquet(text: MonthText, path: Path, first: int, count: int) -> None:
    """Write `count` rows from `first` as AWS writes Parquet for Athena.

    AWS's column names, doubles for amounts, text for rates, ``''`` and ``0.0`` where a value is missing. Of
    headers that become the same name, the first non-empty value is kept (AWS keeps the first tag's).
    """
    names: dict[str, list[str]] = {}
    for header in text.header:
        names.setdefault(parquet_name(header), []).append(header)
    schema = pa.schema([pa.field(name, _parquet_type(headers[0])) for name, headers in names.items()])
    static = {
        name: _parquet_values(pc.coalesce(*(text.static[header] for header in headers)), headers[0])
        for name, headers in names.items()
        if headers[0] in text.static
    }
    with pq.ParquetWriter(path, schema, compression="snappy", store_schema=False) as writer:
        for start, size in pieces(count, BATCH_ROWS * 4):
            template = pa.array(text.month.rows.template[first + start : first + start + size])
            varying = text.varying(first + start, size)
            writer.write_table(
                pa.table(
                    [
                        static[name].take(template)
                        if name in static
                        else _parquet_values(varying[headers[0]], headers[0])
                        for name, headers in names.items()
                    ],
                    schema=schema,
                )
            )


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


def _segments(text: MonthText) -> list[str | pa.Array]:
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


def _quoted_column(values: pa.Array) -> pa.Array:
    coded = values.dictionary_encode()
    quoted = pa.array([_quoted(value) for value in coded.dictionary.to_pylist()], pa.string())
    return quoted.take(coded.indices)


def _quoted(value: str) -> str:
    if any(character in value for character in _SPECIAL):
        return '"' + value.replace('"', '""') + '"'
    return value
