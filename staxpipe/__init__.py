"""staxpipe: link an AWS account with a read-only role, get its cost as reconciled FOCUS 1.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from staxpipe.query.connection import Connection
    from staxpipe.settings import Settings

__version__ = "0.1.0"


def connect(settings: Settings | None = None) -> Connection:
    """SQL over line items and daily costs, as DataFrames: for notebooks. See `staxpipe.query.connection`."""
    from staxpipe.query.connection import connect as connect_with  # late: importing staxpipe alone loads nothing

    return connect_with(settings)
