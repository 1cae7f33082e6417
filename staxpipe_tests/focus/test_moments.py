from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.coded import from_arrow
from staxpipe.focus.moments import exclusive_end, parse_moment, parse_moments

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T12:00:00Z",
        "2026-10-01T12:00:00.000Z",
        "2026-10-01 12:00:00+00:00",
        "2026-10-01 12:00:00",
        "2026-10-01 12:00:00.000",
        "2026-10-01T12:00:00",
        "2026-10-01 12:00:00 UTC",
        "2026-10-01 12:00:00 +0000",
        "2026-10-01T14:00:00+02:00",
        "2026-10-01T12:00:00.000000000Z",
    ],
)
def test_every_spelling_is_the_same_moment(text: str) -> None:
    assert parse_moment(text) == NOON


def test_a_bare_day_is_its_first_moment() -> None:
    assert parse_moment("2026-10-01") == datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00:00Z", "20261001", "2026-W40-1", "yesterday", "2026-10-01T25:00:00Z", "1"]
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse_moment(text) is None


def test_an_inclusive_end_becomes_exclusive() -> None:
    assert exclusive_end(datetime(2018, 10, 31, 23, 59, 59, tzinfo=UTC)) == datetime(2018, 11, 1, tzinfo=UTC)
    assert exclusive_end(datetime(2018, 10, 31, 23, 59, 59, 999000, tzinfo=UTC)) == datetime(2018, 11, 1, tzinfo=UTC)
    assert exclusive_end(NOON) == NOON


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_what_python_writes_is_read(moment: datetime) -> None:
    assert parse_moment(moment.isoformat()) == moment


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_at_all_is_a_moment_or_none(text: str) -> None:
    found = parse_moment(text)
    assert found is None or found.tzinfo is not None


def test_a_column_is_parsed_by_distinct_values() -> None:
    column = from_arrow(pa.array(["2026-10-01T11:59:59Z", "never", None, "2026-10-01T11:59:59Z"]).dictionary_encode())
    moments = parse_moments(column, ends=True)
    assert moments.array().to_pylist() == [NOON, None, None, NOON]
    assert moments.bad_rows.tolist() == [False, True, False, False]
