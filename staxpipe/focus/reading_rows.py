"""How many rows a batch may have, so that wide ones take no more memory than narrow ones."""

from __future__ import annotations

ORDINARY_COLUMNS = 90
"""What the mapping reads of a report with a few tags; a batch of so many columns, or fewer, has all rows it may."""

_COLUMNS_A_ROW = 48
"""So many columns more take as much memory as all the rest of a row does on its way through the mapping to the file.

Measured with 50, 100, 300 and 500 tag columns: 20 to 24 bytes a row and column, beside about 1,850 a row; more where
few rows of a batch share a dictionary.
"""


def rows_of(batch_rows: int, columns: int) -> int:
    """The most rows of a batch of so many columns, where one of an ordinary report has `batch_rows`; at least 1."""
    return max(1, batch_rows * _COLUMNS_A_ROW // (_COLUMNS_A_ROW + max(0, columns - ORDINARY_COLUMNS)))
