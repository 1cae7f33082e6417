from __future__ import annotations

from decimal import Context, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus import residuals
from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.mapping import Normalised, normalise
from staxpipe.focus.reconciliation import reconcile, residual_rows, residual_tally
from staxpipe.focus.residuals import open_balances
from staxpipe.focus.tally import FocusSum, SourceSum, Tally
from staxpipe.model import Severity
from staxpipe_tests.focus.batches import CONTEXT, PLAN, Row, batch, cur_rows, mapped, row
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, NEGATION, RI_FEE

WIDE = Context(prec=100)


def finished(result: Normalised) -> Tally:
    """The tally of a whole delivery, residuals included."""
    tally = Tally()
    tally.add(result.tally)
    rows = residual_rows(tally, CONTEXT)
    if rows is not None:
        tally.add(residual_tally(rows))
    return tally


def codes(tally: Tally) -> list[str]:
    return [finding.code for finding in reconcile(tally).findings]


@settings(max_examples=100, deadline=None)
@given(cur_rows(max_rows=20))
def test_whatever_is_delivered_both_sides_are_equal(data: tuple[list[str], list[Row]]) -> None:
    columns, rows = data
    tally = finished(normalise(batch(rows, columns), CONTEXT))
    found = reconcile(tally)
    assert found.reconciled
    for line in found.lines:
        assert abs(line.difference) <= Decimal("0.0001")
        assert line.rows_read == line.rows_mapped + line.rows_doubled + line.rows_dropped + line.rows_split + (
            line.rows_quarantined
        )
    assert sum(line.rows_read for line in found.lines) == tally.rows_read - tally.rows_elsewhere
    assert all(finding.severity is not Severity.ERROR or finding.code == "rejected-rows" for finding in found.findings)


MONEY = st.decimals(min_value=-(10**6), max_value=10**6, places=10)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Usage", "Tax", "Credit", "Refund", "Fee", "EdpDiscount", "NewType"]),
            MONEY,
            st.sampled_from(["USD", "EUR"]),
        ),
        max_size=20,
    ),
    st.lists(st.tuples(MONEY, st.integers(0, 23), st.integers(1, 3)), max_size=8),
)
def test_totals_that_are_known_by_construction_come_out(
    plain: list[tuple[str, Decimal, str]], covered: list[tuple[Decimal, int, int]]
) -> None:
    expected: dict[str, Decimal] = {"USD": Decimal(0), "EUR": Decimal(0)}
    rows: list[Row] = []
    for kind, cost, currency in plain:
        expected[currency] = WIDE.add(expected[currency], cost)
        rows.append(
            row(line_item_line_item_type=kind, line_item_unblended_cost=f"{cost:f}", line_item_currency_code=currency)
        )
    for cost, hour, pieces in covered:
        # One negation for several covered rows of the hour: nothing is billed, and each is effective at 0.5.
        start = {"line_item_usage_start_date": f"2026-10-05T{hour:02d}:00:00Z"}
        for _ in range(pieces):
            rows.append(
                {
                    **COVERED,
                    **start,
                    "line_item_unblended_cost": f"{cost:f}",
                    "savings_plan_savings_plan_effective_cost": "0.5",
                }
            )
        rows.append({**NEGATION, **start, "line_item_unblended_cost": f"{-cost * pieces:f}"})
    if not rows:
        return
    result = mapped(*rows)
    tally = finished(result)
    assert residual_rows(tally, CONTEXT) is None
    effective = {**expected, "USD": WIDE.add(expected["USD"], Decimal("0.5") * sum(pieces for _, _, pieces in covered))}
    for currency in expected:
        sums = [found for (_, of, _), found in tally.focus.items() if of == currency]
        assert sum((found.billed for found in sums), Decimal(0)) == expected[currency]
        assert sum((found.effective for found in sums), Decimal(0)) == effective[currency]
    assert reconcile(tally).reconciled


def test_currencies_and_accounts_are_never_summed_together() -> None:
    tally = finished(mapped(row(), row(line_item_currency_code="EUR"), row(bill_payer_account_id="111111111111")))
    assert [(found.billing_account_id, found.currency, found.lake_cost) for found in reconcile(tally).lines] == [
        ("001234567890", "EUR", Decimal("0.25")),
        ("001234567890", "USD", Decimal("0.25")),
        ("111111111111", "USD", Decimal("0.25")),
    ]


def test_many_open_balances_are_summed_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    result = mapped(
        *({**COVERED, "line_item_usage_start_date": f"2026-10-{day:02d}T00:00:00Z"} for day in range(1, 29))
    )
    asked: list[Tally] = []

    def counted(tally: Tally) -> dict[tuple[str, str], Decimal]:
        asked.append(tally)
        return open_balances(tally)

    monkeypatch.setattr(residuals, "open_balances", counted)
    rows = residual_rows(result.tally, CONTEXT)
    assert rows is not None
    assert (rows.num_rows, len(asked)) == (28, 1)


def test_what_covered_usage_and_negation_leave_becomes_an_adjustment() -> None:
    result = mapped(COVERED, {**NEGATION, "line_item_unblended_cost": "-0.2"})
    rows = residual_rows(result.tally, CONTEXT)
    assert rows is not None
    (found,) = rows.to_pylist()
    assert (found["BilledCost"], found["EffectiveCost"], found["ChargeCategory"]) == (
        Decimal("0.05"),
        Decimal(0),
        "Adjustment",
    )
    assert (found["CommitmentDiscountId"], found["x_LineItemType"]) == (PLAN, "SavingsPlanResidual")
    assert rows.schema.names == [column.name for column in LINE_ITEM_COLUMNS]
    assert all(column.nullable or found[column.name] is not None for column in LINE_ITEM_COLUMNS)
    tally = finished(result)
    assert tally.rows_residual == 1
    assert reconcile(tally).reconciled
    assert codes(tally) == ["savings-plan-residual"]


def test_a_residual_below_a_hundredth_of_a_cent_is_let_be() -> None:
    result = mapped(COVERED, {**NEGATION, "line_item_unblended_cost": "-0.24991"})
    assert residual_rows(result.tally, CONTEXT) is None
    assert reconcile(result.tally).reconciled


def test_residuals_that_cancel_each_other_are_still_residuals() -> None:
    other = "arn:aws:savingsplans::001234567890:savingsplan/2"
    result = mapped(COVERED, {**NEGATION, "savings_plan_savings_plan_a_r_n": other})
    rows = residual_rows(result.tally, CONTEXT)
    assert rows is not None
    assert sorted(rows.column("BilledCost").to_pylist()) == [Decimal("-0.25"), Decimal("0.25")]


def test_residual_rows_that_are_not_written_are_missed() -> None:
    result = mapped(COVERED)
    found = reconcile(result.tally)
    assert not found.reconciled
    assert found.findings[0].code == "cost-off"
    assert "off by -0.25" in found.findings[0].message


def test_a_cent_that_is_lost_is_an_error_and_says_how_much() -> None:
    tally = Tally(rows_read=1, rows_written=1)
    tally.source["123456789012", "USD", "Usage", "mapped"] = SourceSum(1, Decimal("10.00"))
    tally.focus["123456789012", "USD", "Usage"] = FocusSum(1, Decimal("9.99"), Decimal(0), Decimal(0), Decimal(0))
    found = reconcile(tally)
    assert not found.reconciled
    (finding,) = found.findings
    assert finding.message == "account 123456789012: the source adds up to 10.00 USD and the lake to 9.99, off by -0.01"


def test_a_row_that_is_lost_is_an_error_even_if_it_costs_nothing() -> None:
    tally = finished(mapped(row()))
    tally.rows_read += 1
    found = reconcile(tally)
    assert not found.reconciled
    assert [finding.code for finding in found.findings] == ["rows-off"]


@pytest.mark.parametrize(
    ("rows", "code", "severity"),
    [
        ([row(line_item_line_item_type="NewType")], "unknown-line-item-type", Severity.WARNING),
        ([row(line_item_product_code="NewService")], "unknown-service", Severity.INFO),
        ([row(line_item_unblended_cost="oops")], "rejected-rows", Severity.ERROR),
        ([{**DISCOUNTED, "line_item_unblended_cost": "1"}], "discounted-usage-costs", Severity.WARNING),
        ([{**DISCOUNTED, "reservation_effective_cost": None}], "amortised-cost-missing", Severity.WARNING),
        ([{**RI_FEE, "reservation_effective_cost": None}], "ri-invariant-off", Severity.WARNING),
        ([row(line_item_unblended_cost="0.1234567890123456789")], "rounded-amounts", Severity.INFO),
        ([row(bill_invoice_id=None)], "no-invoice-yet", Severity.INFO),
        ([row(pricing_public_on_demand_cost="convertible")], "list-cost-unreadable", Severity.INFO),
        ([row(line_item_net_unblended_cost="0")], "net-cost-zero", Severity.WARNING),
        (
            [row(line_item_operation="EKSPod-EC2", split_line_item_parent_resource_id="i-9")],
            "split-cost-billed",
            Severity.WARNING,
        ),
        ([{**row(), "resource_tags/#unreadable": "team=a"}], "map-unreadable", Severity.WARNING),
    ],
)
def test_what_people_should_know_is_found(rows: list[Row], code: str, severity: Severity) -> None:
    found = [finding for finding in reconcile(finished(mapped(*rows))).findings if finding.code == code]
    assert [(finding.code, finding.severity, finding.count) for finding in found] == [(code, severity, 1)]


def test_fees_of_hours_to_come_lack_no_amortised_cost() -> None:
    fee = row(
        line_item_line_item_type="SavingsPlanRecurringFee",
        savings_plan_savings_plan_a_r_n=PLAN,
        savings_plan_total_commitment_to_date="0.0",
        savings_plan_used_commitment="0.0",
    )
    assert codes(finished(mapped(fee))) == []
    untold = {**fee, "savings_plan_total_commitment_to_date": None}
    assert codes(finished(mapped(fee, untold))) == ["amortised-cost-missing"]


def test_an_ordinary_month_has_nothing_to_say() -> None:
    assert codes(finished(mapped(row(), COVERED, NEGATION))) == []


def test_the_reservation_invariant_holds_when_every_part_is_there() -> None:
    fits = {**DISCOUNTED, "reservation_effective_cost": "23.57"}
    assert codes(finished(mapped(fits, RI_FEE))) == []


def test_absent_columns_are_told_one_by_one() -> None:
    reduced = {name: text for name, text in row().items() if name != "line_item_currency_code"}
    (finding,) = reconcile(finished(mapped(reduced))).findings
    assert finding.message == "the column line_item_currency_code is absent, so amounts are taken for US dollars"


def test_tallies_of_two_months_do_not_merge() -> None:
    first = mapped(row()).tally
    second = mapped(row(bill_billing_period_start_date="2026-11-01T00:00:00Z")).tally
    with pytest.raises(PermanentError, match="2026-10, 2026-11"):
        first.add(second)


def test_findings_put_the_worst_first() -> None:
    rows = mapped(row(line_item_unblended_cost="oops"), row(bill_invoice_id=None), row(line_item_line_item_type="New"))
    order = [finding.severity for finding in reconcile(finished(rows)).findings]
    assert order == [Severity.ERROR, Severity.WARNING, Severity.INFO]
