from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.organization.members import Member, once, path_of, tagged, tags_first

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ADA = Member("111122223333", "Ada's", "ACTIVE", "ou-a", "/A")
BEN = Member("444455556666", "Ben's", "ACTIVE", "r-root", "/")


@pytest.mark.parametrize(
    ("units", "path"),
    [
        ((), "/"),
        (("Workloads",), "/Workloads"),
        (("Workloads", "Prod & Täst"), "/Workloads/Prod & Täst"),
        (("R/D", "a\\b"), r"/R\/D/a\\b"),
    ],
)
def test_a_path_is_the_units_names_from_the_top(units: tuple[str, ...], path: str) -> None:
    assert path_of(units) == path


def test_no_two_places_have_the_same_path() -> None:
    places = [("a", "b"), ("a/b",), ("a\\", "b"), ("a\\/b",), ("a", "", "b"), ("", "a", "b")]
    assert len({path_of(place) for place in places}) == len(places)


def test_who_is_moved_meanwhile_is_where_it_was_seen_last() -> None:
    moved = replace(ADA, ou_id="ou-b", ou_path="/B")
    assert once([BEN, ADA, moved]) == (moved, BEN)


def test_tags_are_asked_for_first_where_they_are_oldest() -> None:
    cam = replace(BEN, account_id="777788889999")
    read_at = {ADA.account_id: NOW, BEN.account_id: NOW - timedelta(days=1), cam.account_id: None}
    assert tags_first([ADA, BEN, cam], read_at) == [cam, BEN, ADA]
    assert tags_first([ADA, BEN], {ADA.account_id: NOW}) == [BEN, ADA]


def test_tags_that_were_not_read_are_not_none_at_all() -> None:
    assert [member.tags for member in tagged([ADA, BEN], {ADA.account_id: {}})] == [{}, None]
