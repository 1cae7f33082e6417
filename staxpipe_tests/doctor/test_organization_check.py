from __future__ import annotations

from datetime import UTC, datetime

import pytest

from staxpipe.doctor.diagnosis import diagnose, looked, noted, tried
from staxpipe.doctor.facts import BucketFacts, Facts
from staxpipe.doctor.findings import Report, State, as_json, from_json
from staxpipe.doctor.organization_check import CODE, organization_check
from staxpipe.linking.verdicts import NotYetAssumable, Safe
from staxpipe.organization.due import LastReading, Outcome
from staxpipe_tests.doctor.cases import NOW, SUBJECT

READ = LastReading(datetime(2026, 11, 3, tzinfo=UTC), Outcome.READ, "Names of 3 accounts are known.", 3)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_nothing_of_it_is_to_be_mended(outcome: Outcome) -> None:
    check = organization_check(LastReading(READ.at, outcome, "What was said."))
    assert check.state in {State.HOLDS, State.UNKNOWN}
    assert "What was said." in check.found
    assert ("IncludeOrganizations=true" in check.to_do) == (outcome is Outcome.NOT_GRANTED)


def test_a_look_keeps_it_a_later_reading_replaces_it_and_a_role_that_fails_ends_it() -> None:
    report = noted(diagnose(SUBJECT, Safe(), Facts(BucketFacts()), NOW), organization_check(READ))
    again = LastReading(READ.at, Outcome.FAILED, "AWS was busy.")
    for later in (
        looked(report, SUBJECT, Facts(BucketFacts()), NOW),
        looked(diagnosed_without_look(), SUBJECT, "AWS was busy.", NOW),
        tried(report, SUBJECT, Safe(), NOW),
        from_json(as_json(report)),
    ):
        assert [check.found for check in later.checks if check.code == CODE] == [READ.words]
        newer = noted(later, organization_check(again))
        assert [check.found for check in newer.checks if check.code == CODE] == ["AWS was busy."]
    ended = tried(report, SUBJECT, NotYetAssumable(SUBJECT.role_arn), NOW)
    assert CODE not in {check.code for check in ended.checks}


def diagnosed_without_look() -> Report:
    return noted(diagnose(SUBJECT, Safe(), None, NOW), organization_check(READ))
