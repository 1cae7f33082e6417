"""Control totals: exact sums over what was read and what was written, which reconciliation compares.

Counting and merging only; what the numbers must satisfy is in reconciliation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import numpy as np
import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.focus.balances import Balances
from staxpipe.focus.coded import Coded, Mask, combinations
from staxpipe.focus.exact import sums_of
from staxpipe.focus.numbers import exact_add
from staxpipe.model import BillingPeriod

ZERO = Decimal(0)


@dataclass
class SourceSum:
    """Rows of the source, and their net (where the source has it) or unblended cost."""

    rows: int = 0
    cost: Decimal = ZERO

    def add(self, other: SourceSum) -> None:
        """Merge."""
        self.rows += other.rows
        self.cost = exact_add(self.cost, other.cost)


@dataclass
class FocusSum:
    """FOCUS rows and their four costs."""

    rows: int = 0
    billed: Decimal = ZERO
    effective: Decimal = ZERO
    list: Decimal = ZERO
    contracted: Decimal = ZERO

    def add(self, other: FocusSum) -> None:
        """Merge."""
        self.rows += other.rows
        self.billed = exact_add(self.billed, other.billed)
        self.effective = exact_add(self.effective, other.effective)
        self.list = exact_add(self.list, other.list)
        self.contracted = exact_add(self.contracted, other.contracted)


@dataclass
class ReservationSum:
    """The four sides of the reservation invariant: used + unused = recurring + amortised (gross)."""

    used: Decimal = ZERO
    unused: Decimal = ZERO
    recurring: Decimal = ZERO
    amortised: Decimal = ZERO

    def add(self, other: ReservationSum) -> None:
        """Merge."""
        self.used = exact_add(self.used, other.used)
        self.unused = exact_add(self.unused, other.unused)
        self.recurring = exact_add(self.recurring, other.recurring)
        self.amortised = exact_add(self.amortised, other.amortised)


@dataclass
class PlanSum:
    """Savings Plans (gross): what covered usage cost by its plans, and what the fee rows say was used and committed."""

    covered: Decimal = ZERO
    used: Decimal = ZERO
    committed: Decimal = ZERO

    def add(self, other: PlanSum) -> None:
        """Merge."""
        self.covered = exact_add(self.covered, other.covered)
        self.used = exact_add(self.used, other.used)
        self.committed = exact_add(self.committed, other.committed)


_Sum = TypeVar("_Sum", SourceSum, FocusSum, ReservationSum, PlanSum)
_Key = TypeVar("_Key", bound=tuple[str, ...])
_Name = TypeVar("_Name", bound=Hashable)


@dataclass
class Tally:
    """What one or more batches of one delivery added up to.

    `source` is keyed by (billing account id, currency, line-item type, outcome) and has every row that was read;
    `focus` is keyed by (billing account id, currency, charge category) and leaves out split cost allocation rows, which
    stand beside the totals. The identity:
    rows_written = rows_read - rows_quarantined - rows_elsewhere - rows_negated + rows_doubled + rows_residual.
    """

    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_elsewhere: int = 0
    rows_negated: int = 0  # SavingsPlanNegation rows, which have no FOCUS row
    rows_doubled: int = 0  # fee rows that have a second, Unused row
    rows_residual: int = 0  # Adjustment rows added for what covered usage and negation leave over
    rows_rounded: int = 0  # rows with an amount of more than 18 decimals
    rows_unlisted: int = 0  # rows whose public on-demand cost is a word; their list cost comes from elsewhere
    rows_unamortised: int = 0  # rows whose amortised cost is empty in the source
    rows_split: int = 0  # rows written of split cost allocation
    uninvoiced: dict[tuple[str, str], int] = field(default_factory=dict)  # mapped source rows without an invoice id
    source: dict[tuple[str, str, str, str], SourceSum] = field(default_factory=dict)
    focus: dict[tuple[str, str, str], FocusSum] = field(default_factory=dict)
    periods: set[BillingPeriod] = field(default_factory=set)
    balances: Balances = field(default_factory=Balances)
    reservations: dict[tuple[str, str], ReservationSum] = field(default_factory=dict)
    plans: dict[tuple[str, str], PlanSum] = field(default_factory=dict)
    unknown_types: dict[str, int] = field(default_factory=dict)
    unknown_services: dict[str, int] = field(default_factory=dict)
    rejected_columns: dict[str, int] = field(default_factory=dict)
    unreadable_maps: dict[str, int] = field(default_factory=dict)  # by map column: rows whose map is no map
    assumed: dict[str, int] = field(default_factory=dict)  # absent columns that something was assumed for: rows
    discounted: dict[tuple[str, str], SourceSum] = field(default_factory=dict)  # DiscountedUsage that costs something
    net_zero: dict[tuple[str, str], SourceSum] = field(default_factory=dict)  # net 0 beside an unblended cost
    rows_net_lower: int = 0  # rows whose net cost differs from the unblended one
    gross_discounts: dict[tuple[str, str], SourceSum] = field(default_factory=dict)  # discount rows without a net cost

    @property
    def rows_without_invoice(self) -> int:
        """Source rows that were mapped and have no invoice id yet."""
        return sum(self.uninvoiced.values())

    def add(self, other: Tally) -> None:
        """Merge another tally of the same delivery into this one.

        Raises:
            PermanentError: the two are of different billing periods.
        """
        if self.periods and other.periods and self.periods != other.periods:
            months = ", ".join(str(period) for period in sorted(self.periods | other.periods))
            raise PermanentError(
                f"the files of one delivery hold rows of several billing periods ({months}); each delivery is one month"
            )
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _merge(self.source, other.source, SourceSum)
        _merge(self.focus, other.focus, FocusSum)
        _merge(self.reservations, other.reservations, ReservationSum)
        _merge(self.plans, other.plans, PlanSum)
        _merge(self.discounted, other.discounted, SourceSum)
        _merge(self.net_zero, other.net_zero, SourceSum)
        _merge(self.gross_discounts, other.gross_discounts, SourceSum)
        self.periods |= other.periods
        self.balances.merge(other.balances)
        _count(self.uninvoiced, other.uninvoiced)
        _count(self.unknown_types, other.unknown_types)
        _count(self.unknown_services, other.unknown_services)
        _count(self.rejected_columns, other.rejected_columns)
        _count(self.unreadable_maps, other.unreadable_maps)
        _count(self.assumed, other.assumed)


_COUNTS = (
    "rows_read",
    "rows_written",
    "rows_quarantined",
    "rows_elsewhere",
    "rows_negated",
    "rows_doubled",
    "rows_residual",
    "rows_rounded",
    "rows_unlisted",
    "rows_unamortised",
    "rows_net_lower",
    "rows_split",
)


def _merge(mine: dict[_Key, _Sum], theirs: Mapping[_Key, _Sum], new: Callable[[], _Sum]) -> None:
    for key, value in theirs.items():
        if key not in mine:
            mine[key] = new()
        mine[key].add(value)


def _count(mine: dict[_Name, int], theirs: Mapping[_Name, int]) -> None:
    for key, count in theirs.items():
        mine[key] = mine.get(key, 0) + count


def sums_by(
    keys: tuple[Coded, ...], amounts: tuple[pa.Array, ...], where: Mask | None = None
) -> dict[tuple[str, ...], tuple[int, tuple[Decimal, ...]]]:
    """Exact sums and row counts by the values of some columns, over the rows of the mask. Null keys are ''."""
    if where is not None:
        rows = np.flatnonzero(where)
        keys = tuple(key.take(rows) for key in keys)
        amounts = tuple(amount.take(pa.array(rows)) for amount in amounts)
    if not len(keys[0]):
        return {}
    groups = combinations([key.codes for key in keys])
    counts = np.bincount(groups.of_row, minlength=len(groups)).tolist()
    sums = [sums_of(amount, groups.of_row, len(groups)) for amount in amounts]
    result: dict[tuple[str, ...], tuple[int, tuple[Decimal, ...]]] = {}
    for group, rows in enumerate(counts):
        codes = [int(members[group]) for members in groups.members]
        key = tuple(column.values[code].as_py() if code >= 0 else "" for column, code in zip(keys, codes, strict=True))
        result[key] = rows, tuple(of_group[group] or ZERO for of_group in sums)
    return result
