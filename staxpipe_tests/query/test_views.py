"""Which rows the views over the lake show, and which files they open for it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.lake.table import Lake
from staxpipe.query import connect
from staxpipe_tests.lake.line_item_batches import NOVEMBER, OCTOBER, PAYER, costs, line_items
from staxpipe_tests.query.conftest import Loaded, publish

SHARE: dict[str, object] = {
    "x_SplitParentResourceId": "i-0123456789abcdef0",
    "x_SplitCost": Decimal("0.5"),
    "ResourceId": "pod/search",
    **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), Decimal(0)),
}


def load_with_shares(empty: Loaded) -> None:
    publish(empty.engine, empty.lake, "first", OCTOBER, lambda id_: [line_items([{}, SHARE, SHARE], export_id=id_)])
    publish(empty.engine, empty.lake, "second", OCTOBER, lambda id_: [line_items([{}, SHARE], export_id=id_)])


def test_shares_of_other_rows_are_seen_apart(empty: Loaded) -> None:
    load_with_shares(empty)
    with connect(empty.settings) as connection:
        counts = {
            name: int(connection.arrow(f"SELECT count(*) FROM {name}").column(0)[0].as_py())
            for name in ("line_items", "line_items_all", "split_line_items")
        }
        assert counts == {"line_items": 1, "line_items_all": 2, "split_line_items": 2}
        shares = connection.arrow("SELECT sum(x_SplitCost), max(ResourceId) FROM split_line_items")
        assert shares.to_pylist()[0] == {"sum(x_SplitCost)": Decimal(1), "max(ResourceId)": "pod/search"}


def test_shares_are_not_in_a_focus_file(empty: Loaded, tmp_path: Path) -> None:
    load_with_shares(empty)
    with connect(empty.settings) as connection:
        written = connection.export(PAYER, "2018-10", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert written.rows == table.num_rows == 1
    assert not [name for name in table.column_names if name.startswith("x_Split")]


@pytest.mark.parametrize("months", [None, "2018-10"])
def test_files_from_before_a_column_was_there_have_it_empty(
    empty: Loaded, monkeypatch: pytest.MonkeyPatch, months: str | None
) -> None:
    publish(empty.engine, empty.lake, "first", OCTOBER, lambda id_: [costs(10, "1", export_id=id_)])
    publish(empty.engine, empty.lake, "first", NOVEMBER, lambda id_: [costs(5, "1", period=NOVEMBER, export_id=id_)])
    [old] = [Path(file.path.removeprefix("file://")) for file in empty.lake.plan(period=OCTOBER)]
    lacking = [name for name in LINE_ITEM_SCHEMA.names if name.startswith("x_Split") or name == "x_FocusVersion"]
    older = pq.read_table(old).drop_columns(lacking)
    older = older.cast(pa.schema([LINE_ITEM_SCHEMA.field(name) for name in older.schema.names]))
    pq.write_table(older, old, store_schema=False)
    monkeypatch.setattr(Lake, "has_one_schema", lambda _lake: False)
    with connect(empty.settings) as connection:
        found = connection.arrow("SELECT * FROM line_items WHERE x_FocusVersion IS NULL", period=months)
        assert found.schema.names == LINE_ITEM_SCHEMA.names
        assert found.num_rows == (10 if months else 15)
        types = connection.sql("DESCRIBE line_items", period=months)
        assert list(types["column_type"]) == list(
            connection.sql("DESCRIBE line_items", period="1999-01")["column_type"]
        )


def test_a_filter_on_rows_opens_no_file_that_is_not_needed(empty: Loaded) -> None:
    """A file that a narrowed query does not need may be broken, and nobody notices; nor are columns asked for."""
    publish(empty.engine, empty.lake, "first", OCTOBER, lambda id_: [costs(10, "1", export_id=id_)])
    publish(empty.engine, empty.lake, "first", NOVEMBER, lambda id_: [costs(5, "1", period=NOVEMBER, export_id=id_)])
    [november] = [Path(file.path.removeprefix("file://")) for file in empty.lake.plan(period=NOVEMBER)]
    november.write_bytes(b"broken")
    with connect(empty.settings) as connection:
        assert connection.arrow("SELECT count(*) FROM line_items", period="2018-10").column(0)[0].as_py() == 10
        assert len(connection.sql("DESCRIBE line_items")) == len(LINE_ITEM_SCHEMA)
