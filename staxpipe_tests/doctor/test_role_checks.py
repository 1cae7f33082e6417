"""What each verdict of a probe means, check by check."""

from __future__ import annotations

from staxpipe.doctor.findings import State
from staxpipe.doctor.role_checks import CODES, role_checks
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)
from staxpipe_tests.doctor.cases import ROLE, SUBJECT, one

H, B, U = State.HOLDS, State.BROKEN, State.UNKNOWN


def states(verdict: Verdict) -> list[State]:
    checks = list(role_checks(SUBJECT, verdict))
    assert [check.code for check in checks] == [
        "role-found",
        "trust",
        "external-id-wrong",
        "external-id-missing",
        "account",
    ]
    assert {check.code for check in checks} == CODES
    assert all(check.to_do for check in checks if check.state is B)
    return [check.state for check in checks]


def test_every_verdict_says_something_of_every_check() -> None:
    assert states(Safe()) == [H, H, H, H, H]
    assert states(NotYetAssumable(ROLE)) == [B, U, U, U, U]
    assert states(IgnoresExternalId(ROLE, accepts_wrong=True, accepts_none=True)) == [H, H, B, B, H]
    assert states(IgnoresExternalId(ROLE, accepts_wrong=False, accepts_none=True)) == [H, H, H, B, H]
    assert states(WrongAccount("222222222222", "333333333333")) == [H, H, U, U, B]
    assert states(Unknown("AWS is throttling.")) == [U, U, U, U, U]
    assert states(OperatorRefused("No key.")) == [U, U, U, U, U]


def test_a_role_that_is_not_there_names_account_screen_and_stack() -> None:
    to_do = one(role_checks(SUBJECT, NotYetAssumable(ROLE)), "role-found").to_do
    assert "account 222222222222" in to_do
    assert "CloudFormation → Stacks → staxpipe-link-abcdefghijkl" in to_do


def test_the_wrong_account_names_both() -> None:
    check = one(role_checks(SUBJECT, WrongAccount("222222222222", "333333333333")), "account")
    assert "222222222222" in check.found
    assert "333333333333" in check.found


def test_no_check_shows_the_external_id() -> None:
    for verdict in (Safe(), NotYetAssumable(ROLE), IgnoresExternalId(ROLE, True, True)):
        assert not any(SUBJECT.external_id in check.found + check.to_do for check in role_checks(SUBJECT, verdict))
