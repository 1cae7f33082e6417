"""The rows that come by the hour: usage, what commitments cover of it, negations, Savings Plan fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.commitments import (
    Coverage,
    active_hours,
    commit,
    plan_lines,
    plan_rates,
    reservation_lines,
    reserve,
)
from staxpipe.synthetic.fleet import Line, Rhythm
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan
from staxpipe.synthetic.rows import RowCollector
from staxpipe.synthetic.templates import (
    Restatement,
    covered_template,
    discounted_template,
    negation_template,
    plan_fee_template,
    usage_template,
)
from staxpipe.synthetic.usage import HourlyUsage, Ints, days

ESTIMATE_HOURS = 72
"""How long a rerated offer stands at its estimate, a tenth too high."""

TWICE_HOURS = 53
"""Every so many hours one resource's usage is reported by two rows that are the same in every column."""


@dataclass
class ReservationUse:
    """What a reservation has held and covered in a month so far, in units of 1E-6 and 1E-10."""

    hours: int
    covered: int = 0
    cost: int = 0
    amortised: int = 0


class HourlyRows:
    """Writes a month's hourly rows into a collector, day by day."""

    def __init__(self, restatement: Restatement, lines: Sequence[Line], collector: RowCollector) -> None:
        organisation, period = restatement.organisation, restatement.period
        self._restatement = restatement
        self._lines = lines
        self._collector = collector
        self._hours = (period.end - period.start) // timedelta(hours=1)
        self._since_start = int((restatement.as_of - period.start) // timedelta(hours=1))
        self.elapsed = min(self._hours, self._since_start)
        self._rates = np.array([line.offer.rate(line.region) for line in lines], np.int64)
        self._lag = np.array([line.offer.lag_hours for line in lines])
        self._spot = np.array([line.offer.spot for line in lines])
        self._daily = np.array([line.rhythm is Rhythm.DAILY for line in lines])
        self._twice = np.array([line.offer.key == "lambda.calls" for line in lines])
        self._spans = self._span_positions()
        self._usage_templates = np.array(
            [
                collector.template(usage_template(restatement, line, int(rate)))
                for line, rate in zip(lines, self._rates, strict=True)
            ]
        )
        self._estimates = np.array([line.offer.rerated for line in lines])
        self._estimated_rates = np.where(self._estimates, self._rates * 11 // 10, self._rates)
        self._estimate_templates = np.array(
            [
                collector.template(usage_template(restatement, line, int(self._estimated_rates[position])))
                if line.offer.rerated
                else self._usage_templates[position]
                for position, line in enumerate(lines)
            ]
        )
        months = organisation.months_open(period)
        self._reservations = [
            self._reservation(reservation, active_hours(reservation.opens_in_month, months, self._hours))
            for reservation in organisation.reserved_instances
        ]
        self._plans = [
            self._plan(plan, active_hours(plan.opens_in_month, months, self._hours))
            for plan in organisation.savings_plans
        ]

    def write(self) -> Mapping[str, ReservationUse]:
        """Write every hour up to `as_of`, and fees beyond it; returns what each reservation did, by its id."""
        usage = HourlyUsage(self._restatement.organisation, self._lines)
        for number, day in enumerate(days(self._restatement.period)):
            before = self._collector.blocks
            if number * 24 < self.elapsed:
                self._write_day(usage.day(day), number * 24)
            for plan in self._plans:
                plan.write_fees(number * 24, self.elapsed)
            self._collector.sort_last(self._collector.blocks - before)
        return {reservation.terms.id: reservation.use for reservation in self._reservations}

    def _write_day(self, usage: Ints, first: int) -> None:
        hours = first + np.arange(24)
        visible = (hours[None, :] < self.elapsed) & (hours[None, :] + 1 + self._lag[:, None] <= self._since_start)
        usage = np.where(visible, usage, 0)
        for reservation in self._reservations:
            coverage = reserve(reservation.terms, reservation.lines, usage, reservation.active[first : first + 24])
            usage[reservation.lines] -= coverage.quantity
            reservation.write(coverage, first)
        for plan in self._plans:
            coverage = commit(plan.terms, plan.lines, usage, self._rates, plan.active[first : first + 24])
            usage[plan.lines] -= coverage.quantity
            plan.write(coverage, first)
        self._write_usage(usage, first)

    def _write_usage(self, usage: Ints, first: int) -> None:
        line, hour = np.nonzero(usage)
        repeats = np.where(self._twice[line] & ((first + hour) % TWICE_HOURS == 7), 2, 1)
        line, hour = np.repeat(line, repeats), np.repeat(hour, repeats)
        quantity = usage[line, hour]
        estimated = self._estimates[line] & (first + hour + ESTIMATE_HOURS > self._since_start)
        cost = priced(quantity, np.where(estimated, self._estimated_rates[line], self._rates[line]))
        self._collector.add(
            np.where(estimated, self._estimate_templates[line], self._usage_templates[line]),
            self._spans[np.where(self._daily[line], self._hours + (first + hour) // 24, first + hour)],
            quantity,
            cost,
            public=np.where(self._spot[line], 0, cost),
        )

    def _span_positions(self) -> Ints:
        """Positions of each hour's span, then of each day's."""
        start, hour = self._restatement.period.start, timedelta(hours=1)
        return np.array(
            [self._collector.span(start + number * hour, start + (number + 1) * hour) for number in range(self._hours)]
            + [
                self._collector.span(start + number * hour, start + (number + 24) * hour)
                for number in range(0, self._hours, 24)
            ]
        )

    def _reservation(self, terms: ReservedInstance, active: Ints) -> _Reservation:
        lines = reservation_lines(terms, self._lines)
        templates = [
            self._collector.template(
                discounted_template(self._restatement, self._lines[position], int(self._rates[position]), terms)
            )
            for position in lines
        ]
        return _Reservation(
            terms, lines, active, np.array(templates, np.int64), self._rates[lines], self._spans, self._collector,
            ReservationUse(int(active[: self.elapsed].sum())),
        )  # fmt: skip

    def _plan(self, terms: SavingsPlan, active: Ints) -> _Plan:
        lines = plan_lines(terms, self._lines)
        rates = plan_rates(terms, self._rates[lines])
        templates, groups = [], []
        negations: dict[tuple[str, ...], int] = {}
        for position, rate in zip(lines, rates, strict=True):
            line = self._lines[position]
            templates.append(
                self._collector.template(
                    covered_template(self._restatement, line, int(self._rates[position]), terms, int(rate))
                )
            )
            group = (line.account.id, line.offer.key, line.region.code, line.zone)
            if group not in negations:
                negations[group] = self._collector.template(negation_template(self._restatement, line, terms))
            groups.append(negations[group])
        due = self._collector.template(plan_fee_template(self._restatement, terms, due=True))
        ahead = self._collector.template(plan_fee_template(self._restatement, terms, due=False))
        return _Plan(
            terms, lines, active, np.array(templates, np.int64), np.array(groups, np.int64), self._rates[lines],
            due, ahead, self._spans, self._collector, np.zeros(self._hours, np.int64),
        )  # fmt: skip


@dataclass
class _Reservation:
    """A reservation among the fleet: the lines it applies to, and a template for each."""

    terms: ReservedInstance
    lines: Ints
    active: Ints
    templates: Ints
    rates: Ints
    spans: Ints
    collector: RowCollector
    use: ReservationUse

    def write(self, coverage: Coverage, first: int) -> None:
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
        self.use.covered += int(quantity.sum())
        self.use.cost += int(cost.sum())
        self.use.amortised += int(amortised.sum())


@dataclass
class _Plan:
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


def priced(quantity: Ints, rate: Ints) -> Ints:
    """Cost in units of 1E-10 of quantities in units of 1E-6 at rates in units of 1E-10, rounded half up."""
    return (quantity * rate + QUANTITY_UNITS // 2) // QUANTITY_UNITS
