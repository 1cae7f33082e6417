"""The inputs of the benchmarks are what their size says, the same every time, and loadable as AWS's reports are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from benchmarks.generating import ID, RESOURCE, generate
from benchmarks.inputs import MARKER, Size
from staxpipe.exports.local import find

COST = "lineItem/UnblendedCost"
TINY = Size("tiny", 2_000, parts=2, files_of_part=3)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    generate(TINY, folder, 1)
    return folder


@pytest.fixture(scope="module")
def rows(tiny: Path) -> list[dict[str, str]]:
    """What the tests look at of each row; by Arrow, since there are 200 columns more."""
    names = [ID, RESOURCE, COST]
    options = pa.csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()))
    found: list[dict[str, str]] = []
    for key in json.loads((tiny / MARKER).read_text(encoding="utf-8"))["files"]:
        found += pa.csv.read_csv(tiny / "bucket" / key, convert_options=options).to_pylist()
    return found


def test_every_row_is_there_once_with_an_id_of_its_own(tiny: Path, rows: list[dict[str, str]]) -> None:
    assert len(rows) == json.loads((tiny / MARKER).read_text(encoding="utf-8"))["rows"]
    assert len({row[ID] for row in rows}) == len(rows)
    assert {len(row[ID]) for row in rows} == {52}


def test_parts_have_the_same_charges_by_other_resources(rows: list[dict[str, str]]) -> None:
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    assert [row[COST] for row in first] == [row[COST] for row in second]
    instances = [{row[RESOURCE] for row in part if row[RESOURCE].startswith("i-")} for part in (first, second)]
    assert instances[0]
    assert instances[1]
    assert instances[0].isdisjoint(instances[1])


def test_the_manifest_leads_to_every_file(tiny: Path) -> None:
    (delivery,) = find(tiny / "bucket").deliveries
    assert len(delivery.files) == TINY.parts * TINY.files_of_part


def test_the_same_size_is_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    generate(replace(TINY, parts=1), tmp_path, 1)
    for key in json.loads((tmp_path / MARKER).read_text(encoding="utf-8"))["files"]:
        assert (tmp_path / "bucket" / key).read_bytes() == (tiny / "bucket" / key).read_bytes()


def test_parquet_has_the_same_rows_under_awss_names(rows: list[dict[str, str]], tmp_path: Path) -> None:
    generate(Size("tiny-parquet", 2_000, files_of_part=3, parquet=True), tmp_path, 1)
    keys = json.loads((tmp_path / MARKER).read_text(encoding="utf-8"))["files"]
    ids = [
        value.as_py()
        for key in keys
        for value in pq.read_table(tmp_path / "bucket" / key, columns=["identity_line_item_id"]).column(0)
    ]
    assert ids == [row[ID] for row in rows[: len(rows) // 2]]
