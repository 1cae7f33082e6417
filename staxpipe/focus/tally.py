"""Control totals: exact sums over what was read and what was written, which reconciliation compares.

Counting and merging only; what the numbers must satisfy is in reconciliation.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class SourceSum:
    """Rows of the source, and their net (where the source has it) or unblended cost."""

    rows: int = 0
    cost: Decimal = Decimal(0)


@dataclass
class FocusSum:
    """FOCUS rows and their four costs."""

    rows: int = 0
    billed: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)
    list: Decimal = Decimal(0)
    contracted: Decimal = Decimal(0)


@dataclass
class Tally:
    """What one or more batches of one delivery added up to.

    `source` is keyed by (billing account id, currency, line-item type) and leaves out quarantined rows and
    rows of other periods; `focus` is keyed by (billing account id, currency, charge category).
    """

    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_elsewhere: int = 0
    rows_without_invoice: int = 0
    source: dict[tuple[str, str, str], SourceSum] = field(default_factory=dict)
    focus: dict[tuple[str, str, str], FocusSum] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Merge another tally of the same delivery into this one."""
        raise NotImplementedError
