"""A file's own header says how its rows are mapped."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from staxpipe.focus.dialect import Dialect, dialect_of, wanted
from staxpipe.focus.names import NotACostReportError, canonical_name
from staxpipe.model import BillingPeriod
from staxpipe.synthetic.columns import parquet_name
from staxpipe.synthetic.focus_columns import FOCUS_HEADERS
from staxpipe.synthetic.header import header
from staxpipe.synthetic.organisation import Organisation
from staxpipe_tests.focus.batches import CONTEXT, USAGE, batch
from staxpipe_tests.focus.focus_batches import FOCUS_1_0

HEADER = header(Organisation.sample(1, BillingPeriod(2026, 6)), BillingPeriod(2026, 9))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (HEADER, Dialect.CUR),
        (tuple(map(parquet_name, HEADER)), Dialect.CUR),
        (FOCUS_HEADERS["1.0"], Dialect.FOCUS_1_0),
        (FOCUS_HEADERS["1.2"], Dialect.FOCUS_1_2),
        (("\ufeffBilledCost", "ServiceName", "Tags"), Dialect.FOCUS),
        (("EffectiveCost", "SkuMeter"), Dialect.FOCUS_1_2),  # its mapping then says that BilledCost is absent
        (("BilledCost", "lineItem/UnblendedCost"), Dialect.CUR),
        (("bill/PayerAccountId", "product/region"), Dialect.CUR),
    ],
)
def test_the_header_tells(headers: tuple[str, ...], expected: Dialect) -> None:
    assert dialect_of(headers, "a.csv") is expected


def test_a_map_of_its_own_tells_1_2_before_any_row_is_read() -> None:
    assert dialect_of(["BilledCost", "SkuPriceDetails"], "a.csv") is Dialect.FOCUS_1_2


@pytest.mark.parametrize("headers", [("id", "name", "Tags", "ServiceName"), (), ("",)])
def test_neither_is_said_so(headers: tuple[str, ...]) -> None:
    with pytest.raises(NotACostReportError, match=r"a\.csv is not a cost report.*FOCUS"):
        dialect_of(headers, "a.csv")


def test_each_dialect_maps_its_own_rows() -> None:
    (cur,) = Dialect.CUR.mapping(batch([USAGE]), CONTEXT, 1).rows.to_pylist()
    assert (cur["x_LineItemType"], cur["x_FocusVersion"]) == ("Usage", None)
    bare = {name: value for name, value in FOCUS_1_0.items() if not name.startswith("x_")}
    for dialect, version in ((Dialect.FOCUS_1_0, "1.0"), (Dialect.FOCUS_1_2, "1.2"), (Dialect.FOCUS, "1.0")):
        (found,) = dialect.mapping(batch([bare]), CONTEXT, 1).rows.to_pylist()
        assert found["x_FocusVersion"] == version


def test_the_number_of_the_first_row_is_passed_on() -> None:
    bad = {**FOCUS_1_0, "billed_cost": None}
    assert [refused.row for refused in Dialect.FOCUS_1_0.mapping(batch([bad]), CONTEXT, 7).rejected] == [7]


def test_what_some_mapping_reads_is_wanted() -> None:
    every = replace(CONTEXT, line_item_ids=True)
    of_cur, of_focus = Dialect.CUR.wanted(every), Dialect.FOCUS_1_2.wanted(every)
    for name in (*HEADER, *FOCUS_HEADERS["1.0"], *FOCUS_HEADERS["1.2"]):
        canonical = canonical_name(name)
        assert wanted(canonical) == (of_cur(canonical) or of_focus(canonical))
    assert all(wanted(name) for name in ("tags", "tags/Name", "line_item_usage_type", "billed_cost"))
    assert not any(wanted(name) for name in ("billed_cost/x", "something"))
    assert not of_cur("billed_cost")
    assert not of_focus("line_item_usage_type")


def test_what_was_not_asked_for_is_not_read() -> None:
    plain = replace(CONTEXT, line_item_ids=False)
    assert not Dialect.CUR.wanted(plain)("identity_line_item_id")
    gross = Dialect.CUR.wanted(replace(CONTEXT, net_costs=False))
    assert not gross("line_item_net_unblended_cost")
    assert gross("line_item_unblended_cost")


@pytest.mark.outside_data
def test_files_that_others_wrote_are_told(outside_data: Path) -> None:
    def told(name: str) -> Dialect:
        with (outside_data / name).open(encoding="utf-8") as file:
            return dialect_of(next(csv.reader(file)), name)

    assert told("focus-1.0/focus_sample.csv") is Dialect.FOCUS
    assert told("focus-converters/sample-anonymous-aws-export-dataset.csv") is Dialect.CUR
    assert told("koku/2022-07-01-alt-columns.csv") is Dialect.CUR
    examples = sorted((outside_data / "focus-1.2-examples").rglob("*.csv"))
    assert len(examples) > 10
    for path in examples:
        assert told(str(path.relative_to(outside_data))) is Dialect.FOCUS_1_2
