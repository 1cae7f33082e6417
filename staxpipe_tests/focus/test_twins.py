"""Columns that are there twice become one, and their disagreements are named."""

from __future__ import annotations

from staxpipe.focus.coded import Coded, from_arrow
from staxpipe.focus.twins import united
from staxpipe_tests.focus.batches import batch


def columns(**values: list[str | None]) -> dict[str, Coded]:
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    made = batch(rows)
    return {name.replace("__", "#"): from_arrow(made.column(at)) for at, name in enumerate(made.schema.names)}


def texts(column: Coded) -> list[str | None]:
    found: list[str | None] = column.array().to_pylist()
    return found


def test_the_first_value_that_is_there_counts() -> None:
    source, disagreements = united(
        columns(a=["1", None, None, "4"], a__2=["1", "2", None, "5"], a__3=[None, "6", "3", None])
    )
    assert list(source) == ["a"]
    assert texts(source["a"]) == ["1", "2", "3", "4"]
    assert disagreements["a"].tolist() == [False, True, False, True]


def test_a_second_column_alone_is_the_column() -> None:
    source, disagreements = united(columns(a__2=["1", None]))
    assert (texts(source["a"]), disagreements) == (["1", None], {})


def test_keys_of_maps_are_no_twins() -> None:
    source = columns(a=["1"])
    source["tags/Name#2"] = source.pop("a")
    kept, disagreements = united(source)
    assert (list(kept), disagreements) == (["tags/Name#2"], {})
