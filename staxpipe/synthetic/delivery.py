"""A month as AWS delivers it: chunked files and manifests, put where they lie in the bucket.

Data files come first, the manifest that points readers to them last, as AWS does. Where they lie is in `report`,
their contents in `tables`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.report import Report, Versioning
from staxpipe.synthetic.tables import export_table
from staxpipe.synthetic.text import pieces

__all__ = ["Report", "Upload", "Versioning", "deliver", "into_folder", "write_delivery"]

Upload = Callable[[str, Path], None]
"""Puts a local file under a key; called in the order in which AWS writes."""


def write_delivery(month: Month, report: Report, upload: Upload, replaces: Month | None = None) -> None:
    """Write a month's files and hand each to `upload`: data, then manifests.

    Where deliveries are overwritten and `replaces` had more files, its surplus ones become empty, as AWS does.
    """
    table = export_table(month, report.kind, report.query)
    with tempfile.TemporaryDirectory(prefix="staxpipe-synthetic-") as name:
        path = Path(name) / "file"
        keys, chunks = report.data_keys(month, table.rows), list(pieces(table.rows, report.rows_per_file))
        if replaces is not None and report.versioning is not Versioning.CREATE_NEW:
            before = export_table(replaces, report.kind, report.query).rows
            surplus = report.data_keys(replaces, before)[len(keys) :]
            keys, chunks = keys + surplus, chunks + [(0, 0)] * len(surplus)
        for key, (first, count) in zip(keys, chunks, strict=True):
            table.write(path, report.format, first, count)
            upload(key, path)
        path.write_text(report.manifest(month, table), encoding="utf-8")
        for key in report.manifest_keys(month):
            upload(key, path)


def into_folder(root: Path) -> Upload:
    """An upload into a local folder laid out like a bucket; each file appears whole."""

    def upload(key: str, path: Path) -> None:
        target = root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(target.name + ".part")
        shutil.copyfile(path, unfinished)
        unfinished.replace(target)

    return upload


def deliver(
    organisation: Organisation,
    period: BillingPeriod,
    as_of: datetime,
    report: Report,
    upload: Upload,
    scale: float = 1.0,
) -> Month:
    """Generate a month as it stands at `as_of` and deliver it; returns it, with its expected totals."""
    month = generate_month(organisation, period, as_of, scale)
    write_delivery(month, report, upload)
    return month
