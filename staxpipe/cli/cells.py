"""Cells of CSV, written so that a spreadsheet takes text for text. Pure.

Tags, names and addresses are written by others. A cell that begins like a formula would be run by whoever opens the
file; with an apostrophe before it, it is shown. JSON has every value as it is.
"""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def cell(value: object) -> object:
    """The value; with an apostrophe before it where it is text that would be run."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
