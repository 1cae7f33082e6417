from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe.focus.duplicates import base_name
from staxpipe_tests.focus.batches import mapped, one, row


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("product_sku", "product_sku"),
        ("product_sku#2", "product_sku"),
        ("product_sku#12", "product_sku"),
        ("resource_tags/user:Floor#2", "resource_tags/user:Floor#2"),
        ("tags/#unreadable", "tags/#unreadable"),
        ("product_#unreadable", "product_#unreadable"),
    ],
)
def test_a_tag_is_no_repetition(name: str, base: str) -> None:
    assert base_name(name) == base


def test_the_first_value_that_is_there_counts() -> None:
    found = one(row(product_sku=None, **{"product_sku#2": None, "product_sku#3": "THIRD"}))
    assert found["SkuId"] == "THIRD"
    assert one(row(**{"product_sku#2": None}))["SkuId"] == "SKU1"


def test_rows_on_which_two_columns_disagree_are_refused_and_no_others() -> None:
    result = mapped(row(), row(**{"line_item_unblended_cost#2": "0.26"}), row(**{"line_item_unblended_cost#2": "0.25"}))
    (refused,) = result.rejected
    assert (refused.row, refused.column, refused.value, refused.reason) == (
        2,
        "line_item_unblended_cost",
        "0.25 / 0.26",
        "two columns of this name disagree",
    )
    assert result.rows.column("BilledCost").to_pylist() == [Decimal("0.25")] * 2


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("line_item_unblended_cost", "0.2500000000"),
        ("line_item_usage_amount", "2.0"),
        ("line_item_usage_start_date", "2026-10-03 05:00:00+00:00"),
    ],
)
def test_two_spellings_of_one_value_agree(name: str, spelling: str) -> None:
    assert mapped(row(**{f"{name}#2": spelling})).rejected == ()


@pytest.mark.parametrize("name", ["line_item_legal_entity", "line_item_unblended_cost"])
def test_a_third_column_may_disagree_with_the_second(name: str) -> None:
    result = mapped(row(**{name: None, f"{name}#2": "1", f"{name}#3": "2"}))
    assert [(found.column, found.value) for found in result.rejected] == [(name, "1 / 2")]


def test_tags_of_one_name_are_two_tags() -> None:
    found = one(row(**{"resource_tags/name": "web", "resource_tags/name#2": "Web"}))
    assert found["Tags"] == [("name", "web"), ("name#2", "Web")]
