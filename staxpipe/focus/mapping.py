"""The mapping from CUR rows to FOCUS 1.2 rows: one pure function on Arrow record batches.

Here is the order of things: what is read, which rows go where, which columns come out. The rules themselves are in
line_item_types.py and kinds.py (what a row is), costs.py (numbers), dimensions.py and services.py (texts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from staxpipe.errors import PermanentError
from staxpipe.focus.coded import Coded, Mask, Rows, constant, from_arrow, nothing
from staxpipe.focus.columns import LINE_ITEM_COLUMNS, TEXT
from staxpipe.focus.control import focus_totals, source_totals
from staxpipe.focus.costs import Costs, cost_of
from staxpipe.focus.dimensions import (
    DEFAULT_CURRENCY,
    accounts,
    capacity,
    charges,
    commitments,
    places,
    resources,
    skus,
    units,
)
from staxpipe.focus.duplicates import base_name, united
from staxpipe.focus.exact import valid_rows
from staxpipe.focus.kinds import line_item_types, require_amortisation, row_kinds
from staxpipe.focus.line_item_types import DOUBLED, Kind
from staxpipe.focus.lines import Kinds, Lines, any_of
from staxpipe.focus.maps import cost_category_claims, distinct, fold, tag_claims
from staxpipe.focus.moments import parse_moments
from staxpipe.focus.names import UNREADABLE
from staxpipe.focus.net import NET_COLUMNS, charged_cost
from staxpipe.focus.numbers import Numbers, parse_numbers, plain_text
from staxpipe.focus.outcomes import Outcome, having, outcomes
from staxpipe.focus.periods import PERIOD_START, USAGE_END, USAGE_START, in_period, time_columns
from staxpipe.focus.refusals import Rejected, priced, refuse
from staxpipe.focus.selection import keep
from staxpipe.focus.services import service_columns
from staxpipe.focus.source_columns import (
    ASSUMED,
    COMMITMENT_PREFIXES,
    DISCOUNT_PREFIX,
    NUMBERS,
    REQUIRED,
    SKU_DETAILS,
    wanted,
)
from staxpipe.focus.split import split_columns
from staxpipe.focus.tally import Tally
from staxpipe.model import BillingPeriod

LINE_ITEM_ID = "identity_line_item_id"

__all__ = ["MappingContext", "Normalised", "Rejected", "normalise"]


@dataclass(frozen=True)
class MappingContext:
    """What a row does not say itself: which export and delivery it came in, and what was asked for.

    `period` is given where files are shared by several periods: rows of other periods are then left out. `net_costs`
    is False where the delivery has net columns that tell nothing (CUR 2.0 has them always): they are then not read.
    """

    export_id: str
    delivery_id: str
    line_item_ids: bool = False
    period: BillingPeriod | None = None
    net_costs: bool = True


@dataclass(frozen=True)
class Normalised:
    """FOCUS rows (LINE_ITEM_COLUMNS), the rows that were refused, and the totals of both sides."""

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]
    tally: Tally


def normalise(batch: pa.RecordBatch, context: MappingContext, first_row: int = 1) -> Normalised:
    """Map CUR rows to FOCUS 1.2 rows; pure.

    Args:
        batch: columns of dictionary<int32, string> under canonical names; null is missing. Others are ignored.
        context: what the rows do not say.
        first_row: the number of the batch's first row in its file, for `Rejected.row`.

    Returns:
        FOCUS rows: first one a source row in the source's order, then the Unused rows of fees.

    Raises:
        PermanentError: a required column is absent, or the rows are of several billing periods.
    """
    require_columns(batch.schema.names)
    count = batch.num_rows
    source, disagreements = united(
        {
            name: from_arrow(batch.column(at))
            for at, name in enumerate(batch.schema.names)
            if reads(name, context) or name.endswith(UNREADABLE)
        }
    )
    numbers = {name: parse_numbers(column) for name, column in source.items() if name in NUMBERS}
    period_start = parse_moments(source.get(PERIOD_START, source[USAGE_START]))
    moments = {
        USAGE_START: parse_moments(source[USAGE_START]),
        USAGE_END: parse_moments(source[USAGE_END], ends=True),
    }
    if PERIOD_START in source:
        moments[PERIOD_START] = period_start
    types = line_item_types(source, count)
    kinds = row_kinds(source, types)
    here, periods = in_period(period_start, context.period)
    require_amortisation(source, kinds, here, periods)

    rejected = refuse(source, numbers, moments, disagreements, kinds, here, first_row)
    outcome = outcomes(kinds, here, (refused.row - first_row for refused in rejected))
    kept = ~having(outcome, Outcome.QUARANTINED, Outcome.ELSEWHERE)
    lines = _lines(source, numbers, kinds, kept)
    charged = charged_cost(source, numbers, kinds)
    costs = cost_of(lines, charged.take(pa.array(lines.rows)))

    tally = Tally(rows_read=count, rows_elsewhere=int(count - here.sum()), rows_quarantined=len(rejected))
    tally.periods = periods
    tally.rows_unamortised = int(costs.unamortised.sum())
    for refused in rejected:
        tally.rejected_columns[refused.column] = tally.rejected_columns.get(refused.column, 0) + 1
    kept_rows = np.flatnonzero(kept)
    tally.unreadable_maps = unreadable_maps(source, kept_rows)
    tally.assumed = {name: len(kept_rows) for name in ASSUMED if name not in source and len(kept_rows)}
    columns, tally.unknown_services = _columns(lines, costs, types, context)
    columns |= time_columns(lines, source, moments, period_start)
    rows = record_batch(columns, len(lines))
    source_totals(
        tally,
        source,
        numbers,
        charged,
        moments[USAGE_START],
        source["bill_payer_account_id"],
        source.get("line_item_currency_code", constant(DEFAULT_CURRENCY, count)),
        types,
        kinds,
        outcome,
    )
    focus_totals(tally, rows)
    at = pa.array([refused.row - first_row for refused in rejected], pa.int64())
    return Normalised(rows, priced(rejected, charged.take(at)), tally)


def require_columns(names: list[str]) -> None:
    """Refuse a file that lacks a column without which its rows cannot be costs.

    Raises:
        PermanentError: naming every column that is absent.
    """
    missing = sorted(REQUIRED.difference(names))
    if missing:
        raise PermanentError(
            f"columns that every cost export must have are absent: {', '.join(missing)}. "
            "Is this a Cost and Usage Report, and was a column dropped or renamed in the export?"
        )
    if "line_item_line_item_type" not in names and any(name.startswith(COMMITMENT_PREFIXES) for name in names):
        raise PermanentError(
            "the column line_item_line_item_type is absent, and the file has reservation or Savings Plan columns: "
            "without the type it cannot be told what was paid and what was covered. Add it to the export"
        )


def reads(name: str, context: MappingContext) -> bool:
    """Whether the mapping reads the column with this canonical name, for what is asked of it."""
    base = base_name(name)
    if (base == LINE_ITEM_ID and not context.line_item_ids) or (base in NET_COLUMNS and not context.net_costs):
        return False
    return wanted(base)


def unreadable_maps(source: Mapping[str, Coded], kept: Rows) -> dict[str, int]:
    """By map column, how many of the kept rows have one whose text could not be read.

    The rows are kept, and the text is in the FOCUS map under the key `#unreadable` (but for product attributes, which
    have none).
    """
    counts = {
        name.removesuffix(UNREADABLE).rstrip("/_"): int(column.take(kept).present.sum())
        for name, column in source.items()
        if name.endswith(UNREADABLE)
    }
    return {column: rows for column, rows in counts.items() if rows}


def _lines(source: Mapping[str, Coded], numbers: Mapping[str, Numbers], kinds: Kinds, kept: Mask) -> Lines:
    """One FOCUS row for every kept row but negations, then one more for every fee row."""
    first = np.flatnonzero(kept & (kinds != Kind.SAVINGS_PLAN_NEGATION))
    second = np.flatnonzero(kept & any_of(kinds, DOUBLED))
    rows: Rows = np.concatenate([first, second])
    unused = np.zeros(len(rows), np.bool_)
    unused[len(first) :] = True
    return Lines(source, numbers, rows, unused, kinds[rows])


def _columns(
    lines: Lines, costs: Costs, types: Coded, context: MappingContext
) -> tuple[dict[str, Coded | pa.Array], dict[str, int]]:
    count = len(lines)
    service, unknown_services = service_columns(lines)
    commitment = commitments(lines, costs.normalised)
    account = accounts(lines)
    sku = skus(lines)
    columns: dict[str, Coded | pa.Array] = {
        **account,
        **places(lines),
        **capacity(lines),
        **charges(lines),
        **commitment,
        **resources(
            lines, commitment["CommitmentDiscountId"], commitment["CommitmentDiscountType"], service["ServiceName"]
        ),
        **service,
        **sku,
        **units(lines, valid_rows(costs.pricing_quantity), valid_rows(costs.consumed_quantity)),
        "BilledCost": costs.billed,
        "EffectiveCost": costs.effective,
        "ListCost": costs.listed,
        "ContractedCost": costs.contracted,
        "CommitmentDiscountQuantity": costs.commitment_quantity,
        "ConsumedQuantity": costs.consumed_quantity,
        "PricingQuantity": costs.pricing_quantity,
        "ListUnitPrice": costs.list_unit_price,
        "ContractedUnitPrice": costs.contracted_unit_price,
        **split_columns(lines),
        "x_Operation": lines.text("line_item_operation"),
        "x_LineItemType": types.take(lines.rows),
        "x_ExportId": constant(context.export_id, count),
        "x_DeliveryId": constant(context.delivery_id, count),
    }
    if context.line_item_ids:
        columns["x_LineItemId"] = lines.text(LINE_ITEM_ID)
    # In another pricing currency the rate of exchange is not in a CUR, so nothing can be said.
    same = _same(account["PricingCurrency"], account["BillingCurrency"])
    columns["PricingCurrencyContractedUnitPrice"] = keep(same, costs.contracted_unit_price)
    columns["PricingCurrencyEffectiveCost"] = keep(same, costs.effective)
    columns["PricingCurrencyListUnitPrice"] = keep(same, costs.list_unit_price)
    columns |= _maps(lines, sku["SkuPriceId"])
    return columns, unknown_services


def _maps(lines: Lines, price: Coded) -> dict[str, pa.Array]:
    details = [(key, lines.source[name]) for name, key in SKU_DETAILS.items() if lines.has(name)]
    discounts = [
        (name.removeprefix(DISCOUNT_PREFIX), column.map(plain_text))
        for name, column in sorted(lines.source.items())
        if name.startswith(DISCOUNT_PREFIX)
    ]
    return {
        "Tags": fold(distinct(tag_claims(lines.source)), lines.rows),
        "x_CostCategories": fold(distinct(cost_category_claims(lines.source)), lines.rows),
        "x_Discounts": fold(discounts, lines.rows),
        "SkuPriceDetails": fold(details, lines.rows, price.present),
    }


def record_batch(columns: Mapping[str, Coded | pa.Array], count: int) -> pa.RecordBatch:
    """Columns by FOCUS name as a batch of LINE_ITEM_COLUMNS; a column that is not given is null."""
    arrays = []
    nulls: dict[pa.DataType, pa.Array] = {}
    for column in LINE_ITEM_COLUMNS:
        value = columns.get(column.name)
        if value is None or (isinstance(value, Coded) and value.empty):
            if column.type not in nulls:
                text = column.type == TEXT
                nulls[column.type] = nothing(count).array() if text else pa.nulls(count, column.coded_type)
            value = nulls[column.type]
        arrays.append(value.array() if isinstance(value, Coded) else value)
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in LINE_ITEM_COLUMNS])


def _same(left: Coded, right: Coded) -> Mask:
    """Rows on which two columns have the same value, or none."""
    if left is right:
        return np.ones(len(left), np.bool_)
    ranks = {value: rank for rank, value in enumerate({*left.values.to_pylist(), *right.values.to_pylist()})}
    same: Mask = left.lookup(ranks.__getitem__, np.int64, -1) == right.lookup(ranks.__getitem__, np.int64, -1)
    return same
