"""The rows of AWS's own FOCUS export that pass through: their texts and amounts by FOCUS name.

Rules in focus_versions.py and focus_gaps.py read columns through `FocusLines` and never see a batch. The rows of a
CUR are in lines.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from staxpipe.focus.coded import Coded, nothing
from staxpipe.focus.columns import MONEY


@dataclass(frozen=True)
class FocusLines:
    """Columns of equal length; an amount is decimal128(30, 18). What the file does not have is in neither."""

    count: int
    texts: Mapping[str, Coded]
    amounts: Mapping[str, pa.Array]

    def __len__(self) -> int:
        return self.count

    def text(self, name: str) -> Coded:
        """A text column; all null where the file does not have it."""
        return self.texts.get(name, nothing(self.count))

    def amount(self, name: str) -> pa.Array:
        """A numeric column; all null where the file does not have it."""
        found = self.amounts.get(name)
        return pa.nulls(self.count, MONEY) if found is None else found
