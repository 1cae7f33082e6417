"""Folding many sparse columns (tags, cost categories, product attributes) into one map<string, string>."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Codes, Mask, Rows, combinations, same_text
from staxpipe.focus.columns import CODED_MAP
from staxpipe.focus.source_columns import ALL_TAGS_PREFIX, COST_CATEGORY_PREFIX, TAG_PREFIX

_RESOURCE_TAGS = "resourceTags/"
_COST_CATEGORY = "costCategory/"


def fold(columns: Sequence[tuple[str, Coded]], rows: Rows, where: Mask | None = None) -> pa.Array:
    """One map (CODED_MAP) for each of `rows`, with the keys whose column has a value there; null where there are none.

    `where` says which of the rows may have a map at all. Rows repeat their tags, so a map is made once for every
    combination that occurs, and each row copies the codes of its own; no text is copied for a row.
    """
    there = [(key, column) for key, column in columns if not column.empty]
    if not there:
        return pa.nulls(len(rows), CODED_MAP)
    found = combinations([column.codes for _, column in there])
    texts, columns_in_texts = _numbered_through([column.values for _, column in there])
    made = _folded(
        [
            np.append(places, np.int32(-1)).take(codes, mode="wrap")
            for places, codes in zip(columns_in_texts, found.members, strict=True)
        ]
    )
    return _repeated(made, found.of_row.take(rows), where).array([key for key, _ in there], texts)


def _numbered_through(columns: Sequence[pa.Array]) -> tuple[pa.Array, list[Codes]]:
    """The unique texts of all columns, and for each column where its texts are among them."""
    united = pa.concat_arrays(columns).dictionary_encode()
    ends = np.cumsum([len(column) for column in columns])
    return united.dictionary, np.split(united.indices.to_numpy(), ends[:-1])


@dataclass(frozen=True)
class _Entries:
    """Maps in numbers: map i has the entries from offsets[i] to offsets[i + 1], each a code of a key and of a text."""

    offsets: Codes
    keys: Codes
    items: Codes

    def array(self, keys: Sequence[str], texts: pa.Array) -> pa.MapArray:
        """As Arrow's maps of these keys and texts; a map without entries is null."""
        entries = pa.StructArray.from_arrays(
            [
                pa.DictionaryArray.from_arrays(pa.array(self.keys), pa.array(keys, pa.string()), safe=False),
                pa.DictionaryArray.from_arrays(pa.array(self.items), texts, safe=False),
            ],
            fields=[CODED_MAP.key_field, CODED_MAP.item_field],
        )
        there = np.packbits(self.offsets[1:] > self.offsets[:-1], bitorder="little")
        buffers = [pa.py_buffer(there), pa.py_buffer(self.offsets)]
        return pa.Array.from_buffers(CODED_MAP, len(self.offsets) - 1, buffers, children=[entries])


def _folded(columns: Sequence[Codes]) -> _Entries:
    """One map for each row, by work that is proportional to the values that are there, not to rows times columns."""
    filled = [np.flatnonzero(codes >= 0) for codes in columns]
    offsets = np.zeros(len(columns[0]) + 1, np.int32)
    for at in filled:
        offsets[at + 1] += 1
    np.cumsum(offsets, out=offsets)
    cursor = offsets[:-1].copy()
    keys = np.empty(offsets[-1], np.int32)
    items = np.empty(offsets[-1], np.int32)
    for number, (codes, at) in enumerate(zip(columns, filled, strict=True)):
        target = cursor[at]
        keys[target] = number
        items[target] = codes[at]
        cursor[at] += 1
    return _Entries(offsets, keys, items)


def _repeated(maps: _Entries, at: Codes, where: Mask | None) -> _Entries:
    """The maps at these places, without entries where the mask does not hold."""
    counts = np.diff(maps.offsets).take(at)
    if where is not None:
        counts *= where
    offsets = np.zeros(len(at) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    entries = np.repeat(maps.offsets.take(at) - offsets[:-1], counts)
    entries += np.arange(len(entries), dtype=np.int32)
    return _Entries(offsets, maps.keys.take(entries), maps.items.take(entries))


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
