"""A report's definition, and from it the keys and manifests of a delivery: AWS's layouts, legacy and Data Exports.

Contents come from `tables`; what is written in which order is in `delivery`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from staxpipe.model import BillingPeriod, ExportKind, FileFormat
from staxpipe.synthetic.cur2 import Cur2Query
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.organisation import digest
from staxpipe.synthetic.tables import ExportTable
from staxpipe.synthetic.text import pieces


class Versioning(StrEnum):
    """How a report treats earlier deliveries of a month; Athena integration forces overwriting, in Parquet."""

    CREATE_NEW = "CREATE_NEW_REPORT"
    OVERWRITE = "OVERWRITE_REPORT"
    ATHENA = "OVERWRITE_REPORT with Athena integration"


_ENDINGS = {
    FileFormat.CSV_GZIP: "csv.gz",
    FileFormat.CSV_ZIP: "csv.zip",
    FileFormat.CSV: "csv",
    FileFormat.PARQUET: "snappy.parquet",
}
_COMPRESSIONS = {
    FileFormat.CSV_GZIP: "GZIP",
    FileFormat.CSV_ZIP: "ZIP",
    FileFormat.CSV: "",  # AWS always compresses; people unpack
    FileFormat.PARQUET: "Parquet",
}


@dataclass(frozen=True)
class Report:
    """A report's definition: what its owner has chosen in the AWS console.

    `kind` is legacy CUR or one of the tables of Data Exports, whose layout differs; `query` is for CUR 2.0 only.
    """

    bucket: str
    prefix: str = "billing"
    name: str = "hourly-cost"
    versioning: Versioning = Versioning.CREATE_NEW
    rows_per_file: int = 1_000_000
    kind: ExportKind = ExportKind.LEGACY_CUR
    format: FileFormat = FileFormat.CSV_GZIP
    query: Cur2Query = field(default_factory=Cur2Query)

    def __post_init__(self) -> None:
        if self.versioning is Versioning.ATHENA:
            if self.kind is not ExportKind.LEGACY_CUR:
                raise ValueError(f"{self.kind} has no Athena integration of its own; choose OVERWRITE and Parquet")
            object.__setattr__(self, "format", FileFormat.PARQUET)

    @property
    def root(self) -> str:
        """Key prefix of everything of this report, without a slash at the end."""
        return f"{self.prefix}/{self.name}" if self.prefix else self.name

    def folder(self, period: BillingPeriod, part: str = "data") -> str:
        """Key prefix of a month; in Data Exports of its data, or of its metadata."""
        if self.kind is not ExportKind.LEGACY_CUR:
            return f"{self.root}/{part}/BILLING_PERIOD={period}"
        if self.versioning is Versioning.ATHENA:
            return f"{self.root}/{self.name}/year={period.year}/month={period.month}"
        return f"{self.root}/{period.start:%Y%m%d}-{period.end:%Y%m%d}"

    def data_keys(self, month: Month, rows: int | None = None) -> list[str]:
        """Keys of a delivery's data files, in order; `rows` where they are not as many as the report's."""
        folder = self.folder(month.period)
        if self.versioning is Versioning.CREATE_NEW:
            folder = f"{folder}/{self._execution(month)}"
        files = len(list(pieces(len(month.rows) if rows is None else rows, self.rows_per_file)))
        return [f"{folder}/{self.name}-{number:05d}.{_ENDINGS[self.format]}" for number in range(1, files + 1)]

    def manifest_keys(self, month: Month) -> list[str]:
        """Keys of a delivery's manifests; the last is the one that says which delivery is the newest."""
        folder, file = self.folder(month.period, "metadata"), f"{self.name}-Manifest.json"
        if self.versioning is Versioning.CREATE_NEW:
            return [f"{folder}/{self._execution(month)}/{file}", f"{folder}/{file}"]
        return [f"{folder}/{file}"]

    def manifest(self, month: Month, table: ExportTable) -> str:
        """The manifest of a delivery."""
        keys = self.data_keys(month, table.rows)
        content = self._legacy(month, keys) if self.kind is ExportKind.LEGACY_CUR else self._export(month, table, keys)
        return json.dumps(content, indent=1, ensure_ascii=False)

    def _execution(self, month: Month) -> str:
        """The folder of one delivery; Data Exports puts the time before the id, colons and all."""
        if self.kind is ExportKind.LEGACY_CUR:
            return month.assembly_id
        return f"{month.as_of:%Y-%m-%dT%H:%M:%S}.{month.as_of.microsecond // 1000:03d}Z-{month.assembly_id}"

    def _legacy(self, month: Month, keys: list[str]) -> dict[str, object]:
        parquet = self.format is FileFormat.PARQUET
        return {
            "assemblyId": month.assembly_id,
            "account": month.organisation.payer.id,
            "columns": [dict(zip(("category", "name"), column.split("/", 1), strict=True)) for column in month.header],
            "charset": "UTF-8",
            "compression": _COMPRESSIONS[self.format],
            "contentType": "Parquet" if parquet else "text/csv",
            "reportId": digest(month.organisation.seed, "report", self.name),
            "reportName": self.name,
            "billingPeriod": {
                "start": f"{month.period.start:%Y%m%dT%H%M%S}.000Z",
                "end": f"{month.period.end:%Y%m%dT%H%M%S}.000Z",
            },
            "bucket": self.bucket,
            "reportKeys": keys,
            "additionalArtifactKeys": [],
        }

    def _export(self, month: Month, table: ExportTable, keys: list[str]) -> dict[str, object]:
        """What public readers of these manifests use. No verbatim one is public: what else it has is left out."""
        number = digest(month.organisation.seed, "export", self.name)
        uuid = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:32]))
        return {
            "executionId": month.assembly_id,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{month.organisation.payer.id}:export/{self.name}-{uuid}",
            "columns": [{"name": name, "type": kind} for name, kind in table.columns],
            "dataFiles": [f"s3://{self.bucket}/{key}" for key in keys],
        }
