"""The checks of the role: is it there, does it trust the right one, and nobody else. Pure: from a probe's verdict."""

from __future__ import annotations

from collections.abc import Iterator

from staxpipe.doctor.facts import Subject
from staxpipe.doctor.findings import Check, State
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)

FOUND, TRUST, WRONG_ID, NO_ID, ACCOUNT = (
    "role-found",
    "trust",
    "external-id-wrong",
    "external-id-missing",
    "account",
)
_TITLES = {
    FOUND: "Role",
    TRUST: "Trust policy",
    WRONG_ID: "Wrong ExternalId",
    NO_ID: "Missing ExternalId",
    ACCOUNT: "Account",
}

CODES = frozenset(_TITLES)


def role_checks(subject: Subject, verdict: Verdict) -> Iterator[Check]:
    """What a probe found, check by check."""
    match verdict:
        case Safe():
            yield from _let_in(subject)
            yield _check(WRONG_ID, State.HOLDS, "The role refuses a wrong ExternalId.")
            yield _check(NO_ID, State.HOLDS, "The role refuses who shows no ExternalId.")
            yield _right_account(subject)
        case IgnoresExternalId():
            yield from _let_in(subject)
            yield _external_id(WRONG_ID, verdict.accepts_wrong, verdict, "a wrong ExternalId")
            yield _external_id(NO_ID, verdict.accepts_none, verdict, "no ExternalId at all")
            yield _right_account(subject)
        case WrongAccount():
            yield from _let_in(subject)
            later = "Is tried when the role is in the right account."
            yield _check(WRONG_ID, State.UNKNOWN, later)
            yield _check(NO_ID, State.UNKNOWN, later)
            yield _check(ACCOUNT, State.BROKEN, verdict.reason, verdict.what_to_do)
        case NotYetAssumable():
            yield from _not_there(subject, verdict)
        case Unknown() | OperatorRefused():
            yield _check(FOUND, State.UNKNOWN, verdict.reason, verdict.what_to_do)
            for code in (TRUST, WRONG_ID, NO_ID, ACCOUNT):
                yield _check(code, State.UNKNOWN, "Is tried together with the role.")


def _let_in(subject: Subject) -> Iterator[Check]:
    yield _check(FOUND, State.HOLDS, f"The role {subject.role_arn} is there.")
    yield _check(TRUST, State.HOLDS, "It lets staxpipe in with this link's ExternalId.")


def _right_account(subject: Subject) -> Check:
    return _check(ACCOUNT, State.HOLDS, f"It belongs to account {subject.account_id}, as asked.")


def _external_id(code: str, open_to: bool, verdict: IgnoresExternalId, shown: str) -> Check:
    if not open_to:
        return _check(code, State.HOLDS, f"The role refuses {shown}.")
    return _check(code, State.BROKEN, f"The role lets in who shows {shown}. {verdict.reason}", verdict.what_to_do)


def _not_there(subject: Subject, verdict: NotYetAssumable) -> Iterator[Check]:
    yield _check(
        FOUND,
        State.BROKEN,
        f"{verdict.reason} AWS does not say whether it is missing or does not trust staxpipe.",
        f"Sign in to account {subject.account_id} and open CloudFormation → Stacks → {subject.role_name}: it must say "
        "CREATE_COMPLETE. If it says ROLLBACK, its tab Events says why; if it is not there, create it as the request's "
        "page shows. A role that was just made takes up to a few minutes.",
    )
    yield _check(
        TRUST,
        State.UNKNOWN,
        "Can be tried when the role answers.",
        f"Where the stack is complete: IAM → Roles → {subject.role_name} → Trust relationships must name staxpipe's "
        "principal and this link's ExternalId, as the request's page shows them. If they differ, update the stack: “It "
        "takes longer than five minutes: what is wrong?” there says how.",
    )
    for code in (WRONG_ID, NO_ID, ACCOUNT):
        yield _check(code, State.UNKNOWN, "Is tried when the role answers.")


def _check(code: str, state: State, found: str, to_do: str = "") -> Check:
    return Check(code, _TITLES[code], state, found, to_do)
