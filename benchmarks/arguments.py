"""The command lines of the benchmarks: what several of them may be told, and how each explains itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal


def parser_of(
    page: str | None,
    *,
    quick: str = "",
    runs: bool = False,
    tables: bool = False,
    against: Literal["", "optional", "required"] = "",
) -> argparse.ArgumentParser:
    """A parser whose help is the module's own docstring.

    Args:
        page: that docstring.
        quick: what `--quick` makes of it; without, there is no such option.
        runs: whether it may be told how often each is measured.
        tables: whether it writes its tables where it is told.
        against: whether it compares this checkout with another, and whether it has to be told which.
    """
    parser = argparse.ArgumentParser(description=page, formatter_class=argparse.RawDescriptionHelpFormatter)
    if against:
        parser.add_argument(
            "--against",
            type=Path,
            required=against == "required",
            help="another checkout of staxpipe; the same Python runs it",
        )
    if runs:
        parser.add_argument("--runs", type=int, default=3, help="counted runs of each (default 3)")
    if quick:
        parser.add_argument("--quick", action="store_true", help=quick)
    if tables:
        parser.add_argument("--json", type=Path, help="write the tables there")
    return parser
