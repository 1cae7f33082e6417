from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings

from staxpipe.focus.mapping import normalise
from staxpipe_tests.focus.batches import CONTEXT, COSTS, PLAN, Row, batch, costs, cur_rows, mapped, money, one, row
from staxpipe_tests.focus.commitments import COVERED, RI_FEE

SHARE = row(
    line_item_operation="EKSPod-EC2",
    line_item_unblended_cost="0",
    line_item_resource_id="arn:aws:eks:us-east-1:001234567890:pod/1",
    split_line_item_parent_resource_id="i-1",
    split_line_item_split_cost="0.1",
    split_line_item_unused_cost="0.02",
    split_line_item_split_usage_ratio="0.5",
    split_line_item_actual_usage="1",
    split_line_item_reserved_usage="2",
)


@pytest.mark.parametrize("operation", ["EKSPod-EC2", "ECSTask-EC2"])
@pytest.mark.parametrize("kind", ["Usage", "SavingsPlanCoveredUsage", "DiscountedUsage", "Fee", "RIFee", "Unheard"])
def test_a_share_has_no_cost_and_one_row_whatever_its_type_and_cost(operation: str, kind: str) -> None:
    found = one(
        {
            **COVERED,
            **RI_FEE,
            "line_item_line_item_type": kind,
            "line_item_operation": operation,
            "line_item_unblended_cost": "3",
        }
    )
    assert costs(found) == money("0", "0", "0", "0")
    assert (found["ConsumedQuantity"], found["PricingQuantity"]) == (0, 0)
    assert (found["CommitmentDiscountId"], found["CommitmentDiscountQuantity"]) == (None, None)
    assert found["x_LineItemType"] == kind
    assert found["x_SplitParentResourceId"] is not None


def test_a_row_with_a_parent_is_a_share_whatever_its_operation() -> None:
    found = one({**SHARE, "line_item_operation": "Batch", "line_item_unblended_cost": "1"})
    assert costs(found) == money("0", "0", "0", "0")
    assert found["x_SplitParentResourceId"] == "i-1"


def test_what_aws_says_of_a_share_is_kept() -> None:
    found = one(SHARE)
    assert {name: found[name] for name in found if name.startswith("x_Split")} == {
        "x_SplitParentResourceId": "i-1",
        "x_SplitCost": Decimal("0.1"),
        "x_SplitUnusedCost": Decimal("0.02"),
        "x_SplitUsageRatio": Decimal("0.5"),
        "x_SplitActualUsage": Decimal(1),
        "x_SplitReservedUsage": Decimal(2),
    }
    assert found["ResourceId"] == SHARE["line_item_resource_id"]


@pytest.mark.parametrize("nothing", [None, "0.0"])
def test_net_shares_go_first_where_they_say_something(nothing: str | None) -> None:
    found = one({**SHARE, "split_line_item_net_split_cost": "0.08", "split_line_item_net_unused_cost": nothing})
    assert (found["x_SplitCost"], found["x_SplitUnusedCost"]) == money("0.08", "0.02")


def test_the_parent_is_the_resource_where_aws_names_none_and_unknown_without_one() -> None:
    assert one(row(line_item_operation="ECSTask-EC2"))["x_SplitParentResourceId"] == "i-1"
    alone = row(line_item_operation="ECSTask-EC2", line_item_resource_id=None)
    assert one(alone)["x_SplitParentResourceId"] == "unknown"


def test_columns_that_the_file_does_not_have_are_not_zero() -> None:
    found = one(row(line_item_operation="ECSTask-EC2"))
    assert (found["x_SplitCost"], found["x_SplitUsageRatio"]) == (None, None)


def test_the_parent_keeps_its_cost_and_its_commitment() -> None:
    parent, share = mapped({**COVERED, "line_item_operation": "RunInstances"}, SHARE).rows.to_pylist()
    assert costs(parent) == money("0", "0.1", "0.3", "0.25")
    assert (parent["CommitmentDiscountId"], parent["x_SplitParentResourceId"]) == (PLAN, None)
    assert costs(share) == money("0", "0", "0", "0")


def test_a_share_that_is_no_number_is_refused() -> None:
    bad: Row = {**SHARE, "split_line_item_split_cost": "much"}
    (refused,) = mapped(bad).rejected
    assert (refused.column, refused.value) == ("split_line_item_split_cost", "much")


@settings(max_examples=100, deadline=None)
@given(cur_rows())
def test_the_parent_marks_exactly_the_rows_that_are_shares(data: tuple[list[str], list[Row]]) -> None:
    columns, rows = data
    result = normalise(batch(rows, columns), CONTEXT)
    refused = {found.row for found in result.rejected}
    shares = [
        item.get("line_item_operation") in ("EKSPod-EC2", "ECSTask-EC2")
        or item.get("split_line_item_parent_resource_id") is not None
        for number, item in enumerate(rows, start=1)
        if number not in refused
    ]
    marked = [found for found in result.rows.to_pylist() if found["x_SplitParentResourceId"] is not None]
    assert len(marked) == sum(shares)
    assert all(found[name] == 0 for found in marked for name in COSTS)
