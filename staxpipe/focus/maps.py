"""Folding many sparse columns (tags, cost categories, product attributes) into one map<string, string>."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Codes, Mask, Rows, combinations, same_text
from staxpipe.focus.columns import TEXT_MAP
from staxpipe.focus.source_columns import ALL_TAGS_PREFIX, COST_CATEGORY_PREFIX, TAG_PREFIX

_RESOURCE_TAGS = "resourceTags/"
_COST_CATEGORY = "costCategory/"


def fold(columns: Sequence[tuple[str, Coded]], rows: Rows, where: Mask | None = None) -> pa.Array:
    """One map for each of `rows`, with the keys whose column has a value there; null where there are none.

    `where` says which of the rows may have a map at all. Rows repeat their tags, so a map is made once for every
    combination that occurs, and each row copies the map of its own.
    """
    there = [(key, column) for key, column in columns if not column.empty]
    if not there:
        return pa.nulls(len(rows), TEXT_MAP)
    found = combinations([column.codes for _, column in there])
    made = _folded(
        [(key, Coded(codes, column.values)) for (key, column), codes in zip(there, found.members, strict=True)]
    )
    return _repeated(made, found.of_row.take(rows), where)


def _repeated(maps: pa.MapArray, at: Codes, where: Mask | None) -> pa.MapArray:
    """The maps at these places, null where the mask does not hold.

    As `maps.take` does it, but a row's texts, which lie side by side, are copied in one piece.
    """
    first = maps.offsets.to_numpy()
    counts = np.diff(first).take(at)
    if where is not None:
        counts *= where
    offsets = np.zeros(len(at) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    entries = np.repeat(first.take(at) - offsets[:-1], counts)
    entries += np.arange(len(entries), dtype=np.int32)
    rows = pa.array(at, mask=None if where is None else ~where)
    parts = [_texts_repeated(texts, first, rows, entries) for texts in (maps.keys, maps.items)]
    return pa.MapArray.from_arrays(pa.array(offsets), *parts, mask=pa.array(counts == 0))


def _texts_repeated(texts: pa.Array, first: Codes, rows: pa.Array, entries: Codes) -> pa.Array:
    """The texts of `entries`, which are those of `rows`: row i has the texts from first[i] on."""
    _, starts, data = texts.buffers()
    ends = np.frombuffer(starts, np.int32, len(texts) + 1, 4 * texts.offset)
    pieces = pa.Array.from_buffers(pa.binary(), len(first) - 1, [None, pa.py_buffer(ends.take(first)), data])
    copied = pieces.take(rows).buffers()[2]  # refused where it is too long for 32-bit offsets
    offsets = np.zeros(len(entries) + 1, np.int32)
    np.cumsum(np.diff(ends).take(entries), out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(entries), [None, pa.py_buffer(offsets), copied])


def _folded(columns: Sequence[tuple[str, Coded]]) -> pa.Array:
    """One map for each row, by work that is proportional to the values that are there, not to rows times columns."""
    filled: list[tuple[str, Coded, Rows]] = []
    counts = np.zeros(len(columns[0][1]) + 1, np.int64)
    for key, column in columns:
        at = np.flatnonzero(column.present)
        filled.append((key, column, at))
        counts[at + 1] += 1
    offsets = np.cumsum(counts)
    cursor = offsets[:-1].copy()
    keys = np.empty(offsets[-1], np.int32)
    items = np.empty(offsets[-1], np.int64)
    base = 0
    for number, (_, column, at) in enumerate(filled):
        target = cursor[at]
        keys[target] = number
        items[target] = column.codes[at].astype(np.int64) + base
        cursor[at] += 1
        base += len(column.values)
    names = pa.array([key for key, _, _ in filled], pa.string())
    texts = pa.concat_arrays([column.values for _, column, _ in filled])
    return pa.MapArray.from_arrays(
        pa.array(offsets.astype(np.int32)),
        names.take(pa.array(keys)),
        texts.take(pa.array(items)),
        mask=pa.array(counts[1:] == 0),
    )


@dataclass(frozen=True)
class Claim:
    """A column that goes into a map: its key as AWS writes it, and those that it may have, the best first."""

    column: Coded
    written: str
    keys: tuple[str, ...]
    family: str


def tag_claims(source: Mapping[str, Coded]) -> list[Claim]:
    """The columns that make Tags: resource tags, and of CUR 2.0's `tags` all but cost categories.

    FOCUS asks for user-defined tags without a prefix and for the provider's with one: `user:Name` becomes `Name`,
    `aws:createdBy` stays; Parquet's spelling `user_name`, `aws_created_by` likewise. `tags/resourceTags/x` is the
    same tag as `resource_tags/x`; `accountTag/x` and `userAttribute/x` keep AWS's prefix, since they are others (Data
    Exports guide, "Tags column").
    """
    claims = []
    for name, column in source.items():
        if name.startswith(TAG_PREFIX):
            key = name.removeprefix(TAG_PREFIX)
            claims.append(Claim(column, key, (tag_key(key), key, name), TAG_PREFIX))
        elif name.startswith(ALL_TAGS_PREFIX):
            key = name.removeprefix(ALL_TAGS_PREFIX)
            if key.startswith(_RESOURCE_TAGS):
                short = tag_key(key.removeprefix(_RESOURCE_TAGS))
                claims.append(Claim(column, key, (short, key, name), ALL_TAGS_PREFIX))
            elif not key.startswith(_COST_CATEGORY):
                claims.append(Claim(column, key, (key, name), ALL_TAGS_PREFIX))
    return claims


def cost_category_claims(source: Mapping[str, Coded]) -> list[Claim]:
    """The columns that make x_CostCategories, from either of the two columns in which CUR 2.0 has them."""
    claims = []
    for name, column in source.items():
        if name.startswith(COST_CATEGORY_PREFIX):
            key = name.removeprefix(COST_CATEGORY_PREFIX)
            claims.append(Claim(column, key, (key, name), COST_CATEGORY_PREFIX))
        elif name.startswith(ALL_TAGS_PREFIX + _COST_CATEGORY):
            key = name.removeprefix(ALL_TAGS_PREFIX)
            claims.append(Claim(column, key, (key.removeprefix(_COST_CATEGORY), key, name), ALL_TAGS_PREFIX))
    return claims


def distinct(claims: Sequence[Claim]) -> list[tuple[str, Coded]]:
    """Give every value a key that no other value of its row has; columns to be folded, in the order of their keys.

    Two columns may want one key (`user:Name` and `Name`). In a row where only one of them has a value, that one gets
    the key. Where both have, it goes to the one that is written like the key, else to the shorter one, and the other
    keeps its full name: nothing is merged. So a key depends on its own row and on nothing else in the batch. Only
    the same value under the same key from both columns in which CUR 2.0 delivers one tag is one entry.
    """
    wanted = Counter(key for claim in claims for key in set(claim.keys))
    taken: dict[str, list[tuple[str, Coded]]] = {}
    found: list[tuple[str, Coded]] = []
    for claim in sorted(claims, key=_rank):
        left = claim.column
        for key in _keys(claim, wanted):
            if wanted[key] == 1:
                found.append((key, left))
                break
            others = taken.setdefault(key, [])
            busy = np.zeros(len(left), np.bool_)
            same = np.zeros(len(left), np.bool_)
            for family, other in others:
                busy |= other.present
                if family != claim.family:
                    same |= same_text(left, other)
            fitting = left.where(~busy)
            if not fitting.empty:
                found.append((key, fitting))
                others.append((claim.family, fitting))
            left = left.where(busy & ~same)
            if left.empty:
                break
    return sorted(found, key=lambda entry: entry[0])


def tag_key(name: str) -> str:
    """The key that FOCUS wants for a tag as AWS writes it, before anything else is considered."""
    for written, meant in (("user:", ""), ("user_", ""), ("aws_", "aws:")):
        if name.startswith(written) and len(name) > len(written):
            return meant + name[len(written) :]
    return name


def _rank(claim: Claim) -> tuple[bool, bool, int, tuple[str, ...]]:
    """Who is served first: a total order, so that a row's keys depend on the row alone."""
    return claim.keys[0] != claim.written, claim.family == ALL_TAGS_PREFIX, len(claim.written), claim.keys


def _keys(claim: Claim, wanted: Counter[str]) -> Iterator[str]:
    yield from claim.keys
    # Only where somebody names tags after our own column names.
    for number in count(2):
        key = f"{claim.keys[-1]}#{number}"
        if wanted[key] != 1:  # a key that one column alone wants is not looked after
            wanted[key] += 2
            yield key
