"""A charge that comes once a month: one row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.template import Template


@dataclass(frozen=True)
class Charge:
    """One row: its template, usage dates, time interval (where it differs), quantity and unblended cost."""

    template: Template
    start: datetime
    end: datetime
    unblended: int
    quantity: int = QUANTITY_UNITS
    interval: tuple[datetime, datetime] | None = None
