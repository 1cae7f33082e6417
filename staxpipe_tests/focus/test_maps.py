from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.coded import from_arrow
from staxpipe.focus.columns import TEXT_MAP
from staxpipe.focus.maps import fold, tag_keys
from staxpipe.focus.source_columns import TAG_PREFIX


@settings(deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda count: st.lists(
            st.lists(st.sampled_from(["x", "y", None]), min_size=count, max_size=count), min_size=1, max_size=5
        )
    )
)
def test_folding_keeps_every_value_and_nothing_else(columns: list[list[str | None]]) -> None:
    named = [
        (f"k{at}", from_arrow(pa.array(texts, pa.string()).dictionary_encode())) for at, texts in enumerate(columns)
    ]
    count = len(columns[0])
    order = np.arange(count - 1, -1, -1)
    folded = fold(named, order)
    assert folded.type == TEXT_MAP
    expected = [
        [(f"k{at}", texts[row]) for at, texts in enumerate(columns) if texts[row] is not None] or None for row in order
    ]
    assert folded.to_pylist() == expected


def test_three_hundred_sparse_columns_fold() -> None:
    none = [None] * 4
    columns = [
        (
            f"k{at}",
            from_arrow(pa.array(["v", *none] if at % 100 == 0 else [None, *none], pa.string()).dictionary_encode()),
        )
        for at in range(300)
    ]
    assert fold(columns, np.arange(5)).to_pylist() == [[("k0", "v"), ("k100", "v"), ("k200", "v")], *none]


def test_rows_outside_the_mask_have_no_map() -> None:
    column = from_arrow(pa.array(["a", "b"]).dictionary_encode())
    assert fold([("k", column)], np.arange(2), np.array([False, True])).to_pylist() == [None, [("k", "b")]]


def test_user_tags_lose_their_prefix_and_aws_tags_keep_it() -> None:
    names = ["resource_tags/user:Name", "resource_tags/aws:createdBy", "resource_tags/user_team", "resource_tags/aws_x"]
    assert tag_keys(names, TAG_PREFIX) == {
        "resource_tags/user:Name": "Name",
        "resource_tags/aws:createdBy": "aws:createdBy",
        "resource_tags/user_team": "team",
        "resource_tags/aws_x": "aws:x",
    }


def test_tags_that_would_share_a_key_keep_their_full_names() -> None:
    names = ["resource_tags/user:Name", "resource_tags/user_Name", "resource_tags/user:name"]
    assert tag_keys(names, TAG_PREFIX) == {
        "resource_tags/user:Name": "user:Name",
        "resource_tags/user_Name": "user_Name",
        "resource_tags/user:name": "name",
    }


@settings(deadline=None)
@given(st.sets(st.text(alphabet="user:_aAws", min_size=1, max_size=10), max_size=8))
def test_no_two_tag_columns_ever_share_a_key(names: set[str]) -> None:
    keys = tag_keys([TAG_PREFIX + name for name in names], TAG_PREFIX)
    assert len(set(keys.values())) == len(names)
