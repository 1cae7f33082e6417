"""The columns that a delivery's files had, as the ledger keeps them: what schema drift is compared with.

Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, case, select, update

from staxpipe.db.deliveries import LedgerEntry
from staxpipe.db.tables import deliveries


def put_columns(connection: Connection, delivery: int, columns: Sequence[Sequence[str]]) -> None:
    """Note a delivery's columns: (header, type word) in the files' order."""
    connection.execute(
        update(deliveries).where(deliveries.c.id == delivery).values(columns_read=[list(column) for column in columns])
    )


def columns_before(connection: Connection, entry: LedgerEntry) -> list[list[str]]:
    """The columns of the delivery that comes before: of the same month, else of the nearest month; empty for the first.

    A month's columns are those of the features that were used in it, so the month's own deliveries tell most.
    """
    of = deliveries.c
    own = of.period == str(entry.period)
    columns: list[list[str]] | None = connection.execute(
        select(of.columns_read)
        .where(of.export_id == entry.export_id, of.id != entry.id, of.columns_read.is_not(None))
        .where(case((own, of.delivered_at <= entry.delivery.delivered_at), else_=of.period < str(entry.period)))
        .order_by(own.desc(), of.period.desc(), of.delivered_at.desc(), of.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return columns or []
