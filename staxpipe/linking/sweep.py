"""One look at every link request whose role may have appeared: probe, decide, and keep what follows.

`decide` is pure; `sweep` acts. Probes run in threads, the database is used by the calling thread alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import boto3
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from staxpipe.aws.sessions import operator_session
from staxpipe.db import audit_log, link_requests, links, probes, sweep_positions
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.links import Link
from staxpipe.doctor import keeping
from staxpipe.doctor.facts import Facts, Subject, of_link, of_request
from staxpipe.doctor.gather import look as look_for_real
from staxpipe.linking import announcements
from staxpipe.linking.bucket_check import BucketProblem, check_link, record_bucket_problem
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.linking.schedule import ACCUSED, delay
from staxpipe.linking.verdicts import IgnoresExternalId, OperatorRefused, Safe, Unknown, Verdict, WrongAccount
from staxpipe.model import AccountId
from staxpipe.settings import Settings

AT_MOST = 1000  # requests a sweep
_CURSOR = "link-requests"

_ONCE_MORE = (
    "It is tried once more within half a minute, because changes of trust take time to spread. If it still lets "
    "anybody in, it is refused."
)

logger = logging.getLogger(__name__)

Probe = Callable[[boto3.Session, LinkRequest], Verdict]
BucketCheck = Callable[[boto3.Session, Link], BucketProblem | None]
Look = Callable[[boto3.Session, Subject], Facts]


@dataclass
class SweepReport:
    """What one sweep did: newly linked accounts, and the requests by what was found."""

    linked: list[AccountId] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """For the sensor's tick."""
        parts = [
            f"{len(found)} {name}"
            for name, found in (
                ("linked", self.linked),
                ("refused", self.refused),
                ("still waiting", self.waiting),
                ("expired", self.expired),
                ("could not be checked", self.unknown),
            )
            if found
        ]
        return ", ".join(parts) or "No link request waits."


def decide(previous: str | None, verdict: Verdict) -> str:
    """What follows for a request whose probe before gave the code `previous`: link, refuse, wait or unknown.

    A role that let in who must not come in is refused when two probes, some time apart, found it so: changes of
    trust take time to spread, and a refusal is final.
    """
    match verdict:
        case Safe():
            return "link"
        case WrongAccount():
            return "refuse"
        case IgnoresExternalId():
            return "refuse" if previous == IgnoresExternalId.code else "wait"
        case Unknown() | OperatorRefused():
            return "unknown"
        case _:
            return "wait"


def sweep(
    engine: Engine,
    settings: Settings,
    probe: Probe,
    now: datetime,
    deadline_seconds: float,
    workers: int = 16,
    check_bucket: BucketCheck = check_link,
    look: Look = look_for_real,
) -> SweepReport:
    """Probe every request that is due, as far as the deadline allows, and link those whose role is safe.

    The next sweep goes on where this one stopped. Each request's outcome is one transaction: its state, the link,
    the message that waits to be sent and the audit row are kept together. Afterwards the buckets of new links are
    looked at, in what time is left; what is wrong with them is kept on the link, and all that the doctor finds for the
    request's page.
    """
    ends = time.monotonic() + deadline_seconds
    report = SweepReport()
    with engine.begin() as connection:
        report.expired = _expire(connection, settings, now)
        due = probes.due(connection, now, AT_MOST, sweep_positions.position(connection, _CURSOR))
    if not due:
        return report
    operator = operator_session(settings)
    made: list[Link] = []
    begun: set[str] = set()
    for asked in ask_all(due, lambda request: probe(operator, request), workers, ends - time.monotonic()):
        begun.add(asked.item.id)
        answer = asked.answer
        verdict = Unknown(answer.reason) if isinstance(answer, NoAnswer) else answer
        link = _settle(engine, settings, asked.item, verdict, now, report)
        if link is not None:
            made.append(link)
    with engine.begin() as connection:
        last = [request.id for request in due if request.id in begun][-1:]
        for request_id in last:
            sweep_positions.move(connection, _CURSOR, request_id)
    _look_into_buckets(engine, settings, operator, made, check_bucket, workers, ends, now)
    subjects = [of_link(link) for link in made]
    left = ends - time.monotonic()
    keeping.look_at_due(engine, subjects, partial(look, operator), now, keeping.AT_MOST_EVERY, left)
    return report


def _settle(
    engine: Engine, settings: Settings, request: LinkRequest, verdict: Verdict, now: datetime, report: SweepReport
) -> Link | None:
    link: Link | None = None
    try:
        with engine.begin() as connection:
            match decide(request.verdict, verdict):
                case "link":
                    link = _link(connection, settings, request, now)
                    kept = link is not None
                    report.linked += [link.account_id] if link is not None else []
                case "refuse":
                    kept = _refuse(connection, settings, request, verdict, now)
                    report.refused += [request.id] if kept else []
                case outcome:
                    kept = _wait(connection, request, verdict, now)
                    (report.waiting if outcome == "wait" else report.unknown).append(request.id)
            if kept:  # else the answers were changed meanwhile, and the verdict is about others
                keeping.keep_verdict(connection, of_request(request), verdict, now)
    except IntegrityError:
        # One request that contradicts what is stored must not stop the others; a constraint kept it from harm.
        logger.exception("The outcome of link request %s could not be stored", request.id)
        report.unknown.append(request.id)
        with engine.begin() as connection:  # or it would be probed in every sweep
            _wait(connection, request, Unknown("What was found contradicts what is stored: see staxpipe's log."), now)
        return None
    return link


def _link(connection: Connection, settings: Settings, request: LinkRequest, now: datetime) -> Link | None:
    if not probes.mark_linked(connection, request.id, now, unchanged_since=request.updated_at):
        return None  # cancelled, changed or linked in the meantime
    if request.account_id is None or request.role_arn is None or request.bucket is None or request.region is None:
        raise ValueError(f"the listening request {request.id} is not complete")
    link = links.create(
        connection,
        request_id=request.id,
        account_id=request.account_id,
        role_arn=request.role_arn,
        external_id=request.external_id,
        bucket=request.bucket,
        prefix=request.prefix,
        region=request.region,
        contact=request.requested_by,
        now=now,
    )
    announcements.linked(connection, settings, link)
    detail = {"request": request.id, "account": link.account_id, "role": link.role_arn}
    audit_log.record(connection, announcements.WE, "link.created", f"link:{link.id}", Safe.code, detail=detail)
    return link


def _refuse(connection: Connection, settings: Settings, request: LinkRequest, verdict: Verdict, now: datetime) -> bool:
    if not probes.mark_refused(
        connection, request.id, verdict.code, verdict.explain(), now, unchanged_since=request.updated_at
    ):
        return False
    announcements.refused(connection, settings, request, verdict.reason, verdict.what_to_do, now)
    detail = {"account": request.account_id, "role": request.role_arn}
    audit_log.record(
        connection, announcements.WE, "request.refused", f"request:{request.id}", verdict.code, detail=detail
    )
    return True


def _wait(connection: Connection, request: LinkRequest, verdict: Verdict, now: datetime) -> bool:
    # A failure of our own is no reason to look less often for the customer's role.
    attempts = request.probe_attempts + (0 if isinstance(verdict, OperatorRefused) else 1)
    accused = isinstance(verdict, IgnoresExternalId)
    pause = ACCUSED if accused else delay(attempts, request.id)
    return probes.record_probe(
        connection,
        request.id,
        verdict.code,
        f"{verdict.explain()} {_ONCE_MORE}" if accused else verdict.explain(),
        now + pause,
        attempts,
        unchanged_since=request.updated_at,
    )


def _expire(connection: Connection, settings: Settings, now: datetime) -> list[str]:
    expired = link_requests.expire_overdue(connection, now)
    for request in expired:
        if request.account_id is not None:  # a draft that nobody completed is nobody's surprise
            announcements.expired(connection, settings, request, now)
        audit_log.record(connection, announcements.WE, "request.expired", f"request:{request.id}", "done")
    return [request.id for request in expired]


def _look_into_buckets(
    engine: Engine,
    settings: Settings,
    operator: boto3.Session,
    made: list[Link],
    check: BucketCheck,
    workers: int,
    ends: float,
    now: datetime,
) -> None:
    """Whatever is not looked at now is when its deliveries are looked for."""
    for asked in ask_all(made, lambda link: check(operator, link), workers, ends - time.monotonic()):
        if not isinstance(asked.answer, NoAnswer):
            with engine.begin() as connection:
                if links.is_still(connection, asked.item):  # else another bucket is meant by now
                    record_bucket_problem(connection, settings, asked.item, asked.answer, now)
