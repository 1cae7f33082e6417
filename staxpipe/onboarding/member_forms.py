"""The form that asks for several members of an organisation at once, checked. Pure; single answers are `forms`'s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from staxpipe.db.link_requests import Details
from staxpipe.linking.members_stack import PLACE, bucket_of
from staxpipe.model import account_id
from staxpipe.onboarding.forms import Errors, clean_account_id, clean_bucket, clean_prefix, clean_region

MOST_MEMBERS = 50
"""At once: as many as a request has accounts at most."""

_EXAMPLE = "123456789012"


@dataclass(frozen=True)
class Members:
    """Which members, and where each keeps its reports; `bucket` has the place for the account's number in it."""

    bucket: str
    prefix: str
    region: str
    accounts: tuple[str, ...]

    def details(self, account: str) -> Details:
        """What a member's own request says."""
        return Details(account_id(account), bucket_of(self.bucket, account), self.prefix, self.region)


def check_members(raw: Mapping[str, str], *, may_be_none: bool = False) -> Members | Errors:
    """Check ``bucket``, ``prefix``, ``region`` and ``accounts``. There `may_be_none` where some were asked for before:
    then the rest is corrected for those.
    """
    errors: dict[str, str] = {}
    answers: dict[str, str] = {}
    rules = {"bucket": clean_pattern, "prefix": clean_prefix, "region": clean_region}
    for name, rule in rules.items():
        try:
            answers[name] = rule(raw.get(name, ""))
        except ValueError as wrong:
            errors[name] = str(wrong)
    accounts: tuple[str, ...] = ()
    try:
        accounts = clean_accounts(raw.get("accounts", ""), may_be_none=may_be_none)
    except ValueError as wrong:
        errors["accounts"] = str(wrong)
    return Errors(errors) if errors else Members(**answers, accounts=accounts)


def clean_pattern(text: str) -> str:
    """A bucket's name with one place for the account's number, not at its beginning."""
    text = text.strip()
    before, place, after = text.partition(PLACE)
    if not place or PLACE in after:
        raise ValueError(
            f"Write the buckets' name with {PLACE} where the account's number stands, once, as in "
            f"acme-reports-{PLACE}. Buckets that are named in another way need a request each."
        )
    if not before:
        raise ValueError(f"Something must stand before {PLACE}, as in acme-reports-{PLACE}.")
    address = clean_bucket(bucket_of(text, _EXAMPLE))
    if address.bucket != bucket_of(text, _EXAMPLE):
        raise ValueError(f"Write the name alone, not an address, as in acme-reports-{PLACE}.")
    return text


def clean_accounts(text: str, *, may_be_none: bool = False) -> tuple[str, ...]:
    """Account ids, one a line or with commas between them, each once."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    if not parts and not may_be_none:
        raise ValueError("Write the members' account ids, one a line: 12 digits each.")
    found: dict[str, None] = {}
    for part in parts:
        try:
            found[clean_account_id(part)] = None
        except ValueError as wrong:
            raise ValueError(f"{part[:40]}: {wrong}") from None
    if len(found) > MOST_MEMBERS:
        raise ValueError(f"These are {len(found)} accounts, and {MOST_MEMBERS} can be asked for at once.")
    return tuple(found)
