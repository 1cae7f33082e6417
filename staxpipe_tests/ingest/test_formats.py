"""One generated month in every format that AWS delivers: the same FOCUS rows, and the books' totals exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from staxpipe.exports.local import find
from staxpipe.ingest.load import LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.lake.table import PlannedFile
from staxpipe.model import BillingPeriod, ExportKind, FileFormat
from staxpipe.query.row_changes import NO_CHANGES, compare_files
from staxpipe.status.ledger import read_ledger
from staxpipe.synthetic.cur2 import Cur2Query
from staxpipe.synthetic.delivery import Report, Versioning, into_folder, write_delivery
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation

pytestmark = pytest.mark.long

PERIOD = BillingPeriod(2026, 7)
CLOSED = datetime(2026, 9, 20, 6, tzinfo=UTC)
SCALE = 0.01

QUERY = Cur2Query(account_names=False)  # legacy reports have no names
CURS = {
    "legacy-csv": (ExportKind.LEGACY_CUR, FileFormat.CSV_GZIP, Versioning.CREATE_NEW),
    "legacy-zip": (ExportKind.LEGACY_CUR, FileFormat.CSV_ZIP, Versioning.OVERWRITE),
    "legacy-plain": (ExportKind.LEGACY_CUR, FileFormat.CSV, Versioning.OVERWRITE),
    "legacy-parquet": (ExportKind.LEGACY_CUR, FileFormat.PARQUET, Versioning.ATHENA),
    "cur2-csv": (ExportKind.CUR_2_0, FileFormat.CSV_GZIP, Versioning.CREATE_NEW),
    "cur2-parquet": (ExportKind.CUR_2_0, FileFormat.PARQUET, Versioning.OVERWRITE),
}


@pytest.fixture(scope="module", params=[False, True], ids=["discount-rows", "net-columns"])
def month(request: pytest.FixtureRequest) -> Month:
    """The organisation's second month, which has every line-item type."""
    return generate_month(Organisation.alike(5, BillingPeriod(2026, 6), net=request.param), PERIOD, CLOSED, SCALE)


def files_of(platform: Platform, export_id: int) -> list[PlannedFile]:
    return [file for file in platform.lake.plan(period=PERIOD) if file.export_id == export_id]


def delivered(folder: Path, month: Month, name: str) -> Path:
    kind, format, versioning = CURS[name]
    report = Report(
        "bucket", name=name, versioning=versioning, rows_per_file=20_000, kind=kind, format=format, query=QUERY
    )
    write_delivery(month, report, into_folder(folder))
    return folder


def test_the_same_month_gives_the_same_rows_in_every_format(platform: Platform, tmp_path: Path, month: Month) -> None:
    # How a text is packed has nothing to do with its columns: net columns need not be read in every packing.
    names = [
        name
        for name in CURS
        if not month.organisation.features.net_per_mille or name not in {"legacy-zip", "legacy-plain"}
    ]
    for name in names:
        delivered(tmp_path / "bucket", month, name)
    results = list(load(platform, find(tmp_path / "bucket")))
    assert [getattr(result, "error", None) for result in results] == [None] * len(results)
    with platform.engine.connect() as connection:
        exports = {row.name: row.id for row in connection.execute(text("SELECT id, name FROM exports"))}
        kinds = {row.name: row.kind for row in connection.execute(text("SELECT name, kind FROM exports"))}
        ledger = read_ledger(connection)
    assert kinds == {name: CURS[name][0] for name in names}
    expected = files_of(platform, exports["legacy-csv"])
    assert sum(file.rows for file in expected) == month.expected.focus.rows + month.expected.split.rows
    for name in names[1:]:
        rows = compare_files(
            platform.lake, expected, files_of(platform, exports[name]), month.organisation.payer.id
        ).rows
        assert rows == NO_CHANGES, f"{name}: {rows}"
    for line in ledger:
        currency = line.line.currency
        assert {total.charge: (total.rows, total.billed_cost, total.effective_cost) for total in line.marts} == {
            category: (sums.rows, sums.billed, sums.effective)
            for (of, category), sums in month.expected.focus_sums.items()
            if of == currency
        }
        assert line.badge in {"reconciled", "provisional"}
        assert all(identity.holds for identity in line.identities), line.identities
    counted = [(line.export_id, line.line.currency) for line in ledger if line.counted]
    assert len({export for export, _ in counted}) == 1, "one of all counts"


@pytest.mark.parametrize("version", [ExportKind.FOCUS_1_0, ExportKind.FOCUS_1_2])
@pytest.mark.parametrize("format", [FileFormat.CSV_GZIP, FileFormat.PARQUET])
def test_focus_exports_come_to_the_books_totals_and_keep_their_version(
    platform: Platform, tmp_path: Path, version: ExportKind, format: FileFormat
) -> None:
    month = generate_month(Organisation.sample(5, BillingPeriod(2026, 6)), PERIOD, CLOSED, SCALE)
    report = Report("bucket", name="focus", rows_per_file=20_000, kind=version, format=format)
    write_delivery(month, report, into_folder(tmp_path / "bucket"))
    [result] = load(platform, find(tmp_path / "bucket"))
    assert isinstance(result, LoadedMonth)
    assert result.reconciled
    with platform.engine.connect() as connection:
        [line] = read_ledger(connection)
    assert line.kind == version
    assert {total.charge: (total.rows, total.billed_cost, total.effective_cost) for total in line.marts} == {
        category: (sums.rows, sums.billed, sums.effective)
        for category, sums in month.expected.focus_by_category.items()
    }
    versions = {
        value
        for batch in platform.lake.batches(line.export_id, PERIOD, ["x_FocusVersion"])
        for value in batch.column(0).to_pylist()
    }
    assert versions == {version.removeprefix("focus-")}
    assert line.line.source_cost == line.line.lake_cost != Decimal(0)
