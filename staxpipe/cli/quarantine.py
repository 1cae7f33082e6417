"""A delivery's quarantine in the terminal, below the month's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from staxpipe.db.quarantine import Quarantine, Unread

SHOWN = 20
_LONGEST = 120  # characters of a value; SQL has all of it


def show_quarantine(console: Console, kept: Quarantine) -> None:
    """Say which values could not be read and where they stand; nothing where all could."""
    if not kept.values:
        return
    console.print(Text(f"Rows in quarantine of delivery {kept.delivery}: {kept.rows:,}", "bold"))
    for unread in kept.values:
        console.print(_words(unread))
    more = kept.rows - len(kept.values)
    if more > 0:
        query = f'staxpipe sql "FROM quarantine WHERE delivery = {kept.delivery}"'
        console.print(Text(f"and {more:,} more: {query}", "dim"))
    console.print()


def _words(unread: Unread) -> Text:
    """One value. It comes from a file and may hold anything: what a terminal would obey is written as an escape."""
    value = unread.value if len(unread.value) <= _LONGEST else f"{unread.value[:_LONGEST]}…"
    return Text.assemble(
        f"  {unread.file}, row {unread.row:,}\n    {unread.column}: ", (repr(value), "yellow"), f" {unread.reason}"
    )
