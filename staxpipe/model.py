"""The nouns that every room shares: accounts, billing periods, exports, deliveries, findings.

Frozen values only. Nothing here reads a file, a clock, a database or a network.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", str)
"""A 12-digit AWS account id, always text: ids may begin with zeros."""

_ACCOUNT_ID = re.compile(r"[0-9]{12}")  # not \d: that accepts digits of every script
_PERIOD = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def account_id(text: str) -> AccountId:
    """Parse an AWS account id.

    Raises:
        ValueError: when the text is not exactly 12 digits.
    """
    if not _ACCOUNT_ID.fullmatch(text):
        raise ValueError(f"an AWS account id has exactly 12 digits, and {text!r} does not")
    return AccountId(text)


@dataclass(frozen=True, order=True)
class BillingPeriod:
    """One calendar month in UTC, the unit in which AWS bills and restates."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> BillingPeriod:
        """Parse ``YYYY-MM``; raises ValueError for anything else."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"a billing period is written YYYY-MM, as in 2026-10, and {text!r} is not")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def containing(cls, moment: datetime) -> BillingPeriod:
        """The period that an aware moment falls in."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> datetime:
        """First moment of the month, UTC."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """First moment of the next month, UTC (exclusive)."""
        return self.next().start

    def next(self) -> BillingPeriod:
        """The following month."""
        return BillingPeriod(self.year + self.month // 12, self.month % 12 + 1)

    def previous(self) -> BillingPeriod:
        """The preceding month."""
        return BillingPeriod(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def missing_between(periods: Collection[BillingPeriod]) -> list[BillingPeriod]:
    """The months that are missing between the first and the last."""
    missing, period = [], min(periods, default=None)
    while period is not None and period < max(periods):
        if period not in periods:
            missing.append(period)
        period = period.next()
    return missing


class ExportKind(StrEnum):
    """The products by which AWS delivers cost data."""

    LEGACY_CUR = "legacy-cur"
    CUR_2_0 = "cur-2.0"
    FOCUS_1_0 = "focus-1.0"
    FOCUS_1_2 = "focus-1.2"
    DATA_EXPORT = "data-export"  # of Data Exports, and nothing tells which of its tables until a file is read


class FileFormat(StrEnum):
    """How a data file is written."""

    CSV_GZIP = "csv.gz"
    CSV_ZIP = "csv.zip"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class StoredObject:
    """One object of a bucket, as a listing shows it. `etag` is without quotes."""

    key: str
    size: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True)
class Export:
    """One export (a "report" in legacy CUR) that AWS keeps delivering.

    `source` identifies it for ever: ``s3://bucket/prefix/report`` or ``file:///folder/prefix/report``.
    `owner` is the account that owns the report, where the manifest tells.
    """

    source: str
    name: str
    kind: ExportKind
    owner: AccountId | None = None


@dataclass(frozen=True)
class Delivery:
    """One complete restatement of one billing period of one export.

    `delivery_id` is AWS's assemblyId or executionId; where there is none, a digest of the manifest, else of the files.
    `files` are in the manifest's order. `columns` are the manifest's column names as written, possibly
    empty. `shared_files` is True where the files may hold rows of other periods too (bare files without a
    manifest): then rows of another period belong to another delivery; otherwise they are an error.
    """

    export: Export
    period: BillingPeriod
    delivery_id: str
    delivered_at: datetime
    files: tuple[StoredObject, ...]
    format: FileFormat
    manifest: StoredObject | None = None
    columns: tuple[str, ...] = ()
    shared_files: bool = False


class Severity(StrEnum):
    """How much a finding matters: INFO explains, WARNING asks to look, ERROR means money is not right."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """Something people should see about loaded data or an account.

    `code` is a stable kebab-case name (``unknown-line-item-type``); `message` a sentence; `count` how many
    rows or things it is about; `examples` a few of them.
    """

    code: str
    severity: Severity
    message: str
    count: int = 1
    examples: tuple[str, ...] = field(default=())


class Badge(StrEnum):
    """How far a billing account's month can be trusted."""

    PROVISIONAL = "provisional"  # it adds up, and some charges have no invoice yet
    RECONCILED = "reconciled"
    OFF = "off"  # something is missing: the line says what, and how much


class RequestState(StrEnum):
    """The life of a link request."""

    DRAFT = "draft"  # begun, details missing
    LISTENING = "listening"  # details complete: the sensor probes for the role
    LINKED = "linked"
    REFUSED = "refused"  # the role is there and not safe, or the account is not the one asked for
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class LinkState(StrEnum):
    """The life of a link."""

    ACTIVE = "active"
    PAUSED = "paused"  # the role no longer holds: nothing is read until it does
    ENDED = "ended"


class DeliveryState(StrEnum):
    """The life of a delivery in the ledger."""

    DISCOVERED = "discovered"
    LANDED = "landed"  # every file is in our own store, verified
    COMMITTED = "committed"  # in the lake, reconciled
    LOADED = "loaded"  # in lake and marts: readers see it
    SUPERSEDED = "superseded"  # a newer delivery of the same export and period was loaded or pinned
    FAILED = "failed"  # a permanent error: `error` says what to do
