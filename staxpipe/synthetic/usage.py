"""How much of each line is used in each hour of a day, as integers. No prices, no text.

Randomness is seeded by (seed, account, day), so a day is the same whatever month-so-far it is asked for in.
Rhythms are tables, not trigonometry: the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.fleet import Line, Rhythm
from staxpipe.synthetic.organisation import Organisation

Ints = npt.NDArray[np.int64]

_WAVE = (28, 22, 18, 16, 16, 20, 30, 44, 58, 68, 74, 78, 82, 80, 78, 80, 84, 90, 97, 100, 96, 84, 64, 42)
_SPORADIC_SHARE = 0.2


def _week(rhythm: Rhythm) -> list[float]:
    """168 hours from Monday 00:00 local, each 0 to 1."""
    hours = []
    for day in range(7):
        weekend = day >= 5
        for hour in range(24):
            match rhythm:
                case Rhythm.OFFICE:
                    hours.append(1.0 if not weekend and 8 <= hour < 19 else 0.0)
                case Rhythm.TRAFFIC:
                    hours.append(_WAVE[hour] / 100 * (0.72 if weekend else 1.0))
                case Rhythm.NIGHTLY:
                    hours.append(1.0 if 1 <= hour < 5 else 0.0)
                case _:
                    hours.append(1.0)
    return hours


_WEEKS = np.array([_week(rhythm) for rhythm in Rhythm])


class HourlyUsage:
    """The usage of a fleet, a day at a time."""

    def __init__(self, organisation: Organisation, lines: Sequence[Line]) -> None:
        self._organisation = organisation
        self._accounts = [line.account.id for line in lines]
        self._rhythm = np.array([line.rhythm for line in lines])
        self._offset = np.array([line.region.utc_offset for line in lines])
        self._quantity = np.array([line.quantity for line in lines], dtype=np.int64)
        self._member = np.array([line.member for line in lines])
        self._group = np.array([line.group for line in lines])
        self._metered = np.array([line.metered for line in lines])

    def day(self, day: date) -> Ints:
        """Usage of each line in each of the day's 24 UTC hours, units of 1E-6; 0 where there is no row."""
        organisation = self._organisation
        months = organisation.months_open(BillingPeriod(day.year, day.month))
        growth = 1 + organisation.growth_per_mille / 1000 * (months + (day.day - 1) / 30)
        noise = self._noise(day)
        hours = (day.weekday() * 24 + np.arange(24)[None, :] + self._offset[:, None]) % 168
        shape = _WEEKS[self._rhythm[:, None], hours]
        metered = np.rint(self._quantity[:, None] * shape * growth * (0.8 + 0.4 * noise)).astype(np.int64)
        # Requests, events and seconds come in whole numbers.
        countable = (self._quantity >= 100 * QUANTITY_UNITS)[:, None]
        metered = np.where(countable, metered // QUANTITY_UNITS * QUANTITY_UNITS, metered)
        size = np.ceil(self._group[:, None] * shape * growth - 1e-9)
        steady = np.where(self._group[:, None] > 0, self._member[:, None] < size, shape > 0) * self._quantity[:, None]
        # Now and then an instance starts or stops within the hour.
        partial = (noise > 0.985) & (self._group[:, None] > 0)
        fraction = np.rint(noise * 10**9).astype(np.int64) % QUANTITY_UNITS
        steady = np.where(partial, steady * fraction // QUANTITY_UNITS, steady)
        usage = np.where(self._metered[:, None], metered, steady)
        sporadic = (self._rhythm == Rhythm.SPORADIC)[:, None] & (noise > _SPORADIC_SHARE)
        daily = (self._rhythm == Rhythm.DAILY)[:, None] & (np.arange(24)[None, :] > 0)
        return np.where(sporadic | daily, 0, usage).astype(np.int64)

    def _noise(self, day: date) -> npt.NDArray[np.float64]:
        """Uniform numbers, one a line and hour, from one generator an account."""
        blocks, start = [], 0
        for end in range(1, len(self._accounts) + 1):
            if end == len(self._accounts) or self._accounts[end] != self._accounts[start]:
                generator = np.random.default_rng(
                    [self._organisation.seed, int(self._accounts[start]), day.toordinal()]
                )
                blocks.append(generator.random((end - start, 24)))
                start = end
        return np.concatenate(blocks)


def days(period: BillingPeriod) -> list[date]:
    """Every day of a period."""
    first = period.start.date()
    return [first + timedelta(days=number) for number in range((period.end - period.start).days)]
