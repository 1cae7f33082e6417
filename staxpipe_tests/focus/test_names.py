import csv
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.focus.columns import FOCUS_COLUMNS
from staxpipe.focus.names import NotACostReportError, canonical_name, choose_columns, expanded_name, is_tag

NOT_IN_ANY_REAL_FILE = {
    # CUR 2.0 has them, and net columns exist only where discounts apply: no public file of either kind is known.
    "bill_payer_account_name",
    "line_item_usage_account_name",
    "line_item_net_unblended_cost",
    "reservation_net_effective_cost",
    "savings_plan_net_savings_plan_effective_cost",
    # Not columns: the table's shorthand.
    "reservation_net_unused_",
    "product_name",
}


@pytest.mark.parametrize(
    ("header", "canonical"),
    [
        ("identity/LineItemId", "identity_line_item_id"),
        ("identity/TimeInterval", "identity_time_interval"),
        ("bill/BillType", "bill_bill_type"),
        ("bill/PayerAccountId", "bill_payer_account_id"),
        ("lineItem/UnblendedCost", "line_item_unblended_cost"),
        ("lineItem/LineItemType", "line_item_line_item_type"),
        ("lineItem/NetUnblendedCost", "line_item_net_unblended_cost"),
        ("line_item_unblended_cost", "line_item_unblended_cost"),
        ("LINE_ITEM_UNBLENDED_COST", "line_item_unblended_cost"),
        (" lineItem/UnblendedCost ", "line_item_unblended_cost"),
        ("\ufefflineItem/UnblendedCost", "line_item_unblended_cost"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        ("savingsPlan/SavingsPlanArn", "savings_plan_savings_plan_a_r_n"),
        ("savings_plan_savings_plan_a_r_n", "savings_plan_savings_plan_a_r_n"),
        ("savings_plan_savings_plan_arn", "savings_plan_savings_plan_a_r_n"),
        ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
        ("reservation_reservation_arn", "reservation_reservation_a_r_n"),
        ("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
        ("pricing/RateCode", "pricing_rate_code"),
        ("pricing/LeaseContractLength", "pricing_lease_contract_length"),
        ("product/ProductName", "product_product_name"),
        ("product/region", "product_region"),
        ("product/regionCode", "product_region_code"),
        ("product/servicecode", "product_servicecode"),
        ("product/location", "product_location"),
        ("product/intelAvx2Available", "product_intel_avx2_available"),
        ("product/maxIopsBurstPerformance", "product_max_iops_burst_performance"),
        ("splitLineItem/ParentResourceId", "split_line_item_parent_resource_id"),
        ("discount/EdpDiscount", "discount_edp_discount"),
        ("resourceTags/user:Name", "resource_tags/user:Name"),
        ("resourceTags/user:name", "resource_tags/user:name"),
        ("resourceTags/user:a/b c", "resource_tags/user:a/b c"),
        ("resourceTags/aws:createdBy", "resource_tags/aws:createdBy"),
        ("resource_tags_user_name", "resource_tags/user_name"),
        ("resource_tags_aws_created_by", "resource_tags/aws_created_by"),
        ("resource_tags/user:Name", "resource_tags/user:Name"),
        ("costCategory/Charge type", "cost_category/Charge type"),
        ("cost_category_team", "cost_category/team"),
        ("resource_tags", "resource_tags"),  # CUR 2.0's map, not a tag
        ("cost_category", "cost_category"),
        ("BillingPeriodStart", "billing_period_start"),
        ("BilledCost", "billed_cost"),
        ("billedcost", "billed_cost"),  # as Glue spells it
        ("BILLED_COST", "billed_cost"),
        ("x_ServiceCode", "x_service_code"),
        ("x_servicecode", "x_service_code"),
        ("x_CostCategories", "x_cost_categories"),
        ("x_Discounts", "x_discounts"),
        ("PricingCurrencyContractedUnitPrice", "pricing_currency_contracted_unit_price"),
        ("SkuPriceDetails", "sku_price_details"),
        ("Tags", "tags"),
        ("tags", "tags"),
        ("tags/Team", "tags/Team"),
        ("discount/TotalDiscount", "discount_total_discount"),
        ("discount_total_discount", "discount_total_discount"),
        ("splitLineItem/PublicOnDemandSplitCost", "split_line_item_public_on_demand_split_cost"),
        ("line_item_iam_principal", "line_item_iam_principal"),
        # Data Exports spells an ARN so only here; the rule for ARNs holds all the same.
        ("capacity_reservation_capacity_reservation_arn", "capacity_reservation_capacity_reservation_a_r_n"),
        ("capacity_reservation_capacity_reservation_status", "capacity_reservation_capacity_reservation_status"),
        ("", ""),
    ],
)
def test_one_canonical_name_for_every_spelling(header: str, canonical: str) -> None:
    assert canonical_name(header) == canonical


@given(st.text())
def test_a_canonical_name_is_its_own_canonical_name(header: str) -> None:
    canonical = canonical_name(header)
    assert canonical_name(canonical) == canonical


def test_tags_and_cost_categories_are_told_from_other_columns() -> None:
    assert is_tag("resource_tags/user:Name")
    assert is_tag("cost_category/team")
    assert not is_tag("resource_tags")
    assert not is_tag("product_region")


def _csv_header(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file))


@pytest.mark.outside_data
@pytest.mark.parametrize("month", ["Oct", "Nov"])
def test_real_parquet_names_are_canonical_already_but_for_tags(outside_data: Path, month: str) -> None:
    schema = pq.read_schema(outside_data / "workshop-2018" / f"{month}2018-WorkshopCUR-00001.snappy.parquet")
    canonical = [canonical_name(name) for name in schema.names]
    plain = [name for name in schema.names if not name.startswith("resource_tags_")]
    assert [name for name in canonical if not is_tag(name)] == plain
    assert [name for name in canonical if is_tag(name)] == [
        name.replace("resource_tags_", "resource_tags/") for name in schema.names if name.startswith("resource_tags_")
    ]
    assert len(set(canonical)) == len(canonical)


@pytest.mark.outside_data
def test_every_legacy_column_that_the_mapping_needs_is_found_in_real_files(outside_data: Path) -> None:
    families = "identity|bill|line_item|product|pricing|reservation|savings_plan"
    table = (outside_data / "tables" / "cur_to_focus_1_2.csv").read_text()
    mapped = set(re.findall(rf"\b(?:{families})_[a-z_]+\b", table))
    found: set[str] = set()
    for name in (
        "focus-converters/sample-anonymous-aws-export-dataset.csv",
        "koku/2023-06-01.csv",
        "koku/2022-07-01-alt-columns.csv",
    ):
        found |= {canonical_name(header) for header in _csv_header(outside_data / name)}
    found |= set(pq.read_schema(outside_data / "workshop-2018/Nov2018-WorkshopCUR-00001.snappy.parquet").names)
    assert mapped - found == NOT_IN_ANY_REAL_FILE


@pytest.mark.outside_data
def test_legacy_and_cur2_headers_come_to_the_same_names(outside_data: Path) -> None:
    legacy = _csv_header(outside_data / "cur-anonymize" / "sample-legacy-csv.csv")
    cur2 = _csv_header(outside_data / "cur-anonymize" / "sample-cur20.csv")
    assert [canonical_name(header) for header in legacy] == cur2


@pytest.mark.outside_data
def test_cur2_names_are_canonical_already(outside_data: Path) -> None:
    table = (outside_data / "tables" / "cur2_columns_types.csv").read_text()
    names = [line.partition(",")[0] for line in table.splitlines()[1:]]
    assert [canonical_name(name) for name in names] == names


@pytest.mark.outside_data
def test_focus_names_are_found_in_one_case_and_in_the_specifications(outside_data: Path) -> None:
    tables = outside_data / "tables"
    glue = [line.partition(",")[0] for line in (tables / "focus12_aws_columns_types.csv").read_text().splitlines()[1:]]
    written = {canonical_name(column.name) for column in FOCUS_COLUMNS}
    assert {"x_discounts", "x_operation", "x_service_code"} < {canonical_name(name) for name in glue}
    assert written < {canonical_name(name) for name in glue}
    sample = _csv_header(outside_data / "focus-1.0" / "focus_sample.csv")
    assert {canonical_name(name) for name in sample} - written == {"id"}


@pytest.mark.parametrize(
    ("map_name", "key", "expanded"),
    [
        ("resource_tags", "user:Name", "resource_tags/user:Name"),
        ("resource_tags", "", "resource_tags/"),
        ("tags", "costCategory/Team", "tags/costCategory/Team"),
        ("product", "instanceType", "product_instance_type"),
        ("product", "product_name", "product_product_name"),
        ("product", "日本", "product/日本"),
        ("discount", "EdpDiscount", "discount_edp_discount"),
        ("x_discounts", "EdpDiscount", "x_discounts/EdpDiscount"),
        ("sku_price_details", "x_Memory", "sku_price_details/x_Memory"),
    ],
)
def test_a_key_of_a_map_is_named_like_a_column(map_name: str, key: str, expanded: str) -> None:
    assert expanded_name(map_name, key) == expanded


def _every(_: str) -> bool:
    return True


def test_tag_columns_that_come_to_one_name_are_kept_apart() -> None:
    headers = ["resource_tags_user_name", "resourceTags/user_name", "resource_tags_user_name"]
    assert list(choose_columns(headers, _every, "x.csv").values()) == [
        "resource_tags/user_name",
        "resource_tags/user_name#2",
        "resource_tags/user_name#3",
    ]


def test_tag_keys_that_differ_by_case_only_stay_two_tags() -> None:
    headers = ["resourceTags/user:Name", "resourceTags/user:name"]
    assert choose_columns(headers, _every, "x.csv") == {0: "resource_tags/user:Name", 1: "resource_tags/user:name"}


def test_other_columns_that_come_to_one_name_are_kept_apart_too() -> None:
    headers = ["savingsPlan/SavingsPlanARN", "lineItem/UsageType", "savingsPlan/SavingsPlanArn"]
    assert choose_columns(headers, _every, "x.csv") == {
        0: "savings_plan_savings_plan_a_r_n",
        1: "line_item_usage_type",
        2: "savings_plan_savings_plan_a_r_n#2",
    }


def test_a_column_that_nobody_wants_may_be_there_twice() -> None:
    headers = ["product/version", "product/Version", "lineItem/UnblendedCost"]
    assert choose_columns(headers, lambda name: name.startswith("line_item"), "x.csv") == {
        2: "line_item_unblended_cost"
    }


def test_a_file_without_any_wanted_column_is_no_cost_report() -> None:
    with pytest.raises(NotACostReportError, match=r"people\.csv is not a cost report.*name, age"):
        choose_columns(["name", "age"], lambda name: name.startswith("line_item"), "people.csv")
