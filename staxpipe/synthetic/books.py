"""The generator's own books: what a month must come to, summed from integers while the rows are made.

Deliberately ignorant of `staxpipe.focus`: tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from staxpipe.synthetic.templates import Template
from staxpipe.synthetic.usage import Ints


@dataclass(frozen=True)
class Sums:
    """FOCUS rows and their exact costs."""

    rows: int = 0
    billed: Decimal = Decimal(0)
    effective: Decimal = Decimal(0)
    list: Decimal = Decimal(0)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.rows + other.rows,
            self.billed + other.billed,
            self.effective + other.effective,
            self.list + other.list,
        )


@dataclass(frozen=True)
class Expected:
    """Exact totals of a generated month.

    `rows_by_type` and `unblended_by_type` are over the report's rows, by line-item type. `focus_by_category`,
    `focus_by_account` (usage account) and `focus_by_code` (lineItem/ProductCode) are over FOCUS rows.
    """

    rows: int
    rows_by_type: Mapping[str, int]
    unblended_by_type: Mapping[str, Decimal]
    focus_by_category: Mapping[str, Sums]
    focus_by_account: Mapping[str, Sums]
    focus_by_code: Mapping[str, Sums]
    rows_without_invoice: int

    @property
    def unblended(self) -> Decimal:
        """Σ lineItem/UnblendedCost."""
        return sum(self.unblended_by_type.values(), Decimal(0))

    @property
    def focus(self) -> Sums:
        """All FOCUS rows."""
        return sum(self.focus_by_category.values(), Sums())


@dataclass(frozen=True)
class TemplateSums:
    """Per template: rows, and sums in units of 1E-10. `effective` is a plan fee row's used commitment."""

    rows: Ints
    unblended: Ints
    public: Ints
    effective: Ints


def sum_by_template(
    templates: int, template: npt.NDArray[np.int32], unblended: Ints, public: Ints, effective: Ints
) -> TemplateSums:
    """Exact integer sums of row arrays."""

    def total(values: Ints) -> Ints:
        sums = np.zeros(templates, np.int64)
        np.add.at(sums, template, values)
        return sums

    return TemplateSums(np.bincount(template, minlength=templates), total(unblended), total(public), total(effective))


def expected(templates: Sequence[Template], sums: TemplateSums) -> Expected:
    """What the rows come to, before and after they become FOCUS."""
    rows_by_type: dict[str, int] = {}
    unblended_by_type: dict[str, Decimal] = {}
    by_category: dict[str, Sums] = {}
    by_account: dict[str, Sums] = {}
    by_code: dict[str, Sums] = {}
    uninvoiced = 0
    for position, template in enumerate(templates):
        rows = int(sums.rows[position])
        if rows == 0:
            continue
        unblended = _amount(sums.unblended[position])
        rows_by_type[template.type] = rows_by_type.get(template.type, 0) + rows
        unblended_by_type[template.type] = unblended_by_type.get(template.type, Decimal(0)) + unblended
        uninvoiced += 0 if template.text.get("bill/InvoiceId") else rows
        for category, focus in _focus(template, rows, unblended, sums, position):
            for totals, key in ((by_category, category), (by_account, template.account), (by_code, template.code)):
                totals[key] = totals.get(key, Sums()) + focus
    return Expected(
        rows=sum(rows_by_type.values()),
        rows_by_type=rows_by_type,
        unblended_by_type=unblended_by_type,
        focus_by_category=by_category,
        focus_by_account=by_account,
        focus_by_code=by_code,
        rows_without_invoice=uninvoiced,
    )


def _focus(
    template: Template, rows: int, unblended: Decimal, sums: TemplateSums, position: int
) -> tuple[tuple[str, Sums], ...]:
    """FOCUS charge categories and sums of a template's rows (design: formats.md C.3)."""
    public = _amount(sums.public[position])
    effective = _amount(sums.effective[position])
    match template.type:
        case "SavingsPlanNegation":
            return ()
        case "DiscountedUsage" | "SavingsPlanCoveredUsage":
            return (("Usage", Sums(rows, Decimal(0), effective, public)),)
        case "SavingsPlanRecurringFee":
            unused = _amount(rows * template.commitment) - effective
            purchase = Sums(rows, unblended, Decimal(0), unblended)
            return ("Purchase", purchase), ("Usage", Sums(rows, Decimal(0), unused, Decimal(0)))
        case "RIFee":
            purchase = Sums(rows, unblended, Decimal(0), unblended)
            return ("Purchase", purchase), ("Usage", Sums(rows, Decimal(0), _amount(template.unused), Decimal(0)))
        case _:
            list_cost = public if template.public else unblended
            kept = Decimal(0) if template.amortised_elsewhere else unblended
            return ((template.category, Sums(rows, unblended, kept, list_cost)),)


def _amount(units: int | np.int64) -> Decimal:
    return Decimal(int(units)).scaleb(-10)
