from pathlib import Path

import pytest

from staxpipe.exports.beginning import beginning
from staxpipe.exports.kinds import ONLY_FOCUS_1_2, TITLES, kind_of_header, kind_of_table
from staxpipe.exports.layout import format_of
from staxpipe.focus.names import canonical_name
from staxpipe.model import ExportKind, FileFormat

LEGACY, CUR_2_0, FOCUS_1_0, FOCUS_1_2 = list(ExportKind)[:4]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (["lineItem/UnblendedCost"], LEGACY),
        (["\ufefflineItem/UnblendedCost", "resourceTags/user:Name"], LEGACY),
        (["line_item_unblended_cost", "resource_tags_user_name"], LEGACY),
        (["line_item_unblended_cost", "cost_category_team"], LEGACY),
        (["line_item_unblended_cost", "product_memory"], LEGACY),
        (["line_item_unblended_cost", "product_memory", "resource_tags"], CUR_2_0),
        (["line_item_unblended_cost", "line_item_usage_account_name"], CUR_2_0),
        (["line_item_unblended_cost", "product_region", "product_product_name"], CUR_2_0),
        (["line_item_unblended_cost", "BilledCost"], CUR_2_0),
        (["LINE_ITEM_UNBLENDED_COST", "RESOURCE_TAGS"], CUR_2_0),
        (["BilledCost", "x_Discounts"], FOCUS_1_0),
        (["billed_cost"], FOCUS_1_0),
        (["BilledCost", "SkuPriceDetails"], FOCUS_1_2),
        (["BilledCost", "x_ServiceCode", "CapacityReservationId"], FOCUS_1_2),
        (["name", "age"], None),
        ([], None),
    ],
)
def test_a_header_tells_the_kind(header: list[str], kind: ExportKind | None) -> None:
    assert kind_of_header(header) is kind


def test_a_table_of_data_exports_is_never_legacy() -> None:
    assert kind_of_table(["line_item_unblended_cost", "resource_tags_user_name", "product_memory"]) is CUR_2_0


def test_every_kind_has_a_title() -> None:
    assert TITLES.keys() == set(ExportKind)


@pytest.mark.outside_data
def test_columns_of_focus_are_those_of_the_specification(outside_data: Path) -> None:
    names = [line.partition(",")[0] for line in (outside_data / "tables/focus_v1_2_columns.csv").read_text().split()]
    columns = {canonical_name(name) for name in names if name != "ColumnId"}
    assert columns >= ONLY_FOCUS_1_2
    assert len(columns - ONLY_FOCUS_1_2) == 43  # so many has 1.0
    sample = beginning(outside_data / "focus-1.0/focus_sample.csv", FileFormat.CSV).header
    assert not {canonical_name(name) for name in sample} & ONLY_FOCUS_1_2


@pytest.mark.outside_data
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("workshop-2018/Oct2018-WorkshopCUR-00001.snappy.parquet", LEGACY),
        ("workshop-2018/Nov2018-WorkshopCUR-00001.snappy.parquet", LEGACY),
        ("focus-converters/sample-anonymous-aws-export-dataset.csv", LEGACY),
        ("focus-converters/aws_category_mapping.csv", None),
        ("cur-anonymize/sample-legacy-csv.csv", LEGACY),
        ("cur-anonymize/sample-cur20.csv", CUR_2_0),
        ("koku/2022-07-01-alt-columns.csv", LEGACY),
        ("koku/2023-06-01-not-final.csv", LEGACY),
        ("koku/2023-06-01.csv", LEGACY),
        ("koku/empty_frame.csv", LEGACY),
        ("focus-1.0/focus_sample.csv", FOCUS_1_0),
        ("focus-1.2-examples/commitment_discount_scenarios/commitment_discount_purchase_scenario_1.csv", FOCUS_1_2),
        ("tables/focus_v1_2_columns.csv", None),
    ],
)
def test_real_files(outside_data: Path, name: str, kind: ExportKind | None) -> None:
    path = outside_data / name
    format = format_of(name)
    assert format is not None
    assert kind_of_header(beginning(path, format).header) is kind


@pytest.mark.outside_data
@pytest.mark.parametrize("which", ["cur2_columns_types.csv", "cur2_select_list_full.csv"])
def test_the_columns_of_cur_2_0(outside_data: Path, which: str) -> None:
    names = [line.partition(",")[0] for line in (outside_data / "tables" / which).read_text().splitlines()[1:]]
    assert kind_of_table(names) is CUR_2_0
    assert kind_of_header(names) is CUR_2_0
    few = [name for name in names if name not in {"cost_category", "discount", "product", "resource_tags", "tags"}]
    assert kind_of_header([name for name in few if not name.endswith("_account_name")]) is CUR_2_0
