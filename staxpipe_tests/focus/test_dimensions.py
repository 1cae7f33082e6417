"""What follows from a few columns: capacity reservations, currencies, legal entities, names, attributes, units."""

from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe_tests.focus.batches import CAPACITY, RESERVATION, mapped, one, row
from staxpipe_tests.focus.commitments import DISCOUNTED, RI_FEE


@pytest.mark.parametrize(
    ("aws", "focus"),
    [("Used", "Used"), ("Unused", "Unused"), ("Cancelled", "Unused"), ("Reserved", None), (None, None)],
)
def test_capacity_reservations_have_the_two_states_of_focus(aws: str | None, focus: str | None) -> None:
    found = one(
        row(
            capacity_reservation_capacity_reservation_a_r_n=CAPACITY,
            capacity_reservation_capacity_reservation_status=aws,
        )
    )
    assert (found["CapacityReservationId"], found["CapacityReservationStatus"]) == (CAPACITY, focus)


def test_there_is_no_state_without_a_capacity_reservation() -> None:
    found = one(row(capacity_reservation_capacity_reservation_status="Used"))
    assert (found["CapacityReservationId"], found["CapacityReservationStatus"]) == (None, None)


def test_names_of_accounts_come_from_cur_2_0_and_ids_stand_for_them_elsewhere() -> None:
    found = one(row(bill_payer_account_name="Payer", line_item_usage_account_name="Member"))
    assert (found["BillingAccountName"], found["SubAccountName"]) == ("Payer", "Member")
    found = one(row())
    assert (found["BillingAccountName"], found["SubAccountName"]) == ("001234567890", "009876543210")


def test_currencies_and_issuers_are_those_of_each_row() -> None:
    rows = mapped(
        row(),
        row(
            line_item_currency_code="INR",
            bill_invoicing_entity="Amazon Web Services India Private Limited",
            line_item_legal_entity="Amazon Web Services India Private Limited",
        ),
    ).rows
    assert rows.column("BillingCurrency").to_pylist() == ["USD", "INR"]
    assert rows.column("InvoiceIssuerName").to_pylist() == [
        "Amazon Web Services, Inc.",
        "Amazon Web Services India Private Limited",
    ]
    assert rows.column("PublisherName").to_pylist()[1] == "Amazon Web Services India Private Limited"


def test_in_another_pricing_currency_there_is_no_price_to_tell() -> None:
    names = ("PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "PricingCurrencyContractedUnitPrice")
    same = one(row(pricing_currency="USD"))
    assert [same[name] for name in names] == [Decimal("0.25"), Decimal("0.15"), Decimal("0.125")]
    other = one(row(pricing_currency="USD", line_item_currency_code="EUR"))
    assert other["PricingCurrency"] == "USD"
    assert [other[name] for name in names] == [None] * 3


def test_reservations_count_in_normalised_hours_where_aws_normalises_them() -> None:
    rows = mapped(
        {**DISCOUNTED, "line_item_normalized_usage_amount": "8"},
        {
            **RI_FEE,
            "reservation_total_reserved_normalized_units": "2976.0",
            "reservation_unused_normalized_unit_quantity": "176",
        },
        DISCOUNTED,
    ).rows.to_pylist()
    found = [(item["CommitmentDiscountQuantity"], item["CommitmentDiscountUnit"]) for item in rows]
    assert found == [
        (Decimal(8), "Normalized Hours"),
        (Decimal(2976), "Normalized Hours"),
        (Decimal(2), "Hours"),
        (Decimal(176), "Normalized Hours"),
    ]
    assert {item["CommitmentDiscountId"] for item in rows} == {RESERVATION}


def test_attributes_of_cur_2_0_s_product_map_are_those_of_the_columns() -> None:
    found = one(
        row(
            product_sku=None,
            product_product_name="Amazon Thing",
            line_item_product_code="AmazonThing",
            product_operating_system="Linux",
            product_database_engine="MySQL",
        )
    )
    assert found["ServiceName"] == "Amazon Thing"
    assert found["SkuPriceDetails"] == [("OperatingSystem", "Linux"), ("x_DatabaseEngine", "MySQL")]


def test_numbers_of_discounts_have_one_spelling_and_none_of_them_is_zero() -> None:
    found = one(
        row(
            discount_edp_discount="-0.0500000000",
            discount_bundled_discount="0.0",
            discount_spp_discount="-1e-7",
            discount_note="agreement 7",
        )
    )
    assert found["x_Discounts"] == [("edp_discount", "-0.05"), ("note", "agreement 7"), ("spp_discount", "-0.0000001")]
