"""The rows of what commitments cover: discounted and covered usage, negations, a Savings Plan's hourly fees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.commitments import Coverage, ReservationUse, priced
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan
from staxpipe.synthetic.rows import RowCollector
from staxpipe.synthetic.template import discount
from staxpipe.synthetic.usage import Ints


@dataclass
class ReservedLines:
    """A reservation among the fleet: the lines it applies to, and a template for each."""

    terms: ReservedInstance
    lines: Ints
    active: Ints
    templates: Ints
    rates: Ints
    per_mille: Ints
    spans: Ints
    collector: RowCollector
    use: ReservationUse

    def write(self, coverage: Coverage, first: int) -> None:
        """The discounted usage of a day."""
        line, hour = np.nonzero(coverage.quantity)
        quantity, cost = coverage.quantity[line, hour], coverage.cost[line, hour]
        amortised = quantity * self.terms.amortised_hourly // QUANTITY_UNITS
        self.collector.add(
            self.templates[line],
            self.spans[first + hour],
            quantity,
            np.zeros(len(line), np.int64),
            public=priced(quantity, self.rates[line]),
            effective=cost,
            amortised=amortised,
        )
        recurring = cost - amortised
        self.use.covered += int(quantity.sum())
        self.use.amortised += int(amortised.sum())
        self.use.recurring += int(recurring.sum())
        self.use.net_amortised += int((amortised - discount(amortised, self.per_mille[line])).sum())
        self.use.net_recurring += int((recurring - discount(recurring, self.per_mille[line])).sum())


@dataclass
class PlannedLines:
    """A Savings Plan among the fleet; `groups` are the negation templates of its lines."""

    terms: SavingsPlan
    lines: Ints
    active: Ints
    templates: Ints
    groups: Ints
    rates: Ints
    due: int
    ahead: int
    spans: Ints
    collector: RowCollector
    used: Ints

    def write(self, coverage: Coverage, first: int) -> None:
        """The covered usage of a day, and the negations that take its on-demand cost back."""
        line, hour = np.nonzero(coverage.quantity)
        quantity, cost = coverage.quantity[line, hour], coverage.cost[line, hour]
        on_demand = priced(quantity, self.rates[line])
        self.collector.add(
            self.templates[line], self.spans[first + hour], quantity, on_demand, public=on_demand, effective=cost
        )
        np.add.at(self.used, first + hour, cost)
        # One negation for each group and hour takes back exactly what its covered rows add up to.
        keys, positions = np.unique(self.groups[line] * 1000 + hour, return_inverse=True)
        negated, amount = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        np.add.at(negated, positions, on_demand)
        np.add.at(amount, positions, quantity)
        self.collector.add(keys // 1000, self.spans[first + keys % 1000], amount, -negated)

    def write_fees(self, first: int, elapsed: int) -> None:
        """The day's fee rows; hours that have not come yet are billed ahead."""
        hours = first + np.flatnonzero(self.active[first : first + 24])
        count = len(hours)
        self.collector.add(
            np.where(hours < elapsed, self.due, self.ahead),
            self.spans[hours],
            np.full(count, QUANTITY_UNITS, np.int64),
            np.full(count, self.terms.recurring_hourly, np.int64),
            effective=self.used[hours],
        )
