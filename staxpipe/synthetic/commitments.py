"""How reservations and Savings Plans cover a day's usage: integers in, integers out.

AWS applies reservations first, then EC2 Instance Savings Plans, then Compute Savings Plans, each hour anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from staxpipe.synthetic.catalogue import QUANTITY_UNITS
from staxpipe.synthetic.fleet import Line
from staxpipe.synthetic.organisation import ReservedInstance, SavingsPlan
from staxpipe.synthetic.usage import Ints

PURCHASE_HOUR = 8 * 24 + 14
"""A plan bought in the middle of an organisation's life is bought on the 9th at 14:00 UTC."""


@dataclass(frozen=True)
class Coverage:
    """What one commitment covers of one day: `lines` are fleet positions, arrays are lines × 24 hours.

    `cost` is the covered usage at the commitment's own rate, in units of 1E-10.
    """

    lines: Ints
    quantity: Ints
    cost: Ints


@dataclass
class ReservationUse:
    """What a reservation has held and covered in a month so far, in units of 1E-6 and 1E-10.

    `amortised` and `recurring` are what its DiscountedUsage rows carry of the upfront and of the hourly fee; the
    net ones are the same after the discounts that net columns tell of.
    """

    hours: int
    covered: int = 0
    amortised: int = 0
    recurring: int = 0
    net_amortised: int = 0
    net_recurring: int = 0


def reservation_lines(reservation: ReservedInstance, lines: Sequence[Line]) -> Ints:
    """Positions that a reservation applies to, its owner's first."""
    matching = [
        position
        for position, line in enumerate(lines)
        if line.offer.key == reservation.offer and line.region.code == reservation.region
    ]
    return np.array(sorted(matching, key=lambda position: lines[position].account.id != reservation.owner), np.int64)


def plan_lines(plan: SavingsPlan, lines: Sequence[Line]) -> Ints:
    """Positions that a Savings Plan applies to."""
    # Commitments are not shared with accounts that another AWS company invoices.
    mine = [position for position, line in enumerate(lines) if line.offer.compute and not line.account.seller]
    if plan.kind != "ComputeSavingsPlans":
        prefix = plan.family + "."
        mine = [
            position
            for position in mine
            if lines[position].offer.instance_type.startswith(prefix) and lines[position].region.code == plan.region
        ]
    return np.array(mine, np.int64)


def reserve(reservation: ReservedInstance, lines: Ints, usage: Ints, active: Ints) -> Coverage:
    """Cover usage (lines × 24) with a reservation's instance hours; `active` is 1 for hours it holds."""
    wanted = usage[lines]
    before = np.cumsum(wanted, axis=0) - wanted
    available = reservation.count * QUANTITY_UNITS * active[None, :]
    covered = np.clip(available - before, 0, wanted)
    rate = reservation.amortised_hourly + reservation.hourly
    return Coverage(lines, covered, covered * rate // QUANTITY_UNITS)


def commit(plan: SavingsPlan, lines: Ints, usage: Ints, rates: Ints, active: Ints) -> Coverage:
    """Cover usage with a Savings Plan's hourly commitment; `rates` are on-demand rates of all lines."""
    wanted = usage[lines]
    rate = plan_rates(plan, rates[lines])[:, None]
    cost = wanted * rate // QUANTITY_UNITS
    before = np.cumsum(cost, axis=0) - cost
    room = np.clip(plan.commitment * active[None, :] - before, 0, cost)
    # The line at which the commitment runs out is covered in part: AWS splits it into two rows.
    quantity = np.where((room == cost) & (cost > 0), wanted, room * QUANTITY_UNITS // np.maximum(rate, 1))
    return Coverage(lines, quantity, quantity * rate // QUANTITY_UNITS)


def plan_rates(plan: SavingsPlan, on_demand: Ints) -> Ints:
    """The plan's rates for on-demand rates, both in units of 1E-10."""
    return on_demand * (100 - plan.discount_percent) // 100


def opening_hour(opens_in_month: int) -> int:
    """Hour of its first month in which a commitment begins: the first months' are there from the start."""
    return PURCHASE_HOUR if opens_in_month else 0


def active_hours(opens_in_month: int, months_open: int, hours: int) -> Ints:
    """1 for each hour of a month in which a commitment holds, else 0."""
    active = np.zeros(hours, np.int64)
    if months_open > opens_in_month:
        active[:] = 1
    elif months_open == opens_in_month:
        active[opening_hour(opens_in_month) :] = 1
    return active


def priced(quantity: Ints, rate: Ints | np.int64) -> Ints:
    """Cost in units of 1E-10 of quantities in units of 1E-6 at rates in units of 1E-10, rounded half up."""
    return (quantity * rate + QUANTITY_UNITS // 2) // QUANTITY_UNITS
