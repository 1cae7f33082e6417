"""Any flat Arrow array as dictionary-coded text: what a CSV of the same rows would hold."""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.dictionary(pa.int32(), pa.string())
"""The type of every column that a reader gives."""


def is_text(type: pa.DataType) -> bool:
    """Whether Parquet's own dictionaries can be taken over for a column of this type."""
    return bool(
        pa.types.is_string(type)
        or pa.types.is_large_string(type)
        or pa.types.is_binary(type)
        or pa.types.is_large_binary(type)
    )


def text_column(column: pa.Array) -> pa.DictionaryArray:
    """Any flat column as a dictionary of distinct texts that all occur; empty texts become nulls."""
    if pa.types.is_null(column.type):
        return no_text(len(column))
    if pa.types.is_dictionary(column.type):
        # Parquet's own dictionary is that of a whole row group: keep only what these rows use.
        codes = column.indices.dictionary_encode()
        indices, values = codes.indices, column.dictionary.take(codes.dictionary)
    else:
        if "view" in str(column.type):
            column = column.cast(pa.string())
        coded = column.dictionary_encode()
        indices, values = coded.indices, coded.dictionary
    texts = _as_text(values)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    distinct = texts.dictionary_encode()
    if texts.null_count or len(distinct.dictionary) != len(texts):
        indices, texts = distinct.indices.take(indices), distinct.dictionary
    return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), texts)


def no_text(rows: int) -> pa.DictionaryArray:
    """A column of nulls."""
    return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))


def compact(batch: pa.RecordBatch, start: int, length: int) -> pa.RecordBatch:
    """A slice whose dictionaries hold only the values that its own rows use."""
    if start == 0 and length == batch.num_rows:
        return batch
    columns = []
    for column in batch.slice(start, length).columns:
        if pa.types.is_dictionary(column.type):
            codes = column.indices.dictionary_encode()
            column = pa.DictionaryArray.from_arrays(codes.indices, column.dictionary.take(codes.dictionary))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _as_text(values: pa.Array) -> pa.Array:
    """Values as the text that a CSV would hold.

    Arrow writes a double with the fewest digits that read back as the same double (0.1 is ``0.1``).
    """
    type = values.type
    if pa.types.is_date(type):
        values, type = values.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(type):
        return _moments(values)
    return values.cast(pa.string())


def _moments(values: pa.Array) -> pa.Array:
    """Timestamps as ``YYYY-MM-DDTHH:MM:SSZ``; with fractions only where one of them has any.

    By way of integers, which are UTC whatever the zone is called: no time zone database is needed.
    """
    naive = values.cast(pa.int64()).cast(pa.timestamp(values.type.unit))
    with suppress(pa.ArrowInvalid):  # fractions of seconds would be lost: then they stay
        naive = naive.cast(pa.timestamp("s"))
    return pc.binary_join_element_wise(pc.replace_substring(naive.cast(pa.string()), " ", "T"), "Z", "")
