"""Looking at links and at requests that listen, now, whatever was found before: for whoever asks in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import boto3
from sqlalchemy import Connection

from staxpipe.db import link_requests, links
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.facts import Facts, Subject, of_link, of_request
from staxpipe.doctor.findings import Report
from staxpipe.doctor.gather import look as look_for_real
from staxpipe.errors import PermanentError, StaxpipeError
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.linking.probe import probe as probe_role
from staxpipe.linking.verdicts import Safe, Unknown, Verdict


@dataclass(frozen=True)
class Patient:
    """Whom there is to look at. `state` is the link's or the request's."""

    subject: Subject
    state: str

    @property
    def id(self) -> str:
        """For a log."""
        return self.subject.id


def patients(connection: Connection, account: str | None = None) -> list[Patient]:
    """Every link that nobody stopped or ended, and every request that listens; of one account, where it is given.

    Raises:
        PermanentError: a person stopped reading the account, and was promised that nothing is asked of it.
    """
    known = links.unended(connection)
    found = [Patient(of_link(link), link.state.value) for link in known if link.stopped_at is None]
    found += [Patient(of_request(request), request.state.value) for request in link_requests.listening(connection)]
    chosen = [patient for patient in found if account in {None, patient.subject.account_id}]
    if not chosen and any(link.account_id == account for link in known):
        raise PermanentError(f"Reading account {account} was stopped by a person. Its page says how to go on.")
    return chosen


def examine_all(
    operator: boto3.Session, who: Sequence[Patient], now: datetime, seconds: float, workers: int = 8
) -> Iterator[tuple[Patient, Report]]:
    """Each with its report, as they come; one that takes too long is not known."""
    for asked in ask_all(who, lambda patient: examine(operator, patient.subject, now), workers, seconds):
        patient, answer = asked.item, asked.answer
        if isinstance(answer, NoAnswer):
            yield patient, diagnose(patient.subject, Unknown(answer.reason), answer.reason, now)
        else:
            yield patient, answer


def examine(
    operator: boto3.Session,
    subject: Subject,
    now: datetime,
    probe: Callable[[boto3.Session, Subject], Verdict] = probe_role,
    look: Callable[[boto3.Session, Subject], Facts] = look_for_real,
) -> Report:
    """Try the role, and look into the bucket only if that is proved safe."""
    verdict = probe(operator, subject)
    if not isinstance(verdict, Safe):
        return diagnose(subject, verdict, None, now)
    try:
        return diagnose(subject, verdict, look(operator, subject), now)
    except StaxpipeError as error:
        return diagnose(subject, verdict, str(error), now)
