"""The generator's own books: what a month must come to, summed from integers while the rows are made.

Deliberately ignorant of `staxpipe.focus`: tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from staxpipe.synthetic.template import FULLY, Template
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
class SourceSums:
    """Report rows and their exact costs, before and after the discounts that net columns tell of."""

    rows: int = 0
    unblended: Decimal = Decimal(0)
    net: Decimal = Decimal(0)

    def __add__(self, other: SourceSums) -> SourceSums:
        return SourceSums(self.rows + other.rows, self.unblended + other.unblended, self.net + other.net)


SumsOfAKind = TypeVar("SumsOfAKind", Sums, SourceSums)


@dataclass(frozen=True)
class SplitSums:
    """Split cost allocation rows: what they share out of their instances' amortised cost, used and unused."""

    rows: int = 0
    cost: Decimal = Decimal(0)
    unused: Decimal = Decimal(0)

    def __add__(self, other: SplitSums) -> SplitSums:
        return SplitSums(self.rows + other.rows, self.cost + other.cost, self.unused + other.unused)


@dataclass(frozen=True)
class Expected:
    """Exact totals of a generated month.

    `rows_by_type`, `unblended_by_type` and `net_by_type` are over the report's rows, by line-item type;
    `focus_by_category`, `focus_by_account` (usage account) and `focus_by_code` (lineItem/ProductCode) over FOCUS
    rows, split rows apart. These are control sums over all rows: where a month has several currencies, those of
    `source` and `focus_sums`, by (currency, type) and (currency, category), are the ones that are money.
    """

    rows: int
    rows_by_type: Mapping[str, int]
    unblended_by_type: Mapping[str, Decimal]
    focus_by_category: Mapping[str, Sums]
    focus_by_account: Mapping[str, Sums]
    focus_by_code: Mapping[str, Sums]
    rows_without_invoice: int
    net_by_type: Mapping[str, Decimal]
    source: Mapping[tuple[str, str], SourceSums]
    focus_sums: Mapping[tuple[str, str], Sums]
    split: SplitSums

    @property
    def unblended(self) -> Decimal:
        """Σ lineItem/UnblendedCost."""
        return sum(self.unblended_by_type.values(), Decimal(0))

    @property
    def net(self) -> Decimal:
        """Σ lineItem/NetUnblendedCost; the unblended cost where there are no net columns."""
        return sum(self.net_by_type.values(), Decimal(0))

    @property
    def focus(self) -> Sums:
        """All FOCUS rows."""
        return sum(self.focus_by_category.values(), Sums())


@dataclass(frozen=True)
class TemplateSums:
    """Per template: rows, and sums in units of 1E-10.

    `effective` is a plan fee row's used commitment, and a split row's split cost; `amortised` its unused cost.
    The last two are what net columns take off unblended and effective costs.
    """

    rows: Ints
    unblended: Ints
    public: Ints
    effective: Ints
    amortised: Ints
    discount: Ints
    effective_discount: Ints


def sum_by_template(
    templates: Sequence[Template],
    template: npt.NDArray[np.int32],
    unblended: Ints,
    public: Ints,
    effective: Ints,
    amortised: Ints,
) -> TemplateSums:
    """Exact integer sums of row arrays."""
    count = len(templates)

    def total(values: Ints) -> Ints:
        sums = np.zeros(count, np.int64)
        np.add.at(sums, template, values)
        return sums

    discount = effective_discount = np.zeros(count, np.int64)
    if any(each.per_mille for each in templates):
        charge = np.array([each.charge_per_mille for each in templates], np.int64)[template]
        commitment = np.array([each.per_mille for each in templates], np.int64)[template]
        # Row by row and part by part, since each number of the report is rounded by itself.
        discount = total(unblended * charge // FULLY)
        effective_discount = total(amortised * commitment // FULLY + (effective - amortised) * commitment // FULLY)
    return TemplateSums(
        np.bincount(template, minlength=count),
        total(unblended),
        total(public),
        total(effective),
        total(amortised),
        discount,
        effective_discount,
    )


def expected(templates: Sequence[Template], sums: TemplateSums) -> Expected:
    """What the rows come to, before and after they become FOCUS."""
    source: dict[tuple[str, str], SourceSums] = {}
    focus_sums: dict[tuple[str, str], Sums] = {}
    by_account: dict[str, Sums] = {}
    by_code: dict[str, Sums] = {}
    split = SplitSums()
    uninvoiced = 0
    for position, template in enumerate(templates):
        rows = int(sums.rows[position])
        if rows == 0:
            continue
        unblended = _amount(sums.unblended[position])
        net = unblended - _amount(sums.discount[position])
        key = (template.currency, template.type)
        source[key] = source.get(key, SourceSums()) + SourceSums(rows, unblended, net)
        uninvoiced += 0 if template.text.get("bill/InvoiceId") else rows
        if template.split:
            split += SplitSums(rows, _amount(sums.effective[position]), _amount(sums.amortised[position]))
            continue
        for category, focus in _focus(template, rows, net, sums, position):
            in_category = (template.currency, category)
            focus_sums[in_category] = focus_sums.get(in_category, Sums()) + focus
            for totals, name in ((by_account, template.account), (by_code, template.code)):
                totals[name] = totals.get(name, Sums()) + focus
    by_type = _over_currencies(source)
    return Expected(
        rows=sum(each.rows for each in source.values()),
        rows_by_type={name: each.rows for name, each in by_type.items()},
        unblended_by_type={name: each.unblended for name, each in by_type.items()},
        focus_by_category=_over_currencies(focus_sums),
        focus_by_account=by_account,
        focus_by_code=by_code,
        rows_without_invoice=uninvoiced,
        net_by_type={name: each.net for name, each in by_type.items()},
        source=source,
        focus_sums=focus_sums,
        split=split,
    )


def _focus(
    template: Template, rows: int, net: Decimal, sums: TemplateSums, position: int
) -> tuple[tuple[str, Sums], ...]:
    """FOCUS charge categories and sums of a template's rows (design: formats.md C.3)."""
    public = _amount(sums.public[position])
    effective = _amount(sums.effective[position])
    match template.type:
        case "SavingsPlanNegation":
            return ()
        case "DiscountedUsage" | "SavingsPlanCoveredUsage":
            used = effective - _amount(sums.effective_discount[position])
            return (("Usage", Sums(rows, Decimal(0), used, public)),)
        case "SavingsPlanRecurringFee":
            # AWS has no net column for it; the discount on the unused part is that on the fee.
            unused = (_amount(rows * template.commitment) - effective) * (FULLY - template.per_mille) / FULLY
            purchase = Sums(rows, net, Decimal(0), net)
            return ("Purchase", purchase), ("Usage", Sums(rows, Decimal(0), unused, Decimal(0)))
        case "RIFee":
            unused = _amount(template.net_unused if template.per_mille else template.unused)
            purchase = Sums(rows, net, Decimal(0), net)
            return ("Purchase", purchase), ("Usage", Sums(rows, Decimal(0), unused, Decimal(0)))
        case _:
            list_cost = public if template.public else net
            kept = Decimal(0) if template.amortised_elsewhere else net
            return ((template.category, Sums(rows, net, kept, list_cost)),)


def _over_currencies(totals: Mapping[tuple[str, str], SumsOfAKind]) -> dict[str, SumsOfAKind]:
    summed: dict[str, SumsOfAKind] = {}
    for (_, name), each in totals.items():
        summed[name] = summed[name] + each if name in summed else each
    return summed


def _amount(units: int | np.int64) -> Decimal:
    return Decimal(int(units)).scaleb(-10)
