"""Emptying the outbox: each message that is due is claimed, written, sent and marked, one transaction each.

A message is marked after the channel took it. Whoever is killed between the two leaves it unmarked, and it is
sent again: at least once, and under the same Message-ID, by which mail programs know it for the same one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from staxpipe.db import outbox
from staxpipe.db.outbox import OutboxEntry
from staxpipe.errors import PermanentError, TransientError
from staxpipe.notify.channels import Channel, ChannelUnavailableError
from staxpipe.notify.messages import as_email, compose
from staxpipe.settings import Settings

BATCH = 50
MAX_ATTEMPTS = 60
"""About two and a half days, with the waits of `back_off`."""

_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_log = logging.getLogger(__name__)


@dataclass
class DrainReport:
    """What a drain did: messages sent, to be tried again, given up; and why it stopped early, if it did."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    stopped: str | None = None


@dataclass
class _Outcome:
    delivered: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)  # for good
    missed: dict[str, str] = field(default_factory=dict)  # this time
    unavailable: str | None = None


def drain(engine: Engine, channel: Channel | None, settings: Settings, now: datetime) -> DrainReport:
    """Send what is due, at most `BATCH` messages. Several drains at once share the work.

    Without a channel nothing is touched. When the channel itself is down the drain stops: the others would only
    wait for the same silence.

    Raises:
        ExceptionGroup: of what is a mistake in staxpipe rather than in a message, after every other message was
            seen to; those messages are tried again later.
    """
    report = DrainReport()
    if channel is None:
        report.stopped = "STAXPIPE_SMTP_URL is not set"
        return report
    bugs: list[Exception] = []
    for _ in range(BATCH):
        with engine.begin() as connection:
            entry = outbox.claim(connection, now)
            if entry is None:
                break
            try:
                outcome = _send(entry, channel, settings, now)
            except (PermanentError, TransientError) as error:  # before any recipient was tried
                outcome = _Outcome(refused={"": str(error)})
            except Exception as error:  # noqa: BLE001 - the boundary between messages; raised below, with the others
                bugs.append(error)
                outcome = _Outcome(missed={"": f"a mistake in staxpipe: {type(error).__name__}: {error}"})
            _mark(connection, entry, outcome, now, report)
        if outcome.unavailable:
            report.stopped = outcome.unavailable
            break
    if bugs:
        raise ExceptionGroup("messages that staxpipe itself could not handle", bugs)
    return report


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: a minute, then twice as long each time, an hour at most."""
    doublings: int = min(attempts - 1, 10)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def _send(entry: OutboxEntry, channel: Channel, settings: Settings, now: datetime) -> _Outcome:
    message = compose(entry.kind, entry.payload, settings)
    if not message.to:
        raise PermanentError(
            "There is nobody to tell: whoever linked the account left no address, "
            "and STAXPIPE_OPERATOR_EMAIL is not set."
        )
    outcome = _Outcome(delivered=set(entry.delivered_to))
    for recipient in message.to:
        if recipient in outcome.delivered:
            continue
        try:
            channel.send(as_email(message, recipient, key=entry.key, sender=settings.mail_from, now=now))
        except PermanentError as error:
            outcome.refused[recipient] = str(error)
        except ChannelUnavailableError as error:
            outcome.missed[recipient] = outcome.unavailable = str(error)
            break
        except TransientError as error:
            outcome.missed[recipient] = str(error)
        else:
            outcome.delivered.add(recipient)
    return outcome


def _mark(connection: Connection, entry: OutboxEntry, outcome: _Outcome, now: datetime, report: DrainReport) -> None:
    attempts = entry.attempts + 1
    problems = _sentences({**outcome.missed, **outcome.refused})
    if outcome.missed and (outcome.unavailable or attempts < MAX_ATTEMPTS):
        # A server that is down is no message's fault, so nothing is ever given up because of it.
        outbox.mark_failed(connection, entry, problems, now + back_off(attempts), outcome.delivered)
        report.failed += 1
    elif outcome.delivered and not outcome.missed:
        outbox.mark_sent(connection, entry, now, note=problems or None)
        report.sent += 1
    else:
        outbox.mark_given_up(connection, entry, problems, now)
        report.given_up += 1
    if problems:
        _log.warning("outbox message %r, attempt %d: %s", entry.key, attempts, problems)


def _sentences(problems: Mapping[str, str]) -> str:
    return " ".join(dict.fromkeys(problems.values()))
