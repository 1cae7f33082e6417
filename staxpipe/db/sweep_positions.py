"""Where a bounded sweep stopped, so that the next one goes on there. Queries only."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import sweep_positions


def position(connection: Connection, sweep: str) -> str:
    """What the sweep of this name came to last; empty at first."""
    found = connection.execute(
        select(sweep_positions.c.position).where(sweep_positions.c.sweep == sweep)
    ).scalar_one_or_none()
    return found or ""


def move(connection: Connection, sweep: str, to: str) -> None:
    """Remember what the sweep of this name came to."""
    statement = upsert(sweep_positions).values(sweep=sweep, position=to)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["sweep"], set_={"position": statement.excluded.position})
    )
