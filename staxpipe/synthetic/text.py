"""Rows as text: integer arrays become the columns of a report, vectorised, with AWS's way of writing numbers.

Nothing is formatted row by row in Python: templates give text once, numbers go through Arrow's decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.synthetic.columns import VARYING
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.split import public_unused
from staxpipe.synthetic.template import FULLY, discount
from staxpipe.synthetic.usage import Ints

Mask = npt.NDArray[np.bool_]
Rows32 = npt.NDArray[np.int32]

BATCH_ROWS = 65_536


class TextTable(Protocol):
    """Text columns over the rows of a month: `static` ones have a value a template, the others differ row by row.

    `quoted` names those of the latter that have to be quoted in CSV.
    """

    month: Month
    header: tuple[str, ...]
    static: Mapping[str, pa.Array]
    quoted: frozenset[str]

    def varying(self, first: int, count: int) -> dict[str, pa.Array]:
        """The columns that are not static, for `count` rows from `first`."""
        ...


class MonthText:
    """The text columns of a month's legacy report, a batch of rows at a time. Missing values are null."""

    def __init__(self, month: Month) -> None:
        self.month = month
        templates = month.templates
        self.header = month.header
        self.varying_names = frozenset(VARYING).intersection(month.header)
        self.quoted: frozenset[str] = frozenset()
        self.static: Mapping[str, pa.Array] = {
            name: pa.array([template.text.get(name) or None for template in templates], pa.string())
            for name in month.header
            if name not in VARYING
        }
        self.interval = pa.array([span.interval for span in month.spans])
        self.start = pa.array([span.start for span in month.spans])
        self.end = pa.array([span.end for span in month.spans])
        types = np.array([template.type for template in templates])
        self._reserved = types == "DiscountedUsage"
        self._covered = types == "SavingsPlanCoveredUsage"
        self._plan_fee = types == "SavingsPlanRecurringFee"
        # AWS leaves BlendedCost blank on discount rows.
        self._unblended_only = np.array([template.type.endswith("Discount") for template in templates])
        self._public = np.array([template.public for template in templates])
        self._split = np.array([template.split for template in templates])
        self._charge = np.array([template.charge_per_mille for template in templates], np.int64)
        self._per_mille = np.array([template.per_mille for template in templates], np.int64)
        self._halves = np.array([template.normalization_halves for template in templates], np.int64)

    def varying(self, first: int, count: int) -> dict[str, pa.Array]:
        """The columns that differ from row to row, for `count` rows from `first`."""
        rows, part = self.month.rows, slice(first, first + count)
        template = rows.template[part]
        span = pa.array(rows.span[part])
        quantity = rows.quantity[part]
        halves = self._halves[template]
        reserved, covered = self._reserved[template], self._covered[template]
        unblended = decimals(rows.unblended[part])
        effective, amortised = rows.effective[part], rows.amortised[part]
        columns = {
            "identity/TimeInterval": self.interval.take(span),
            "lineItem/UsageStartDate": self.start.take(span),
            "lineItem/UsageEndDate": self.end.take(span),
            "lineItem/UsageAmount": decimals(quantity * 10_000),
            "lineItem/NormalizedUsageAmount": where(halves > 0, quantity * halves * 5_000),
            "lineItem/UnblendedCost": unblended,
            "lineItem/BlendedCost": pc.if_else(
                pa.array(self._unblended_only[template]), pa.scalar(None, pa.string()), unblended
            ),
            "pricing/publicOnDemandCost": where(self._public[template], rows.public[part]),
            "reservation/AmortizedUpfrontCostForUsage": where(reserved, amortised),
            "reservation/EffectiveCost": where(reserved, effective),
            "reservation/RecurringFeeForUsage": where(reserved, effective - amortised),
            "savingsPlan/SavingsPlanEffectiveCost": where(covered, effective),
            "savingsPlan/UsedCommitment": where(self._plan_fee[template], effective),
        }
        if "splitLineItem/SplitCost" in self.varying_names:
            columns |= self._split_columns(template, rows.public[part], effective, amortised)
        if "lineItem/NetUnblendedCost" in self.varying_names:
            columns |= self._net_columns(template, rows.unblended[part], effective, amortised)
        return columns

    def _split_columns(self, template: Rows32, public: Ints, split: Ints, unused: Ints) -> dict[str, pa.Array]:
        shared = self._split[template]
        return {
            "splitLineItem/SplitCost": where(shared, split),
            "splitLineItem/UnusedCost": where(shared, unused),
            "splitLineItem/PublicOnDemandSplitCost": where(shared, public),
            "splitLineItem/PublicOnDemandUnusedCost": where(shared, public_unused(public)),
        }

    def _net_columns(self, template: Rows32, unblended: Ints, effective: Ints, amortised: Ints) -> dict[str, pa.Array]:
        """What is left after discounts, each number rounded by itself, and what was taken off."""
        charge, per_mille = self._charge[template], self._per_mille[template]
        reserved, shared = self._reserved[template], self._split[template]
        off = discount(unblended, charge)
        upfront = amortised - discount(amortised, per_mille)
        rest = effective - amortised
        recurring = rest - discount(rest, per_mille)
        discounted = off > 0
        columns = {
            "lineItem/NetUnblendedCost": decimals(unblended - off),
            "discount/BundledDiscount": where(discounted & (charge == FULLY), off),
            "discount/EdpDiscount": where(discounted & (charge < FULLY), off),
            "discount/TotalDiscount": where(discounted, off),
            "reservation/NetAmortizedUpfrontCostForUsage": where(reserved, upfront),
            "reservation/NetRecurringFeeForUsage": where(reserved, recurring),
            "reservation/NetEffectiveCost": where(reserved, upfront + recurring),
            "savingsPlan/NetSavingsPlanEffectiveCost": where(
                self._covered[template], effective - discount(effective, per_mille)
            ),
        }
        if "splitLineItem/NetSplitCost" in self.varying_names:
            columns["splitLineItem/NetSplitCost"] = where(shared, effective - discount(effective, per_mille))
            columns["splitLineItem/NetUnusedCost"] = where(shared, amortised - discount(amortised, per_mille))
        return columns

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Record batches in header order; static columns are dictionary-coded, the others plain text."""
        coded = {name: values.dictionary_encode() for name, values in self.static.items()}
        for first, count in pieces(len(self.month.rows), batch_rows):
            template = pa.array(self.month.rows.template[first : first + count])
            varying = self.varying(first, count)
            yield pa.RecordBatch.from_arrays(
                [
                    varying[name]
                    if name in varying
                    else pa.DictionaryArray.from_arrays(coded[name].indices.take(template), coded[name].dictionary)
                    for name in self.header
                ],
                names=list(self.header),
            )

    def table(self) -> pa.Table:
        """The whole month; for small months and tests."""
        return pa.Table.from_batches(list(self.batches()))


def pieces(total: int, size: int) -> Iterator[tuple[int, int]]:
    """(first, count) of consecutive pieces; one empty piece when there is nothing."""
    for first in range(0, max(total, 1), size):
        yield first, min(size, total - first)


def decimals(units: Ints) -> pa.Array:
    """Integers of 1E-10 as decimal text: ``0.0116``, ``12.0``, and as AWS's Java prints tiny ones, ``1.81E-8``."""
    halves = np.empty((len(units), 2), "<i8")
    halves[:, 0] = units
    halves[:, 1] = units >> 63
    values = pa.Decimal128Array.from_buffers(pa.decimal128(28, 10), len(units), [None, pa.py_buffer(halves)])
    text = pc.cast(values, pa.string())
    trimmed = pc.utf8_rtrim(text, "0")
    trimmed = pc.if_else(pc.ends_with(trimmed, "."), pc.binary_join_element_wise(trimmed, "0", ""), trimmed)
    text = pc.if_else(pc.match_substring(text, "E"), text, trimmed)
    return pc.if_else(pa.array(units == 0), "0.0", text)


def where(mask: Mask, units: Ints) -> pa.Array:
    """Text of the numbers under the mask, null elsewhere."""
    positions = np.cumsum(mask) - 1
    return decimals(units[mask]).take(pa.array(positions, mask=~mask))
