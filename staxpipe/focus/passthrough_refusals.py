"""Which rows of AWS's own FOCUS exports do not pass: a number or a moment that is none, a required value not there.

As with a CUR (refusals.py) a row is refused whole and named by its first fault; its money is then in no total of
either side. Every number of such a row is AWS's own double, so a word in any of them means that the row is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from staxpipe.focus.coded import Coded, Mask
from staxpipe.focus.moments import Moments
from staxpipe.focus.numbers import Numbers
from staxpipe.focus.passthrough_columns import REQUIRED
from staxpipe.focus.refusals import Rejected
from staxpipe.focus.twins import DISAGREE


def refuse(
    source: Mapping[str, Coded],
    numbers: Mapping[str, Numbers],
    moments: Mapping[str, Moments],
    disagreements: Mapping[str, Mask],
    among: Mask,
    first_row: int,
) -> tuple[Rejected, ...]:
    """Find the rows, of those in `among`, that cannot pass, in the file's order, each with what it was billed."""
    found: dict[int, Rejected] = {}

    def note(rows: Mask, column: str, reasons: Mapping[int, str], otherwise: str) -> None:
        for row in np.flatnonzero(rows & among).tolist():
            if row not in found:
                code = int(source[column].codes[row])
                value = source[column].values[code].as_py() if code >= 0 else ""
                found[row] = Rejected(first_row + row, column, value, reasons.get(code, otherwise))

    for column, rows in disagreements.items():
        note(rows, column, {}, DISAGREE)
    for column, parsed in moments.items():
        note(parsed.bad_rows, column, {}, "is not a date and time")
    for column, amounts in numbers.items():
        if amounts.bad:
            reasons = {code: bad.reason for code, bad in amounts.bad.items()}
            note(amounts.flagged(amounts.bad), column, reasons, "is not a number")
    for column in REQUIRED:
        note(_empty(source[column], numbers.get(column)), column, {}, "is empty")
    billed = numbers["billed_cost"].array(np.array(sorted(found), np.int64)).to_pylist()
    return tuple(replace(found[row], cost=cost) for row, cost in zip(sorted(found), billed, strict=True))


def _empty(column: Coded, numbers: Numbers | None) -> Mask:
    """Rows without a value, or with a word that means that there is none."""
    if numbers is None:
        return ~column.present
    table = np.empty(len(numbers.values) + 1, np.bool_)
    table[:-1] = numbers.values.is_null().to_numpy(zero_copy_only=False)
    table[-1] = True
    return table[column.codes]
