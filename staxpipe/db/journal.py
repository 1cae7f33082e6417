"""The restatement journal: what each published delivery came to, by account, service and kind of charge.

Queries only; each takes a Connection whose transaction the caller owns. The journal stays when the lake's snapshot of a
delivery is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal

from sqlalchemy import Connection, delete, insert

from staxpipe.db.tables import delivery_services


@dataclass(frozen=True)
class ServiceCost:
    """What a delivery holds of one account, service and charge category, in one currency."""

    billing_account_id: str
    sub_account_id: str | None
    service_name: str
    charge_category: str
    currency: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal


def replace_services(connection: Connection, delivery: int, costs: Iterable[ServiceCost]) -> None:
    """Write a delivery's journal in the place of what was there."""
    connection.execute(delete(delivery_services).where(delivery_services.c.delivery == delivery))
    values = [{"delivery": delivery, **asdict(cost)} for cost in costs]
    if values:
        connection.execute(insert(delivery_services), values)
