from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.coded import Coded, from_arrow
from staxpipe.focus.columns import CODED_MAP
from staxpipe.focus.maps import cost_category_claims, distinct, fold, tag_claims, tag_key
from staxpipe_tests.focus.batches import mapped, one, row


def coded(texts: list[str | None]) -> Coded:
    return from_arrow(pa.array(texts, pa.string()).dictionary_encode())


def tags(columns: dict[str, list[str | None]]) -> list[list[tuple[str, str]] | None]:
    """The Tags of every row."""
    count = len(next(iter(columns.values())))
    folded = fold(distinct(tag_claims({name: coded(texts) for name, texts in columns.items()})), np.arange(count))
    found: list[list[tuple[str, str]] | None] = folded.to_pylist()
    return found


@settings(deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda count: st.lists(
            st.lists(st.sampled_from(["x", "y", None]), min_size=count, max_size=count), min_size=1, max_size=5
        )
    )
)
def test_folding_keeps_every_value_and_nothing_else(columns: list[list[str | None]]) -> None:
    named = [(f"k{at}", coded(texts)) for at, texts in enumerate(columns)]
    count = len(columns[0])
    order = np.arange(count - 1, -1, -1)
    folded = fold(named, order)
    assert folded.type == CODED_MAP
    expected = [
        [(f"k{at}", texts[row]) for at, texts in enumerate(columns) if texts[row] is not None] or None for row in order
    ]
    assert folded.to_pylist() == expected


def test_three_hundred_sparse_columns_fold() -> None:
    none: list[str | None] = [None] * 4
    columns = [(f"k{at}", coded(["v", *none] if at % 100 == 0 else [None, *none])) for at in range(300)]
    assert fold(columns, np.arange(5)).to_pylist() == [[("k0", "v"), ("k100", "v"), ("k200", "v")], *none]


def test_rows_outside_the_mask_have_no_map() -> None:
    folded = fold([("k", coded(["a", "b"]))], np.arange(2), np.array([False, True]))
    assert folded.to_pylist() == [None, [("k", "b")]]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("user:Name", "Name"),
        ("aws:createdBy", "aws:createdBy"),
        ("user_team", "team"),
        ("aws_x", "aws:x"),
        ("user:aws_x", "aws_x"),
        ("user:", "user:"),
        ("Name", "Name"),
        ("name#2", "name#2"),
    ],
)
def test_user_tags_lose_their_prefix_and_aws_tags_keep_it(written: str, key: str) -> None:
    assert tag_key(written) == key
    assert tags({f"resource_tags/{written}": ["v"]}) == [[(key, "v")]]


def test_a_key_is_the_same_whatever_other_columns_there_are() -> None:
    alone: dict[str, list[str | None]] = {"resource_tags/user:Name": ["web"]}
    others: dict[str, list[str | None]] = {
        "resource_tags/Name": [None],
        "resource_tags/user_Name": [None],
        "tags/accountTag/Name": ["a"],
    }
    assert tags(alone) == [[("Name", "web")]]
    assert tags(alone | others) == [[("Name", "web"), ("accountTag/Name", "a")]]


def test_tags_that_want_one_key_in_one_row_all_survive() -> None:
    found = tags(
        {
            "resource_tags/user:Name": ["one", "one", None],
            "resource_tags/Name": ["two", None, None],
            "resource_tags/user_Name": ["three", "three", "three"],
        }
    )
    assert found == [
        [("Name", "two"), ("user:Name", "one"), ("user_Name", "three")],
        [("Name", "one"), ("user_Name", "three")],
        [("Name", "three")],
    ]


def test_even_where_they_have_the_same_value() -> None:
    found = tags({"resource_tags/user:Name": ["web"], "resource_tags/Name": ["web"]})
    assert found == [[("Name", "web"), ("user:Name", "web")]]


def test_keys_that_differ_by_case_stay_two() -> None:
    found = tags({"resource_tags/user:Team": ["A", None], "resource_tags/user:team": ["b", "b"]})
    assert found == [[("Team", "A"), ("team", "b")], [("team", "b")]]


def test_one_tag_from_both_columns_of_cur_2_0_is_one_tag_and_a_contradiction_is_two() -> None:
    found = tags(
        {
            "resource_tags/user_team": ["core", "core", None],
            "tags/resourceTags/team": ["core", "edge", "edge"],
        }
    )
    assert found == [[("team", "core")], [("resourceTags/team", "edge"), ("team", "core")], [("team", "edge")]]


def test_aws_s_own_example_of_overlapping_keys() -> None:
    # Data Exports guide, "Tags column": the same key on four levels.
    found = one(
        row(
            **{
                "tags/resourceTags/department": "teamA",
                "tags/resourceTags/appName": "app1",
                "tags/userAttribute/Department": "teamB",
                "tags/accountTag/department": "teamC",
                "tags/accountTag/appName": "app3",
                "tags/costCategory/department": "teamD",
            }
        )
    )
    assert found["Tags"] == [
        ("accountTag/appName", "app3"),
        ("accountTag/department", "teamC"),
        ("appName", "app1"),
        ("department", "teamA"),
        ("userAttribute/Department", "teamB"),
    ]
    assert found["x_CostCategories"] == [("department", "teamD")]


def test_cost_categories_come_from_both_columns_and_a_contradiction_is_two() -> None:
    columns = {"cost_category/Team": ["a", "a"], "tags/costCategory/Team": ["a", "b"]}
    claims = cost_category_claims({name: coded([*texts]) for name, texts in columns.items()})
    assert fold(distinct(claims), np.arange(2)).to_pylist() == [
        [("Team", "a")],
        [("Team", "a"), ("costCategory/Team", "b")],
    ]


COLUMN = st.lists(st.sampled_from(["a", "bb", "Ü", None, None]), min_size=6, max_size=6)


@given(
    st.lists(COLUMN, max_size=4),
    st.lists(st.integers(0, 5), max_size=8),
    st.none() | st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_a_map_has_what_its_row_has(columns: list[list[str | None]], rows: list[int], mask: list[bool] | None) -> None:
    named = [(f"k{number}", coded(texts)) for number, texts in enumerate(columns)]
    where = None if mask is None else np.array(mask[: len(rows)], np.bool_)
    folded = fold(named, np.array(rows, np.int64), where)
    folded.validate(full=True)
    assert folded.type == CODED_MAP
    assert folded.to_pylist() == [
        ([(f"k{number}", texts[row]) for number, texts in enumerate(columns) if texts[row]] or None)
        if where is None or where[at]
        else None
        for at, row in enumerate(rows)
    ]


def test_a_map_that_could_not_be_read_stays_visible_and_is_counted() -> None:
    result = mapped(
        row(**{"resource_tags/#unreadable": '{"a": ', "discount_#unreadable": "[]", "product_#unreadable": "{"}),
        row(),
        row(**{"resource_tags/#unreadable": "?", "line_item_unblended_cost": "oops"}),
    )
    assert result.tally.unreadable_maps == {"resource_tags": 1, "discount": 1, "product": 1}
    first, second = result.rows.to_pylist()
    assert (first["Tags"], first["x_Discounts"]) == ([("#unreadable", '{"a": ')], [("#unreadable", "[]")])
    assert (first["BilledCost"], second["Tags"]) == (second["BilledCost"], None)


KEYS = st.one_of(
    st.text(alphabet="user:_aAws", min_size=1, max_size=10),
    st.sampled_from(["Name", "user:Name", "user_Name", "name", "user:user:Name", "resourceTags/Name", "accountTag/N"]),
)
COLUMNS = st.one_of(
    KEYS.map(lambda key: f"resource_tags/{key}"),
    KEYS.map(lambda key: f"tags/resourceTags/{key}"),
    KEYS.map(lambda key: f"tags/accountTag/{key}"),
    KEYS.map(lambda key: f"resource_tags/tags/{key}"),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sets(COLUMNS, min_size=1, max_size=8).flatmap(
        lambda names: st.fixed_dictionaries(
            {name: st.lists(st.one_of(st.none(), st.just(name)), min_size=3, max_size=3) for name in sorted(names)}
        )
    )
)
def test_no_tag_is_lost_or_shares_a_key_and_a_row_s_tags_depend_on_that_row_alone(
    columns: dict[str, list[str | None]],
) -> None:
    whole = tags(columns)
    for at, found in enumerate(whole):
        there = {name: texts[at] for name, texts in columns.items() if texts[at] is not None}
        entries = found or []
        assert sorted(value for _, value in entries) == sorted(text for text in there.values() if text)
        assert len({key for key, _ in entries}) == len(entries)
        alone = tags({name: [text] for name, text in there.items()}) if there else [None]
        assert alone == [found]


def test_three_hundred_tags_that_all_collide_all_survive() -> None:
    columns: dict[str, list[str | None]] = {}
    for number in range(100):
        for spelling in ("user:Key", "user_Key", "Key"):
            columns[f"resource_tags/{spelling}{number}"] = [f"{spelling}{number}", None]
    full, empty = tags(columns)
    assert full is not None
    assert len(full) == len(dict(full)) == 300
    assert {value for _, value in full} == {text for texts in columns.values() for text in texts if text}
    assert all(dict(full)[f"Key{number}"] == f"Key{number}" for number in range(100))
    assert empty is None
