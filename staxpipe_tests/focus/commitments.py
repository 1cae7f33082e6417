"""Rows of commitments, written by hand: what they cover, what takes that back, and their monthly fees."""

from __future__ import annotations

from staxpipe_tests.focus.batches import PLAN, RESERVATION, row

COVERED = row(
    line_item_line_item_type="SavingsPlanCoveredUsage",
    savings_plan_savings_plan_a_r_n=PLAN,
    savings_plan_savings_plan_effective_cost="0.1",
)
NEGATION = row(
    line_item_line_item_type="SavingsPlanNegation",
    savings_plan_savings_plan_a_r_n=PLAN,
    line_item_unblended_cost="-0.25",
    line_item_resource_id=None,
)
DISCOUNTED = row(
    line_item_line_item_type="DiscountedUsage",
    reservation_reservation_a_r_n=RESERVATION,
    line_item_unblended_cost="0",
    reservation_effective_cost="0.12",
)
RI_FEE = row(
    line_item_line_item_type="RIFee",
    reservation_reservation_a_r_n=RESERVATION,
    line_item_usage_start_date="2026-10-01T00:00:00Z",
    line_item_usage_end_date="2026-10-31T23:59:59Z",
    line_item_unblended_cost="22.32",
    line_item_resource_id=None,
    reservation_total_reserved_units="744.0",
    reservation_unused_quantity="44",
    reservation_unused_amortized_upfront_fee_for_billing_period="1.25",
    reservation_unused_recurring_fee="0.5",
    reservation_amortized_upfront_fee_for_billing_period="3",
)
RECURRING = row(
    line_item_line_item_type="SavingsPlanRecurringFee",
    savings_plan_savings_plan_a_r_n=PLAN,
    line_item_unblended_cost="5",
    line_item_resource_id=None,
    savings_plan_total_commitment_to_date="8",
    savings_plan_used_commitment="6.5",
)
