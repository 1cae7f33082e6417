"""What the doctor says: the outcome of one check, and the report on one link or request, also as JSON.

Values only. What is checked is in the modules `*_checks`, what is looked at in `gather`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from staxpipe.model import BillingPeriod


class State(StrEnum):
    """How a check ended."""

    HOLDS = "holds"
    IMPROVABLE = "improvable"  # it works, and a setting would make it better
    BROKEN = "broken"  # somebody must do something
    UNKNOWN = "unknown"  # it could not be looked at: nothing follows


@dataclass(frozen=True)
class Check:
    """One check. `found` says what there is; `to_do` what to do, by the name of a screen, a setting or a command.

    `code` is stable; `subject` is the export that it is about, empty where it is about the link as a whole.
    """

    code: str
    title: str
    state: State
    found: str
    to_do: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of a link or a request that listens, as of `at`.

    `months` are those that the bucket holds a report of. `looked_at` is when bucket and settings were looked at,
    `tried_at` when that was last tried; None where only the role has been.
    """

    at: datetime
    checks: tuple[Check, ...]
    months: tuple[BillingPeriod, ...] = ()
    looked_at: datetime | None = None
    tried_at: datetime | None = None

    def having(self, state: State) -> tuple[Check, ...]:
        """The checks that ended so."""
        return tuple(check for check in self.checks if check.state is state)

    @property
    def broken(self) -> bool:
        """Whether somebody must do something."""
        return bool(self.having(State.BROKEN))

    @property
    def blind(self) -> bool:
        """Whether nothing could be found out: the cause is on our side, and somebody must mend that."""
        return len(self.having(State.UNKNOWN)) == len(self.checks)

    @property
    def sentence(self) -> str:
        """How many checks ended in which way."""
        words = (
            (State.BROKEN, "to be mended"),
            (State.IMPROVABLE, "could be better"),
            (State.UNKNOWN, "not known"),
            (State.HOLDS, "good"),
        )
        return ", ".join(f"{len(found)} {name}" for state, name in words if (found := self.having(state)))


def as_json(report: Report) -> dict[str, Any]:
    """For programs, and as it is stored."""
    return {
        "at": report.at.isoformat(),
        "looked_at": report.looked_at.isoformat() if report.looked_at else None,
        "tried_at": report.tried_at.isoformat() if report.tried_at else None,
        "checks": [
            {
                "code": check.code,
                "subject": check.subject,
                "title": check.title,
                "state": check.state.value,
                "found": check.found,
                "to_do": check.to_do,
            }
            for check in report.checks
        ],
        "months": [str(month) for month in report.months],
    }


def from_json(stored: Mapping[str, Any]) -> Report:
    """What `as_json` made."""
    return Report(
        at=datetime.fromisoformat(stored["at"]),
        checks=tuple(Check(**{**check, "state": State(check["state"])}) for check in stored["checks"]),
        months=tuple(BillingPeriod.parse(month) for month in stored["months"]),
        looked_at=_moment(stored["looked_at"]),
        tried_at=_moment(stored["tried_at"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
