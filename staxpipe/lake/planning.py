"""A month's files: how metadata is asked for them, and what it tells of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.manifest import DataFile

from staxpipe.lake.schema import EXPORT, PERIOD_START
from staxpipe.model import BillingPeriod


@dataclass(frozen=True)
class PlannedFile:
    """One file of a snapshot: all of its rows are of one export, account and period."""

    path: str
    export_id: int
    billing_account_id: str
    period: BillingPeriod
    rows: int
    bytes: int


def within(period: BillingPeriod) -> BooleanExpression:
    """Rows that are billed in a month."""
    # A range, not equality: it is exactly a partition, whatever statistics a file has.
    first = GreaterThanOrEqual(term=Reference(PERIOD_START), value=literal(period.start))
    return And(first, LessThan(term=Reference(PERIOD_START), value=literal(period.end)))


def of_month(export_id: int, period: BillingPeriod) -> BooleanExpression:
    """Rows of an export's month."""
    return And(EqualTo(term=Reference(EXPORT), value=literal(str(export_id))), within(period))


def period_of(file: DataFile) -> BillingPeriod:
    """The month that all of a file's rows are of."""
    months = file.partition[2]  # since January 1970
    return BillingPeriod(1970 + months // 12, 1 + months % 12)


def is_of(file: DataFile, export_id: int, period: BillingPeriod) -> bool:
    """Whether a file is of an export's month."""
    return bool(file.partition[0] == str(export_id)) and period_of(file) == period


def planned(files: Iterable[DataFile]) -> list[PlannedFile]:
    """Files as readers plan with them, ordered by month and account."""
    found = [
        PlannedFile(
            path=file.file_path,
            export_id=int(file.partition[0]),
            billing_account_id=file.partition[1],
            period=period_of(file),
            rows=file.record_count,
            bytes=file.file_size_in_bytes,
        )
        for file in files
    ]
    return sorted(found, key=lambda file: (file.period, file.billing_account_id, file.path))
