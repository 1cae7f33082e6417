"""`staxpipe load` with a clock: prints, as its last line, how long the commit and what follows it took.

Run by its path, so that it times whatever checkout of staxpipe PYTHONPATH names. The clock starts with the process,
reads no data and changes nothing. The commit begins when the lake is told to show the rows written; marts and ledger
are what follows until the month is published.

    python benchmarks/timed_load.py load FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any


def main() -> None:
    """Load, then print the seconds."""
    from staxpipe import cli

    if hasattr(cli, "importing"):  # start as the command itself does, in checkouts where it does
        sys.meta_path.insert(0, cli.WithoutPandas())
    with getattr(cli, "importing", nullcontext)():
        from staxpipe.ingest import load
        from staxpipe.lake.table import Lake

    loading: Any = load  # it is patched

    seconds = {"read_write": 0.0, "commit_marts_ledger": 0.0}
    begun = {"building": 0.0, "commit": 0.0}
    build, replace, publish = loading.build_line_items, Lake.replace, loading.publish

    def timed_build(*given: Any, **named: Any) -> Any:
        begun["building"] = time.monotonic()
        return build(*given, **named)

    def timed_replace(*given: Any, **named: Any) -> Any:
        begun["commit"] = time.monotonic()
        seconds["read_write"] += begun["commit"] - begun["building"]
        return replace(*given, **named)

    def timed_publish(*given: Any, **named: Any) -> Any:
        published = publish(*given, **named)
        seconds["commit_marts_ledger"] += time.monotonic() - begun["commit"]
        return published

    patched: Callable[[Any, str, Any], None] = setattr
    patched(loading, "build_line_items", timed_build)
    patched(loading, "publish", timed_publish)
    patched(Lake, "replace", timed_replace)
    try:
        from staxpipe.cli import main as staxpipe

        staxpipe()
    except SystemExit as ended:
        if ended.code:
            raise
    sys.stdout.flush()
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
