"""A reader of the marts who never looks away: what each month came to, every time that anything could be read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from threading import Event, Thread
from typing import NamedTuple, Self

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from staxpipe.synthetic.month import Month

_QUERY = text(
    "SELECT period, sum(line_items)::bigint AS rows, sum(billed_cost) AS billed, sum(effective_cost) AS effective "
    "FROM daily_costs GROUP BY period"
)
_SECONDS = 0.1


class MonthTotal(NamedTuple):
    """What a month comes to."""

    rows: int
    billed: Decimal
    effective: Decimal

    @classmethod
    def of(cls, month: Month) -> MonthTotal:
        """What the generator expects."""
        focus = month.expected.focus
        return cls(focus.rows, focus.billed, focus.effective)


class Witness:
    """Reads again and again in a thread of its own, while the context lasts."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_engine(database_url, poolclass=NullPool)
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="witness")
        self.looks = 0
        self.refused = 0
        self.seen: list[Mapping[str, MonthTotal]] = []
        """Every picture of the months that differs from the one before."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._engine.dispose()

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS):
            try:
                with self._engine.connect() as connection:
                    rows = connection.execute(_QUERY).all()
            except DBAPIError:  # the server is down: nothing can be seen
                self.refused += 1
                continue
            self.looks += 1
            picture = {row.period: MonthTotal(row.rows, row.billed, row.effective) for row in rows}
            if not self.seen or self.seen[-1] != picture:
                self.seen.append(picture)
