"""A fixture for tests that hold whichever of the two CSV readers runs."""

from collections.abc import Iterator

import pytest

from staxpipe.scan.choice import CsvReader, chosen_reader, obstacle


@pytest.fixture(params=list(CsvReader))
def csv_reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CsvReader]:
    """Each CSV reader after the other, chosen as in production."""
    reader: CsvReader = request.param
    if reader is CsvReader.NATIVE and (why := obstacle()):
        pytest.skip(why)  # staxpipe_tests/scan/test_library.py fails then
    monkeypatch.setenv("STAXPIPE_CSV_READER", reader)
    chosen_reader.cache_clear()
    yield reader
    chosen_reader.cache_clear()
