"""The doctor's last report as a request's page shows it. Read from the database; the pages never call AWS."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from staxpipe.db import doctor_reports, links
from staxpipe.db.link_requests import LinkRequest
from staxpipe.doctor.coverage import MONTH_NAMES, Year, heat_map
from staxpipe.doctor.findings import Report, State, from_json
from staxpipe.model import LinkState, RequestState

_SHOWN = {RequestState.LISTENING, RequestState.REFUSED, RequestState.LINKED}
WORDS = {
    State.HOLDS: ("Good", "good"),
    State.IMPROVABLE: ("Could be better", "warn"),
    State.BROKEN: ("Needs you", "bad"),
    State.UNKNOWN: ("Not known", ""),
}
"""What a check's state is called on a page, and its tone."""


@dataclass(frozen=True)
class Checkup:
    """A report, and its months as rows of years."""

    report: Report
    years: tuple[Year, ...]

    @property
    def month_names(self) -> tuple[str, ...]:
        """The columns of the heat map."""
        return MONTH_NAMES

    def word(self, state: State) -> str:
        """What a check's state is called."""
        return WORDS[state][0]

    def tone(self, state: State) -> str:
        """How it is to be taken, as a class of the style sheet."""
        return WORDS[state][1]


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
    return Checkup(report, heat_map(report.months, report.at)) if report.at >= request.updated_at else None
