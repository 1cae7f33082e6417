"""The last report of each request and link, kept for the pages and the Dagster UI, and when the next look is due.

A role that is tried brings the checks of the role, at no cost beyond the probe's own calls. Bucket and settings are
looked at more seldom: see the pauses below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from staxpipe.db import doctor_reports
from staxpipe.doctor.diagnosis import looked, of_another_bucket, tried
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.findings import Report, as_json, from_json
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.linking.verdicts import Verdict

AT_MOST_EVERY = timedelta(minutes=1)
"""Of one request or link, unless what was found contradicts the report."""
DAILY = timedelta(hours=20)
"""With nothing new: less than a day, so that a daily look is not missed by minutes."""
AFTER_NEWS = timedelta(minutes=10)
"""When deliveries were found, or a bucket was refused."""

Look = Callable[[Subject], Facts]


def kept(connection: Connection, request_id: str) -> Report | None:
    """The last report, if there is one."""
    found = doctor_reports.latest(connection, [request_id]).get(request_id)
    return from_json(found) if found is not None else None


def keep(connection: Connection, request_id: str, report: Report) -> None:
    """In the caller's transaction."""
    doctor_reports.save(connection, request_id, report.at, as_json(report))


def keep_verdict(connection: Connection, subject: Subject, verdict: Verdict, now: datetime) -> None:
    """Keep what a probe found; what an earlier look found stays, unless the role is not safe."""
    keep(connection, subject.request_id, tried(kept(connection, subject.request_id), subject, verdict, now))


def keep_correction(connection: Connection, request_id: str, now: datetime) -> None:
    """Keep of a link's report what is true of any bucket, for from now on another one is meant."""
    before = kept(connection, request_id)
    if before is not None:
        keep(connection, request_id, of_another_bucket(before, max(now, before.at)))


def look_at_due(
    engine: Engine,
    subjects: Sequence[Subject],
    look: Look,
    now: datetime,
    pause: timedelta,
    seconds: float,
    *,
    found: bool = False,
) -> int:
    """Look at those that were not looked at for `pause`, as far as `seconds` allow, and keep the reports.

    `found` says that there are new deliveries of all of them. Returns how many were looked at. None whose role has not
    been tried yet: that comes first (`keep_verdict`).
    """
    if seconds <= 0 or not subjects:
        return 0
    with engine.connect() as connection:
        stored = doctor_reports.latest(connection, [subject.request_id for subject in subjects])
    reports = {request_id: from_json(report) for request_id, report in stored.items()}
    due = [
        subject
        for subject in subjects
        if (known := reports.get(subject.request_id)) and is_due(known, now, pause, found=found)
    ]
    count = 0
    for asked in ask_all(due, look, workers=8, seconds=seconds):
        subject, answer = asked.item, asked.answer
        facts = answer.reason if isinstance(answer, NoAnswer) else answer
        count += isinstance(facts, Facts)
        with engine.begin() as connection:
            keep(connection, subject.request_id, looked(reports[subject.request_id], subject, facts, now))
    return count


def is_due(report: Report, now: datetime, pause: timedelta, *, found: bool = False) -> bool:
    """Whether a full look may be taken.

    At once where deliveries were `found` although the report says that something is broken, or that there is no month:
    somebody has mended it, or a change in AWS has spread by now. Sooner than the pause says where AWS did not answer.
    """
    if report.tried_at is None or (found and (report.broken or not report.months)):
        return True
    return now - report.tried_at >= (AT_MOST_EVERY if report.looked_at is None else max(pause, AT_MOST_EVERY))
