"""A month as AWS delivers it: chunked files, manifests, and where they lie in the bucket (legacy CUR layouts).

Data files come first, the manifest that points readers to them last, as AWS does. Contents come from `files`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.files import CsvWriter, write_parquet
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation, digest
from staxpipe.synthetic.text import MonthText, pieces

Upload = Callable[[str, Path], None]
"""Puts a local file under a key; called in the order in which AWS writes."""


class Versioning(StrEnum):
    """How a report treats earlier deliveries of a month; Athena integration forces overwriting, in Parquet."""

    CREATE_NEW = "CREATE_NEW_REPORT"
    OVERWRITE = "OVERWRITE_REPORT"
    ATHENA = "OVERWRITE_REPORT with Athena integration"


@dataclass(frozen=True)
class Report:
    """A report's definition: what its owner has chosen in the AWS console."""

    bucket: str
    prefix: str = "billing"
    name: str = "hourly-cost"
    versioning: Versioning = Versioning.CREATE_NEW
    rows_per_file: int = 1_000_000

    @property
    def root(self) -> str:
        """Key prefix of everything of this report, without a slash at the end."""
        return f"{self.prefix}/{self.name}" if self.prefix else self.name

    def folder(self, period: BillingPeriod) -> str:
        """Key prefix of a month."""
        if self.versioning is Versioning.ATHENA:
            return f"{self.root}/{self.name}/year={period.year}/month={period.month}"
        return f"{self.root}/{period.start:%Y%m%d}-{period.end:%Y%m%d}"

    def data_keys(self, month: Month) -> list[str]:
        """Keys of a delivery's data files, in order."""
        folder = self.folder(month.period)
        if self.versioning is Versioning.CREATE_NEW:
            folder = f"{folder}/{month.assembly_id}"
        suffix = "snappy.parquet" if self.versioning is Versioning.ATHENA else "csv.gz"
        files = len(list(pieces(len(month.rows), self.rows_per_file)))
        return [f"{folder}/{self.name}-{number:05d}.{suffix}" for number in range(1, files + 1)]

    def manifest_keys(self, month: Month) -> list[str]:
        """Keys of a delivery's manifests; the last is the one that says which delivery is the newest."""
        folder, file = self.folder(month.period), f"{self.name}-Manifest.json"
        if self.versioning is Versioning.CREATE_NEW:
            return [f"{folder}/{month.assembly_id}/{file}", f"{folder}/{file}"]
        return [f"{folder}/{file}"]

    def manifest(self, month: Month) -> str:
        """The manifest of a delivery."""
        parquet = self.versioning is Versioning.ATHENA
        return json.dumps(
            {
                "assemblyId": month.assembly_id,
                "account": month.organisation.payer.id,
                "columns": [
                    dict(zip(("category", "name"), column.split("/", 1), strict=True)) for column in month.header
                ],
                "charset": "UTF-8",
                "compression": "Parquet" if parquet else "GZIP",
                "contentType": "Parquet" if parquet else "text/csv",
                "reportId": digest(month.organisation.seed, "report", self.name),
                "reportName": self.name,
                "billingPeriod": {
                    "start": f"{month.period.start:%Y%m%dT%H%M%S}.000Z",
                    "end": f"{month.period.end:%Y%m%dT%H%M%S}.000Z",
                },
                "bucket": self.bucket,
                "reportKeys": self.data_keys(month),
                "additionalArtifactKeys": [],
            },
            indent=1,
            ensure_ascii=False,
        )


def write_delivery(month: Month, report: Report, upload: Upload, replaces: Month | None = None) -> None:
    """Write a month's files and hand each to `upload`: data, then manifests.

    Where deliveries are overwritten and `replaces` had more files, its surplus ones become empty, as AWS does.
    """
    text = MonthText(month)
    csv = CsvWriter(text) if report.versioning is not Versioning.ATHENA else None
    with tempfile.TemporaryDirectory(prefix="staxpipe-synthetic-") as name:
        path = Path(name) / "file"
        keys, chunks = report.data_keys(month), list(pieces(len(month.rows), report.rows_per_file))
        if replaces is not None and report.versioning is not Versioning.CREATE_NEW:
            surplus = report.data_keys(replaces)[len(keys) :]
            keys, chunks = keys + surplus, chunks + [(0, 0)] * len(surplus)
        for key, (first, count) in zip(keys, chunks, strict=True):
            if csv is None:
                write_parquet(text, path, first, count)
            else:
                csv.write(path, first, count)
            upload(key, path)
        path.write_text(report.manifest(month), encoding="utf-8")
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
