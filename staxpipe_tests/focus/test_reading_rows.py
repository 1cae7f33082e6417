from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from staxpipe.focus.reading_rows import ORDINARY_COLUMNS, rows_of


@given(st.integers(1, 131_072), st.integers(0, 10_000))
def test_wider_batches_have_fewer_rows_and_at_least_one(batch_rows: int, columns: int) -> None:
    assert 1 <= rows_of(batch_rows, columns + 1) <= rows_of(batch_rows, columns) <= batch_rows


def test_an_ordinary_report_has_all_rows_and_one_of_500_tags_a_twelfth() -> None:
    assert rows_of(131_072, ORDINARY_COLUMNS) == 131_072
    assert rows_of(131_072, ORDINARY_COLUMNS + 500) == 11_480
