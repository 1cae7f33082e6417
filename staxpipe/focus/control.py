"""The control totals of one batch: what the source rows add up to, and what the FOCUS rows do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.balances import AMOUNT, KEYS, SCHEMA
from staxpipe.focus.coded import Coded, Mask, Rows, from_arrow
from staxpipe.focus.line_item_types import DOUBLED, PRICED, Kind
from staxpipe.focus.lines import Kinds, any_of
from staxpipe.focus.moments import Moments
from staxpipe.focus.net import GROSS, NET
from staxpipe.focus.numbers import Numbers, exact_add, nonzero, zero
from staxpipe.focus.outcomes import COUNTED, Outcome, having
from staxpipe.focus.refusals import USED_BY, used
from staxpipe.focus.services import counts
from staxpipe.focus.tally import FocusSum, PlanSum, ReservationSum, SourceSum, Tally, sums_by


def source_totals(
    tally: Tally,
    source: Mapping[str, Coded],
    numbers: Mapping[str, Numbers],
    charged: pa.Array,
    starts: Moments,
    account: Coded,
    currency: Coded,
    types: Coded,
    kinds: Kinds,
    outcome: Coded,
) -> None:
    """Count and add up into `tally` the source rows of the given columns, by what becomes of them (`outcomes.py`).

    `charged` is what each row costs after discounts (net.py).
    """
    for key, (rows, (cost,)) in sums_by((account, currency, types, outcome), (charged,)).items():
        tally.source[_four(key)] = SourceSum(rows, cost)

    kept = np.flatnonzero(having(outcome, *COUNTED, Outcome.SPLIT))
    account, currency, types, kinds = account.take(kept), currency.take(kept), types.take(kept), kinds[kept]
    for key, (rows, _) in sums_by((account, currency), (), _uninvoiced(source, kept)).items():
        tally.uninvoiced[_two(key)] = rows
    tally.rows_negated += int((kinds == Kind.SAVINGS_PLAN_NEGATION).sum())
    tally.rows_doubled += int(any_of(kinds, DOUBLED).sum())
    tally.unknown_types = counts(types.where(kinds == Kind.UNKNOWN))

    rounded = np.zeros(len(kinds), np.bool_)
    for column, parsed in numbers.items():
        if parsed.rounded and column in USED_BY:
            rounded |= parsed.flagged(parsed.rounded)[kept] & used(column, kinds)
    tally.rows_rounded += int(rounded.sum())

    on_demand = numbers.get("pricing_public_on_demand_cost")
    if on_demand is not None and on_demand.bad:
        tally.rows_unlisted += int((on_demand.flagged(on_demand.bad)[kept] & any_of(kinds, PRICED)).sum())

    discounted = kinds == Kind.DISCOUNTED_USAGE
    if NET in numbers or discounted.any():
        charged_kept = charged.take(pa.array(kept))
        costs_something = _true(pc.not_equal(charged_kept, zero()))
        _sums_into(tally.discounted, account, currency, charged_kept, discounted & costs_something)
    if NET in numbers:
        net, gross = numbers[NET].array(kept), numbers[GROSS].array(kept)
        said = nonzero(net)
        tally.rows_net_lower += int((_true(pc.not_equal(said, gross)) & (kinds != Kind.DISCOUNT)).sum())
        zeroed = _true(pc.and_(pc.equal(net, zero()), pc.not_equal(gross, zero())))
        _sums_into(tally.net_zero, account, currency, gross, zeroed & costs_something)
        without = pc.is_null(said).to_numpy(zero_copy_only=False) & (kinds == Kind.DISCOUNT)
        _sums_into(tally.gross_discounts, account, currency, gross, without & _true(pc.not_equal(gross, zero())))
    _reservations(tally, numbers, account, currency, kinds, kept)
    _plans(tally, numbers, account, currency, kinds, kept)
    _balances(tally, source, starts, account, currency, charged, kinds, kept)


def focus_totals(tally: Tally, rows: pa.RecordBatch) -> None:
    """Count and add up FOCUS rows into `tally`; split cost allocation rows are only counted."""
    shares = rows.column("x_SplitParentResourceId").is_valid()
    split = pc.sum(shares).as_py() or 0
    tally.rows_split += split
    tally.rows_written += rows.num_rows
    if split:
        rows = rows.filter(pc.invert(shares))
    keys = tuple(from_arrow(rows.column(name)) for name in ("BillingAccountId", "BillingCurrency", "ChargeCategory"))
    names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    for key, (count, sums) in sums_by(keys, tuple(rows.column(name) for name in names)).items():
        tally.focus[_three(key)] = FocusSum(count, *sums)


def _uninvoiced(source: Mapping[str, Coded], kept: Rows) -> Mask:
    invoice = source.get("bill_invoice_id")
    return np.ones(len(kept), np.bool_) if invoice is None else ~invoice.take(kept).present


def _reservations(
    tally: Tally,
    numbers: Mapping[str, Numbers],
    account: Coded,
    currency: Coded,
    kinds: Kinds,
    kept: Rows,
) -> None:
    """The sides of the reservation invariant (gross), where the file has all its columns."""
    names = (
        "reservation_effective_cost",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_recurring_fee",
        "reservation_amortized_upfront_fee_for_billing_period",
    )
    if any(name not in numbers for name in names):
        return
    rows = np.flatnonzero(any_of(kinds, (Kind.DISCOUNTED_USAGE, Kind.RI_FEE)))
    if not len(rows):
        return
    used_cost, upfront, recurring, amortised, gross = (numbers[name].array(kept[rows]) for name in (*names, GROSS))
    fee = kinds[rows] == Kind.RI_FEE
    keys = account.take(rows), currency.take(rows)
    for key, (_, (cost,)) in sums_by(keys, (used_cost,), ~fee).items():
        tally.reservations.setdefault(_two(key), ReservationSum()).add(ReservationSum(used=cost))
    for key, (_, (unused_upfront, unused_recurring, paid, spread)) in sums_by(
        keys, (upfront, recurring, gross, amortised), fee
    ).items():
        tally.reservations.setdefault(_two(key), ReservationSum()).add(
            ReservationSum(Decimal(0), exact_add(unused_upfront, unused_recurring), paid, spread)
        )


def _plans(
    tally: Tally, numbers: Mapping[str, Numbers], account: Coded, currency: Coded, kinds: Kinds, kept: Rows
) -> None:
    """The sides of the Savings Plan invariant (gross), where the file has all its columns."""
    names = (
        "savings_plan_savings_plan_effective_cost",
        "savings_plan_used_commitment",
        "savings_plan_total_commitment_to_date",
    )
    if any(name not in numbers for name in names):
        return
    rows = np.flatnonzero(any_of(kinds, (Kind.SAVINGS_PLAN_COVERED_USAGE, Kind.SAVINGS_PLAN_RECURRING_FEE)))
    if not len(rows):
        return
    covered, used_commitment, committed = (numbers[name].array(kept[rows]) for name in names)
    fee = kinds[rows] == Kind.SAVINGS_PLAN_RECURRING_FEE
    keys = account.take(rows), currency.take(rows)
    for key, (_, (cost,)) in sums_by(keys, (covered,), ~fee).items():
        tally.plans.setdefault(_two(key), PlanSum()).add(PlanSum(covered=cost))
    for key, (_, (used_sum, whole)) in sums_by(keys, (used_commitment, committed), fee).items():
        tally.plans.setdefault(_two(key), PlanSum()).add(PlanSum(used=used_sum, committed=whole))


def _balances(
    tally: Tally,
    source: Mapping[str, Coded],
    starts: Moments,
    account: Coded,
    currency: Coded,
    charged: pa.Array,
    kinds: Kinds,
    kept: Rows,
) -> None:
    """Savings Plan covered usage and its negation, to be balanced at the end of the delivery."""
    rows = np.flatnonzero(any_of(kinds, (Kind.SAVINGS_PLAN_COVERED_USAGE, Kind.SAVINGS_PLAN_NEGATION)))
    if not len(rows):
        return

    def text(column: Coded | None, at: Rows) -> pa.Array:
        if column is None:
            return pa.nulls(len(at), pa.string())
        return column.take(at).array().dictionary_decode()

    at = kept[rows]
    hour = pc.floor_temporal(starts.array(at), unit="hour")
    columns = [
        text(account, rows),
        text(currency, rows),
        text(source.get("savings_plan_savings_plan_a_r_n"), at),
        text(source.get("line_item_operation"), at),
        text(source.get("line_item_usage_type"), at),
        text(source.get("line_item_availability_zone"), at),
        hour,
        pc.cast(charged.take(pa.array(at)), AMOUNT),
    ]
    tally.balances.add(pa.table(columns, names=[*KEYS, "amount"]).cast(SCHEMA))


def _sums_into(
    target: dict[tuple[str, str], SourceSum], account: Coded, currency: Coded, amount: pa.Array, where: Mask
) -> None:
    if where.any():
        for key, (rows, (cost,)) in sums_by((account, currency), (amount,), where).items():
            target[_two(key)] = SourceSum(rows, cost)


def _true(condition: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _two(key: tuple[str, ...]) -> tuple[str, str]:
    account, currency = key
    return account, currency


def _four(key: tuple[str, ...]) -> tuple[str, str, str, str]:
    account, currency, word, outcome = key
    return account, currency, word, outcome


def _three(key: tuple[str, ...]) -> tuple[str, str, str]:
    account, currency, word = key
    return account, currency, word
