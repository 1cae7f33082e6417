"""AWS's own FOCUS rows to FOCUS 1.2 rows of the lake: one pure function on Arrow record batches.

One row gives one row. What AWS wrote passes as it is; what its version lacks is in focus_versions.py, what AWS leaves
empty in focus_gaps.py. The counterpart for a CUR is mapping.py, whose contract this is.

Nothing is checked here within a commitment: that the effective cost of its used and unused rows is what was paid
(FOCUS 1.2, EffectiveCost) holds over the commitment's term, and a month of a FOCUS export has no column that says how
much of the term's fee falls into it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Mask, Rows, choose, constant, from_arrow
from staxpipe.focus.columns import MOMENT
from staxpipe.focus.control import focus_totals
from staxpipe.focus.duplicates import base_name, united
from staxpipe.focus.focus_gaps import fill
from staxpipe.focus.focus_lines import FocusLines
from staxpipe.focus.focus_maps import map_columns
from staxpipe.focus.focus_versions import FocusVersion, upgrades, version_of
from staxpipe.focus.line_item_types import Kind
from staxpipe.focus.mapping import MappingContext, Normalised, record_batch, unreadable_maps
from staxpipe.focus.moments import Moments, parse_moments
from staxpipe.focus.names import UNREADABLE
from staxpipe.focus.numbers import Numbers, parse_numbers
from staxpipe.focus.outcomes import Outcome, having, outcomes
from staxpipe.focus.passthrough_columns import (
    MOMENTS,
    NULL_WORD,
    NUMBERS,
    TEXTS,
    require_columns,
    wanted,
)
from staxpipe.focus.passthrough_refusals import refuse
from staxpipe.focus.periods import in_period
from staxpipe.focus.services import counts
from staxpipe.focus.tally import SourceSum, Tally, sums_by
from staxpipe.model import BillingPeriod

LINE_ITEM_TYPE = "Focus{}"
"""x_LineItemType of a FOCUS row, which has no line-item type: its charge category behind a word of ours.

`FocusUsage` and not `Usage`, because in a CUR `Usage` leaves out what a commitment covers, and here it does not.
"""

CATEGORIES = frozenset({"Adjustment", "Credit", "Purchase", "Tax", "Usage"})
"""FOCUS 1.2, ChargeCategory. A row of any other keeps its money as an Adjustment, and is reported."""


def pass_through(
    batch: pa.RecordBatch, context: MappingContext, first_row: int = 1, version: FocusVersion | None = None
) -> Normalised:
    """Take over AWS's FOCUS rows; pure.

    Args:
        batch: columns of dictionary<int32, string> under canonical names; null is missing. Others are ignored.
        context: what the rows do not say.
        first_row: the number of the batch's first row in its file, for `Rejected.row`.
        version: of the file, as its header tells (dialect.py); where it is not given, the batch's columns tell.

    Returns:
        One row for every row that is not refused, in the source's order.

    Raises:
        PermanentError: a required column is absent, or the rows are of several billing periods.
    """
    count = batch.num_rows
    read = {name: column for name, column in zip(batch.schema.names, batch.columns, strict=True) if _read(name)}
    source, disagreements = united({name: _column(name, column) for name, column in read.items()})
    require_columns(source)
    told = version or version_of(source)
    numbers = {name: parse_numbers(column) for name, column in source.items() if name in NUMBERS}
    moments = {name: parse_moments(column) for name, column in source.items() if name in MOMENTS}
    here, periods = in_period(moments["billing_period_start"], context.period)
    rejected = refuse(source, numbers, moments, disagreements, here, first_row)
    # One row gives one row, as a CUR's usage does.
    usage = np.full(count, Kind.USAGE, np.int8)
    outcome = outcomes(usage, here, (refused.row - first_row for refused in rejected))
    rows: Rows = np.flatnonzero(having(outcome, Outcome.MAPPED))
    lines = _lines(source, numbers, rows)

    filled = fill(lines)
    words = lines.text("ChargeCategory")
    known = words.lookup(lambda word: word in CATEGORIES, np.bool_, True)
    columns: dict[str, Coded | pa.Array] = {
        **lines.texts,
        **lines.amounts,
        **_times(moments, rows),
        **map_columns(source, rows),
        **(upgrades(lines) if told is not FocusVersion.V1_2 else {}),
        **filled.columns,
        "ChargeCategory": choose(known, words, constant("Adjustment", len(lines))),
        "x_LineItemType": words.map(LINE_ITEM_TYPE.format),
        "x_ExportId": constant(context.export_id, len(lines)),
        "x_DeliveryId": constant(context.delivery_id, len(lines)),
        "x_FocusVersion": constant(told or FocusVersion.V1_0, len(lines)),
    }
    written = record_batch(columns, len(lines))

    tally = Tally(rows_read=count, rows_elsewhere=int(count - here.sum()), rows_quarantined=len(rejected))
    tally.periods = periods
    for refused in rejected:
        tally.rejected_columns[refused.column] = tally.rejected_columns.get(refused.column, 0) + 1
    tally.rows_rounded = _rounded(numbers, rows)
    tally.unreadable_maps = unreadable_maps(source, rows)
    tally.unknown_types = counts(words.where(~known))
    tally.unknown_services = filled.unknown_services
    tally.assumed = dict(filled.assumed)
    if told is None and len(lines):
        tally.assumed["focus_version"] = len(lines)
    _totals(tally, source, numbers["billed_cost"], outcome, lines, written)
    return Normalised(written, rejected, tally)


def _totals(
    tally: Tally,
    source: Mapping[str, Coded],
    billed: Numbers,
    outcome: Coded,
    lines: FocusLines,
    written: pa.RecordBatch,
) -> None:
    """Both sides' control totals. A FOCUS source has no line-item types: its own charge categories are the words."""
    keys = source["billing_account_id"], source["billing_currency"], source["charge_category"], outcome
    for (account, currency, word, fate), (rows, (cost,)) in sums_by(keys, (billed.array(),)).items():
        tally.source[account, currency, word, fate] = SourceSum(rows, cost)
    # FOCUS 1.0 has no InvoiceId: of such a month it is never known that it is final.
    without = ~lines.text("InvoiceId").present
    paid_by = lines.text("BillingAccountId"), lines.text("BillingCurrency")
    for (account, currency), (rows, _) in sums_by(paid_by, (), without).items():
        tally.uninvoiced[account, currency] = rows
    focus_totals(tally, written)


def _read(name: str) -> bool:
    return wanted(base_name(name)) or name.endswith(UNREADABLE)


def _column(name: str, column: pa.Array) -> Coded:
    """A column of the batch; the word that stands for a missing value is null (but in a tag, which may say it)."""
    values = from_arrow(column)
    at = -1 if "/" in name else int(pc.index(values.values, pa.scalar(NULL_WORD, pa.string())).as_py())
    return values if at < 0 else values.where(values.codes != at).compact()


def _lines(source: Mapping[str, Coded], numbers: Mapping[str, Numbers], rows: Rows) -> FocusLines:
    texts = {TEXTS[name]: column.take(rows) for name, column in source.items() if name in TEXTS}
    return FocusLines(len(rows), texts, {NUMBERS[name]: parsed.array(rows) for name, parsed in numbers.items()})


def _times(moments: Mapping[str, Moments], rows: Rows) -> dict[str, Coded | pa.Array]:
    """The four moments; the end of the billing period follows from its start where it is not there."""
    columns: dict[str, Coded | pa.Array] = {MOMENTS[name]: parsed.array(rows) for name, parsed in moments.items()}
    start = moments["billing_period_start"]
    ends = [None if moment is None else BillingPeriod.containing(moment).end for moment in start.values.to_pylist()]
    following = Moments(start.source, pa.array(ends, MOMENT), {}).array(rows)
    given = columns.get("BillingPeriodEnd")
    columns["BillingPeriodEnd"] = following if given is None else pc.coalesce(given, following)
    return columns


def _rounded(numbers: Mapping[str, Numbers], rows: Rows) -> int:
    rounded: Mask = np.zeros(len(rows), np.bool_)
    for parsed in numbers.values():
        if parsed.rounded:
            rounded |= parsed.flagged(parsed.rounded)[rows]
    return int(rounded.sum())
