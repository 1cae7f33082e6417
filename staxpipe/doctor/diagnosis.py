"""From a probe's verdict and the facts of a look to the report. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from staxpipe.doctor.bucket_checks import bucket_checks, failed_checks, waiting_checks
from staxpipe.doctor.export_checks import export_checks
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.findings import Check, Report
from staxpipe.doctor.role_checks import CODES as OF_ROLE
from staxpipe.doctor.role_checks import role_checks
from staxpipe.linking.verdicts import OperatorRefused, Safe, Unknown, Verdict


def diagnose(subject: Subject, verdict: Verdict, facts: Facts | str | None, now: datetime) -> Report:
    """Every check, without an earlier report.

    Args:
        subject: whose link or request it is.
        verdict: what the probe of its role found.
        facts: of a full look; a sentence where AWS could not be asked; None where nobody looked.
        now: when.
    """
    report = tried(None, subject, verdict, now)
    return report if facts is None else looked(report, subject, facts, now)


def tried(before: Report | None, subject: Subject, verdict: Verdict, now: datetime) -> Report:
    """The report after the role alone was tried: what an earlier look found stays, unless the role is not safe."""
    role = tuple(role_checks(subject, verdict))
    if before is None or before.tried_at is None or not isinstance(verdict, Safe | Unknown | OperatorRefused):
        return Report(now, (*role, *waiting_checks()))
    rest = tuple(check for check in before.checks if check.code not in OF_ROLE)
    return replace(before, at=now, checks=(*role, *rest))


def looked(before: Report, subject: Subject, facts: Facts | str, now: datetime) -> Report:
    """The report after a full look; where AWS could not be asked, an earlier look's findings stay."""
    if isinstance(facts, str):
        if before.looked_at is not None:
            return replace(before, tried_at=now)
        return Report(now, (*_of_role(before), *failed_checks(facts)), tried_at=now)
    checks = (*_of_role(before), *bucket_checks(subject, facts, now), *export_checks(facts, now))
    return Report(now, checks, facts.bucket.months, looked_at=now, tried_at=now)


def of_another_bucket(before: Report, now: datetime) -> Report:
    """The report once another bucket is meant: what was found of the role stays, and the rest is to be looked at."""
    return Report(now, (*_of_role(before), *waiting_checks()))


def _of_role(report: Report) -> tuple[Check, ...]:
    return tuple(check for check in report.checks if check.code in OF_ROLE)
