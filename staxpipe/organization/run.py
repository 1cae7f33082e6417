"""Reading the organisations whose turn it is; what AWS refuses is written down, and fails nothing.

Thin: when is decided in `due`, what is kept in `staxpipe.db.accounts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import boto3
from sqlalchemy import Connection, Engine

from staxpipe.db import accounts, links
from staxpipe.db.links import Link
from staxpipe.doctor import keeping
from staxpipe.doctor.organization_check import organization_check
from staxpipe.errors import StaxpipeError, TransientError
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.organization.due import LastReading, Outcome, is_due, reading_of
from staxpipe.organization.members import Answer, ManagedElsewhere, NoOrganization, Organization
from staxpipe.organization.reading import TAGS_SECONDS, read_as_link

SECONDS = TAGS_SECONDS + 600
WORKERS = 4

Read = Callable[[boto3.Session, Link, Mapping[str, datetime | None]], Answer]


@dataclass
class ReadingReport:
    """What one round came to: how many accounts were seen, and for each link that was asked a sentence by outcome."""

    accounts: int = 0
    said: dict[Outcome, list[str]] = field(default_factory=dict)

    def add(self, reading: LastReading) -> None:
        """Count one."""
        self.accounts += reading.accounts
        self.said.setdefault(reading.outcome, []).append(reading.words)


def due_links(connection: Connection, now: datetime, account: str | None = None, *, again: bool = False) -> list[Link]:
    """The links whose organisation is to be read now, one of each account; `again` whatever came of the last time."""
    last = accounts.readings(connection)
    by_account = {link.account_id: link for link in links.active(connection) if account in {None, link.account_id}}
    return [link for number, link in by_account.items() if again or is_due(last.get(number), now)]


def read_organizations(
    engine: Engine,
    operator: boto3.Session,
    due: Iterable[Link],
    now: datetime,
    *,
    seconds: float = SECONDS,
    read: Read = read_as_link,
) -> ReadingReport:
    """Read the organisation of each of these links and keep what came of it, as far as `seconds` allow.

    Each is one transaction, and none for a link that was stopped meanwhile.
    """
    report = ReadingReport()
    with engine.connect() as connection:
        tags_at = accounts.tags_read_at(connection)
    for asked in ask_all(list(due), partial(_ask, operator, tags_at, read), WORKERS, seconds):
        link = asked.item
        answer = TransientError(asked.answer.reason) if isinstance(asked.answer, NoAnswer) else asked.answer
        with engine.begin() as connection:
            if links.is_wanted(connection, link.id):
                report.add(_keep(connection, link, answer, now))
    return report


def _ask(
    operator: boto3.Session, tags_at: Mapping[str, datetime | None], read: Read, link: Link
) -> Answer | StaxpipeError:
    try:
        return read(operator, link, tags_at)
    except StaxpipeError as error:
        return error


def _keep(connection: Connection, link: Link, answer: Answer | StaxpipeError, now: datetime) -> LastReading:
    match answer:
        case Organization():
            accounts.keep(connection, link.id, answer, now)
        case ManagedElsewhere() | NoOrganization():
            accounts.end(connection, link.account_id)
    reading = reading_of(link.account_id, answer, now)
    accounts.keep_reading(connection, link.account_id, link.id, reading)
    keeping.keep_check(connection, link.request_id, organization_check(reading))
    return reading
