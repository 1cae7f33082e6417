"""Columns that a file has twice: the reader calls them `name`, `name#2`, `name#3`; here they become one.

The first value that is there counts, and rows on which two of them disagree are for the caller to refuse. Keys of
maps are no twins: both are kept, under both names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from staxpipe.focus.coded import Coded, Mask, coalesce

DISAGREE = "two columns of this name disagree"
"""Why a row is refused."""

_NUMBERED = re.compile(r"([^/]+)#[0-9]+")


def united(source: Mapping[str, Coded]) -> tuple[dict[str, Coded], dict[str, Mask]]:
    """One column a name, and per name that was there twice the rows on which its columns have different values."""
    columns: dict[str, Coded] = {}
    families: dict[str, list[Coded]] = {}
    for name, column in source.items():
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None:
            columns[name] = column
        else:
            families.setdefault(numbered[1], []).append(column)
    disagreements: dict[str, Mask] = {}
    for name, others in families.items():
        first = columns.get(name)
        for other in others:
            if first is None:
                first = other
                continue
            differ = _differ(first, other)
            disagreements[name] = disagreements.get(name, np.zeros(len(differ), np.bool_)) | differ
            first = coalesce((first, other))
        if first is not None:
            columns[name] = first
    return columns, disagreements


def _differ(left: Coded, right: Coded) -> Mask:
    """Rows on which both have a value, and not the same one."""
    ranks = {value: rank for rank, value in enumerate({*left.values.to_pylist(), *right.values.to_pylist()})}
    one = left.lookup(ranks.__getitem__, np.int64, -1)
    other = right.lookup(ranks.__getitem__, np.int64, -1)
    mask: Mask = (one >= 0) & (other >= 0) & (one != other)
    return mask
