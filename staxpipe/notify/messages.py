"""What a message says: from a kind and its payload to a subject, a text and an HTML part.

Pure: no clock, no network, no database. How a message travels is in `channels`; the sentences are in `templates/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError

from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod
from staxpipe.notify.payloads import DataDeleted, DataReady, Invite, Linked, Payload, Trouble
from staxpipe.settings import Settings

KINDS: Mapping[str, type[Payload]] = {
    "invite": Invite,
    "linked": Linked,
    "data_ready": DataReady,
    "data_deleted": DataDeleted,
    "link_refused": Trouble,
    "link_expired": Trouble,
    "bucket_problem": Trouble,
    "ingest_failed": Trouble,
}
"""Every kind of message, and what its payload must hold."""

_LONG_SUBJECT = 120


@dataclass(frozen=True)
class Message:
    """A message before it is put into a form for one channel. `to` may be empty: then nobody is to be told."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str


def compose(kind: str, payload: Mapping[str, object], settings: Settings) -> Message:
    """Make the message.

    Failures also go to the operator (`settings.operator_email`).

    Raises:
        PermanentError: for a kind that does not exist, or a payload that lacks what its kind needs.
    """
    told = _read(kind, payload)
    to = told.to
    if isinstance(told, Trouble) and settings.operator_email:
        to = (*to, settings.operator_email)
    subject = _subject(kind, told)
    context = {
        "told": told,
        "subject": subject,
        "base_url": settings.base_url,
        "needs_sign_in": not isinstance(told, Invite),  # an invitation's address lets in by itself
    }
    return Message(
        to=tuple(dict.fromkeys(address.strip(" ") for address in to if address)),
        subject=subject,
        text=_TEXT.get_template(f"{_template(kind)}.txt").render(context),
        html=_HTML.get_template(f"{_template(kind)}.html").render(context),
    )


def as_email(message: Message, recipient: str, *, key: str, sender: str, now: datetime) -> EmailMessage:
    """The message as a mail to one recipient.

    Its Message-ID follows from the outbox key alone: a mail that is sent twice is recognised as the same one.

    Raises:
        PermanentError: where an address or a header holds what no header may hold, such as a line break.
    """
    mail = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    try:
        mail["From"] = Address(display_name=name or "staxpipe", addr_spec=address or sender)
        mail["To"] = Address(addr_spec=recipient)
        mail["Subject"] = message.subject
    except (ValueError, HeaderParseError, IndexError):
        raise PermanentError(
            f"The message to {recipient!r} cannot be sent: an address or its subject is not one that a mail may carry."
        ) from None
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{address.rpartition('@')[2] or 'staxpipe'}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no holiday notice answers
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _read(kind: str, payload: Mapping[str, object]) -> Payload:
    if kind not in KINDS:
        raise PermanentError(f"There is no kind of message called {kind!r}; there are {', '.join(sorted(KINDS))}.")
    try:
        return KINDS[kind].model_validate(payload)
    except ValidationError as error:
        wrong = ", ".join(
            f"{'.'.join(str(part) for part in problem['loc'])} ({problem['msg']})" for problem in error.errors()
        )
        raise PermanentError(f"A message of kind {kind!r} cannot be written: {wrong}.") from None


def _template(kind: str) -> str:
    return "trouble" if KINDS[kind] is Trouble else kind


def _subject(kind: str, told: Payload) -> str:
    match told:
        case Invite():
            subject = f"{told.invited_by} asks for your help with linking an AWS account"
        case Linked():
            subject = f"AWS account {told.account_id} is linked"
        case DataReady():
            but = f", except {months_counted(len({month.period for month in told.failed}))}" if told.failed else ""
            ready = f"The cost data of AWS account {told.account_id} is ready{but}"
            subject = ready if told.periods else f"No cost data of AWS account {told.account_id} could be loaded"
        case DataDeleted():
            subject = f"What was loaded from AWS account {told.account_id} is deleted"
        case Trouble():
            subject = _TROUBLE_SUBJECTS[kind].format(
                account=f"AWS account {told.account_id}" if told.account_id else "an AWS account",
                month=month_name(told.period) if told.period else "a month",
            )
        case _:
            raise AssertionError(kind)
    return subject if len(subject) <= _LONG_SUBJECT else f"{subject[: _LONG_SUBJECT - 1]}…"


_TROUBLE_SUBJECTS = {
    "link_refused": "The role in {account} cannot be used",
    "link_expired": "The request to link {account} has expired",
    "bucket_problem": "The billing reports of {account} cannot be read",
    "ingest_failed": "Cost data of {account} for {month} could not be loaded",
}


def month_name(period: str) -> str:
    """``2026-10`` as people say it: October 2026. Anything else stays as it is."""
    try:
        return f"{BillingPeriod.parse(period).start:%B %Y}"
    except ValueError:
        return period


def months_named(periods: Sequence[str]) -> str:
    """A few months as words: August 2026, September 2026 and October 2026."""
    names = [month_name(period) for period in periods]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def months_counted(count: int) -> str:
    """1 month, 2 months."""
    return f"{count:,} month{'' if count == 1 else 's'}"


def money(amount: Decimal) -> str:
    """To the cent, thousands apart: 1,234.50."""
    return f"{round(amount, 2) + 0:,.2f}"  # + 0: a negative nothing is nothing


def moment(time: datetime) -> str:
    """3 November 2026, 12:00 UTC."""
    utc = time.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def _environment(extension: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("staxpipe.notify"),
        autoescape=extension == "html",  # noqa: S701 - the other one writes plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (month_name, months_named, months_counted, money, moment)
    for function in filters:
        environment.filters[function.__name__] = environment.globals[function.__name__] = function
    return environment


_TEXT = _environment("txt")
_HTML = _environment("html")
