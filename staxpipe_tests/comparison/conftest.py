"""A generated organisation's month, loaded as a linked account's; whom to ask about its bill is a fake."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from staxpipe.comparison.costs import Costs
from staxpipe.comparison.invoices import Amount, Invoice
from staxpipe.db.links import Link
from staxpipe.db.tables import deliveries, exports
from staxpipe.exports.local import find
from staxpipe.ingest.load import LoadedMonth, load
from staxpipe.ingest.platform import Platform
from staxpipe.model import BillingPeriod
from staxpipe.settings import read_settings
from staxpipe_tests.generated import bucket_folder, deliver_month
from staxpipe_tests.ledger import add_link

__all__ = ["bucket_folder", "deliver_month"]

NOW = datetime(2026, 11, 8, 8, tzinfo=UTC)
"""After September and October are over."""


@dataclass
class FakeBilling:
    """A fake at the far edge: answers of AWS by month, or an error that is raised; it notes what it was asked."""

    invoices_of: dict[BillingPeriod, Sequence[Invoice] | Exception] = field(default_factory=dict)
    costs_of: dict[BillingPeriod, Costs | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def invoices(self, link: Link, period: BillingPeriod) -> Sequence[Invoice]:
        self.asked.append(f"invoices {link.account_id} {period}")
        answer = self.invoices_of.get(period, ())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def costs(self, link: Link, period: BillingPeriod) -> Costs:
        self.asked.append(f"costs {link.account_id} {period}")
        answer = self.costs_of[period]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def billing() -> FakeBilling:
    return FakeBilling()


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    return Platform.open(read_settings({"home": tmp_path / "home"}), engine)


Load = Callable[..., str]


@pytest.fixture
def load_linked(platform: Platform, bucket_folder: Path) -> Load:
    """Load what was delivered as the export of a linked account, which is the payer; returns its id.

    What is new counts as loaded at the moment that is given.
    """

    def run(at: datetime = NOW - timedelta(hours=1)) -> str:
        months = [month for month in load(platform, find(bucket_folder)) if isinstance(month, LoadedMonth)]
        [account] = {month.billing_account_id for month in months}
        with platform.engine.begin() as connection:
            if connection.execute(exports.select().where(exports.c.link_id.is_(None))).first():
                add_link(connection, account)
                connection.execute(update(exports).values(link_id="link-1"))
            new = update(deliveries).where(deliveries.c.account_id.is_(None))
            connection.execute(new.values(account_id=account, loaded_at=at))
        return account

    return run


def invoices_in(folder: Path, assembly_id: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Invoice id → total and tax, from the delivered files themselves, summed by Python's csv reader."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for file in folder.rglob(f"{assembly_id}/*.csv.gz"):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                cost = Decimal(row["lineItem/UnblendedCost"])
                sums[row["bill/InvoiceId"]][0] += cost
                if row["lineItem/LineItemType"] == "Tax":
                    sums[row["bill/InvoiceId"]][1] += cost
    return {invoice: (total, tax) for invoice, (total, tax) in sums.items()}


def as_invoices(account: str, sums: dict[str, tuple[Decimal, Decimal]]) -> list[Invoice]:
    """The invoices that AWS would write of these sums: each rounded to the cent."""
    cent = Decimal("0.01")
    return [
        Invoice(invoice, account, (Amount("USD", total.quantize(cent), (total - tax).quantize(cent)),), issuer="AWS")
        for invoice, (total, tax) in sums.items()
        if invoice
    ]
