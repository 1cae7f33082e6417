"""Folding many sparse columns (tags, cost categories, product attributes) into one map<string, string>."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Mask, Rows
from staxpipe.focus.columns import TEXT_MAP


def fold(columns: Sequence[tuple[str, Coded]], rows: Rows, where: Mask | None = None) -> pa.Array:
    """One map for each of `rows`, with the keys whose column has a value there; null where there are none.

    `where` says which of the rows may have a map at all.

    The work is proportional to the values that are there, not to rows times columns.
    """
    filled: list[tuple[str, Coded, Rows]] = []
    counts = np.zeros(len(rows) + 1, np.int64)
    for key, column in columns:
        if column.empty:
            continue
        taken = column.take(rows)
        at = np.flatnonzero(taken.present if where is None else taken.present & where)
        if len(at):
            filled.append((key, taken, at))
            counts[at + 1] += 1
    offsets = np.cumsum(counts)
    if not filled:
        return pa.nulls(len(rows), TEXT_MAP)
    cursor = offsets[:-1].copy()
    keys = np.empty(offsets[-1], np.int32)
    items = np.empty(offsets[-1], np.int64)
    base = 0
    for number, (_, taken, at) in enumerate(filled):
        target = cursor[at]
        keys[target] = number
        items[target] = taken.codes[at].astype(np.int64) + base
        cursor[at] += 1
        base += len(taken.values)
    names = pa.array([key for key, _, _ in filled], pa.string())
    texts = pa.concat_arrays([taken.values for _, taken, _ in filled])
    return pa.MapArray.from_arrays(
        pa.array(offsets.astype(np.int32)),
        names.take(pa.array(keys)),
        texts.take(pa.array(items)),
        mask=pa.array(counts[1:] == 0),
    )


def tag_keys(column_names: Iterable[str], prefix: str) -> dict[str, str]:
    """The key in Tags for every tag column.

    FOCUS asks for user-defined tags without a prefix and for the provider's with one: `user:Name` becomes
    `Name`, `aws:createdBy` stays; Parquet's spelling `user_name`, `aws_created_by` likewise. Where two columns
    would get one key, each keeps its full name: nothing is merged silently.
    """
    names = sorted(set(column_names))
    keys = {name: _tag_key(name.removeprefix(prefix)) for name in names}
    uses: dict[str, int] = {}
    for key in keys.values():
        uses[key] = uses.get(key, 0) + 1
    chosen = {name: key if uses[key] == 1 else name.removeprefix(prefix) for name, key in keys.items()}
    if len(set(chosen.values())) < len(names):
        chosen = {name: name.removeprefix(prefix) for name in names}
    return chosen


def _tag_key(name: str) -> str:
    for written, meant in (("user:", ""), ("user_", ""), ("aws_", "aws:")):
        if name.startswith(written) and len(name) > len(written):
            return meant + name[len(written) :]
    return name
