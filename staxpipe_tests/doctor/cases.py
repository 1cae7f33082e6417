"""Subjects, facts and exports for the pure checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from staxpipe.doctor.facts import BucketFacts, ExportFacts, Facts, ReportSettings, Subject, Versioning
from staxpipe.doctor.findings import Check
from staxpipe.model import AccountId, BillingPeriod, ExportKind, FileFormat

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::222222222222:role/staxpipe-link-abcdefghijkl"
SUBJECT = Subject("link", "request", AccountId("222222222222"), ROLE, "e" * 43, "bills", "reports", "eu-west-1")


def months(*texts: str) -> tuple[BillingPeriod, ...]:
    return tuple(BillingPeriod.parse(text) for text in texts)


def export(**changed: Any) -> ExportFacts:
    """A CUR 2.0 export as recommended."""
    values: dict[str, Any] = {
        "source": "s3://bills/reports/daily",
        "name": "daily",
        "kind": ExportKind.CUR_2_0,
        "months": months("2026-09", "2026-10", "2026-11"),
        "delivered_at": NOW - timedelta(hours=5),
        "format": FileFormat.PARQUET,
        "columns": ("line_item_resource_id", "split_line_item_split_cost"),
        "versioning": Versioning.OVERWRITE,
    }
    return ExportFacts(**values | changed)


def settings(**changed: Any) -> ReportSettings:
    """What AWS says of the same export, where it says nothing."""
    values: dict[str, Any] = {"name": "daily", "bucket": "bills", "prefix": "reports", "kind": None}
    return ReportSettings(**values | changed)


def facts(
    *exports: ExportFacts,
    settings: tuple[ReportSettings, ...] = (),
    unread: Mapping[str, str] | None = None,
    **of_bucket: Any,
) -> Facts:
    """A look that found these exports, in a bucket that is as it should be but for what is given."""
    values: dict[str, Any] = {"region": "eu-west-1", "objects": 12, "exports": exports, "read": bool(exports)}
    return Facts(BucketFacts(**values | of_bucket), settings, unread or {})


def one(checks: Any, code: str, subject: str = "") -> Check:
    [found] = [check for check in checks if check.code == code and (not subject or check.subject == subject)]
    assert isinstance(found, Check)
    return found
