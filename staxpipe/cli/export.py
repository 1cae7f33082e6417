"""`staxpipe export`: an account's month as a FOCUS file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from staxpipe.cli.options import parse_account, parse_period


def export(
    account: Annotated[str, typer.Option(help="The billing account, by its 12 digits.")],
    period: Annotated[str, typer.Option(help="The month, YYYY-MM.")],
    out: Annotated[Path, typer.Option(help="The Parquet file to write; one that is there is replaced.")],
    as_json: Annotated[bool, typer.Option("--json", help="What was written, as a JSON object.")] = False,
) -> None:
    """Write an account's month as one FOCUS 1.2 Parquet file.

    It has the 57 columns of the specification and our own x_ columns; Tags and SkuPriceDetails are JSON text.

    Example: staxpipe export --account 123456789012 --period 2026-10 --out october.parquet
    """
    from staxpipe.query.connection import connect

    parse_account(account)
    parse_period(period)
    with connect() as connection:
        written = connection.export(account, period, out)
    if as_json:
        print(json.dumps({"path": str(written.path), "rows": written.rows, "bytes": written.bytes}))
    else:
        message = f"{written.path}: {written.rows:,} line items, {written.bytes:,} bytes of FOCUS 1.2"
        Console().print(message, highlight=False, markup=False, soft_wrap=True)
