"""Which of the checks are made, and what of an earlier report stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from staxpipe.doctor.diagnosis import diagnose, looked, tried
from staxpipe.doctor.findings import State, as_json, from_json
from staxpipe.linking.verdicts import NotYetAssumable, OperatorRefused, Safe, Unknown, Verdict
from staxpipe_tests.doctor.cases import NOW, ROLE, SUBJECT, export, facts, one

LATER = NOW + timedelta(hours=1)
GONE = NotYetAssumable(ROLE)
FULL = diagnose(SUBJECT, Safe(), facts(export()), NOW)


def test_a_full_report_has_role_bucket_and_export_and_goes_through_json() -> None:
    assert {check.code for check in FULL.checks} >= {"role-found", "bucket", "months", "resource-ids"}
    assert (FULL.looked_at, FULL.tried_at, FULL.months) == (NOW, NOW, export().months)
    assert not FULL.broken
    assert from_json(as_json(FULL)) == FULL


def test_without_a_safe_role_the_bucket_waits() -> None:
    report = diagnose(SUBJECT, GONE, None, NOW)
    assert report.broken
    assert one(report.checks, "bucket").state is State.UNKNOWN
    assert (report.looked_at, report.months) == (None, ())
    assert from_json(as_json(report)) == report


@pytest.mark.parametrize("verdict", [Safe(), Unknown("Throttled."), OperatorRefused("No key.")])
def test_what_was_found_in_the_bucket_stays_when_the_role_is_tried_again(verdict: Verdict) -> None:
    again = tried(FULL, SUBJECT, verdict, LATER)
    assert (again.at, again.looked_at, again.months) == (LATER, NOW, FULL.months)
    assert one(again.checks, "bucket") == one(FULL.checks, "bucket")
    assert len(again.checks) == len(FULL.checks)


def test_what_was_found_in_the_bucket_is_forgotten_when_the_role_does_not_hold() -> None:
    again = tried(FULL, SUBJECT, GONE, LATER)
    assert (again.looked_at, again.tried_at, again.months) == (None, None, ())
    assert one(again.checks, "bucket").state is State.UNKNOWN


def test_a_look_takes_the_role_s_checks_from_the_report_before() -> None:
    doubtful = diagnose(SUBJECT, Unknown("Throttled."), None, NOW)
    report = looked(doubtful, SUBJECT, facts(export()), LATER)
    assert one(report.checks, "role-found").state is State.UNKNOWN
    assert one(report.checks, "bucket").state is State.HOLDS


def test_a_look_that_aws_did_not_answer_leaves_an_earlier_one() -> None:
    again = looked(FULL, SUBJECT, "The connection failed.", LATER)
    assert (again.checks, again.looked_at, again.tried_at) == (FULL.checks, NOW, LATER)


def test_a_first_look_that_aws_did_not_answer_says_so_and_breaks_nothing() -> None:
    report = diagnose(SUBJECT, Safe(), "The connection failed.", NOW)
    assert not report.broken
    assert one(report.checks, "bucket").found == "The connection failed."
    assert (report.looked_at, report.tried_at) == (None, NOW)


def test_the_sentence_counts_the_worst_first() -> None:
    assert diagnose(SUBJECT, GONE, None, NOW).sentence == "1 to be mended, 10 not known"
