"""A table that a benchmark made: how it is printed, and how docs/performance.md gets it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """One table: cells are text already."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""

    def show(self) -> None:
        """Print it."""
        widths = [max(len(row[at]) for row in [self.columns, *self.rows]) for at in range(len(self.columns))]
        print(f"\n{self.title}")
        for row in [self.columns, *self.rows]:
            print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        if self.note:
            print(self.note)


def write_sections(file: Path | None, sections: list[Section]) -> None:
    """Write tables as JSON (a list of title, columns, rows and note), where a file is asked for."""
    if file is not None:
        file.write_text(json.dumps([asdict(section) for section in sections], indent=1) + "\n", encoding="utf-8")
