"""One month in every format: the same rows and sums, read back by other means than those that wrote them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from staxpipe.model import ExportKind, FileFormat
from staxpipe.synthetic.cur2 import Cur2Query
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.tables import ExportTable, export_table
from staxpipe_tests.synthetic.sums import file_sums

pytestmark = pytest.mark.long

KINDS = [ExportKind.LEGACY_CUR, ExportKind.CUR_2_0]


@pytest.mark.parametrize("format", [FileFormat.CSV_GZIP, FileFormat.PARQUET])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_comes_to_what_the_books_say(
    everything: Month, tmp_path: Path, kind: ExportKind, format: FileFormat
) -> None:
    table = export_table(everything, kind, Cur2Query())
    table.write(tmp_path / "file", format, 0, table.rows)
    sums = file_sums(tmp_path / "file", format)
    assert sums.source == everything.expected.source
    assert sums.focus == everything.expected.focus_sums
    assert sums.split == everything.expected.split
    assert sum(each.rows for each in sums.source.values()) == everything.expected.rows == table.rows


@pytest.mark.parametrize("kind", KINDS)
def test_csv_is_the_same_text_however_it_is_packed(month_of_net: Month, tmp_path: Path, kind: ExportKind) -> None:
    table = export_table(month_of_net, kind, Cur2Query())
    plain, gzipped, zipped = (_write(table, tmp_path, format) for format in FileFormat if format != FileFormat.PARQUET)
    text = (tmp_path / FileFormat.CSV).read_bytes()
    assert len(text.splitlines()) == 2_001
    assert gzip.decompress((tmp_path / FileFormat.CSV_GZIP).read_bytes()) == text
    with zipfile.ZipFile(tmp_path / FileFormat.CSV_ZIP) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [text]
    assert len({plain, gzipped, zipped}) == 3


@pytest.mark.parametrize("format", list(FileFormat))
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_month_gives_the_same_bytes(
    month_of_net: Month, tmp_path: Path, kind: ExportKind, format: FileFormat
) -> None:
    first, second = (_write(export_table(month_of_net, kind, Cur2Query()), tmp_path, format) for _ in range(2))
    assert first == second


def test_a_kind_that_is_not_generated_is_refused(month_of_net: Month) -> None:
    with pytest.raises(ValueError, match="not written as data-export"):
        export_table(month_of_net, ExportKind.DATA_EXPORT, Cur2Query())


def _write(table: ExportTable, folder: Path, format: FileFormat) -> bytes:
    table.write(folder / format, format, 100, 2_000)
    return (folder / format).read_bytes()
