import csv
import gc
import io
import itertools
import random
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.scan import scanner as module
from staxpipe.scan.library import library
from staxpipe.scan.scanner import Said, ScanError, Scanner

values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9) | st.sampled_from(
    ["", "a", "0.0000000000", '"', ",", "\n", "\r\n", "x" * 100]
)


def scanned(text: bytes, fields: int, cuts: list[int], batch_rows: int = 1000) -> list[list[list[str | None]]]:
    """The batches that a text gives when it is cut there; each its columns."""
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(bounds)]
    with Scanner(fields, range(fields), batch_rows, 1 << 20) as scan:
        batches = [batch for piece in pieces for batch in scan.feed(piece)]
        batches += scan.feed(b"", last=True)
    for batch in batches:
        for column in batch:
            column.validate(full=True)
    return [[column.to_pylist() for column in batch] for batch in batches]


@given(
    st.lists(st.lists(values, min_size=3, max_size=3), max_size=30),
    st.lists(st.integers(0, 3000), max_size=30),
    st.integers(1, 12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_pythons_csv_module_writes_is_read_however_it_is_cut(
    rows: list[list[str]], cuts: list[int], batch_rows: int, end: str, quoting: int
) -> None:
    if any({"\r", "\n"} & set(value) for row in rows for value in row):
        quoting = csv.QUOTE_ALL  # csv's writer leaves CR and LF without quotes where lines end in the other
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    batches = scanned(written.getvalue().encode(), 3, cuts, batch_rows)
    assert [len(batch[0]) for batch in batches[:-1]] == [batch_rows] * (len(batches) - 1)
    found = [list(row) for batch in batches for row in zip(*batch, strict=True)]
    assert found == [[value or None for value in row] for row in rows]


def test_tables_that_are_used_again_know_nothing_of_earlier_batches() -> None:
    """Through every number that marks the batch of an entry, and around."""
    chance = random.Random(1)
    rows = [f"{chance.randrange(40)},{row if row % 3 else 'same'}" for row in range(3_000)]
    batches = scanned("\n".join(rows).encode(), 2, [], batch_rows=4)
    assert len(batches) == 750
    assert [f"{one},{two}" for batch in batches for one, two in zip(*batch, strict=True)] == rows


def test_a_batch_of_very_many_different_values() -> None:
    rows = [f"{row * 7919 % 100_003:06}" for row in range(100_003)]
    ((column,),) = scanned("\n".join(rows).encode(), 1, [50_001], batch_rows=200_000)
    assert column == rows


def test_a_batch_whose_values_are_long_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DICTIONARY_BYTES_A_ROW", 20)
    rows = [f"{row:0100},{row}" for row in range(1_000)]
    batches = scanned("\n".join(rows).encode(), 2, [], batch_rows=500)
    assert 2 < len(batches) < 50
    assert [f"{one},{two}" for batch in batches for one, two in zip(*batch, strict=True)] == rows


def test_batches_outlive_the_scanner_and_leave_nothing_behind() -> None:
    pool = pa.default_memory_pool()
    gc.collect()
    before = pool.bytes_allocated()
    text = "".join(f"{row},{row % 3 or ''},\n" for row in range(1_000)).encode()
    with Scanner(3, [0, 1, 2], 300, 1 << 20) as scan:
        batches = [*scan.feed(text), *scan.feed(b"", last=True)]
    assert [row for batch in batches for row in batch[0].to_pylist()] == [str(row) for row in range(1_000)]
    del scan, batches
    gc.collect()
    assert pool.bytes_allocated() == before


@pytest.mark.parametrize(
    ("text", "said", "row", "column", "fields"),
    [
        (b"1,2\n\n3\n", Said.RAGGED, 2, 0, 1),
        (b"1,2\n3,4,5", Said.RAGGED, 2, 0, 3),
        (b"1,2\n3,\xc0\x80\n", Said.NOT_UTF8, 2, 1, 0),
        (b"1,2\n3," + b"x" * 300, Said.TOO_LONG, 2, 0, 0),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_is_wrong_is_found_where_it_is(
    text: bytes, said: Said, row: int, column: int, fields: int, size: int
) -> None:
    pieces = [*(text[start : start + size] for start in range(0, len(text), size)), b""]
    with pytest.raises(ScanError) as caught, Scanner(2, [0, 1], 10, 100) as scan:
        _ = [list(scan.feed(piece, last=not piece)) for piece in pieces]
    found = caught.value
    assert (found.said, found.row, found.column, found.fields) == (said, row, column, fields)


def rows_in_pieces(text: bytes, size: int, block_bytes: int) -> int:
    """How many rows a text of two columns has, given so many bytes at a time."""
    with Scanner(2, [0, 1], 10, block_bytes) as scan:
        for start in range(0, len(text), size):
            list(scan.feed(text[start : start + size], last=start + size >= len(text)))
        return scan.rows


def test_a_quote_that_nobody_closes_is_found() -> None:
    with pytest.raises(ScanError, match="UNCLOSED in row 1"):
        rows_in_pieces(b'1,2\n3,"4\n', 100, 100)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_more_than_eight_blocks_of_empty_lines_are_too_many(end: bytes, size: int) -> None:
    most = b"1,2" + end + end * (8 * 100 // len(end))
    assert rows_in_pieces(most + most, size, 100) == 2
    with pytest.raises(ScanError, match="EMPTY in row 1"):
        rows_in_pieces(most + end + most, size, 100)


INVALID = [
    b"\x80",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xe2\x82",
]


@pytest.mark.parametrize("wrong", INVALID)
@pytest.mark.parametrize("before", [b"", b"12345678", b"1234567"])
def test_what_is_not_utf8_is_refused_and_what_nobody_wants_is_not_looked_at(wrong: bytes, before: bytes) -> None:
    with pytest.raises(ScanError, match="NOT_UTF8"):
        scanned(b"a," + before + wrong + b"\n", 2, [])
    with Scanner(2, [0], 10, 100) as scan:
        ((column,),) = scan.feed(b"a," + before + wrong + b"\n", last=True)
    assert column.to_pylist() == ["a"]


def test_after_a_mistake_and_after_its_end_nothing_more_is_read() -> None:
    with Scanner(2, [0], 10, 100) as scan:
        with pytest.raises(ScanError, match="RAGGED in row 1"):
            list(scan.feed(b"1\n"))
        with pytest.raises(ScanError, match="RAGGED in row 1"):
            list(scan.feed(b"1,2\n", last=True))
    with pytest.raises(ValueError, match="closed"):
        list(scan.feed(b"1,2\n"))


def test_a_closed_scanner_says_so_whatever_is_asked_of_it() -> None:
    with Scanner(1, [0], 1, 100) as scan:
        begun = scan.feed(b"1\n2\n3\n", last=True)
        assert next(begun)[0].to_pylist() == ["1"]
        assert scan.rows == 1
    with pytest.raises(ValueError, match="the scanner is closed"):
        next(begun)
    with pytest.raises(ValueError, match="the scanner is closed"):
        _ = scan.rows
    with scan:  # and closing it again does nothing
        pass


@pytest.mark.parametrize(
    ("fields", "wanted", "rows", "block"),
    [
        (1, [0], 0, 100),
        (1, [0], -1, 100),
        (1, [0], 1 << 24, 100),
        (0, [], 1, 100),
        (1, [1], 1, 100),
        (1, [-1], 1, 100),
        (1, [0, 0], 1, 100),
        (1, [0], 1, 0),
    ],
)
def test_numbers_that_cannot_be_are_refused(fields: int, wanted: list[int], rows: int, block: int) -> None:
    with pytest.raises(ValueError, match=f"nothing scans {len(wanted)} of {fields} columns in batches of "):
        Scanner(fields, wanted, rows, block)


def test_too_little_memory_for_a_scanner_is_said_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    native = mock.Mock(wraps=library())
    monkeypatch.setattr(module, "library", lambda: native)
    monkeypatch.setattr(pa, "allocate_buffer", mock.Mock(side_effect=pa.ArrowMemoryError("no")))
    with pytest.raises(MemoryError):
        Scanner(1, [0], 10, 100)
    assert [call[0] for call in native.method_calls] == ["staxpipe_new", "staxpipe_free"]
    native.staxpipe_new = mock.Mock(return_value=Said.NO_MEMORY)
    with pytest.raises(MemoryError, match="no memory to scan a CSV text of 1,000 columns"):
        Scanner(1_000, [0], 10, 100)
