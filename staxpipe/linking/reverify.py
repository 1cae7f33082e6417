"""Proving again that linked roles are safe: daily, after a month failed to load, before a paused link is read again.

A link whose role no longer holds is paused, and only that one; a paused link whose role holds again is resumed.
When AWS could not be asked, nothing follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import boto3
from sqlalchemy import Connection, Engine

from staxpipe.aws.sessions import operator_session
from staxpipe.db import audit_log, links, sweep_positions
from staxpipe.db.links import Link
from staxpipe.doctor import keeping
from staxpipe.doctor.facts import Facts, Subject, of_link
from staxpipe.doctor.gather import look as look_for_real
from staxpipe.linking import announcements
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.linking.probe import probe as probe_role
from staxpipe.linking.verdicts import NotYetAssumable, OperatorRefused, Safe, Unknown, Verdict
from staxpipe.model import LinkState
from staxpipe.settings import Settings

_CURSOR = "links"

TAKEN = timedelta(seconds=90)
"""How long a paused link whose role is being tried is nobody else's, and how soon it is tried again if AWS could not be
asked."""

MISSING_AGAIN = timedelta(hours=1)
"""After a role that does not answer, which costs one refused call."""
UNSAFE_AGAIN = timedelta(days=1)
"""After one that lets in who must not come in: each of these calls is a line in the account's CloudTrail."""


@dataclass
class ReverifyReport:
    """Link ids by what was found. `resumed` are among `holding` too, `paused` were active before."""

    holding: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    still_paused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def reverify(
    engine: Engine,
    settings: Settings,
    operator: boto3.Session,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    seconds: float = 600,
    workers: int = 16,
    probe: Callable[[boto3.Session, Link], Verdict] = probe_role,
    look: Callable[[boto3.Session, Subject], Facts] = look_for_real,
) -> ReverifyReport:
    """Probe every link that nobody stopped or ended (or `only` those with these ids), as far as `seconds` allow.

    The next call goes on where this one stopped. Each link's outcome is one transaction with its message and its
    audit row. In what time is left, the doctor looks at those that hold and that it has not looked at for long.
    """
    report = ReverifyReport()
    with engine.connect() as connection:
        after = sweep_positions.position(connection, _CURSOR)
        known = sorted(links.unended(connection), key=lambda link: (link.id <= after, link.id))
    # What a person stopped is not read, whatever its role: each try is a line in the customer's CloudTrail.
    chosen = [link for link in known if link.stopped_at is None and (only is None or link.id in only)]
    begun: set[str] = set()
    ends = time.monotonic() + seconds
    for asked in ask_all(chosen, lambda link: probe(operator, link), workers, ends - time.monotonic()):
        begun.add(asked.item.id)
        verdict = Unknown(asked.answer.reason) if isinstance(asked.answer, NoAnswer) else asked.answer
        with engine.begin() as connection:
            # The link first, then its report, as whoever corrects a link does: lest the two wait for each other.
            _settle(connection, settings, asked.item, verdict, now, report)
            keeping.keep_verdict(connection, of_link(asked.item), verdict, now)
    if only is None and begun:
        with engine.begin() as connection:
            sweep_positions.move(connection, _CURSOR, [link.id for link in chosen if link.id in begun][-1])
    holding = [of_link(link) for link in chosen if link.id in report.holding]
    pause = keeping.DAILY if only is None else keeping.AFTER_NEWS
    keeping.look_at_due(engine, holding, partial(look, operator), now, pause, ends - time.monotonic())
    return report


def try_due(
    engine: Engine,
    settings: Settings,
    now: datetime,
    seconds: float,
    probe: Callable[[boto3.Session, Link], Verdict] = probe_role,
    look: Callable[[boto3.Session, Subject], Facts] = look_for_real,
) -> ReverifyReport:
    """Prove the roles of paused links whose turn it is (a person lets one go on, asks for a look, or time has passed)
    and of active ones that were not proved for long, which are not read before.

    Whom it does not get to within `seconds` has another turn soon.
    """
    with engine.begin() as connection:
        due = links.take_trials(connection, now, now + TAKEN)
    if not due:
        return ReverifyReport()
    ids = [link.id for link in due]
    operator = operator_session(settings)
    return reverify(engine, settings, operator, now, only=ids, seconds=seconds, probe=probe, look=look)


def _settle(
    connection: Connection, settings: Settings, link: Link, verdict: Verdict, now: datetime, report: ReverifyReport
) -> None:
    match verdict:
        case Safe():
            report.holding.append(link.id)
            if link.state is LinkState.PAUSED and links.resume(connection, link.id, now):
                report.resumed.append(link.id)
                _audit(connection, link, "link.resumed", verdict)
            else:
                links.touch_verified(connection, link.id, now)
        case Unknown() | OperatorRefused():
            report.unknown.append(link.id)
        case _:
            reason, what_to_do = _why_paused(verdict)
            paused = links.pause(connection, link.id, f"{reason} {what_to_do}")
            (report.paused if paused else report.still_paused).append(link.id)
            if paused or links.say_why_paused(connection, link.id, f"{reason} {what_to_do}"):
                announcements.access_ended(connection, settings, link, reason, what_to_do, now)
                _audit(connection, link, "link.paused", verdict)
            again = MISSING_AGAIN if isinstance(verdict, NotYetAssumable) else UNSAFE_AGAIN
            links.look_again_at(connection, link.id, now + again)


def _why_paused(verdict: Verdict) -> tuple[str, str]:
    if isinstance(verdict, NotYetAssumable):
        return (
            f"The role {verdict.role_arn} no longer lets staxpipe in: its stack was deleted or changed. Nothing is "
            "read from this account any more; what was loaded stays.",
            "If access was ended on purpose, say on the link's page whether what was loaded is kept or deleted. "
            "Otherwise create the stack again with the values on that page; loading then goes on by itself.",
        )
    return f"{verdict.reason} Nothing is read from this account until that is mended.", verdict.what_to_do


def _audit(connection: Connection, link: Link, action: str, verdict: Verdict) -> None:
    detail = {"account": link.account_id, "role": link.role_arn}
    audit_log.record(connection, announcements.WE, action, f"link:{link.id}", verdict.code, detail=detail)
