"""The report of one line item is one that staxpipe loads and agrees with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from staxpipe.demo.small_report import delivery
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod
from staxpipe.settings import read_settings
from staxpipe_tests.small_reports import billed, load_one


def test_it_loads_and_reconciles(engine: Engine, tmp_path: Path) -> None:
    platform = Platform.open(read_settings({"home": tmp_path / "home"}), engine)
    period = BillingPeriod(2026, 10)
    for key, body in delivery("123456789012", "bills", "reports", period).items():
        path = tmp_path / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    month = load_one(platform, tmp_path / "bucket")
    assert (month.billing_account_id, month.billing_period) == ("123456789012", period)
    assert (month.badge, month.findings) == ("reconciled", ())
    assert billed(platform) == Decimal("0.096")
