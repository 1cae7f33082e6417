from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from staxpipe.focus.columns import LINE_ITEM_SCHEMA
from staxpipe.lake import writer as writer_module
from staxpipe.lake.open_file import OpenFile
from staxpipe.lake.table import Lake
from staxpipe.lake.writer import LakeFile
from staxpipe_tests.lake.line_item_batches import OCTOBER, PAYER, costs, line_items

ACCOUNTS = [f"{number:012d}" for number in range(40)]


def write(lake: Lake, *batches: pa.RecordBatch) -> tuple[LakeFile, ...]:
    with lake.writer(1, OCTOBER, "d1") as writer:
        for batch in batches:
            writer.write(batch)
    return writer.files


def read(file: LakeFile) -> pa.Table:
    return pq.ParquetFile(file.path.removeprefix("file://")).read()


def test_files_say_what_they_hold(lake: Lake) -> None:
    (file,) = write(lake, costs(100), costs(50))
    assert (file.billing_account_id, file.rows) == (PAYER, 150)
    assert file.bytes == Path(file.path.removeprefix("file://")).stat().st_size
    assert "/export-1/2018-10/d1-" in file.path


def test_two_writers_of_one_delivery_never_write_the_same_file(lake: Lake) -> None:
    assert write(lake, costs(1))[0].path != write(lake, costs(1))[0].path


def test_many_accounts_keep_few_files_open_and_lose_no_row(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "OPEN_FILES", 4)
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 10)
    batch = line_items([{"BillingAccountId": account} for account in ACCOUNTS * 3])
    files = write(lake, *[batch] * 10)
    for file in files:
        assert read(file)["BillingAccountId"].unique().to_pylist() == [file.billing_account_id]
    rows = {account: sum(f.rows for f in files if f.billing_account_id == account) for account in ACCOUNTS}
    assert rows == dict.fromkeys(ACCOUNTS, 30)


def test_rows_held_in_memory_are_bounded_whatever_the_number_of_accounts(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 100)
    batch = line_items([{"BillingAccountId": account} for account in ACCOUNTS])
    with lake.writer(1, OCTOBER, "d1") as writer:
        for _ in range(10):
            writer.write(batch)
            assert sum(pending.rows for pending in writer._pending.values()) <= 100
    assert sum(file.rows for file in writer.files) == 400


def test_row_groups_are_of_bounded_size_and_dictionary_coded_though_batches_differ(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 80)
    batches = [line_items([{"ResourceId": f"i-{number}-{at}"} for at in range(20)]) for number in range(4)]
    (file,) = write(lake, *batches)
    metadata = pq.read_metadata(file.path.removeprefix("file://"))
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [40, 40]
    at = LINE_ITEM_SCHEMA.get_field_index("ResourceId")
    assert metadata.row_group(0).column(at).has_dictionary_page
    assert metadata.row_group(0).column(at).encodings == ("PLAIN", "RLE", "RLE_DICTIONARY")


def test_a_large_account_goes_on_in_another_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(writer_module, "TARGET_BYTES", 1)
    files = write(lake, *[costs(100, "1")] * 3)
    assert [file.rows for file in files] == [100, 100, 100]
    assert sum(pc.sum(read(file)["BilledCost"]).as_py() for file in files) == Decimal(300)


def test_plain_text_columns_are_taken_too(lake: Lake) -> None:
    batch = costs(3)
    plain = pa.RecordBatch.from_arrays(
        [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns], names=batch.schema.names
    )
    (file,) = write(lake, plain, batch)
    assert file.rows == 6


def test_something_else_than_line_items_is_refused(lake: Lake) -> None:
    with pytest.raises(ValueError, match="not line items"), lake.writer(1, OCTOBER, "d1") as writer:
        writer.write(pa.record_batch({"a": [1]}))


def test_a_null_where_focus_allows_none_is_refused_and_leaves_no_file(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowInvalid, match="non-nullable"):
        write(lake, line_items([{"ServiceName": None}]))
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize("full", [False, True], ids=["goes on", "is full"])
def test_a_thread_that_is_late_is_left_its_file_and_leaves_none(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    monkeypatch.setattr(writer_module, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(writer_module, "TARGET_BYTES", 1 if full else 2**20)
    writing, discarded = threading.Event(), threading.Event()
    write = OpenFile.write
    used: list[OpenFile] = []

    def slow(file: OpenFile, rows: pa.Table) -> None:
        used.append(file)
        writing.set()
        discarded.wait()
        write(file, rows)  # fails where the file was closed meanwhile

    monkeypatch.setattr(OpenFile, "write", slow)
    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(KeyboardInterrupt), lake.writer(1, OCTOBER, "d1") as writer:  # noqa: PT012
            late = threads.submit(writer.write, costs(100))
            writing.wait()
            raise KeyboardInterrupt
        discarded.set()
        with pytest.raises(ValueError, match="is discarded"):
            late.result()
    with pytest.raises(ValueError, match="is discarded"):
        writer.write(costs(100))
    assert [file.closed for file in used] == [True]
    assert writer.files == ()
    assert list(tmp_path.rglob("*.parquet")) == []


def test_a_writer_that_lost_rows_to_an_error_does_not_end_as_if_it_had_not(lake: Lake, tmp_path: Path) -> None:
    with (  # noqa: PT012
        pytest.raises(ValueError, match=r"1 files .* not written"),
        lake.writer(1, OCTOBER, "d1", 10) as writer,
    ):
        writer.write(costs(10))
        with contextlib.suppress(pa.ArrowInvalid):
            writer.write(line_items([{"ServiceName": None}] * 10))
    assert list(tmp_path.rglob("*.parquet")) == []
