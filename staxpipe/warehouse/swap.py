"""Exchanging one export's month in the mart for new rows."""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy import Connection

from staxpipe.model import BillingPeriod


def swap_daily_costs(
    connection: Connection, export_id: int, period: BillingPeriod, delivery: int, rollup: pa.Table
) -> int:
    """Put a rollup in the place of an export's month, inside the caller's transaction; returns the number of rows."""
    raise NotImplementedError
