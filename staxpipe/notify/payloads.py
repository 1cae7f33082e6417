"""What each kind of message must be told, checked before a sentence is made of it. No sentences here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from staxpipe.model import Severity

GRAVEST_FIRST: Sequence[Severity] = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Payload(BaseModel):
    """What every message has. `to` may be one address or several; unknown fields are left for newer readers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    to: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    url: str


class Invite(Payload):
    """A colleague asks somebody to go on with a link request."""

    invited_by: str
    note: str = ""
    expires_at: AwareDatetime


class Linked(Payload):
    """An account's role was proved safe."""

    account_id: str


class Trouble(Payload):
    """Something stopped, and a person can do something about it. Which account is not always known."""

    account_id: str | None = None
    period: str | None = None
    reason: str
    what_to_do: str = ""


class DataDeleted(Payload):
    """The receipt: what was loaded from an account is gone.

    `deleted` are counts in words, `checked` how many of them were counted again and found to be zero; `kept` are the
    addresses of exports that stay, since another link feeds them.
    """

    account_id: str
    receipt: int
    asked_by: str
    asked_at: AwareDatetime
    finished_at: AwareDatetime
    role_arn: str
    deleted: tuple[str, ...]
    checked: int
    sources: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class NotedFinding(BaseModel):
    """One finding of a month."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    severity: Severity
    message: str


class Month(BaseModel):
    """One month in one currency; a month with two currencies comes twice, with the same findings and rows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    period: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal
    currency: str
    provisional: bool
    findings: tuple[NotedFinding, ...] = ()


class FailedMonth(BaseModel):
    """One month that could not be loaded."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    period: str
    error: str


@dataclass(frozen=True)
class Total:
    """The sum over all months in one currency."""

    currency: str
    billed_cost: Decimal
    effective_cost: Decimal


class DataReady(Payload):
    """All that an account's bucket holds was looked at; what is loaded, missing and failed."""

    account_id: str
    periods: tuple[Month, ...]
    gaps: tuple[str, ...] = ()
    failed: tuple[FailedMonth, ...] = ()

    @property
    def totals(self) -> list[Total]:
        """Sums by currency, the currencies in alphabetical order."""
        sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for month in self.periods:
            sums[month.currency][0] += month.billed_cost
            sums[month.currency][1] += month.effective_cost
        return [Total(currency, billed, effective) for currency, (billed, effective) in sorted(sums.items())]

    @property
    def months(self) -> list[str]:
        """The loaded months, once each."""
        return sorted({month.period for month in self.periods})

    @property
    def rows(self) -> int:
        """Rows of all months; a month that comes once for each currency counts once."""
        return sum(rows for _, rows in {(month.period, month.rows) for month in self.periods})

    @property
    def provisional(self) -> list[str]:
        """The months that AWS has not invoiced yet."""
        return sorted({month.period for month in self.periods if month.provisional})

    @property
    def findings(self) -> list[tuple[str, NotedFinding]]:
        """Each month's findings, once each, gravest first and then by month."""
        found = {(month.period, finding): None for month in self.periods for finding in month.findings}
        return sorted(found, key=lambda pair: (GRAVEST_FIRST.index(pair[1].severity), pair[0]))
