"""Making columns of maps: one column a key, as if each key had a column of its own in the file.

CUR 2.0 and FOCUS put tags, cost categories, product attributes and discounts into maps: as maps in Parquet, as JSON
objects in CSV. What a key means is not known here; how its column is called stands in names.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.focus.coded import Codes
from staxpipe.focus.names import UNREADABLE, Namer, expanded_name, map_of
from staxpipe.focus.reading_rows import rows_of
from staxpipe.focus.reading_text import coded_text, compact, no_text, text_column, used_codes, used_only

MAX_KEYS = 5_000
"""How many different keys a map may have in one file. AWS activates at most 500 tag keys for an organisation."""

_CACHED_CHARACTERS = 8 << 20

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class _Cells:
    """The values that are there in one map column and wanted: the key, the value's code, and the place of each.

    A place is a distinct JSON text, or a row of a Parquet map; `place_of_row` has -1 for rows without a map.
    Cells are in the order of places, and in a place in the order that is written. `columns` is how many keys occur.
    """

    places: Codes
    keys: Codes
    key_names: list[str]
    codes: Codes
    values: pa.Array
    count: int
    place_of_row: Codes | None
    columns: int
    unreadable: npt.NDArray[np.int64]


class MapExpander:
    """Expands the map columns of the batches of one file; a key's column is called the same in all of them.

    * Keys are kept as written: two that differ by case or punctuation are two columns.
    * A key that is twice in one map gives a second column ``<name>#2``; so does a key whose name another column has.
    * Values that are numbers or truth values become their text, and values of other kinds their JSON. An empty
      value and a null are no value.
    * ``null``, ``NULL`` (in FOCUS files of others) and the empty object are no map.
    * Any other text that is no JSON object is kept whole in a column ``<map>/#unreadable``.
    """

    def __init__(self, file: str, wanted: Callable[[str], bool], batch_rows: int) -> None:
        """Make one for a file; a batch that gets wide is cut to `rows_of` so many rows."""
        self._file = file
        self._wanted = wanted
        self._batch_rows = batch_rows
        self._namer: Namer | None = None
        self._names: dict[tuple[str, str, int], str] = {}
        self._asked: dict[tuple[str, str], bool] = {}
        self._parsed: dict[str, Pairs | None] = {}
        self._characters = 0

    def expand(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The batch with every map's keys in place of the map; several shorter batches where there are many keys.

        Raises:
            PermanentError: a map has more than `MAX_KEYS` keys.
        """
        maps = [at for at, name in enumerate(batch.schema.names) if map_of(name)]
        if not maps:
            yield batch
            return
        if self._namer is None:
            names = batch.schema.names
            self._namer = Namer([*names, *(f"{names[at]}/{UNREADABLE}" for at in maps)])
        cells = {at: self._cells(batch.schema.names[at], batch.column(at)) for at in maps}
        columns = batch.num_columns + sum(of.columns for of in cells.values())
        length = rows_of(self._batch_rows, columns)
        if batch.num_rows > length:
            for start in range(0, batch.num_rows, length):
                yield from self.expand(compact(batch, start, min(length, batch.num_rows - start)))
            return
        named: dict[str, pa.Array] = {}
        for at, name in enumerate(batch.schema.names):
            if at in cells:
                named |= self._columns(name, batch.column(at), cells[at])
            else:
                named[name] = batch.column(at)
        if not named:  # a batch without columns has no rows
            named[f"{batch.schema.names[maps[0]]}/{UNREADABLE}"] = no_text(batch.num_rows)
        yield pa.RecordBatch.from_arrays(list(named.values()), names=list(named))

    def _columns(self, map_name: str, column: pa.Array, cells: _Cells) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {}
        for key, times, chosen in _groups(cells):
            there = used_only(coded_text(cells.codes[chosen], cells.values))
            codes: Codes = there.indices.to_numpy()
            if cells.place_of_row is not None or len(chosen) < cells.count:
                table = np.full(cells.count + 1, -1, np.int32)  # the last is what -1 reads: no map
                table[cells.places[chosen]] = codes
                codes = table[:-1] if cells.place_of_row is None else table.take(cells.place_of_row)
            columns[self._name(map_name, cells.key_names[key], times)] = coded_text(codes, there.dictionary)
        if cells.place_of_row is not None and len(cells.unreadable):
            table = np.full(cells.count + 1, -1, np.int32)
            table[cells.unreadable] = np.arange(len(cells.unreadable))
            texts = column.dictionary.take(pa.array(cells.unreadable))
            columns[f"{map_name}/{UNREADABLE}"] = coded_text(table.take(cells.place_of_row), texts)
        return columns

    def _name(self, map_name: str, key: str, times: int) -> str:
        """The name of a wanted key's column."""
        known = (map_name, key, times)
        if known not in self._names:
            assert self._namer is not None  # noqa: S101  # made with the first batch
            self._require_room(len(self._names), map_name, key)
            self._names[known] = self._namer.name(expanded_name(map_of(map_name) or map_name, key))
        return self._names[known]

    def _is_wanted(self, map_name: str, key: str) -> bool:
        known = (map_name, key)
        if known not in self._asked:
            self._require_room(len(self._asked), map_name, key)
            self._asked[known] = self._wanted(expanded_name(map_of(map_name) or map_name, key))
        return self._asked[known]

    def _require_room(self, keys: int, map_name: str, key: str) -> None:
        if keys >= MAX_KEYS:
            raise PermanentError(
                f"{self._file}: the maps of this file have more than {MAX_KEYS:,} different keys, {key!r} among "
                f"them in the column {map_name}. AWS has at most 500 tag keys: values seem to stand for keys."
            )

    def _cells(self, map_name: str, column: pa.Array) -> _Cells:
        cells = _of_map(column) if pa.types.is_map(column.type) else self._of_json(column)
        occurring = used_codes(cells.keys, len(cells.key_names))
        wanted = np.zeros(len(cells.key_names), np.bool_)
        wanted[occurring] = [self._is_wanted(map_name, cells.key_names[key]) for key in occurring.tolist()]
        columns = int(np.count_nonzero(wanted))
        if columns == len(occurring):
            return replace(cells, columns=columns)
        chosen = np.flatnonzero(wanted.take(cells.keys))
        return replace(
            cells,
            places=cells.places[chosen],
            keys=cells.keys[chosen],
            codes=cells.codes[chosen],
            columns=columns,
        )

    def _of_json(self, column: pa.DictionaryArray) -> _Cells:
        """Cells of a column of JSON texts: each distinct text is parsed once."""
        keys: list[str] = []
        values: list[str] = []
        counts = np.zeros(len(column.dictionary), np.int64)
        unreadable: list[int] = []
        for at, text in enumerate(column.dictionary.to_pylist()):
            pairs = self._pairs(text)
            if pairs is None:
                unreadable.append(at)
            else:
                counts[at] = len(pairs)
                keys.extend(key for key, _ in pairs)
                values.extend(value for _, value in pairs)
        coded = pa.array(keys, pa.string()).dictionary_encode()
        texts = text_column(pa.array(values, pa.string()))
        return _Cells(
            places=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            keys=coded.indices.to_numpy(),
            key_names=coded.dictionary.to_pylist(),
            codes=_codes(texts),
            values=texts.dictionary,
            count=len(counts),
            place_of_row=_codes(column),
            columns=0,
            unreadable=np.array(unreadable, np.int64),
        )

    def _pairs(self, text: str) -> Pairs | None:
        if text not in self._parsed:
            if self._characters > _CACHED_CHARACTERS:
                self._parsed.clear()
                self._characters = 0
            self._parsed[text] = parse_map(text)
            self._characters += len(text)
        return self._parsed[text]


def parse_map(text: str) -> Pairs | None:
    """Keys and values of a JSON object, in the order that is written and with keys that are there twice.

    Empty values are left out. None where the text is no JSON object, or one that is no text (half a surrogate pair).
    """
    if text in ("null", "NULL"):
        return []
    try:
        pairs = json.loads(text, object_pairs_hook=_Object, **_NUMBERS)
        if not isinstance(pairs, _Object):
            return None
        read = [(key, _value(value)) for key, value in pairs]
        if "\\u" in text:
            "".join(part for pair in read for part in pair).encode()
    except (ValueError, RecursionError):
        return None
    return [(key, value) for key, value in read if value]


class _Object(list[tuple[str, Any]]):
    """A JSON object as it is written."""


class _Number(str):
    """A JSON number as it is written."""


_NUMBERS: dict[str, Any] = {"parse_float": _Number, "parse_int": _Number, "parse_constant": _Number}


def _value(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    return "" if value is None else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, _Object):
        return "{" + ", ".join(f"{_json(key)}: {_json(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_json(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _of_map(column: pa.MapArray) -> _Cells:
    """Cells of a Parquet map."""
    offsets = column.offsets.to_numpy()
    start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
    places = np.repeat(np.arange(len(column), dtype=np.int32), np.diff(offsets))
    key_texts = text_column(column.keys.slice(start, length))
    values = text_column(column.items.slice(start, length))
    names = key_texts.dictionary.to_pylist()
    keys, codes = _codes(key_texts), _codes(values)
    if key_texts.null_count:
        keys = np.where(keys < 0, np.int32(len(names)), keys)  # the empty key is null by now
    there = codes >= 0
    if column.null_count:
        there &= column.is_valid().to_numpy(zero_copy_only=False)[places]
    if not there.all():
        places, keys, codes = places[there], keys[there], codes[there]
    return _Cells(places, keys, [*names, ""], codes, values.dictionary, len(column), None, 0, np.empty(0, np.int64))


def _codes(column: pa.DictionaryArray) -> Codes:
    """A column's codes, -1 for null."""
    indices = column.indices.fill_null(-1) if column.indices.null_count else column.indices
    codes: Codes = indices.to_numpy()
    return codes


def _groups(cells: _Cells) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
    """The cells of each key, and of its second, third … time in one map: (key, how often before, positions)."""
    if not len(cells.keys):
        return
    # Sixteen bits are sorted by radix, some ten times quicker.
    keys = cells.keys.astype(np.uint16) if len(cells.key_names) < 1 << 16 else cells.keys
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], cells.places[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(keys)], strict=True):
        chosen, here = order[start:end], places[start:end]
        first = np.r_[True, here[1:] != here[:-1]]
        if first.all():
            yield int(keys[start]), 0, chosen
            continue
        times = np.arange(len(here)) - np.maximum.accumulate(np.where(first, np.arange(len(here)), 0))
        for time in range(int(times.max()) + 1):
            yield int(keys[start]), time, chosen[times == time]
