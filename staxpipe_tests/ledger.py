"""Deliveries for tests: values, and rows of the ledger for a linked account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports
from staxpipe.db.tables import link_requests, links
from staxpipe.model import BillingPeriod, Delivery, Export, ExportKind, FileFormat, StoredObject

ACCOUNT = "012345678901"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def a_delivery(
    period: str = "2026-10",
    delivery_id: str = "assembly-1",
    source: str = "s3://billing/cur/report",
    hours: int = 0,
    files: int = 2,
) -> Delivery:
    """A delivery of a legacy CUR, delivered `hours` after noon of 5 October."""
    moment = NOON + timedelta(hours=hours)

    def stored(key: str) -> StoredObject:
        return StoredObject(key, size=1_000, etag=f"{delivery_id}-{key}", last_modified=moment)

    return Delivery(
        export=Export(source, source.rsplit("/", 1)[-1], ExportKind.LEGACY_CUR),
        period=BillingPeriod.parse(period),
        delivery_id=delivery_id,
        delivered_at=moment,
        files=tuple(stored(f"{period}/{delivery_id}/report-{n}.csv.gz") for n in range(1, files + 1)),
        format=FileFormat.CSV_GZIP,
        manifest=stored(f"{period}/{delivery_id}/report-Manifest.json"),
        columns=("lineItem/UnblendedCost",),
    )


def add_link(connection: Connection, account_id: str = ACCOUNT, link_id: str = "link-1", **values: object) -> str:
    """An active link of an account, with its finished request."""
    external_id = f"{link_id}-".ljust(40, "x")
    connection.execute(
        insert(link_requests).values(
            id=f"r-{link_id}",
            state="linked",
            requested_by="owner@example.com",
            account_id=account_id,
            bucket="billing",
            region="eu-west-1",
            external_id=external_id,
            role_name=f"staxpipe-link-{link_id}",
        )
    )
    row = {
        "id": link_id,
        "request_id": f"r-{link_id}",
        "account_id": account_id,
        "role_arn": f"arn:aws:iam::{account_id}:role/staxpipe-link-{link_id}",
        "external_id": external_id,
        "bucket": "billing",
        "prefix": "cur",
        "region": "eu-west-1",
        "contact": "owner@example.com",
    }
    connection.execute(insert(links).values({**row, **values}))
    return link_id


def record(connection: Connection, delivery: Delivery, account_id: str = ACCOUNT, link_id: str = "link-1") -> int:
    """Record a delivery of a link; returns its row id."""
    export_id = exports.record(connection, delivery.export, link_id)
    ledger.record_delivery(connection, export_id, account_id, delivery)
    return ledger.find(connection, export_id, delivery).id
