"""Tables for people: as wide as what they are written to, and row by row where they would not fit.

Nothing is ever cut: a number or a verdict that is cut in two is misread.
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

EDGELESS = 100_000
"""A file or a pipe has no edge to fold at."""

_NARROWEST = 10
"""Characters that a column of a table needs to be read, on average."""

_LONGEST_WORD = 24
"""Characters of an address that are read as one where its column folds."""

_FOLDED_ACCOUNT = len("account")


def standard_output() -> Console:
    """Where answers go: a terminal with its width, or a file or a pipe without one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = EDGELESS
    return console


def print_table(console: Console, table: Table, leading: int = 0) -> None:
    """Print a table; where it is too wide with its accounts folded, each row as lines of name and value.

    Columns that do not wrap count in full, others with their longest word, which may fold where they say so. The
    first `leading` columns say what a row is about; one that is left empty is the same as in the row above.
    """
    if _fits(console, table):
        console.print(table)
        return
    accounts = [column for column in table.columns if column.header == "account"]
    for column in accounts:
        column.width, column.no_wrap, column.overflow = _FOLDED_ACCOUNT, False, "fold"
    if accounts and _fits(console, table):
        console.print(table)
    else:
        _print_upright(console, table, leading)


def _fits(console: Console, table: Table) -> bool:
    if len(table.columns) > console.width // _NARROWEST:
        return False
    whole = console.options.update(width=EDGELESS)
    least = needed = 0
    for column in table.columns:
        sizes = [Measurement.get(console, whole, cell) for cell in (column.header, *column.cells)]
        least += column.width or max(size.minimum for size in sizes)
        needed += column.width or max(_need(column, size) for size in sizes)
    around = Measurement.get(console, whole, table).minimum - least
    return needed + around <= console.width


def _need(column: Column, size: Measurement) -> int:
    if column.no_wrap:
        return size.maximum
    return min(size.minimum, _LONGEST_WORD) if column.overflow == "fold" else size.minimum


def _print_upright(console: Console, table: Table, leading: int) -> None:
    if table.title:
        console.print(Text(str(table.title), "bold"))
    names = [_text(console, column.header) for column in table.columns]
    above = [""] * leading
    for number, row in enumerate(zip(*(column.cells for column in table.columns), strict=True), start=1):
        cells = [_text(console, cell) for cell in row]
        above = [cell.plain or before for cell, before in zip(cells[:leading], above, strict=True)]
        title = Text(" ".join(above) if leading else f"row {number}", "bold" if leading else "italic")
        console.print(title)
        lines = Table(Column(no_wrap=True), Column(overflow="fold"), box=None, show_header=False)
        for name, cell in zip(names[leading:], cells[leading:], strict=True):
            if cell:
                lines.add_row(Text(" ".join(name.plain.split()), style="dim"), cell)
        console.print(lines)


def _text(console: Console, cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))
