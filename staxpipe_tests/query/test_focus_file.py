from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import FOCUS_COLUMNS, MOMENT, MONEY
from staxpipe.lake.table import Lake
from staxpipe.query import Connection, connect
from staxpipe_tests.lake.line_item_batches import OTHER_PAYER, PAYER
from staxpipe_tests.query.conftest import Loaded


@pytest.fixture
def october(connection: Connection, tmp_path: Path) -> pa.Table:
    connection.export(PAYER, "2018-10", tmp_path / "october.parquet")
    return pq.read_table(tmp_path / "october.parquet")


def test_the_file_has_focus_columns_first_then_our_own(october: pa.Table) -> None:
    names = october.schema.names
    assert names[:57] == [column.name for column in FOCUS_COLUMNS]
    assert all(name.startswith("x_") for name in names[57:])
    assert "x_ExportId" not in names


def test_types_are_what_focus_asks_for(october: pa.Table) -> None:
    schema = october.schema
    assert schema.field("BilledCost").type == MONEY
    assert schema.field("ChargePeriodStart").type == MOMENT
    assert schema.field("ServiceName").type == pa.string()
    assert not schema.field("BilledCost").nullable


def test_tags_are_json_and_missing_ones_null(october: pa.Table) -> None:
    tags = set(october["Tags"].to_pylist())
    assert {json.dumps(json.loads(text), sort_keys=True) for text in tags} == {
        '{"user:Team": "search"}',
        '{"user:Team": "storefront"}',
    }
    assert october["SkuPriceDetails"].null_count == october.num_rows


def test_the_file_holds_that_accounts_month_once_and_exactly(connection: Connection, october: pa.Table) -> None:
    assert october.num_rows == 101
    assert pc.sum(october["BilledCost"]).as_py() == 10 + Decimal("1e-18")
    assert october["BillingAccountId"].unique().to_pylist() == [PAYER]


@pytest.mark.parametrize(
    ("account", "period", "said"),
    [
        (PAYER, "2018-12", "These months of it are: 2018-10, 2018-11"),
        ("999999999999", "2018-10", f"These accounts are: {PAYER}, {OTHER_PAYER}"),
        (PAYER, "2018-13", "YYYY-MM"),
    ],
)
def test_what_is_not_loaded_is_told_with_what_is(
    connection: Connection, tmp_path: Path, account: str, period: str, said: str
) -> None:
    with pytest.raises(PermanentError, match=said):
        connection.export(account, period, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_nothing_loaded_says_how_to_begin(empty: Loaded, tmp_path: Path) -> None:
    with connect(empty.settings) as connection, pytest.raises(PermanentError, match="staxpipe load"):
        connection.export(PAYER, "2018-10", tmp_path / "out.parquet")


def test_a_folder_that_is_not_there_is_told(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"none/out.parquet cannot be written: No such file or directory\."):
        connection.export(PAYER, "2018-10", tmp_path / "none" / "out.parquet")


def test_a_file_that_is_there_stays_when_writing_breaks(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("of yesterday")

    def breaks(*_args: object) -> object:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(Lake, "read", breaks)
    with pytest.raises(RuntimeError, match="in the middle"):
        connection.export(PAYER, "2018-10", out)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.parquet", "of yesterday")]
