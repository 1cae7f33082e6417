"""The template environment: escaping on, undefined names are errors, and how values are written for people."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from staxpipe.aws.permissions import switches
from staxpipe.db import invites
from staxpipe.linking.members_stack import is_of_member
from staxpipe.linking.quick_create import delete_command, stack_url, upload_url
from staxpipe.linking.schedule import QUICK_PROBES
from staxpipe.model import BillingPeriod
from staxpipe.onboarding.regions import REGIONS
from staxpipe.onboarding.status import last_look
from staxpipe.program import typed
from staxpipe.unlinking.words import who

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]  # not the locale's
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def make_templates(static: Path) -> Environment:
    """The environment; `static` is the folder whose files `asset` names."""
    environment = Environment(
        loader=PackageLoader("staxpipe.onboarding"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    versions: dict[str, str] = {}

    def asset(name: str) -> str:
        """A static file's address, which changes with its content."""
        if name not in versions:
            versions[name] = hashlib.sha256((static / name).read_bytes()).hexdigest()[:12]
        return f"/static/{name}?v={versions[name]}"

    environment.globals.update(
        asset=asset,
        typed=typed,
        switches=switches(),
        stack_url=stack_url,
        upload_url=upload_url,
        delete_command=delete_command,
        is_of_member=is_of_member,
        patience=QUICK_PROBES,
        invitation_days=invites.LIFETIME.days,
    )
    environment.filters.update(
        account=account,
        money=money,
        number=number,
        month=month,
        size=size,
        day=day,
        date=date,
        moment=moment,
        region=region,
        who=who,
        last_look=last_look,
    )
    return environment


def account(account_id: str) -> str:
    """As AWS's console writes it: 1234-5678-9012."""
    return "-".join((account_id[:4], account_id[4:8], account_id[8:]))


def money(amount: Decimal, currency: str) -> str:
    """With two decimals, as on a bill: $1,234.56, or 1,234.56 CHF."""
    text = f"{abs(amount):,.2f}"
    sign = "−" if amount < 0 and text.strip("0.,") else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {currency}"


def number(value: float) -> str:
    """With thousands apart."""
    return f"{value:,}"


def month(period: BillingPeriod) -> str:
    """As in October 2026."""
    return f"{_MONTHS[period.month - 1]} {period.year}"


def day(moment: datetime) -> str:
    """As in 3 November 2026, 14:05 UTC."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M} UTC"


def moment(at: datetime) -> str:
    """As in 2026-11-03 14:05:09, of UTC: what is searched and compared."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def date(moment: datetime) -> str:
    """As in 3 Nov 2026."""
    return f"{moment.day} {_MONTHS[moment.month - 1][:3]} {moment.year}"


def size(count: float) -> str:
    """Bytes as people read them: 12.3 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in {"bytes", "kB"} else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def region(name: str) -> str:
    """As in Europe (Ireland), eu-west-1."""
    return f"{REGIONS[name]}, {name}" if name in REGIONS else name
