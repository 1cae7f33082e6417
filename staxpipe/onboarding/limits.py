"""How often is too often, and what is said then. Counting is done in Postgres (`staxpipe.db.rate_limits`).

A limit's span begins with the first use and ends whatever is tried meanwhile, so nobody locks themselves out by
trying on. Right at the border of two spans twice as many can pass: a limit is there to stop machines, not to be exact.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from fastapi import HTTPException

from staxpipe.db.rate_limits import Usage
from staxpipe.onboarding.rendering import day
from staxpipe.onboarding.status import duration


@dataclass(frozen=True)
class Limit:
    """So many uses in a span of time, for each key. `name` stands in keys and in the audit log, `what` on the page."""

    name: str
    most: int
    span: timedelta
    what: str


@dataclass(frozen=True)
class Use:
    """One use of what is limited, or several at once. `of` says whose or what for: an address, a request, a client."""

    limit: Limit
    of: str
    times: int = 1

    @property
    def key(self) -> str:
        """Its counter's name."""
        return f"{self.limit.name}:{self.of}"


BEGINNING = Limit("requests-begun", 300, timedelta(hours=1), "requests were begun")
LOOKING = Limit("looks-asked", 10, timedelta(minutes=10), "looks for this role were asked for")
SAVING = Limit("details-saved", 60, timedelta(hours=1), "changes of this request were saved")
INVITING = Limit("invitations-by", 100, timedelta(days=1), "invitations were sent by you")
INVITED = Limit("invitations-to", 5, timedelta(days=1), "invitations were sent to this address")
INVITING_TO_REQUEST = Limit("invitations-for", 30, timedelta(days=1), "invitations to this request were sent")
MAKING_TOKENS = Limit("tokens-made", 20, timedelta(days=1), "tokens were made by you")
ASKING_PROVIDER = Limit(
    "provider-asked", 120, timedelta(minutes=15), "ways to the provider were asked for from your network"
)
SIGNING_IN = Limit("sign-ins", 60, timedelta(minutes=15), "sign-ins came from your network")
FAILING = Limit("dead-links", 60, timedelta(minutes=15), "links that do not work were tried from your network")
FAILING_TOKENS = Limit("dead-tokens", 60, timedelta(minutes=15), "tokens that do not work came from your network")
WRITTEN_REFUSALS = Limit("written-refusals", 60, timedelta(minutes=15), "")
"""Nothing is refused by this one: it is how many refusals of one client go into the audit log."""


class TooManyError(HTTPException):
    """Something was done too often. `wait` says for how long it is not done any more; `again_at`, to the minute, until
    when.
    """

    def __init__(self, limit: Limit, wait: timedelta, now: datetime) -> None:
        super().__init__(429, headers={"Retry-After": str(ceil(wait.total_seconds()))})
        self.limit = limit
        self.wait = wait
        self.again_at = (now + wait + timedelta(minutes=1, microseconds=-1)).replace(second=0, microsecond=0)

    @property
    def sentences(self) -> str:
        """What a page and a program are told."""
        return (
            f"Too many {self.limit.what}. Please come back in {duration(self.wait)}, after {day(self.again_at)}. "
            "Nothing was changed, and what was done before stays."
        )


def wait(use: Use, usage: Usage, now: datetime) -> timedelta | None:
    """For how long this use is refused; None where it is allowed."""
    return usage.ends_at - now if usage.used > use.limit.most else None


def is_first_refusal(use: Use, usage: Usage) -> bool:
    """Whether this is the one refusal of a span that is written down: a flood must not fill the audit log."""
    return usage.used - use.times <= use.limit.most < usage.used


def network(client: str | None) -> str:
    """What stands for a client in a counter: its address or, of IPv6, the network that it can choose addresses from."""
    try:
        address = ipaddress.ip_address((client or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
