"""What becomes of a source row: the classes by which the ledger accounts for every row that was read."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Mask
from staxpipe.focus.line_item_types import DOUBLED, Kind
from staxpipe.focus.lines import Kinds, any_of


class Outcome(StrEnum):
    """The fate of a source row."""

    MAPPED = "mapped"  # one FOCUS row
    DOUBLED = "doubled"  # two by rule: a fee's Purchase and its Unused part
    NEGATED = "negated"  # none by rule: it takes covered usage away again, which bills nothing
    SPLIT = "split"  # one, beside the totals: a share of an instance that has a row of its own
    QUARANTINED = "quarantined"  # none: a value that decides something cannot be read
    ELSEWHERE = "elsewhere"  # none here: it is of another billing period of the same file


COUNTED = (Outcome.MAPPED, Outcome.DOUBLED, Outcome.NEGATED)
"""Outcomes whose cost the lake must come to."""

_CODES = {outcome: code for code, outcome in enumerate(Outcome)}


def outcomes(kinds: Kinds, here: Mask, refused: Iterable[int]) -> Coded:
    """The outcome of every source row.

    Args:
        kinds: the kind of each row.
        here: which rows are of the wanted billing period.
        refused: positions of the rows that could not be mapped.
    """
    codes = np.full(len(kinds), _CODES[Outcome.MAPPED], np.int32)
    codes[any_of(kinds, DOUBLED)] = _CODES[Outcome.DOUBLED]
    codes[kinds == Kind.SAVINGS_PLAN_NEGATION] = _CODES[Outcome.NEGATED]
    codes[kinds == Kind.SPLIT] = _CODES[Outcome.SPLIT]
    codes[list(refused)] = _CODES[Outcome.QUARANTINED]
    codes[~here] = _CODES[Outcome.ELSEWHERE]
    return Coded(codes, pa.array([outcome.value for outcome in Outcome]))


def having(column: Coded, *wanted: Outcome) -> Mask:
    """Which rows have one of these outcomes."""
    mask = np.zeros(len(column), np.bool_)
    for outcome in wanted:
        mask |= column.codes == _CODES[outcome]
    return mask
