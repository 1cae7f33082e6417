"""The rows for what Savings Plan covered usage and its negation leave over.

AWS's two sides should be equal to the last decimal. Where they are not, dropping the difference would lose money
silently, so it becomes Adjustment rows, one a plan and day, and a finding.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.control import focus_totals
from staxpipe.focus.dimensions import AWS_ISSUER
from staxpipe.focus.mapping import MappingContext
from staxpipe.focus.numbers import exact_add
from staxpipe.focus.tally import Tally

NEGLIGIBLE = Decimal("0.0001")
"""A hundredth of a cent for a whole account, month and currency: no cent can come of it."""

LINE_ITEM_TYPE = "SavingsPlanResidual"
"""x_LineItemType of these rows; the word is ours, not AWS's."""


def residual_rows(tally: Tally, context: MappingContext) -> pa.RecordBatch | None:
    """Adjustment rows for the residuals of a whole delivery, or None where there are none that matter.

    Write them beside the mapped rows, and add `residual_tally(rows)` to the tally. Their effective, list and
    contracted cost are 0: what the covered usage costs is on its own row already.
    """
    matters = open_balances(tally)
    days = [row for row in tally.balances.plans.to_pylist() if (row["account"], row["currency"]) in matters]
    if not days or not tally.periods:
        return None
    (period,) = tally.periods
    rows = [_adjustment(day, period.start, period.end, context) for day in days]
    arrays = []
    for column in LINE_ITEM_COLUMNS:
        array = pa.array([row.get(column.name) for row in rows], column.type)
        arrays.append(array.dictionary_encode() if pa.types.is_string(column.type) else array.cast(column.coded_type))
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in LINE_ITEM_COLUMNS])


def residual_tally(rows: pa.RecordBatch) -> Tally:
    """The totals of residual rows, to be added to the delivery's tally."""
    tally = Tally(rows_residual=rows.num_rows)
    focus_totals(tally, rows)
    return tally


def open_balances(tally: Tally) -> dict[tuple[str, str], Decimal]:
    """Accounts and currencies whose residuals matter, with the sum of what is left over (signs kept)."""
    sizes: dict[tuple[str, str], Decimal] = {}
    sums: dict[tuple[str, str], Decimal] = {}
    for row in tally.balances.plans.to_pylist():
        key = row["account"], row["currency"]
        sizes[key] = exact_add(sizes.get(key, Decimal(0)), abs(row["amount"]))
        sums[key] = exact_add(sums.get(key, Decimal(0)), row["amount"])
    return {key: sums[key] for key, size in sizes.items() if size > NEGLIGIBLE}


def _adjustment(day: dict[str, object], start: datetime, end: datetime, context: MappingContext) -> dict[str, object]:
    begin = day["hour"]
    if not isinstance(begin, datetime):
        raise TypeError(f"a balance has no hour: {day}")
    begin = begin.astimezone(UTC)
    plan = day["plan"]
    return {
        "BilledCost": day["amount"],
        "EffectiveCost": Decimal(0),
        "ListCost": Decimal(0),
        "ContractedCost": Decimal(0),
        "BillingAccountId": day["account"],
        "BillingAccountName": day["account"],
        "BillingAccountType": "Payer Account",
        "BillingCurrency": day["currency"],
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargeCategory": "Adjustment",
        "ChargeDescription": "Savings Plan covered usage that SavingsPlanNegation does not balance",
        "ChargeFrequency": "One-Time",
        "ChargePeriodStart": begin,
        "ChargePeriodEnd": begin + timedelta(days=1),
        "CommitmentDiscountCategory": "Spend" if plan else None,
        "CommitmentDiscountId": plan,
        "CommitmentDiscountType": "Savings Plan" if plan else None,
        "InvoiceIssuerName": AWS_ISSUER,
        "PricingCurrency": day["currency"],
        "PricingCurrencyEffectiveCost": Decimal(0),
        "ProviderName": "AWS",
        "PublisherName": AWS_ISSUER,
        "ServiceCategory": "Other",
        "ServiceName": "Savings Plans",
        "ServiceSubcategory": "Other (Other)",
        "x_LineItemType": LINE_ITEM_TYPE,
        "x_ExportId": context.export_id,
        "x_DeliveryId": context.delivery_id,
    }
