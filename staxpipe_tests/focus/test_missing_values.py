"""'' in CSV and 0.0 in Parquet are one thing: AWS's Parquet has no nulls (measured on three real months)."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings

from staxpipe.focus.mapping import Normalised, normalise
from staxpipe.focus.numbers import BadNumber, parse_number
from staxpipe.focus.source_columns import NUMBERS
from staxpipe_tests.focus.batches import CONTEXT, Row, batch, cur_rows, mapped, row
from staxpipe_tests.focus.commitments import COVERED, DISCOUNTED, RECURRING, RI_FEE

TEXTS = {
    "line_item_net_unblended_rate",
    "pricing_public_on_demand_rate",
    "reservation_total_reserved_normalized_units",
    "reservation_total_reserved_units",
}
"""Numbers that AWS's Parquet keeps as text, so that a missing one is '' there too (measured)."""


def is_double(name: str) -> bool:
    return name.startswith("discount_") or (name in NUMBERS and name not in TEXTS)


def forms(columns: list[str], rows: list[Row]) -> tuple[list[str], list[Row], list[Row]]:
    """The rows as a CSV and as a Parquet file would bring them: what is no number cannot be in a double."""
    columns = [name for name in columns if "#" not in name]
    csv: list[Row] = []
    parquet: list[Row] = []
    for item in rows:
        left: Row = {}
        right: Row = {}
        for name in columns:
            text = item.get(name)
            if is_double(name):
                number = None if text is None else parse_number(text)
                text = None if number is None or isinstance(number, BadNumber) else text
                if name == "line_item_unblended_cost":
                    text = text or "0.5"  # AWS leaves it out of no row
            left[name] = text
            right[name] = "0.0" if text is None and is_double(name) else text
        csv.append(left)
        parquet.append(right)
    return columns, csv, parquet


def without_counts(result: Normalised) -> tuple[list[dict[str, object]], object]:
    return result.rows.to_pylist(), result.rejected


@settings(max_examples=150, deadline=None)
@given(cur_rows())
def test_csv_and_parquet_of_the_same_rows_give_the_same_focus_rows(data: tuple[list[str], list[Row]]) -> None:
    columns, csv, parquet = forms(*data)
    left, right = (normalise(batch(rows, columns), CONTEXT) for rows in (csv, parquet))
    assert without_counts(left) == without_counts(right)


def test_every_kind_of_row_with_every_double_missing_is_the_same_in_both() -> None:
    kinds = [row(), COVERED, DISCOUNTED, RI_FEE, RECURRING, row(line_item_line_item_type="Credit")]
    doubles = sorted({name for name in NUMBERS if is_double(name)} - {"line_item_unblended_cost"})
    for missing in doubles:
        csv = [{**dict.fromkeys(doubles), **item, missing: None} for item in kinds]
        columns, left, right = forms(list(csv[0]), csv)
        assert without_counts(normalise(batch(left, columns), CONTEXT)) == without_counts(
            normalise(batch(right, columns), CONTEXT)
        ), missing


def test_an_empty_text_is_never_a_value() -> None:
    blank: Row = {name: text or "" for name, text in row().items()}
    texts = (
        "savings_plan_savings_plan_a_r_n",
        "reservation_reservation_a_r_n",
        "capacity_reservation_capacity_reservation_a_r_n",
        "split_line_item_parent_resource_id",
        "resource_tags/user:Name",
        "bill_invoice_id",
        "line_item_net_unblended_cost",
        "line_item_tax_type",
    )
    blank |= dict.fromkeys(texts, "")
    (found,) = mapped(blank).rows.to_pylist()
    assert "" not in found.values()
    for name in ("CommitmentDiscountId", "CapacityReservationId", "x_SplitParentResourceId", "Tags", "InvoiceId"):
        assert found[name] is None, name
    assert found["BilledCost"] == Decimal("0.25")
