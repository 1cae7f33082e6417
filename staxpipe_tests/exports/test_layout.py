import pytest

from staxpipe.errors import PermanentError
from staxpipe.exports.layout import common_format, format_of
from staxpipe.model import FileFormat


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("cur-1.csv.gz", FileFormat.CSV_GZIP),
        ("cur-1.csv.zip", FileFormat.CSV_ZIP),
        ("CUR-1.ZIP", FileFormat.CSV_ZIP),
        ("cur-1.csv", FileFormat.CSV),
        ("cur-00001.snappy.parquet", FileFormat.PARQUET),
        ("exp-00001.parquet", FileFormat.PARQUET),
        ("cur-1.csv.bz2", None),
        ("cur-Manifest.json", None),
        ("zip", None),
    ],
)
def test_a_name_tells_the_format(name: str, format: FileFormat | None) -> None:
    assert format_of(name) is format


@pytest.mark.parametrize(
    ("compression", "format"),
    [("GZIP", FileFormat.CSV_GZIP), ("ZIP", FileFormat.CSV_ZIP), ("Parquet", FileFormat.PARQUET)],
)
def test_the_manifest_tells_what_names_do_not(compression: str, format: FileFormat) -> None:
    assert common_format(["cur-1", "cur-2"], compression) is format
    assert common_format(["cur-1.csv"], compression) is FileFormat.CSV


def test_zipped_files_are_read() -> None:
    assert common_format(["cur-1.csv.zip", "cur-2.zip"], "ZIP") is FileFormat.CSV_ZIP


@pytest.mark.parametrize(
    ("keys", "compression", "words"),
    [
        (["a.csv.gz", "b.parquet"], "", "of one format, and these are of: csv.gz, parquet"),
        (["a.csv.zip", "b.csv.gz"], "ZIP", "of one format, and these are of: csv.gz, csv.zip"),
        (["a.orc"], "", r"a\.orc .* compression \(not given\)"),
        (["a.orc"], "LZ4", r"a\.orc .* compression \(LZ4\)"),
    ],
)
def test_other_files_are_refused(keys: list[str], compression: str, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        common_format(keys, compression)
