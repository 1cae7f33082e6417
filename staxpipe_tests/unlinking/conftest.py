"""Accounts that are linked and loaded as the pipeline does it; a folder stands for each bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from staxpipe.db import deliveries as ledger
from staxpipe.db import link_requests, links, probes
from staxpipe.db.link_requests import Details
from staxpipe.db.links import Link
from staxpipe.exports.folder import FolderBucket
from staxpipe.ingest.discovery import discover_link
from staxpipe.ingest.landing import land, landed_file
from staxpipe.ingest.line_items import build_line_items
from staxpipe.ingest.marts import publish
from staxpipe.ingest.platform import Platform
from staxpipe.model import AccountId
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import aws, customer, operator, operator_environment
from staxpipe_tests.focus.batches import Row, row
from staxpipe_tests.small_reports import deliver

__all__ = ["aws", "customer", "operator", "operator_environment"]

ADA, BEN = AccountId("111122223333"), AccountId("444455556666")


@dataclass
class Customer:
    """An account with its bucket, and the platform that loads it."""

    platform: Platform
    account: AccountId
    folder: Path
    link: Link

    def rows(self, *costs: str) -> list[Row]:
        """Rows that nobody else's report has: by account, resource and service."""
        return [
            row(
                bill_payer_account_id=self.account,
                line_item_usage_account_id=self.account,
                line_item_resource_id=f"i-of-{self.account}",
                line_item_product_code=f"Service{self.account}",
                product_servicecode=f"Service{self.account}",
                identity_line_item_id=f"{self.account}-{number}",
                line_item_unblended_cost=cost,
            )
            for number, cost in enumerate(costs)
        ]

    def deliver(self, assembly: str, *costs: str, hours: int = 0) -> None:
        """Have AWS deliver October, and take note of it."""
        deliver(self.folder, [self.rows(*costs)], assembly, hours, create_new=True)
        self.discover()

    def discover(self) -> None:
        """Look into the bucket."""
        bucket = FolderBucket(self.folder)
        discover_link(self.platform.engine, self.platform.settings, self.link, bucket, datetime.now(UTC))

    def waiting(self) -> list[ledger.LedgerEntry]:
        """The deliveries that a run would work on."""
        with self.platform.engine.connect() as connection:
            due = ledger.due(connection, datetime.now(UTC) + timedelta(days=1))
        return [entry for entry in due if entry.link_id == self.link.id]

    def land(self) -> None:
        """Copy what waits."""
        for entry in self.waiting():
            land(self.platform.engine, self.platform.landing, FolderBucket(self.folder), entry)

    def build(self) -> None:
        """Commit what is landed to the lake."""
        for entry in self.waiting():
            build_line_items(self.platform, entry, partial(landed_file, self.platform.landing, entry))

    def load(self, assembly: str, *costs: str, hours: int = 0) -> None:
        """Deliver October and load it."""
        self.deliver(assembly, *costs, hours=hours)
        self.land()
        self.build()
        for entry in self.waiting():
            publish(self.platform, entry)

    def billed(self) -> Decimal:
        """What the marts say of the account."""
        with self.platform.engine.connect() as connection:
            query = text("SELECT coalesce(sum(billed_cost), 0) FROM daily_costs WHERE billing_account_id = :account")
            total: Decimal = connection.execute(query, {"account": self.account}).scalar_one()
        return total

    def exports(self) -> list[int]:
        """The numbers of the exports that came by the link."""
        with self.platform.engine.connect() as connection:
            query = text("SELECT id FROM exports WHERE link_id = :link ORDER BY id")
            return list(connection.execute(query, {"link": self.link.id}).scalars())

    def now_is(self) -> Link:
        """The link as it is now."""
        with self.platform.engine.connect() as connection:
            return links.get(connection, self.link.id)

    def linked_again(self) -> Customer:
        """The same bucket, with a new request and link."""
        return replace(self, link=link_account(self.platform.engine, self.account))


def link_account(engine: Engine, account: AccountId, contact: str = "ada@example.com") -> Link:
    """Link an account, as form and sensor do."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        request = link_requests.create(connection, contact, now, timedelta(days=14))
        details = Details(account, f"bills-of-{account}", "billing", "eu-west-1", None)
        assert link_requests.save_details(connection, request.id, details, now, timedelta(days=14))
        assert probes.mark_linked(connection, request.id, now)
        return links.create(
            connection,
            request_id=request.id,
            account_id=account,
            role_arn=f"arn:aws:iam::{account}:role/{request.role_name}",
            external_id=request.external_id,
            bucket=f"bills-of-{account}",
            prefix="billing",
            region="eu-west-1",
            contact=contact,
            now=now,
        )


def one_value(engine: Engine, query: str, **values: object) -> object:
    """What a query says in one row's one column."""
    with engine.connect() as connection:
        return connection.execute(text(query), values).scalar_one()


def actions(engine: Engine, subject: str) -> Sequence[tuple[str, str]]:
    """Who did what to something, the oldest first."""
    with engine.connect() as connection:
        query = text("SELECT actor, action FROM audit_log WHERE subject = :subject ORDER BY id")
        return [(found.actor, found.action) for found in connection.execute(query, {"subject": subject})]


@pytest.fixture
def platform(engine: Engine, tmp_path: Path) -> Platform:
    """Lake and landing in a temporary folder, metadata and marts in a fresh database."""
    return Platform.open(read_settings({"home": tmp_path / "home", "operator_email": "ops@example.com"}), engine)


@pytest.fixture
def ada(platform: Platform, tmp_path: Path) -> Customer:
    """An account that was loaded twice."""
    customer = Customer(platform, ADA, tmp_path / "ada", link_account(platform.engine, ADA))
    customer.load("ada-1", "1", "2")
    customer.load("ada-2", "1", "2", "4", hours=1)
    return customer


@pytest.fixture
def ben(platform: Platform, tmp_path: Path) -> Customer:
    """Another one, whose history must stay."""
    customer = Customer(platform, BEN, tmp_path / "ben", link_account(platform.engine, BEN, "ben@example.com"))
    customer.load("ben-1", "10")
    customer.load("ben-2", "10", "20", hours=1)
    return customer
