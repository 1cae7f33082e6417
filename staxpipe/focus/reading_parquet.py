"""Reading a Parquet data file into record batches of text and of maps.

AWS writes doubles, timestamps, text and (CUR 2.0, FOCUS) maps; other tools that rewrite its files also decimals,
integers and dictionaries. Whatever a flat column's type, the outcome is the text that a CSV of the same rows would
hold. Maps come out as maps: reading_maps.py makes columns of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from staxpipe.errors import PermanentError
from staxpipe.focus.names import choose_columns, map_of
from staxpipe.focus.reading_refusals import PLAUSIBLE_RATIO
from staxpipe.focus.reading_rows import rows_of
from staxpipe.focus.reading_text import TextColumn, is_text

BUFFER_BYTES = 1 << 20
"""How much of a column is read from disk at a time: a row group may hold gigabytes."""

PLAUSIBLE_CHUNK_BYTES = 256 << 20
"""One column of one row group may unpack to this much whatever it packs; AWS's have a few MiB."""

PLAUSIBLE_ROWS = 100_000_000
"""A file may have this many rows however short it is."""

PLAUSIBLE_ROWS_A_BYTE = 1_000
"""How many rows a byte there may be beyond `PLAUSIBLE_ROWS`. AWS's files have 0.1."""


def read_parquet(path: Path, file: str, wanted: Callable[[str], bool], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a Parquet file under canonical names, at most `batch_rows` rows at a time.

    A file that was made to burst its reader is refused by what it says about itself: see the limits above.

    Raises:
        PermanentError: the file is not Parquet, is cut or damaged, lacks every wanted column, or has a wanted one
            that is neither flat nor a known map.
    """
    try:
        with pq.ParquetFile(path) as whole:
            schema = whole.schema_arrow
            _require_plausible(whole.metadata, path.stat().st_size, file)
            leaves = [whole.schema.column(at).path for at in range(len(whole.schema))]
        chosen = choose_columns(schema.names, wanted, file)
        for position, name in chosen.items():
            _require_readable(schema.field(position), name, file)
        asked = list(dict.fromkeys(schema.field(position).name for position in chosen))
        texts = [field.name for field in schema if field.name in asked and is_text(field.type)]
        texts += [leaf for field in schema if field.name in asked for leaf in _text_leaves(field, leaves)]
        with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False, buffer_size=BUFFER_BYTES) as parquet:
            # One row group after the other: Arrow cannot put the dictionaries of two of them into one map.
            for group in range(parquet.num_row_groups):
                texts_of = {position: TextColumn() for position in chosen}
                rows = _piece_rows(parquet.metadata.row_group(group).num_rows, rows_of(batch_rows, len(chosen)))
                # In one thread: several cost a fifth more, and it is other files that are read beside this one.
                for batch in parquet.iter_batches(rows, row_groups=[group], columns=asked, use_threads=False):
                    if batch.num_rows:
                        yield _named(batch, schema, chosen, texts_of)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise PermanentError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0].rstrip('.')}.") from None


def _piece_rows(group_rows: int, batch_rows: int) -> int:
    """How many rows to read at a time of a row group: equal pieces, so that no small one is left to be joined."""
    pieces = max(1, -(-group_rows // batch_rows))
    return max(1, -(-group_rows // pieces))


def _named(
    batch: pa.RecordBatch, schema: pa.Schema, chosen: dict[int, str], texts_of: dict[int, TextColumn]
) -> pa.RecordBatch:
    """A batch's chosen columns by the names chosen for them, in the file's order.

    A name that is asked for gives every column of that name, and for Parquet those whose name continues it after a
    dot too. So columns are found by name, and those of one name by their order, which is the file's.
    """
    found: dict[str, list[int]] = {}
    for at, name in enumerate(batch.schema.names):
        found.setdefault(name, []).append(at)
    columns = []
    for position in chosen:
        written = schema.field(position).name
        before = schema.names[:position].count(written)
        column = batch.column(found[written][before])
        columns.append(column if pa.types.is_map(column.type) else texts_of[position].read(column))
    return pa.RecordBatch.from_arrays(columns, names=list(chosen.values()))


def _text_leaves(field: pa.Field, leaves: list[str]) -> list[str]:
    """The paths of a map's keys and values that Parquet may hand over as dictionaries."""
    if not pa.types.is_map(field.type):
        return []
    types = {"key": field.type.key_type, "value": field.type.item_type}
    paths = [
        leaf for leaf in leaves if leaf.startswith(f"{field.name}.") and leaf.count(".") == field.name.count(".") + 2
    ]
    return [path for path in paths if is_text(types.get(path.rpartition(".")[2], pa.null()))]


def _require_readable(field: pa.Field, name: str, file: str) -> None:
    type = field.type
    known_map = pa.types.is_map(type) and map_of(name) is not None and not pa.types.is_nested(type.item_type)
    if pa.types.is_nested(type) and not known_map:
        raise PermanentError(
            f"{file}: the column {field.name} has the type {type}, which is not read. Export it as text or as a map "
            "from text to text."
        )


def _require_plausible(metadata: pq.FileMetaData, size: int, file: str) -> None:
    if metadata.num_rows > max(PLAUSIBLE_ROWS, PLAUSIBLE_ROWS_A_BYTE * size):
        raise PermanentError(
            f"{file} says that it has {metadata.num_rows:,} rows in {size:,} bytes, which no cost report has."
        )
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(at)
            packed, unpacked = chunk.total_compressed_size, chunk.total_uncompressed_size
            if unpacked > max(PLAUSIBLE_CHUNK_BYTES, PLAUSIBLE_RATIO * packed):
                raise PermanentError(
                    f"{file} unpacks to more than {PLAUSIBLE_RATIO} times its size: its column "
                    f"{chunk.path_in_schema} gives {unpacked:,} bytes for {packed:,}, which no cost report does."
                )
