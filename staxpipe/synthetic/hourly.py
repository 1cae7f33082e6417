"""The rows that come by the hour: usage, what commitments cover of it, negations, Savings Plan fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.commitments import (
    ReservationUse,
    active_hours,
    commit,
    plan_lines,
    plan_rates,
    priced,
    reservation_lines,
    reserve,
)
from staxpipe.synthetic.covered import PlannedLines, ReservedLines
from staxpipe.synthetic.fleet import Line, Rhythm
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.rows import RowCollector
from staxpipe.synthetic.split import SplitRows
from staxpipe.synthetic.templates import (
    CAPACITY_OFFER,
    covered_template,
    discounted_template,
    idle_template,
    negation_template,
    plan_fee_template,
    usage_template,
)
from staxpipe.synthetic.usage import HourlyUsage, Ints, days

ESTIMATE_HOURS = 72
"""How long a rerated offer stands at its estimate, a tenth too high."""

TWICE_HOURS = 53
"""Every so many hours one resource's usage is reported by two rows that are the same in every column."""


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
        self._rates = np.array([line.rate for line in lines], np.int64)
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
        self._idle = self._idle_templates()
        self._split = (
            SplitRows(restatement, lines, collector, self._spans) if organisation.features.split_costs else None
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
        self._write_idle((usage == 0) & visible, first)
        used, cost = usage.copy(), np.zeros_like(usage)
        for reservation in self._reservations:
            coverage = reserve(reservation.terms, reservation.lines, usage, reservation.active[first : first + 24])
            usage[reservation.lines] -= coverage.quantity
            cost[reservation.lines] += coverage.cost
            reservation.write(coverage, first)
        for plan in self._plans:
            coverage = commit(plan.terms, plan.lines, usage, self._rates, plan.active[first : first + 24])
            usage[plan.lines] -= coverage.quantity
            cost[plan.lines] += coverage.cost
            plan.write(coverage, first)
        self._write_usage(usage, first)
        if self._split is not None:
            rates = self._rates[:, None]
            self._split.write(used, cost + priced(usage, rates), priced(used, rates), first)

    def _idle_templates(self) -> dict[int, int]:
        """Templates of unused reserved capacity, by the position of its line."""
        if not self._restatement.organisation.features.capacity_reservations:
            return {}
        return {
            position: self._collector.template(idle_template(self._restatement, line, int(self._rates[position])))
            for position, line in enumerate(self._lines)
            if line.offer.key == CAPACITY_OFFER
        }

    def _write_idle(self, idle: npt.NDArray[np.bool_], first: int) -> None:
        for position, template in self._idle.items():
            hours = first + np.flatnonzero(idle[position])
            quantity = np.full(len(hours), QUANTITY_UNITS, np.int64)
            cost = priced(quantity, self._rates[position])
            self._collector.add(np.full(len(hours), template), self._spans[hours], quantity, cost, public=cost)

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

    def _reservation(self, terms: ReservedInstance, active: Ints) -> ReservedLines:
        lines = reservation_lines(terms, self._lines)
        templates = [
            self._collector.template(
                discounted_template(self._restatement, self._lines[position], int(self._rates[position]), terms)
            )
            for position in lines
        ]
        return ReservedLines(
            terms, lines, active, np.array(templates, np.int64), self._rates[lines],
            np.array([self._collector.templates[template].per_mille for template in templates], np.int64),
            self._spans, self._collector, ReservationUse(int(active[: self.elapsed].sum())),
        )  # fmt: skip

    def _plan(self, terms: SavingsPlan, active: Ints) -> PlannedLines:
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
        return PlannedLines(
            terms, lines, active, np.array(templates, np.int64), np.array(groups, np.int64), self._rates[lines],
            due, ahead, self._spans, self._collector, np.zeros(self._hours, np.int64),
        )  # fmt: skip
