"""Trouble for CSV reports: a written file read as a sheet, damaged on purpose, written again.

Generated months are faultless; what AWS, other tools or people do to them is done here.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Sheet:
    """A CSV file's header and rows. Every method gives a new sheet; unknown columns raise ValueError."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a plain or gzipped CSV file."""
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        return cls(tuple(header), tuple(tuple(row) for row in rows))

    def write(self, path: Path) -> None:
        """Write it as plain CSV, or as gzip where the path says so."""
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([self.header, *self.rows])

    def without(self, *columns: str) -> Sheet:
        """Drop columns, as an export's SQL may."""
        dropped = {self.header.index(column) for column in columns}
        return self._taking([at for at in range(len(self.header)) if at not in dropped])

    def reordered(self, seed: int = 0) -> Sheet:
        """Put the columns in another order."""
        order = list(range(len(self.header)))
        random.Random(seed).shuffle(order)
        return self._taking(order)

    def shuffled(self, seed: int = 0) -> Sheet:
        """Put the rows in another order."""
        rows = list(self.rows)
        random.Random(seed).shuffle(rows)
        return replace(self, rows=tuple(rows))

    def renamed(self, names: Mapping[str, str]) -> Sheet:
        """Give columns other names, as an alias may; two may come to have one name."""
        unknown = names.keys() - set(self.header)
        if unknown:
            raise ValueError(f"no column is called {', '.join(sorted(unknown))}")
        return replace(self, header=tuple(names.get(name, name) for name in self.header))

    def doubled(self, column: str, name: str | None = None, value: str | None = None) -> Sheet:
        """Repeat a column at the end, under its own or another name, with its own or one other value."""
        at = self.header.index(column)
        return Sheet(
            (*self.header, name or column), tuple((*row, row[at] if value is None else value) for row in self.rows)
        )

    def with_value(self, row: int, column: str, value: str) -> Sheet:
        """Put a value, usually a bad one, into a cell; `row` counts from 0."""
        at = self.header.index(column)
        changed = list(self.rows)
        changed[row] = (*changed[row][:at], value, *changed[row][at + 1 :])
        return replace(self, rows=tuple(changed))

    def _taking(self, columns: Sequence[int]) -> Sheet:
        return Sheet(
            tuple(self.header[at] for at in columns), tuple(tuple(row[at] for at in columns) for row in self.rows)
        )
