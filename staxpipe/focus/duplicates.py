"""Columns that a file has twice: the second comes from the reader as ``name#2``, the third as ``name#3``.

The first value that is there counts. Where two that are there disagree nobody can tell which is right, so the row is
refused. Columns of tags and the like are not meant here: two of one name are two tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from staxpipe.focus import passthrough_columns, source_columns
from staxpipe.focus.coded import Coded, Mask, coalesce, same_text
from staxpipe.focus.moments import parse_moments
from staxpipe.focus.numbers import parse_numbers

_NUMBERS = source_columns.NUMBERS | passthrough_columns.NUMBERS.keys()
_AGAIN = re.compile(r"([^/]+)#[0-9]+")


@dataclass(frozen=True)
class Disagreement:
    """Rows on which two columns of one name have different values, and what the later column says."""

    rows: Mask
    other: Coded


def base_name(name: str) -> str:
    """The name of a column without the number of its repetition."""
    again = _AGAIN.fullmatch(name)
    return again[1] if again else name


def united(columns: Mapping[str, Coded]) -> tuple[dict[str, Coded], dict[str, tuple[Disagreement, ...]]]:
    """One column a name, in the file's order, and where repeated ones disagree."""
    source: dict[str, Coded] = {}
    disagreements: dict[str, tuple[Disagreement, ...]] = {}
    for name, column in columns.items():
        base = base_name(name)
        if base not in source:
            source[base] = column
            continue
        first = source[base]
        rows = first.present & column.present & ~_agree(base, first, column)
        if rows.any():
            disagreements[base] = (*disagreements.get(base, ()), Disagreement(rows, column))
        source[base] = coalesce((first, column))
    return source, disagreements


def _agree(name: str, left: Coded, right: Coded) -> Mask:
    """Rows with the same text; or the same number or moment, written in two ways."""
    same = same_text(left, right)
    if same.all():
        return same
    if name in _NUMBERS or name.startswith("discount_"):
        one, other = parse_numbers(left).array(), parse_numbers(right).array()
    elif name.endswith("_date") or name in passthrough_columns.MOMENTS:
        one, other = parse_moments(left).array(), parse_moments(right).array()
    else:
        return same
    equal: Mask = pc.fill_null(pc.equal(one, other), False).to_numpy(zero_copy_only=False)
    return np.logical_or(same, equal)
