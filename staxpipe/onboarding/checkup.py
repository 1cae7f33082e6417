"""The doctor's last report as a request's page shows it. Read from the database; the pages never call AWS."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from staxpipe.db import doctor_reports, links
from staxpipe.db.link_requests import LinkRequest
from staxpipe.doctor.coverage import MONTH_NAMES, Year, heat_map
from staxpipe.doctor.findings import Check, Report, State, from_json
from staxpipe.doctor.role_checks import FOUND
from staxpipe.linking.verdicts import NotYetAssumable
from staxpipe.model import LinkState, RequestState

_SHOWN = {RequestState.LISTENING, RequestState.REFUSED, RequestState.LINKED}
WORDS = {
    State.HOLDS: ("Good", "good"),
    State.IMPROVABLE: ("Could be better", "warn"),
    State.BROKEN: ("Needs you", "bad"),
    State.UNKNOWN: ("Not known", ""),
}
"""What a check's state is called on a page, and its tone."""

_NOT_THERE_YET = ("Not there yet", "wait")


@dataclass(frozen=True)
class Checkup:
    """A report, and its months as rows of years. `waiting` says that the role is not there yet, which is no mistake."""

    report: Report
    years: tuple[Year, ...]
    waiting: bool = False

    @property
    def sentence(self) -> str:
        """What it comes to."""
        if self.waiting:
            return "The role does not answer yet. All else is looked at as soon as it does"
        return self.report.sentence

    @property
    def needing(self) -> tuple[Check, ...]:
        """Checks that ask for something, or say that something is not as it should be."""
        return tuple(check for check in self.report.checks if _needs(check))

    @property
    def others(self) -> tuple[Check, ...]:
        """Checks that are good, and those of which nothing is known yet."""
        return tuple(check for check in self.report.checks if not _needs(check))

    @property
    def month_names(self) -> tuple[str, ...]:
        """The columns of the heat map."""
        return MONTH_NAMES

    def word(self, check: Check) -> str:
        """What a check's state is called."""
        return self._words(check)[0]

    def tone(self, check: Check) -> str:
        """How it is to be taken, as a class of the style sheet."""
        return self._words(check)[1]

    def _words(self, check: Check) -> tuple[str, str]:
        return _NOT_THERE_YET if self.waiting and check.code == FOUND else WORDS[check.state]


def _needs(check: Check) -> bool:
    return bool(check.to_do) or check.state in {State.BROKEN, State.IMPROVABLE}


def read_checkup(connection: Connection, request: LinkRequest) -> Checkup | None:
    """What to show.

    None where nothing was looked at, where the details were changed since, or where nothing is to be mended any more:
    the link was stopped by a person, or has ended.
    """
    if request.state not in _SHOWN:
        return None
    link = links.of_request(connection, request.id)
    if link is not None and (link.state is LinkState.ENDED or link.stopped_at is not None):
        return None
    stored = doctor_reports.latest(connection, [request.id]).get(request.id)
    if stored is None:
        return None
    report = from_json(stored)
    if report.at < request.updated_at:
        return None
    waiting = request.state is RequestState.LISTENING and request.verdict == NotYetAssumable.code
    return Checkup(report, heat_map(report.months, report.at), waiting)
