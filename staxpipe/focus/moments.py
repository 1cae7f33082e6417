"""Text to moments in UTC, once per distinct value.

AWS and the tools around it write `2018-12-01T00:00:00Z`, `…T00:00:00.000Z`, `2026-10-01 00:00:00+00:00`
and `2022-07-01 00:00:00.000`; without an offset it is UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from staxpipe.focus.coded import Coded, Mask, Rows
from staxpipe.focus.columns import MOMENT

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_AS_ISO = re.compile(r"(\.[0-9]{6})[0-9]+|(:[0-9.]+) ")  # too many digits; a blank before the offset


@dataclass(frozen=True)
class Moments:
    """A parsed column: `values` per code (null where `bad`), `bad` texts by code."""

    source: Coded
    values: pa.Array
    bad: dict[int, str]

    def array(self, rows: Rows | None = None) -> pa.Array:
        """timestamp[us, UTC] of all rows, or of the rows at these positions."""
        codes = self.source.codes if rows is None else self.source.codes[rows]
        absent = codes < 0
        return self.values.take(pa.array(codes, mask=absent) if absent.any() else pa.array(codes))

    @property
    def bad_rows(self) -> Mask:
        """Rows whose text is no moment."""
        if not self.bad:
            return np.zeros(len(self.source), np.bool_)
        return np.isin(self.source.codes, np.fromiter(self.bad, np.int32))


def parse_moment(text: str) -> datetime | None:
    """An aware moment in UTC, or None when the text is none."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(_AS_ISO.sub(r"\1\2", text).replace("UTC", "Z"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def exclusive_end(moment: datetime) -> datetime:
    """Make an end exclusive: `23:59:59` (RIFee rows end so) is the second before it, so one is added."""
    if moment.second == 59 and moment < datetime.max.replace(tzinfo=UTC, microsecond=0):
        return moment.replace(microsecond=0) + timedelta(seconds=1)
    return moment


def parse_moments(column: Coded, *, ends: bool = False) -> Moments:
    """Parse every distinct value of a column; `ends` makes inclusive ends exclusive."""
    bad: dict[int, str] = {}
    parsed: list[datetime | None] = []
    for code, text in enumerate(column.values.to_pylist()):
        moment = parse_moment(text)
        if moment is None:
            bad[code] = text
        elif ends:
            moment = exclusive_end(moment)
        parsed.append(moment)
    return Moments(column, pa.array(parsed, MOMENT), bad)
