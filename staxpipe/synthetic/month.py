"""One month of an organisation's report as it stands at a moment: its rows, and what they come to.

The rows of a later `as_of` restate those of an earlier one: the month has gone on, late usage has arrived,
estimated rates are corrected, invoices are out, and after the close come support fee and refunds.
How rows become text is in `text`, how files are laid out in `delivery`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from staxpipe.model import BillingPeriod
from staxpipe.synthetic import charges, commitment_charges
from staxpipe.synthetic.adjustments import adjustments
from staxpipe.synthetic.books import Expected, expected
from staxpipe.synthetic.charge import Charge
from staxpipe.synthetic.commitments import ReservationUse
from staxpipe.synthetic.fleet import Line, fleet
from staxpipe.synthetic.header import header
from staxpipe.synthetic.hourly import HourlyRows
from staxpipe.synthetic.organisation import Organisation, digest
from staxpipe.synthetic.restatement import Restatement
from staxpipe.synthetic.rows import RowCollector, Rows, Span
from staxpipe.synthetic.template import Template


@dataclass(frozen=True)
class Month:
    """A generated restatement of one billing period."""

    organisation: Organisation
    period: BillingPeriod
    as_of: datetime
    assembly_id: str
    header: tuple[str, ...]
    templates: tuple[Template, ...]
    spans: tuple[Span, ...]
    rows: Rows
    expected: Expected


def generate_month(organisation: Organisation, period: BillingPeriod, as_of: datetime, scale: float = 1.0) -> Month:
    """The report of one month as it stands at `as_of` (aware). `scale` multiplies resources; 1 is about 180,000 rows.

    Raises:
        ValueError: when the month has not begun at `as_of`, or lies before the organisation opened.
    """
    as_of = as_of.astimezone(UTC)
    if as_of < period.start + timedelta(hours=1) or organisation.months_open(period) < 0:
        raise ValueError(f"{period} has no usage yet at {as_of:%Y-%m-%d %H:%M}")
    assembly = str(uuid.UUID(digest(organisation.seed, "assembly", period, as_of.isoformat(), scale)[:32], version=4))
    restatement = Restatement(organisation, period, as_of, assembly)
    lines = fleet(organisation, scale)
    collector = RowCollector()
    hourly = HourlyRows(restatement, lines, collector)
    uses = hourly.write()
    until = period.start + timedelta(hours=hourly.elapsed)
    for charge in _reservation_charges(restatement, uses):
        _add(collector, charge)
    for charge in _monthly_charges(restatement, lines, collector, until):
        _add(collector, charge)
    return Month(
        organisation=organisation,
        period=period,
        as_of=as_of,
        assembly_id=assembly,
        header=header(organisation, period),
        templates=tuple(collector.templates),
        spans=tuple(collector.spans),
        rows=collector.rows(),
        expected=expected(collector.templates, collector.sums()),
    )


def _reservation_charges(restatement: Restatement, uses: Mapping[str, ReservationUse]) -> Iterator[Charge]:
    for reservation in restatement.organisation.reserved_instances:
        yield from commitment_charges.reservation_fees(restatement, reservation, uses[reservation.id])


def _monthly_charges(
    restatement: Restatement, lines: Sequence[Line], collector: RowCollector, until: datetime
) -> Iterator[Charge]:
    names = {line.offer.code: line.offer.name for line in lines}
    bases: dict[tuple[str, str], int] = {}
    taxed: dict[tuple[str, str], int] = {}
    sums = collector.sums()
    # A copy, because templates are added while charges are taken.
    for position, template in enumerate(tuple(collector.templates)):
        if (
            template.type == "Usage"
            and not template.split
            and template.text["bill/BillingEntity"] == "AWS"
            and sums.rows[position]
        ):
            key = (str(template.account), template.code)
            bases[key] = bases.get(key, 0) + int(sums.unblended[position])
            if template.taxable:
                taxed[key] = taxed.get(key, 0) + int(sums.unblended[position])
    for plan in restatement.organisation.savings_plans:
        yield from commitment_charges.plan_fees(restatement, plan, until)
    yield from commitment_charges.mistaken_plan(restatement, until)
    yield from charges.subscription(restatement)
    yield from charges.credits(restatement)
    yield from charges.enterprise_discount(restatement, bases, names, until)
    yield from charges.taxes(restatement, taxed, names)
    own = {account.id for account in restatement.organisation.accounts if not account.seller}
    yield from charges.support(restatement, sum(base for (account, _), base in bases.items() if account in own))
    yield from charges.usage_refund(restatement)
    yield from adjustments(restatement, until)


def _add(collector: RowCollector, charge: Charge) -> None:
    collector.add(
        np.array([collector.template(charge.template)]),
        np.array([collector.span(charge.start, charge.end, charge.interval)]),
        np.array([charge.quantity]),
        np.array([charge.unblended]),
    )
