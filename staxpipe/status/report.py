"""The report's nouns, and what is concluded from them: states in words, and what needs a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from staxpipe.model import DeliveryState, Finding, LinkState, RequestState


@dataclass(frozen=True)
class LinkStatus:
    """One linked account's bucket. `discovered_at` is when the bucket was last listed whole."""

    id: str
    account_id: str
    state: LinkState
    bucket: str
    prefix: str
    contact: str
    problem: str | None
    linked_at: datetime
    verified_at: datetime
    discovered_at: datetime | None
    next_look_at: datetime


@dataclass(frozen=True)
class RequestStatus:
    """One link request that is not finished, or was refused."""

    id: str
    state: RequestState
    account_id: str | None
    requested_by: str
    created_at: datetime
    expires_at: datetime | None
    probe_attempts: int
    next_probe_at: datetime | None
    verdict: str | None
    verdict_detail: str | None


@dataclass(frozen=True)
class Total:
    """What a month costs one billing account in one currency.

    `counted` is False where another export of the same account and month is the one that queries show.
    """

    billing_account_id: str
    currency: str
    rows: int
    billed_cost: Decimal
    effective_cost: Decimal
    list_cost: Decimal
    counted: bool
    badge: str = ""  # reconciled, provisional, or by how much it is off


class Progress(StrEnum):
    """How far a delivery is that readers cannot see yet."""

    WAITING = "waiting"
    LOADING = "loading"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True)
class Attempt:
    """A delivery that is not loaded: under way, or failed. `run_id` names the Dagster run that had it last."""

    progress: Progress
    step: DeliveryState
    delivery_id: str
    delivered_at: datetime
    files: int
    bytes: int
    attempts: int
    run_id: str | None
    retry_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class Loaded:
    """The delivery that readers see. `provisional` months may still change: AWS has not invoiced all of it."""

    delivery_id: str
    delivered_at: datetime
    loaded_at: datetime | None
    files: int
    rows_read: int
    rows_written: int
    rows_quarantined: int
    reconciled: bool
    provisional: bool
    totals: tuple[Total, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class MonthStatus:
    """One export's month: what readers see of it, and what is to replace it. One of the two is always there.

    `account_id` is the linked account; None for files that a person loaded.
    """

    account_id: str | None
    period: str
    export: str
    source: str
    loaded: Loaded | None
    coming: Attempt | None

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts it is about: those billed where that is known, else the one linked."""
        billed = tuple(dict.fromkeys(total.billing_account_id for total in self.loaded.totals)) if self.loaded else ()
        return billed or ((self.account_id,) if self.account_id else ())

    @property
    def state(self) -> str:
        """In a word or a few: loaded, loading, failed; or loaded while a newer delivery loads or failed."""
        if self.coming is None:
            return "loaded"
        return f"loaded, newer {self.coming.progress}" if self.loaded else str(self.coming.progress)


@dataclass(frozen=True)
class MailStatus:
    """One message that was not sent: it waits, or was given up."""

    key: str
    kind: str
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    given_up_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class Problem:
    """Something a person can put right."""

    subject: str
    problem: str
    what_to_do: str


@dataclass(frozen=True)
class Report:
    """Everything `staxpipe status` tells. `findings` are those about an account, not about one month's data."""

    at: datetime
    mail_server: bool
    dagster_url: str
    links: tuple[LinkStatus, ...]
    requests: tuple[RequestStatus, ...]
    months: tuple[MonthStatus, ...]
    mails: tuple[MailStatus, ...]
    findings: tuple[tuple[str, Finding], ...] = field(default=())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What needs a person, in the order links, requests, months, mails."""
        return (
            *(_link_problem(link) for link in self.links if link.problem),
            *(_request_problem(request) for request in self.requests if request.state == RequestState.REFUSED),
            *(_month_problem(month, self.dagster_url) for month in self.months if _failed(month)),
            *_mail_problems(self.mails, self.mail_server),
        )

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that is linked, asked for or loaded, in order."""
        known = {link.account_id for link in self.links}
        known |= {request.account_id for request in self.requests if request.account_id}
        known |= {account for month in self.months for account in (*month.accounts, month.account_id) if account}
        return tuple(sorted(known))

    def of(self, account_id: str) -> Report:
        """Only what concerns one account. Messages stay whole: they are the installation's."""
        return Report(
            self.at,
            self.mail_server,
            self.dagster_url,
            tuple(link for link in self.links if link.account_id == account_id),
            tuple(request for request in self.requests if request.account_id == account_id),
            tuple(month for month in self.months if account_id in (*month.accounts, month.account_id)),
            self.mails,
            tuple(found for found in self.findings if found[0] == account_id),
        )


def progress(state: DeliveryState, run_id: str | None, error: str | None) -> Progress:
    """How far a delivery is, from its state in the ledger, the run that has it, and what went wrong last."""
    if state is DeliveryState.FAILED:
        return Progress.FAILED
    if error is not None:
        return Progress.RETRYING
    return Progress.LOADING if run_id is not None else Progress.WAITING


def as_json(value: object) -> object:
    """A report as JSON values: money and times as text, computed states beside what they follow from."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in fields(value)] + _COMPUTED.get(type(value), [])
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value


_COMPUTED: dict[type, list[str]] = {MonthStatus: ["state", "accounts"], Report: ["problems"]}


def _failed(month: MonthStatus) -> bool:
    return month.coming is not None and month.coming.progress is Progress.FAILED


def _link_problem(link: LinkStatus) -> Problem:
    return Problem(
        f"account {link.account_id}",
        link.problem or "",
        "Put it right in AWS; staxpipe looks again by itself."
        if link.state == LinkState.ACTIVE
        else "Nothing is read until the role is right again; deploy the template once more.",
    )


def _request_problem(request: RequestStatus) -> Problem:
    return Problem(
        f"request for account {request.account_id}",
        request.verdict_detail or "The role was refused.",
        "Deploy the template again without changing it, then begin a new request.",
    )


def _month_problem(month: MonthStatus, dagster_url: str) -> Problem:
    if month.account_id is None:
        again = "Put the files right and load them again with `staxpipe load`."
    else:
        again = (
            "A newer delivery from AWS is loaded by itself. To try this one again, materialise the partition "
            f"{month.account_id}|{month.period} at {dagster_url}."
        )
    kept = "What was loaded before stays. " if month.loaded else ""
    error = month.coming.error if month.coming else None
    return Problem(f"{' '.join(month.accounts) or month.export} {month.period}", error or "", kept + again)


def _mail_problems(mails: tuple[MailStatus, ...], mail_server: bool) -> list[Problem]:
    waiting = [mail for mail in mails if mail.given_up_at is None]
    problems = [
        Problem(f"mail {mail.key}", mail.error or "", "Tell the people concerned; it is not tried again.")
        for mail in mails
        if mail.given_up_at is not None
    ]
    if waiting and not mail_server:
        count = f"{len(waiting):,} message{'' if len(waiting) == 1 else 's'} cannot be sent: there is no mail server."
        return [*problems, Problem("mail", count, "Set STAXPIPE_SMTP_URL, as in smtp://user:password@host:587.")]
    stuck = next((mail for mail in waiting if mail.error and mail.attempts > 1), None)
    if stuck:
        problems.append(Problem("mail", stuck.error or "", "Each message is tried again by itself."))
    return problems
