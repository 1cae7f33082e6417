"""Fixtures: a small generated organisation, and its reports in a folder laid out like a bucket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from staxpipe.model import BillingPeriod, ExportKind, FileFormat
from staxpipe.synthetic.delivery import Report, Versioning, deliver, into_folder
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.organisation import Organisation

SEPTEMBER, OCTOBER = BillingPeriod(2026, 9), BillingPeriod(2026, 10)
SCALE = 0.02

Deliver = Callable[..., Month]


@pytest.fixture
def bucket_folder(tmp_path: Path) -> Path:
    """Where `deliver_month` delivers to."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


@pytest.fixture
def deliver_month(bucket_folder: Path) -> Deliver:
    """Deliver a month as it stands on a day of October 2026; several files, so that files matter."""
    organisation = Organisation.sample(11, BillingPeriod(2026, 6))

    def run(
        period: BillingPeriod = SEPTEMBER,
        day: int = 20,
        versioning: Versioning = Versioning.CREATE_NEW,
        name: str = "hourly-cost",
        kind: ExportKind = ExportKind.LEGACY_CUR,
        format: FileFormat = FileFormat.CSV_GZIP,
    ) -> Month:
        report = Report("bucket", name=name, versioning=versioning, rows_per_file=20_000, kind=kind, format=format)
        as_of = datetime(2026, 10, day, 6, tzinfo=UTC)
        return deliver(organisation, period, as_of, report, into_folder(bucket_folder), SCALE)

    return run
