"""Reading a Parquet data file into record batches of text.

AWS writes doubles, timestamps and text; other tools that rewrite its files also decimals, integers and
dictionaries. Whatever the type, the outcome is the text that a CSV of the same rows would hold. Maps, lists and
structs (as in CUR 2.0) are left out: a legacy report has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from staxpipe.errors import PermanentError
from staxpipe.focus.names import choose_columns

BUFFER_BYTES = 1 << 20
"""How much of a column is read from disk at a time: a row group may hold gigabytes."""


def read_parquet(path: Path, file: str, wanted: Callable[[str], bool], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a Parquet file under canonical names, at most `batch_rows` rows at a time.

    Raises:
        PermanentError: the file is not Parquet, is cut or damaged, or lacks every wanted column.
    """
    try:
        with pq.ParquetFile(path) as whole:
            schema = whole.schema_arrow
        flat = [field.name if not pa.types.is_nested(field.type) else "" for field in schema]
        chosen = choose_columns(flat, wanted, file)
        # Asked for by name (a name that is there twice gives both), and delivered in the order that is asked for.
        names = list(dict.fromkeys(flat[position] for position in chosen))
        ordered = [chosen[position] for name in names for position in chosen if flat[position] == name]
        texts = [field.name for field in schema if field.name in names and _is_text(field.type)]
        with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False, buffer_size=BUFFER_BYTES) as parquet:
            for batch in parquet.iter_batches(batch_rows, columns=names):
                if batch.num_rows:
                    columns = [_text_column(column) for column in batch.columns]
                    yield pa.RecordBatch.from_arrays(columns, names=ordered)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise PermanentError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0].rstrip('.')}.") from None


def _is_text(type: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(type)
        or pa.types.is_large_string(type)
        or pa.types.is_binary(type)
        or pa.types.is_large_binary(type)
    )


def _text_column(column: pa.Array) -> pa.DictionaryArray:
    """Any flat column as a dictionary of distinct texts; empty texts become nulls."""
    if pa.types.is_null(column.type):
        return pa.DictionaryArray.from_arrays(pa.nulls(len(column), pa.int32()), pa.array([], pa.string()))
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
