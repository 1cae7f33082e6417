"""Rows of a linked account and its deliveries, as the other rooms write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, insert

from staxpipe.db import link_requests
from staxpipe.db.tables import deliveries, delivery_sums, exports, links
from staxpipe.model import DeliveryState

ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def add_link(connection: Connection, request_id: str, now: datetime, **values: object) -> int:
    """Link a request's account and know one export of its bucket; returns the export's id."""
    request = link_requests.get(connection, request_id)
    assert request is not None
    connection.execute(
        insert(links).values(
            **{
                "id": f"link-{request_id[:16]}",
                "request_id": request_id,
                "account_id": request.account_id,
                "role_arn": request.role_arn,
                "external_id": request.external_id,
                "bucket": request.bucket,
                "prefix": request.prefix,
                "region": request.region,
                "contact": request.requested_by,
                "linked_at": now,
                **values,
            }
        )
    )
    return add_export(connection, f"link-{request_id[:16]}", "acme-cur")


def add_export(connection: Connection, link_id: str, name: str) -> int:
    statement = insert(exports).values(source=f"s3://{link_id}/{name}", name=name, kind="legacy-cur", link_id=link_id)
    export: int = connection.execute(statement.returning(exports.c.id)).scalar_one()
    return export


def add_delivery(
    connection: Connection,
    export: int,
    period: str,
    state: DeliveryState,
    *,
    at: datetime = NOW,
    size: int = 1_000,
    rows: int | None = None,
    cost: str | None = None,
    currency: str = "USD",
    **values: object,
) -> int:
    """A delivery in the ledger, with control totals where a cost is given; returns its row id."""
    delivery: int = connection.execute(
        insert(deliveries)
        .values(
            {
                "export_id": export,
                "account_id": ACCOUNT,
                "period": period,
                "delivery_id": f"{period}-{at:%Y%m%dT%H%M}-{state}",
                "delivered_at": at,
                "manifest": {},
                "files": 1,
                "bytes": size,
                "state": state,
                "rows_written": rows,
                "final": True,
                "discovered_at": at,
                "loaded_at": at + timedelta(minutes=1) if state is DeliveryState.LOADED else None,
                **values,
            }
        )
        .returning(deliveries.c.id)
    ).scalar_one()
    if cost is not None:
        add_sum(connection, delivery, cost, currency)
    return delivery


def add_sum(connection: Connection, delivery: int, cost: str, currency: str = "USD", account: str = ACCOUNT) -> None:
    connection.execute(
        insert(delivery_sums).values(
            {
                "delivery": delivery,
                "side": "focus",
                "billing_account_id": account,
                "currency": currency,
                "class": "Usage",
                "rows": 1,
                "billed_cost": Decimal(cost),
                "effective_cost": Decimal(cost) / 2,
            }
        )
    )
