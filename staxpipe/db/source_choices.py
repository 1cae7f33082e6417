"""An operator's word on which export counts for a billing account's month, or for every month.

Queries only; each takes a Connection whose transaction the caller owns. What follows from a choice is in
`staxpipe.warehouse`.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import source_choices

EVERY_MONTH = "*"
"""What stands for the period of a choice that is for every month without one of its own."""


def choices(connection: Connection, account: str) -> dict[str, int]:
    """What the operator chose for the account: export by month (YYYY-MM) or `EVERY_MONTH`."""
    rows = connection.execute(
        select(source_choices.c.period, source_choices.c.export_id).where(
            source_choices.c.billing_account_id == account
        )
    )
    return {row.period: row.export_id for row in rows}


def set_choice(connection: Connection, account: str, period: str, export_id: int, chosen_by: str) -> None:
    """Keep the operator's word; `period` may be `EVERY_MONTH`."""
    values = {"export_id": export_id, "chosen_by": chosen_by, "chosen_at": func.now()}
    connection.execute(
        upsert(source_choices)
        .values(billing_account_id=account, period=period, **values)
        .on_conflict_do_update(index_elements=["billing_account_id", "period"], set_=values)
    )


def remove_choice(connection: Connection, account: str, period: str) -> bool:
    """Forget the operator's word; returns whether there was one."""
    return connection.execute(delete(source_choices).where(_one(account, period))).rowcount > 0


def _one(account: str, period: str) -> ColumnElement[bool]:
    return and_(source_choices.c.billing_account_id == account, source_choices.c.period == period)
