from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from staxpipe.errors import NotGrantedError, TransientError
from staxpipe.organization.due import LastReading, Outcome, is_due, reading_of
from staxpipe.organization.members import ManagedElsewhere, Member, NoOrganization, Organization

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
ADA = "111122223333"


@pytest.mark.parametrize(
    ("outcome", "early", "late"),
    [
        (Outcome.READ, timedelta(hours=19), timedelta(hours=23)),
        (Outcome.FAILED, timedelta(minutes=30), timedelta(hours=2)),
        (Outcome.NOT_GRANTED, timedelta(days=2), timedelta(days=8)),
        (Outcome.MANAGED_ELSEWHERE, timedelta(days=2), timedelta(days=8)),
        (Outcome.NO_ORGANIZATION, timedelta(days=2), timedelta(days=8)),
    ],
)
def test_each_has_its_turn(outcome: Outcome, early: timedelta, late: timedelta) -> None:
    assert not is_due(LastReading(NOW - early, outcome, ""), NOW, LONG_AGO)
    assert is_due(LastReading(NOW - late, outcome, ""), NOW, LONG_AGO)


def test_who_was_never_asked_is_due() -> None:
    assert is_due(None, NOW, LONG_AGO)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_link_that_is_newer_than_a_refusal_is_asked_at_once(outcome: Outcome) -> None:
    last = LastReading(NOW - timedelta(minutes=2), outcome, "")
    assert is_due(last, NOW, NOW - timedelta(minutes=1)) is (outcome is not Outcome.READ)
    assert not is_due(last, NOW, NOW - timedelta(minutes=3))


def test_a_reading_says_what_it_came_to() -> None:
    member = Member(ADA, "Ada's", "ACTIVE", "r-root", "/")
    read = reading_of(ADA, Organization(ADA, (member,), "Some tags wait."), NOW)
    assert (read.outcome, read.accounts) == (Outcome.READ, 1)
    assert read.words == "Names, units and tags of 1 account are known. Some tags wait."
    elsewhere = reading_of(ADA, ManagedElsewhere("999988887777"), NOW)
    assert elsewhere.outcome is Outcome.MANAGED_ELSEWHERE
    assert "999988887777" in elsewhere.words
    assert reading_of(ADA, NoOrganization(), NOW).outcome is Outcome.NO_ORGANIZATION
    assert reading_of(ADA, NotGrantedError("by choice"), NOW).words == "by choice"
    assert reading_of(ADA, TransientError("later"), NOW).outcome is Outcome.FAILED
