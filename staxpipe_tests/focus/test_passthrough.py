"""AWS's own FOCUS rows in the lake: nothing of them is altered, and what cannot pass is named."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import FOCUS_COLUMNS, LINE_ITEM_COLUMNS, MOMENT, MONEY, TEXT
from staxpipe.focus.focus_versions import FocusVersion
from staxpipe.focus.mapping import MappingContext, Rejected
from staxpipe.focus.names import canonical_name
from staxpipe.focus.numbers import parse_number
from staxpipe.focus.passthrough import pass_through
from staxpipe.focus.passthrough_columns import REQUIRED
from staxpipe.focus.tally import FocusSum, SourceSum, Tally
from staxpipe.model import BillingPeriod
from staxpipe_tests.focus.batches import AMOUNTS, CONTEXT, Row, batch
from staxpipe_tests.focus.focus_batches import FOCUS_1_0, FOCUS_1_2, focus_row, only, passed, without


def test_every_column_of_1_2_passes_as_aws_wrote_it() -> None:
    found = only(FOCUS_1_2)
    for column in FOCUS_COLUMNS:
        written = FOCUS_1_2.get(canonical_name(column.name))
        if column.type == TEXT:
            assert found[column.name] == written, column.name
        elif column.type == MONEY:
            assert found[column.name] == (None if written is None else Decimal(written)), column.name
        elif column.type == MOMENT:
            assert found[column.name] == datetime.fromisoformat(str(written)), column.name
    assert found["Tags"] == [("Name", "web")]
    assert found["SkuPriceDetails"] == [("InstanceType", "m5.large")]
    assert found["x_Discounts"] == [("edp", "-0.03")]
    assert found["x_CostCategories"] is None
    assert (found["x_Operation"], found["x_ServiceCode"]) == ("RunInstances", "AmazonEC2")
    assert (found["x_ExportId"], found["x_DeliveryId"], found["x_LineItemId"]) == ("7", "assembly-1", None)


@pytest.mark.parametrize(("row", "version"), [(FOCUS_1_0, "1.0"), (FOCUS_1_2, "1.2")])
def test_a_row_says_which_version_it_came_in(row: Row, version: str) -> None:
    assert only(row)["x_FocusVersion"] == version


def test_the_files_version_goes_before_what_a_batch_looks_like() -> None:
    reduced = without(FOCUS_1_2, *(set(FOCUS_1_2) - set(FOCUS_1_0)))
    (found,) = pass_through(batch([reduced]), CONTEXT, version=FocusVersion.V1_2).rows.to_pylist()
    assert (found["x_FocusVersion"], found["PricingCurrency"]) == ("1.2", None)
    undecided = passed(reduced)
    assert undecided.rows.to_pylist()[0]["x_FocusVersion"] == "1.0"
    assert undecided.tally.assumed == {"focus_version": 1}


def test_the_line_item_type_is_a_word_that_no_cur_has() -> None:
    assert only(FOCUS_1_0)["x_LineItemType"] == "FocusUsage"
    assert only(focus_row(FOCUS_1_2, charge_category="Tax"))["x_LineItemType"] == "FocusTax"


def test_the_columns_are_those_of_the_lake_in_its_order() -> None:
    for rows in ((FOCUS_1_0,), (FOCUS_1_2,), ()):
        written = pass_through(batch(rows, list(FOCUS_1_0)), CONTEXT).rows
        assert written.schema.names == [column.name for column in LINE_ITEM_COLUMNS]
        for column, array in zip(LINE_ITEM_COLUMNS, written.columns, strict=True):
            assert array.type == column.coded_type, column.name


def test_an_unknown_charge_category_keeps_its_money_and_is_reported() -> None:
    result = passed(focus_row(FOCUS_1_2, charge_category="Gift"))
    (found,) = result.rows.to_pylist()
    assert (found["ChargeCategory"], found["BilledCost"]) == ("Adjustment", Decimal("0.25"))
    assert found["x_LineItemType"] == "FocusGift"
    assert result.tally.unknown_types == {"Gift": 1}


def test_the_word_null_means_missing_but_in_a_tag() -> None:
    found = only(
        focus_row(FOCUS_1_0, region_id="NULL", list_unit_price="NULL", charge_class="NULL", **{"tags/Owner": "NULL"})
    )
    assert (found["RegionId"], found["ListUnitPrice"], found["ChargeClass"]) == (None, None, None)
    assert dict(found["Tags"]) == {"Name": "web", "Owner": "NULL"}  # type: ignore[call-overload]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_row_without_a_required_value_is_refused_and_in_no_total(name: str) -> None:
    result = passed(FOCUS_1_2, focus_row(FOCUS_1_2, **{name: None}))
    billed = None if name == "billed_cost" else Decimal("0.25")
    assert result.rejected == (Rejected(2, name, "", "is empty", billed),)
    assert result.tally.rejected_columns == {name: 1}
    assert result.rows.num_rows == 1
    fates = {fate: (total.rows, total.cost) for (*_, fate), total in result.tally.source.items()}
    assert fates == {"mapped": (1, Decimal("0.25")), "quarantined": (1, billed or 0)}


@pytest.mark.parametrize("name", [name for name in REQUIRED if name.endswith("cost")])
def test_the_word_none_is_no_cost(name: str) -> None:
    (refused,) = passed(focus_row(FOCUS_1_2, **{name: "None"})).rejected
    assert (refused.column, refused.value, refused.reason) == (name, "None", "is empty")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("billed_cost", "12,5", "is not a number"),
        ("list_cost", "free", "is not a number"),
        ("consumed_quantity", "1234567890123", "has more than 12 digits before the decimal point"),
        ("charge_period_end", "soon", "is not a date and time"),
        ("billing_period_start", "2026-13-01", "is not a date and time"),
    ],
)
def test_a_value_that_is_none_refuses_its_row(name: str, value: str, reason: str) -> None:
    rows = [FOCUS_1_0, focus_row(FOCUS_1_0, **{name: value})]
    result = pass_through(batch(rows), CONTEXT, first_row=41)
    billed = None if name == "billed_cost" else Decimal("0.25")
    assert result.rejected == (Rejected(42, name, value, reason, billed),)
    assert (result.tally.rows_read, result.tally.rows_quarantined, result.tally.rows_written) == (2, 1, 1)


def test_two_columns_of_one_name_give_the_first_value_and_refuse_rows_that_disagree() -> None:
    rows = [
        focus_row(FOCUS_1_0, billed_cost="1", **{"billed_cost#2": None}),
        focus_row(FOCUS_1_0, billed_cost=None, **{"billed_cost#2": "2"}),
        focus_row(FOCUS_1_0, billed_cost="3", **{"billed_cost#2": "3.00"}),
        focus_row(FOCUS_1_0, billed_cost="4", **{"billed_cost#2": "5"}),
    ]
    result = passed(*rows)
    assert result.rows.column("BilledCost").to_pylist() == [Decimal(1), Decimal(2), Decimal(3)]
    assert result.rejected == (Rejected(4, "billed_cost", "4 / 5", "two columns of this name disagree", Decimal(4)),)


def test_absent_required_columns_are_named_all_at_once_as_focus_spells_them() -> None:
    reduced = without(FOCUS_1_2, "billed_cost", "charge_period_start", "billing_currency")
    with pytest.raises(PermanentError, match="absent: BilledCost, BillingCurrency, ChargePeriodStart"):
        passed(reduced)


def test_rows_of_other_periods_are_left_out_where_a_period_is_asked_for() -> None:
    september = focus_row(
        FOCUS_1_0, billing_period_start="2026-09-01 00:00:00", billing_period_end="2026-10-01 00:00:00"
    )
    context = MappingContext("7", "d", period=BillingPeriod(2026, 10))
    result = pass_through(batch([september, FOCUS_1_0]), context)
    assert (result.rows.num_rows, result.tally.rows_elsewhere) == (1, 1)
    assert [fate for *_, fate in sorted(result.tally.source)] == ["elsewhere", "mapped"]
    with pytest.raises(PermanentError, match="several billing periods"):
        passed(september, FOCUS_1_0)


def test_the_end_of_the_billing_period_follows_from_its_start() -> None:
    expected = datetime(2026, 11, 1, tzinfo=UTC)
    assert only(without(FOCUS_1_0, "billing_period_end"))["BillingPeriodEnd"] == expected
    assert only(focus_row(FOCUS_1_0, billing_period_end=None))["BillingPeriodEnd"] == expected


def test_the_totals_of_both_sides_are_by_charge_category() -> None:
    result = passed(
        FOCUS_1_2,
        FOCUS_1_2,
        focus_row(FOCUS_1_2, charge_category="Tax", billed_cost="0.05", effective_cost="0.05", invoice_id=None),
        focus_row(FOCUS_1_2, billing_currency="EUR"),
    )
    assert result.tally.source == {
        ("001234567890", "USD", "Usage", "mapped"): SourceSum(2, Decimal("0.5")),
        ("001234567890", "USD", "Tax", "mapped"): SourceSum(1, Decimal("0.05")),
        ("001234567890", "EUR", "Usage", "mapped"): SourceSum(1, Decimal("0.25")),
    }
    assert result.tally.focus["001234567890", "USD", "Usage"] == FocusSum(
        2, Decimal("0.5"), Decimal("0.48"), Decimal("0.6"), Decimal("0.56")
    )
    assert result.tally.uninvoiced == {("001234567890", "USD"): 1}
    assert result.tally.rows_written == 4


def test_a_month_of_1_0_is_never_known_to_be_invoiced() -> None:
    assert passed(FOCUS_1_0, FOCUS_1_0).tally.rows_without_invoice == 2


def test_amounts_of_more_than_18_decimals_are_rounded_and_counted_once_a_row() -> None:
    fine = "0." + "1" * 19
    result = passed(FOCUS_1_0, focus_row(FOCUS_1_0, billed_cost=fine, list_unit_price=fine))
    assert result.tally.rows_rounded == 1
    assert result.rows.column("BilledCost").to_pylist()[1] == Decimal("0." + "1" * 18)


COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")
CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")


@st.composite
def focus_rows(draw: st.DrawFn) -> list[Row]:
    base = draw(st.sampled_from([FOCUS_1_0, FOCUS_1_2]))
    strategies: dict[str, st.SearchStrategy[str]] = {
        **dict.fromkeys(COSTS, AMOUNTS),
        "charge_category": st.sampled_from(CATEGORIES),
        "billing_account_id": st.sampled_from(["001234567890", "111111111111"]),
    }
    return [{**base, **draw(st.fixed_dictionaries(strategies))} for _ in range(draw(st.integers(0, 12)))]


@settings(max_examples=80)
@given(focus_rows())
def test_any_amount_passes_exactly_and_both_sides_come_to_the_same(rows: list[Row]) -> None:
    result = pass_through(batch(rows, list(FOCUS_1_0)), CONTEXT)
    assert result.rejected == ()
    for name, column in (
        ("billed_cost", "BilledCost"),
        ("effective_cost", "EffectiveCost"),
        ("list_cost", "ListCost"),
        ("contracted_cost", "ContractedCost"),
    ):
        parsed = [parse_number(str(row[name])) for row in rows]
        assert result.rows.column(column).to_pylist() == [one[0] for one in parsed if isinstance(one, tuple)]
    billed = {key: total.billed for key, total in result.tally.focus.items()}
    assert billed == {
        (account, currency, word): total.cost for (account, currency, word, _), total in result.tally.source.items()
    }
    assert result.tally.rows_written == len(rows) == sum(total.rows for total in result.tally.source.values())


@settings(max_examples=50)
@given(focus_rows(), st.integers(0, 12))
def test_where_a_file_is_cut_into_batches_changes_nothing(rows: list[Row], cut: int) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row)) or list(FOCUS_1_0)
    whole = pass_through(batch(rows, columns), CONTEXT)
    parts = [
        pass_through(batch(some, columns), CONTEXT, first) for some, first in ((rows[:cut], 1), (rows[cut:], cut + 1))
    ]
    assert [row for part in parts for row in part.rows.to_pylist()] == whole.rows.to_pylist()
    together = Tally()
    for part in parts:
        together.add(part.tally)
    assert (together.source, together.focus) == (whole.tally.source, whole.tally.focus)
