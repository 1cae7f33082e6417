import logging
from collections.abc import Iterator

import pytest

from staxpipe.errors import PermanentError
from staxpipe.scan import choice
from staxpipe.scan.choice import CsvReader, chosen_reader, decide


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    chosen_reader.cache_clear()
    yield
    chosen_reader.cache_clear()


@pytest.mark.parametrize(
    ("setting", "obstacle", "reader", "words"),
    [
        ("auto", None, CsvReader.NATIVE, "by the native reader"),
        ("auto", "it is not there", CsvReader.ARROW, "by pyarrow, several times slower than natively: it is not there"),
        ("native", None, CsvReader.NATIVE, "by the native reader"),
        ("arrow", None, CsvReader.ARROW, "as the setting csv_reader says"),
    ],
)
def test_what_runs_and_what_is_said_of_it(setting: str, obstacle: str | None, reader: CsvReader, words: str) -> None:
    chosen, said = decide(setting, obstacle)
    assert chosen is reader
    assert words in said


def test_asking_for_what_is_not_there_is_an_error() -> None:
    with pytest.raises(PermanentError, match="STAXPIPE_CSV_READER asks for the native CSV reader, but it is not there"):
        decide("native", "it is not there")


def test_the_choice_is_made_and_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("STAXPIPE_CSV_READER", "auto")
    monkeypatch.setattr(choice, "obstacle", lambda: "it is not there")
    with caplog.at_level(logging.INFO):
        assert [chosen_reader(), chosen_reader()] == [CsvReader.ARROW, CsvReader.ARROW]
    assert [record.message for record in caplog.records] == [
        "CSV is read by pyarrow, several times slower than natively: it is not there."
    ]
