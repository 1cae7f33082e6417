"""What an organisation is, read at one moment: its accounts with name, state, unit and tags. Values; pure.

How they are read is `reading`'s, when is `due`'s, and where they are kept `staxpipe.db.accounts`'s. An account's mail
address, which AWS tells too, is nowhere here: nothing needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

LEFT_AFTER = timedelta(hours=36)
"""An account that is not seen for so long has left: by then two daily readings went without it. One may miss an account
that is moved from unit to unit in the very seconds in which the units are walked through."""


@dataclass(frozen=True)
class Member:
    """One account of an organisation. `ou_id` is the unit that it is in, or the root; `tags` are None if not read."""

    account_id: str
    name: str
    status: str
    ou_id: str
    ou_path: str
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Organization:
    """All accounts of an organisation. `untagged` says why tags of some were not read; empty where all were."""

    management_account: str
    members: tuple[Member, ...]
    untagged: str = ""


@dataclass(frozen=True)
class ManagedElsewhere:
    """The account is a member: AWS tells the organisation's accounts to the account that manages it alone."""

    management_account: str


@dataclass(frozen=True)
class NoOrganization:
    """The account is in no organisation."""


Answer = Organization | ManagedElsewhere | NoOrganization


def path_of(units: Sequence[str]) -> str:
    r"""Names of units from the top as one text: /Workloads/Production; / alone for an account in no unit.

    A slash within a name is written \/, and a backslash \\, so that no two places have the same path.
    """
    return "/" + "/".join(name.replace("\\", "\\\\").replace("/", "\\/") for name in units)


def once(members: Iterable[Member]) -> tuple[Member, ...]:
    """Each account once, by its number; one that was moved meanwhile is where it was seen last."""
    found = {member.account_id: member for member in members}
    return tuple(found[account] for account in sorted(found))


def tags_first(members: Iterable[Member], read_at: Mapping[str, datetime | None]) -> list[Member]:
    """In which order tags are asked for: first what was never read, then what was read longest ago.

    There is one request for each account, so of a large organisation not all may be read in a day.
    """
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(members, key=lambda member: (read_at.get(member.account_id) or never, member.account_id))


def tagged(members: Iterable[Member], tags: Mapping[str, Mapping[str, str]]) -> tuple[Member, ...]:
    """The same accounts, with the tags that were read."""
    return tuple(replace(member, tags=tags.get(member.account_id)) for member in members)
