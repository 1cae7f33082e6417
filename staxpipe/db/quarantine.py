"""Values that could not be read, whose rows are in no total: reading them. `results` writes them.

Queries only; each takes a Connection whose transaction the caller owns.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from staxpipe.db.tables import deliveries, quarantine


@dataclass(frozen=True)
class Unread:
    """A value that could not be read and where it stands. Row 1 is the first after the file's header."""

    file: str
    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Quarantine:
    """A delivery's first values, and how many rows it has in quarantine: of very many, not all values are kept."""

    delivery: int
    values: tuple[Unread, ...]
    rows: int


def of_delivery(connection: Connection, delivery: int, limit: int) -> Quarantine:
    """The first values of a delivery, in the order in which they were read."""
    of = quarantine.c
    found = connection.execute(
        select(of.file, of.row, of.column, of.value, of.reason)
        .where(of.delivery == delivery)
        .order_by(of.id)
        .limit(limit)
    ).mappings()
    values = tuple(Unread(**row) for row in found)
    rows = connection.scalar(select(deliveries.c.rows_quarantined).where(deliveries.c.id == delivery))
    return Quarantine(delivery, values, rows or 0)
