"""The source rows that a batch's FOCUS rows are made of: which they are, of what kind, and their values.

Rules in costs.py, dimensions.py and services.py read source columns through `Lines` and never see a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from staxpipe.focus.coded import Coded, Mask, Rows, nothing
from staxpipe.focus.columns import MONEY
from staxpipe.focus.line_item_types import RULES, Kind
from staxpipe.focus.numbers import Numbers

Kinds = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Lines:
    """FOCUS rows to be, in output order.

    `rows[i]` is the source row of FOCUS row i; `unused[i]` says that it is the second, Unused row of a fee.
    """

    source: Mapping[str, Coded]
    numbers: Mapping[str, Numbers]
    rows: Rows
    unused: Mask
    kinds: Kinds
    _texts: dict[str, Coded] = field(default_factory=dict)
    _amounts: dict[str, pa.Array] = field(default_factory=dict)

    @cached_property
    def there(self) -> frozenset[Kind]:
        """The kinds that occur: most batches have few."""
        return frozenset(Kind(kind) for kind in np.flatnonzero(np.bincount(self.kinds)).tolist())

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, mask: Mask) -> Lines:
        """Only the rows of the mask: for rules that few rows need."""
        return Lines(self.source, self.numbers, self.rows[mask], self.unused[mask], self.kinds[mask])

    def has(self, name: str) -> bool:
        """Whether the source has the column at all."""
        return name in self.source

    def text(self, name: str) -> Coded:
        """A source column on these rows; all null where the source does not have it."""
        if name not in self._texts:
            column = self.source.get(name)
            self._texts[name] = self._no_text if column is None or column.empty else column.take(self.rows)
        return self._texts[name]

    def amount(self, name: str) -> pa.Array:
        """A numeric source column on these rows as decimals; all null where the source does not have it."""
        if name not in self._amounts:
            numbers = self.numbers.get(name)
            if numbers is None or numbers.source.empty:
                self._amounts[name] = self._no_amount
            else:
                self._amounts[name] = numbers.array(self.rows)
        return self._amounts[name]

    @cached_property
    def _no_text(self) -> Coded:
        return nothing(len(self))

    @cached_property
    def _no_amount(self) -> pa.Array:
        return pa.nulls(len(self), MONEY)

    def of(self, *kinds: Kind) -> Mask:
        """Which rows are of one of these kinds."""
        return any_of(self.kinds, self.there.intersection(kinds))

    def in_category(self, categories: Iterable[str]) -> Mask:
        """Which rows are of a kind with one of these charge categories (Unused rows are Usage)."""
        wanted = set(categories)
        mask = self.of(*(kind for kind in Kind if RULES[kind].charge_category in wanted))
        return mask | self.unused if "Usage" in wanted else mask & ~self.unused


def any_of(kinds: Kinds, wanted: Iterable[Kind]) -> Mask:
    """Which rows are of one of these kinds."""
    mask = np.zeros(len(kinds), np.bool_)
    for kind in wanted:
        mask |= kinds == kind
    return mask
