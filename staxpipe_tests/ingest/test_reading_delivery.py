"""Reading a delivery gives the same, however many threads read and whatever the batches' size."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.local import find
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.tally import Tally
from staxpipe.ingest import reading_delivery
from staxpipe.ingest.memory import Budget
from staxpipe.ingest.reading_delivery import DeliveryRead, NetCostsUnusedError, read_delivery
from staxpipe.model import Delivery, StoredObject
from staxpipe.scan.choice import CsvReader
from staxpipe.scan.scanner import Scanner
from staxpipe.warehouse.rollup import ROLLUP_SCHEMA, Rollup
from staxpipe_tests.focus.batches import PLAN, Row, row
from staxpipe_tests.small_reports import MONTH, csv_of, deliver
from staxpipe_tests.warehouse.rollups import merged

CONTEXT = MappingContext("1", "a1")
ONE = Budget(1, 1000)
MANY = [Budget(1, 7), Budget(2, 1000), Budget(3, 5), Budget(5, 3)]


def rows_of(file: int, count: int = 24) -> list[Row]:
    """Usage, some of it unreadable or covered by a plan that does not balance, and a column that only some have."""
    rows = [row(line_item_resource_id=f"i-{file}-{at}", line_item_unblended_cost=f"0.{at}1") for at in range(count)]
    rows[3] = row(line_item_unblended_cost=f"twelve {file}")
    covered = {"savings_plan_savings_plan_a_r_n": PLAN, "savings_plan_savings_plan_effective_cost": "0.2"}
    rows[9] = row(line_item_line_item_type="SavingsPlanCoveredUsage", **covered)
    rows[11] = row(line_item_product_code=f"Unheard{file}", bill_payer_account_id=f"00{file % 2}234567890")
    if file % 2:
        rows[1]["line_item_tax_type"] = "VAT"
    return rows


def the_delivery(folder: Path) -> Delivery:
    (delivery,) = find(folder).deliveries
    return delivery


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files, the fourth of which is empty: AWS overwrites what a report no longer needs."""
    paths = deliver(tmp_path, [rows_of(file) for file in range(5)], "a1")
    paths[3].write_bytes(gzip.compress(b""))
    return tmp_path


class Reading:
    """One reading of a delivery, and what it wrote, told and held open."""

    def __init__(self, folder: Path, budget: Budget, context: MappingContext = CONTEXT) -> None:
        self.written: list[pa.RecordBatch] = []
        self.sums: list[pa.Table] = []
        self.told: list[tuple[str, int]] = []
        self.open = self.most_open = 0

        @contextmanager
        def open_file(_position: int, file: StoredObject) -> Iterator[Path]:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            try:
                yield folder / file.key
            finally:
                self.open -= 1

        self.read: DeliveryRead | None = None
        self.error = ""
        try:
            self.read = read_delivery(
                the_delivery(folder),
                context,
                self.written.append,
                self.sums.append,
                open_file,
                lambda file, rows: self.told.append((file.key, rows)),
                budget,
            )
        except (PermanentError, NetCostsUnusedError) as error:
            self.error = f"{type(error).__name__}: {error}"

    def facts(self) -> object:
        """Everything that a reader of the outcome can see, rows in an order of their own."""
        if self.read is None:
            return self.error
        tally = self.read.tally
        written = sorted(repr(row) for batch in self.written for row in batch.to_pylist())
        counts = {field.name: repr(getattr(tally, field.name)) for field in fields(Tally) if field.name != "balances"}
        rollup = merged(self.sums).sort_by([(name, "ascending") for name in ROLLUP_SCHEMA.names[:10]])
        return (
            written,
            counts,
            tally.balances.plans.to_pylist(),
            self.read.rejected,
            self.read.columns.schema,
            rollup.to_pylist(),
        )


@pytest.mark.parametrize("budget", MANY, ids=str)
def test_threads_and_batches_change_nothing(folder: Path, budget: Budget) -> None:
    alone, many = Reading(folder, ONE), Reading(folder, budget)
    assert alone.read is not None, alone.error
    assert alone.read.tally.rows_residual == 1
    assert many.facts() == alone.facts()
    assert many.most_open <= budget.workers
    assert (many.open, many.told[-1][1]) == (0, 4 * 24)


def test_the_first_rejections_of_the_files_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_delivery, "KEPT_REJECTIONS", 3)
    for budget in (ONE, *MANY):
        read = Reading(folder, budget).read
        assert read is not None
        assert [value["value"] for value in read.rejected] == ["twelve 0", "twelve 1", "twelve 2"]
        assert read.tally.rows_quarantined == 4


@pytest.mark.parametrize("full", [(Scanner, "feed"), (Rollup, "add")], ids=["reading", "summing"])
@pytest.mark.parametrize("budget", [ONE, MANY[1]], ids=str)
def test_a_shortage_of_memory_is_told_with_the_file_and_the_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch, full: tuple[type, str], budget: Budget
) -> None:
    monkeypatch.setattr(*full, mock.Mock(side_effect=pa.ArrowMemoryError("malloc of size 64 failed")))
    read = Reading(folder, budget)
    assert read.error.startswith("MemoryShortageError: ")
    assert "report-00001.csv.gz could not be loaded: this machine has no more memory" in read.error
    assert "Set STAXPIPE_MEMORY_MB lower" in read.error
    assert read.open == 0


@pytest.mark.parametrize("full", ["merge", "finish"])
def test_a_shortage_of_memory_for_the_sums_of_all_is_told_with_the_month(
    folder: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    monkeypatch.setattr(Rollup, full, mock.Mock(side_effect=pa.ArrowMemoryError("malloc of size 64 failed")))
    read = Reading(folder, ONE)
    assert read.error.startswith("MemoryShortageError: ")
    assert ", 2026-10, could not be loaded: this machine has no more memory" in read.error


def test_the_budgets_reader_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scanner, "feed", mock.Mock(side_effect=AssertionError("the native reader was not chosen")))
    assert Reading(folder, replace(ONE, reader=CsvReader.ARROW)).read is not None


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({2: "cut"}, "report-00003.csv.gz"),
        ({4: "cut", 1: "month"}, "of several billing periods (2026-10, 2026-11)"),
        ({1: "cut", 2: "month", 4: "header"}, "report-00002.csv.gz"),
        ({2: "header", 4: "cut"}, "report-00003.csv.gz: columns that every cost export must have are absent"),
    ],
    ids=["third of five", "period before cut", "cut before period", "header before cut"],
)
def test_the_first_error_in_the_order_of_the_files_is_told(folder: Path, broken: dict[int, str], says: str) -> None:
    for file, how in broken.items():
        path = folder / MONTH / f"report-{file + 1:05d}.csv.gz"
        rows = rows_of(file)
        if how == "month":
            rows = [{**one, "bill_billing_period_start_date": "2026-11-01T00:00:00Z"} for one in rows]
        if how == "header":
            rows = [{name: value for name, value in one.items() if "unblended" not in name} for one in rows]
        content = gzip.compress(csv_of(rows))
        path.write_bytes(content[: len(content) // 2] if how == "cut" else content)
    alone = Reading(folder, ONE)
    assert says in alone.error
    for budget in MANY:
        many = Reading(folder, budget)
        assert many.error == alone.error
        assert many.open == 0
