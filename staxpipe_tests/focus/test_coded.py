from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.coded import Coded, choose, coalesce, coded, combinations, constant, from_arrow, nothing

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", None]), min_size=1, max_size=8)


def column(texts: list[str | None]) -> Coded:
    return from_arrow(pa.array(texts, pa.string()).dictionary_encode())


def test_a_dictionary_with_doubles_nulls_and_empty_texts_is_cleaned() -> None:
    cleaned = coded(np.array([0, 1, 2, 3, 4, -1], np.int32), pa.array(["a", "", "a", None, "b"]))
    assert cleaned.array().to_pylist() == ["a", None, "a", None, "b", None]
    assert cleaned.values.to_pylist() == ["a", "b"]


def test_a_slice_of_a_large_dictionary_keeps_only_what_occurs() -> None:
    values = pa.array([f"v{number}" for number in range(1000)])
    part = pa.DictionaryArray.from_arrays(pa.array(range(1000), pa.int32()), values).slice(500, 2)
    cut = from_arrow(part)
    assert cut.array().to_pylist() == ["v500", "v501"]
    assert len(cut.values) == 2


@settings(deadline=None)
@given(TEXTS, st.data())
def test_coalesce_takes_the_first_text_that_is_there(first: list[str | None], data: st.DataObject) -> None:
    others = st.lists(st.sampled_from(["a", "x", "", None]), min_size=len(first), max_size=len(first))
    second, third = data.draw(others), data.draw(others)
    merged = coalesce((column(first), column(second), column(third)))
    assert merged.array().to_pylist() == [a or b or c or None for a, b, c in zip(first, second, third, strict=True)]
    values = merged.values.to_pylist()
    assert len(values) == len(set(values))


@settings(deadline=None)
@given(TEXTS, st.data())
def test_choose_takes_one_or_the_other(first: list[str | None], data: st.DataObject) -> None:
    second = data.draw(st.lists(st.sampled_from(["a", "x", None]), min_size=len(first), max_size=len(first)))
    mask = data.draw(st.lists(st.booleans(), min_size=len(first), max_size=len(first)))
    chosen = choose(np.array(mask), column(first), column(second))
    expected = [(a if yes else b) or None for yes, a, b in zip(mask, first, second, strict=True)]
    assert chosen.array().to_pylist() == expected
    values = chosen.values.to_pylist()
    assert len(values) == len(set(values))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 2), st.integers(-1, 1)), min_size=1, max_size=30))
def test_combinations_are_the_distinct_rows(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array(codes, np.int32) for codes in zip(*rows, strict=True)]
    found = combinations(columns)
    members = list(zip(*(member.tolist() for member in found.members), strict=True))
    assert sorted(members) == sorted(set(rows))
    assert [members[group] for group in found.of_row] == rows


def test_combinations_of_many_large_columns_do_not_overflow() -> None:
    codes = np.array([0, 2**30, 2**30, -1], np.int32)
    found = combinations([codes, codes, codes, codes])
    assert len(found) == 3
    assert found.of_row[1] == found.of_row[2] != found.of_row[0]


def test_a_rule_runs_once_a_value_and_nulls_stay() -> None:
    seen: list[str] = []

    def rule(text: str) -> str:
        seen.append(text)
        return text.upper()

    assert column(["a", "b", "a", None]).map(rule).array().to_pylist() == ["A", "B", "A", None]
    assert seen == ["a", "b"]


def test_constants_and_nothing() -> None:
    assert constant("x", 2).array().to_pylist() == ["x", "x"]
    assert nothing(2).array().to_pylist() == [None, None]
    assert column([None, "b", "c"]).where(np.array([True, True, False])).compact().values.to_pylist() == ["b"]
