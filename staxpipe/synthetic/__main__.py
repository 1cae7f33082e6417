"""Write a generated month into a folder: ``python -m staxpipe.synthetic FOLDER --rows 1000000 --format parquet``.

Prints what it comes to as one line of JSON, so that a script can compare.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from staxpipe.model import BillingPeriod, ExportKind, FileFormat
from staxpipe.synthetic.bulk import write_month
from staxpipe.synthetic.report import Report, Versioning
from staxpipe.synthetic.tables import TABLES


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m staxpipe.synthetic", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; laid out like a bucket")
    parser.add_argument("--rows", type=int, default=1_000_000, help="about how many rows (default: a million)")
    parser.add_argument("--period", type=BillingPeriod.parse, default=BillingPeriod(2026, 8), help="YYYY-MM")
    parser.add_argument("--kind", type=ExportKind, choices=list(TABLES), default=ExportKind.LEGACY_CUR)
    parser.add_argument("--format", type=FileFormat, choices=list(FileFormat), default=FileFormat.CSV_GZIP)
    parser.add_argument("--rows-per-file", type=int, default=1_000_000)
    parser.add_argument("--everything", action="store_true", help="with every line-item type and feature")
    options = parser.parse_args(arguments)
    athena = options.kind is ExportKind.LEGACY_CUR and options.format is FileFormat.PARQUET
    report = Report(
        "bucket",
        versioning=Versioning.ATHENA if athena else Versioning.CREATE_NEW,
        rows_per_file=options.rows_per_file,
        kind=options.kind,
        format=options.format,
    )
    month = write_month(options.folder, options.rows, options.period, report, options.everything)
    books = month.expected
    json.dump(
        {
            "rows": books.rows,
            "payer": month.organisation.payer.id,
            "unblended": str(books.unblended),
            "focus": {
                f"{currency} {category}": {
                    "rows": sums.rows,
                    "billed": str(sums.billed),
                    "effective": str(sums.effective),
                    "list": str(sums.list),
                }
                for (currency, category), sums in sorted(books.focus_sums.items())
            },
        },
        sys.stdout,
    )
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
