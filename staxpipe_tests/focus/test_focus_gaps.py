"""What is put where AWS leaves a value out that the lake must have."""

from __future__ import annotations

from decimal import Decimal

import pytest

from staxpipe.focus.columns import LINE_ITEM_COLUMNS
from staxpipe.focus.focus_gaps import SERVICE_CATEGORIES
from staxpipe.focus.passthrough_columns import ASSUMED, REQUIRED
from staxpipe.focus.reconciliation import reconcile
from staxpipe.focus.services import services
from staxpipe_tests.focus.batches import USAGE, Row, one
from staxpipe_tests.focus.focus_batches import FOCUS_1_0, FOCUS_1_2, focus_row, only, passed, without

INC = "Amazon Web Services, Inc."
EMEA = "Amazon Web Services EMEA SARL"


def test_a_row_of_required_columns_alone_has_every_value_that_the_lake_needs() -> None:
    result = passed({name: FOCUS_1_2[name] for name in REQUIRED})
    (found,) = result.rows.to_pylist()
    for column in LINE_ITEM_COLUMNS:
        assert column.nullable or found[column.name] is not None, column.name
    assert result.tally.assumed == dict.fromkeys(ASSUMED, 1)
    said = {
        finding.examples[0]: finding for finding in reconcile(result.tally).findings if finding.code == "column-assumed"
    }
    assert {name: finding.count for name, finding in said.items()} == result.tally.assumed
    assert (
        said["list_cost"].message == "the column list_cost is absent or empty, so it is taken to be the contracted cost"
    )


@pytest.mark.parametrize(
    ("issuer", "publisher", "expected"),
    [
        (EMEA, INC, (EMEA, INC)),
        (None, EMEA, (EMEA, EMEA)),
        (EMEA, None, (EMEA, EMEA)),
        (None, None, (INC, INC)),
        (None, "Red Hat, Inc.", (INC, "Red Hat, Inc.")),  # a seller publishes and does not bill
    ],
)
def test_issuer_and_publisher_stand_in_for_each_other(
    issuer: str | None, publisher: str | None, expected: tuple[str, str]
) -> None:
    found = only(focus_row(FOCUS_1_2, invoice_issuer_name=issuer, publisher_name=publisher))
    assert (found["InvoiceIssuerName"], found["PublisherName"]) == expected


def test_what_aws_says_may_be_null_is_no_finding() -> None:
    gaps = ("invoice_issuer_name", "publisher_name", "contracted_unit_price", "list_unit_price", "pricing_unit")
    result = passed(focus_row(FOCUS_1_2, **dict.fromkeys((*gaps, "sku_id", "sku_price_id", "sku_meter"))))
    assert result.tally.assumed == {}
    (found,) = result.rows.to_pylist()
    for name in ("ContractedUnitPrice", "ListUnitPrice", "PricingUnit", "SkuId", "SkuPriceId", "SkuMeter"):
        assert found[name] is None, name


@pytest.mark.parametrize("how", ["absent", "empty"])
def test_absent_costs_are_the_billed_cost_and_said_to_be(how: str) -> None:
    names = ("contracted_cost", "list_cost")
    row = without(FOCUS_1_2, *names) if how == "absent" else focus_row(FOCUS_1_2, **dict.fromkeys(names))
    result = passed(row, row)
    (found, _) = result.rows.to_pylist()
    assert (found["ContractedCost"], found["ListCost"]) == (Decimal("0.25"), Decimal("0.25"))
    assert result.tally.assumed == {"contracted_cost": 2, "list_cost": 2}


def test_covered_usage_without_such_costs_is_worth_its_effective_cost() -> None:
    covered = without(
        focus_row(FOCUS_1_2, billed_cost="0", commitment_discount_status="Used"), "contracted_cost", "list_cost"
    )
    found = only(covered)
    assert (found["ContractedCost"], found["ListCost"]) == (Decimal("0.24"), Decimal("0.24"))


def test_an_absent_list_cost_is_the_contracted_cost() -> None:
    assert only(without(FOCUS_1_2, "list_cost"))["ListCost"] == Decimal("0.28")


def test_a_cost_of_zero_is_a_value() -> None:
    found = only(focus_row(FOCUS_1_2, list_cost="0.0", contracted_cost="0"))
    assert (found["ListCost"], found["ContractedCost"]) == (0, 0)


@pytest.mark.parametrize(("category", "frequency"), [("Usage", "Usage-Based"), ("Tax", "One-Time")])
def test_an_absent_frequency_follows_from_the_category(category: str, frequency: str) -> None:
    row = without(focus_row(FOCUS_1_2, charge_category=category), "charge_frequency")
    assert only(row)["ChargeFrequency"] == frequency


def test_account_types_and_provider_are_the_words_of_the_cur_mapping() -> None:
    mapped = one(USAGE)
    found = only(without(FOCUS_1_0, "provider_name"))
    for name in ("BillingAccountType", "SubAccountType", "ProviderName"):
        assert found[name] == mapped[name], name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Virtual Machines"),
        ({"service_category": "Storage"}, "Other (Storage)"),  # AWS and we differ: the category is AWS's
        (
            {"x_service_code": "NewThing", "service_name": "AWS Lambda", "service_category": "Compute"},
            "Serverless Compute",
        ),
        ({"x_service_code": "NewThing", "service_name": "New", "service_category": "Web"}, "Other (Web)"),
        ({"x_service_code": None, "service_name": "New", "service_category": "Lunch"}, "Other (Other)"),
    ],
)
def test_a_subcategory_is_ours_where_the_category_is(changes: Row, expected: str) -> None:
    assert only(focus_row(FOCUS_1_0, **changes))["ServiceSubcategory"] == expected


def test_our_table_uses_no_category_that_focus_does_not_have() -> None:
    assert {service.category for service in services().values()} <= SERVICE_CATEGORIES


def test_a_service_without_name_or_category_is_looked_up() -> None:
    found = only(without(FOCUS_1_2, "service_name", "service_category", "service_subcategory"))
    assert (found["ServiceName"], found["ServiceCategory"], found["ServiceSubcategory"]) == (
        "Amazon Elastic Compute Cloud",
        "Compute",
        "Virtual Machines",
    )


def test_unknown_services_are_reported_unless_they_are_a_sellers_or_aws_says_all_of_them() -> None:
    new = {"x_service_code": "NewThing", "service_name": "AWS New Thing"}
    assert passed(focus_row(FOCUS_1_0, **new), FOCUS_1_0).tally.unknown_services == {"NewThing": 1}
    assert passed(focus_row(FOCUS_1_0, **new, publisher_name="Red Hat, Inc.")).tally.unknown_services == {}
    assert passed(focus_row(FOCUS_1_2, **new)).tally.unknown_services == {}
