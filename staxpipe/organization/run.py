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
from staxpipe.errors import AccessError, NotGrantedError, StaxpipeError, TransientError
from staxpipe.linking.fan_out import Answered, NoAnswer, ask_all
from staxpipe.organization.due import LastReading, Outcome, is_due, reading_of
from staxpipe.organization.members import Answer, ManagedElsewhere, NoOrganization, Organization
from staxpipe.organization.reading import TAGS_SECONDS, read_as_link

SECONDS = TAGS_SECONDS + 600
WORKERS = 4


@dataclass(frozen=True)
class LinkedAccount:
    """An account by its 12 digits, with its links that are read, the newest first."""

    id: str
    links: tuple[Link, ...]


Read = Callable[[boto3.Session, Link, Mapping[str, datetime | None]], Answer]
Said = tuple[Link, Answer | StaxpipeError]
"""By which of an account's links it was asked last, and what came of it."""


@dataclass
class ReadingReport:
    """What one round came to: how many accounts were seen, and a sentence for each that was asked, by outcome."""

    accounts: int = 0
    said: dict[Outcome, list[str]] = field(default_factory=dict)

    def add(self, reading: LastReading) -> None:
        """Count one."""
        self.accounts += reading.accounts
        self.said.setdefault(reading.outcome, []).append(reading.words)


def due_accounts(
    connection: Connection, now: datetime, account: str | None = None, *, again: bool = False
) -> list[LinkedAccount]:
    """The accounts whose organisation is to be read now; `again` whatever came of the last time.

    With all their links: an account has a role for each bucket, and it is the owner's choice which of them may tell.
    """
    last = accounts.readings(connection)
    by_account: dict[str, list[Link]] = {}
    for link in links.active(connection):
        if account in {None, link.account_id}:
            by_account.setdefault(link.account_id, []).insert(0, link)
    return [
        LinkedAccount(number, tuple(newest_first))
        for number, newest_first in by_account.items()
        if again or is_due(last.get(number), now, newest_first[0].linked_at)
    ]


def read_organizations(
    engine: Engine,
    operator: boto3.Session,
    due: Iterable[LinkedAccount],
    now: datetime,
    *,
    seconds: float = SECONDS,
    read: Read = read_as_link,
) -> ReadingReport:
    """Read the organisation of each of these accounts and keep what came of it, as far as `seconds` allow.

    Each is one transaction, and none where the link by which it was read was stopped meanwhile.
    """
    report = ReadingReport()
    with engine.connect() as connection:
        tags_at = accounts.tags_read_at(connection)
    for asked in ask_all(list(due), partial(_ask, operator, tags_at, read), WORKERS, seconds):
        link, answer = _answer(asked)
        with engine.begin() as connection:
            if links.is_wanted(connection, link.id):
                reading = _keep(connection, link, answer, now)
                for each in asked.item.links:  # what is known of the account is true of all its links
                    keeping.keep_check(connection, each.request_id, organization_check(reading))
                report.add(reading)
    return report


def _ask(operator: boto3.Session, tags_at: Mapping[str, datetime | None], read: Read, account: LinkedAccount) -> Said:
    """What the first of an account's roles that may say it says; where none may, why not the first of them."""
    refusals: list[tuple[Link, StaxpipeError]] = []
    for link in account.links:
        try:
            return link, read(operator, link, tags_at)
        except (NotGrantedError, AccessError) as error:
            refusals.append((link, error))
        except StaxpipeError as error:
            return link, error
    return refusals[0]


def _answer(asked: Answered[LinkedAccount, Said]) -> Said:
    if isinstance(asked.answer, NoAnswer):
        return asked.item.links[0], TransientError(asked.answer.reason)
    return asked.answer


def _keep(connection: Connection, link: Link, answer: Answer | StaxpipeError, now: datetime) -> LastReading:
    match answer:
        case Organization():
            accounts.keep(connection, link.id, answer, now)
        case ManagedElsewhere() | NoOrganization():
            accounts.end(connection, link.account_id)
    reading = reading_of(link.account_id, answer, now)
    accounts.keep_reading(connection, link.account_id, link.id, reading)
    return reading
