"""The maps of AWS's own FOCUS rows: the CUR mapping's keys, nothing merged, nothing that depends on other rows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staxpipe.focus.passthrough import pass_through
from staxpipe_tests.focus.batches import CONTEXT, USAGE, Row, batch, one
from staxpipe_tests.focus.focus_batches import FOCUS_1_0, FOCUS_1_2, only, passed, without

BARE = without(FOCUS_1_2, "tags/user_Name")


def tagged(values: dict[str, str]) -> Row:
    return {**BARE, **{f"tags/{key}": value for key, value in values.items()}}


@pytest.mark.parametrize("key", ["user_team", "user:Team", "aws_created_by", "aws:createdBy", "Team", "a/b"])
def test_a_key_is_the_one_that_the_cur_mapping_has(key: str) -> None:
    expected = one({**USAGE, f"resource_tags/{key}": "a"})["Tags"]
    assert only(tagged({key: "a"}))["Tags"] == expected
    assert only(tagged({f"resourceTags/{key}": "a"}))["Tags"] == expected


@pytest.mark.parametrize("key", ["accountTag/team", "userAttribute/Department"])
def test_tags_of_other_things_than_resources_keep_awss_prefix(key: str) -> None:
    assert only(tagged({key: "a"}))["Tags"] == [(key, "a")]


def test_cost_categories_are_found_in_either_version() -> None:
    assert only(FOCUS_1_0)["x_CostCategories"] == [("Team", "core")]
    found = only(tagged({"costCategory/Team": "core", "Team": "web"}))
    assert (found["x_CostCategories"], found["Tags"]) == ([("Team", "core")], [("Team", "web")])


def test_two_tags_that_would_have_one_key_are_both_there() -> None:
    found = only(tagged({"user_team": "a", "user:team": "b", "team": "c", "resourceTags/team": "c"}))["Tags"]
    assert isinstance(found, list)
    assert sorted(value for _, value in found) == ["a", "b", "c", "c"]
    assert len({key for key, _ in found}) == 4
    assert ("team", "c") in found


KEYS = ("team", "user_team", "user:team", "resourceTags/team", "resourceTags/user:team", "costCategory/team", "aws_x")


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b"])), min_size=1, max_size=5))
def test_a_rows_maps_depend_on_the_row_alone(rows: list[dict[str, str]]) -> None:
    together = passed(*map(tagged, rows)).rows.to_pylist()
    alone = [only(tagged(row)) for row in rows]
    for name in ("Tags", "x_CostCategories"):
        assert [row[name] for row in together] == [row[name] for row in alone]
    for row, written in zip(together, rows, strict=True):
        assert len(row["Tags"] or ()) + len(row["x_CostCategories"] or ()) == len(written)


def test_what_is_no_object_is_kept_and_counted() -> None:
    row: Row = {**BARE, "tags/#unreadable": "{Team=web"}
    result = pass_through(batch([row, BARE]), CONTEXT)
    assert result.rows.column("Tags").to_pylist() == [[("#unreadable", "{Team=web")], None]
    assert result.tally.unreadable_maps == {"tags": 1}


def test_a_discount_has_one_spelling_in_every_format() -> None:
    spelled = [only({**BARE, "x_discounts/edp": text})["x_Discounts"] for text in ("-0.50", "-0.5", "-5e-1")]
    assert spelled == [[("edp", "-0.5")]] * 3
