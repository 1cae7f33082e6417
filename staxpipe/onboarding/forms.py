"""What people type, checked: pure functions from raw text to a value, or to one sentence for each field.

Nothing here reads a database, a request or a clock. Every sentence says what is wrong and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from staxpipe.db.link_requests import Details
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding.bucket_address import BucketAddress, take_apart
from staxpipe.onboarding.regions import REGIONS

T = TypeVar("T")

LONGEST_PREFIX = 512
LONGEST_NOTE = 1_000
LONGEST_NAME = 100
MOST_INVITES = 10
"""Addresses that can be invited to one request, ever: the form must not become a way to send mail to the world."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# What the role's template takes (cfn/staxpipe-link.yaml): * ? and $ would widen what the role may read.
_PREFIX_CHARACTER = re.compile(r"[A-Za-z0-9!_.'()/ =+@:,-]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
_MAIL_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LABEL}")
_JOINERS = "\u200c\u200d"
"""Invisible, and part of how Persian, many Indian languages and emoji are written."""

_NAMED_ADDRESS = re.compile(r"[^<>]*<([^<>]+)>")


@dataclass(frozen=True)
class Errors:
    """What is wrong: a sentence by field."""

    by_field: Mapping[str, str]


@dataclass(frozen=True)
class Invitation:
    """Whom to invite, with which words, in whose name."""

    addresses: tuple[str, ...]
    note: str
    invited_by: str


def check_details(raw: Mapping[str, str]) -> Details | Errors:
    """Check the account form: ``account_id``, ``bucket``, ``prefix``, ``region`` and the optional ``contact``."""
    check = _Checker(raw)
    account = check.field("account_id", clean_account_id)
    address = check.field("bucket", clean_bucket)
    typed_prefix = check.field("prefix", clean_prefix)
    region = check.field("region", clean_region)
    contact = check.field("contact", clean_contact)
    prefix = typed_prefix or ""
    if address is not None and address.prefix:
        if prefix and prefix != address.prefix:
            check.errors["prefix"] = (
                f"The bucket's address above says {address.prefix} and this field says {prefix}. "
                "Write only the bucket's name above, or leave this field empty."
            )
        prefix = check.value("bucket", clean_prefix, address.prefix) or ""
    if address is not None and region is not None and address.region in REGIONS and address.region != region:
        check.errors["region"] = (
            f"The bucket's address above is of {address.region}, and this field says {region}. Choose "
            f"{address.region}, or write only the bucket's name above."
        )
    if check.errors or account is None or address is None or region is None:
        return Errors(check.errors)
    return Details(parse_account_id(account), address.bucket, prefix, region, contact or None)


def check_invitation(raw: Mapping[str, str]) -> Invitation | Errors:
    """Check the form that invites colleagues: ``addresses``, ``note`` and ``invited_by``."""
    check = _Checker(raw)
    addresses = check.field("addresses", clean_addresses)
    note = check.field("note", clean_note)
    invited_by = check.field("invited_by", clean_name)
    if check.errors or addresses is None or note is None or invited_by is None:
        return Errors(check.errors)
    return Invitation(addresses, note, invited_by)


class _Checker:
    """Runs each field's rule and gathers what the rules complain of."""

    def __init__(self, raw: Mapping[str, str]) -> None:
        self.raw = raw
        self.errors: dict[str, str] = {}

    def field(self, name: str, rule: Callable[[str], T]) -> T | None:
        return self.value(name, rule, self.raw.get(name, ""))

    def value(self, name: str, rule: Callable[[str], T], text: str) -> T | None:
        try:
            return rule(text)
        except ValueError as wrong:
            self.errors.setdefault(name, str(wrong))
            return None


def clean_account_id(text: str) -> str:
    """Twelve ASCII digits; spaces and dashes between them are how AWS's console writes them, and go."""
    digits = re.sub(r"[ \-\u00a0\u2010-\u2013]", "", text.strip())
    if not digits:
        raise ValueError("Write the account id: 12 digits, which AWS shows when you click your name at the top right.")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("An account id has only digits, as in 1234-5678-9012. A name or an alias does not do.")
    if len(digits) != 12:
        raise ValueError(f"An account id has exactly 12 digits, and this has {len(digits)}.")
    return digits


def clean_bucket(text: str) -> BucketAddress:
    """A name that S3 allows, taken out of an address where one was pasted.

    Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    text = text.strip()
    if not text:
        raise ValueError("Write the name of the S3 bucket that the billing reports are delivered to.")
    address = take_apart(text)
    if address is None:
        raise ValueError(
            "This address does not name a bucket. Write the bucket's name alone, as in acme-billing-reports; the "
            "S3 console shows it in its list of buckets."
        )
    name = address.bucket
    if name != name.lower() and _BUCKET.fullmatch(name.lower()):
        raise ValueError(f"S3 bucket names have no capital letters. Did you mean {name.lower()}?")
    if not 3 <= len(name) <= 63:
        raise ValueError(f"A bucket's name has 3 to 63 characters, and this has {len(name)}.")
    if not _BUCKET.fullmatch(name):
        raise ValueError(
            "A bucket's name has only small letters, digits, dots and hyphens, and begins and ends with a letter or a "
            "digit."
        )
    if ".." in name or _IP_ADDRESS.fullmatch(name):
        raise ValueError("S3 allows no bucket name with two dots in a row or in the form of an IP address.")
    if name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS):
        raise ValueError(
            "AWS keeps such names for itself (aliases, access points). Write the name of the bucket itself."
        )
    return address


def clean_prefix(text: str) -> str:
    """The folder below which the reports are, without slashes at its ends; may be empty."""
    prefix = text.strip()
    if prefix.startswith("/"):
        fixed = clean_prefix(prefix.strip("/"))  # what else is wrong with it comes first: advice must be good advice
        raise ValueError(
            f"Write the prefix without a slash at its beginning: {fixed}"
            if fixed
            else "Leave the prefix empty, for the whole bucket."
        )
    prefix = prefix.rstrip("/")
    if len(prefix) > LONGEST_PREFIX:
        raise ValueError(f"A prefix has at most {LONGEST_PREFIX} characters, and this has {len(prefix)}.")
    if "://" in prefix:
        raise ValueError("Write only the part behind the bucket's name, as in cur/reports.")
    strange = next((character for character in prefix if not _PREFIX_CHARACTER.fullmatch(character)), None)
    if strange is not None:
        shown = f"“{strange}”" if strange.isprintable() else "an invisible character"
        raise ValueError(f"A prefix has letters, digits, spaces and ! _ . ' ( ) / = + @ : , - and this has {shown}.")
    if prefix.startswith(("=", "+", "@", ":", ",")):
        raise ValueError(f"A prefix does not begin with {prefix[0]} in the role's template. Is something missing?")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise ValueError("Write the prefix without “..”, “.” or two slashes in a row, as in cur/reports.")
    return prefix


def clean_region(text: str) -> str:
    """A region of the list."""
    region = text.strip()
    if region not in REGIONS:
        raise ValueError("Choose a region from the list.")
    return region


def clean_contact(text: str) -> str:
    """One mail address, or nothing."""
    return _mail_address(text.strip()) if text.strip() else ""


def clean_addresses(text: str) -> tuple[str, ...]:
    """One or more mail addresses, parted by commas, semicolons or line ends; each once, in the order given."""
    parts = [part.strip() for part in re.split(r"[,;\r\n]", text)]
    addresses = dict.fromkeys(_mail_address(part) for part in parts if part)
    if not addresses:
        raise ValueError("Write the address of at least one colleague, as in ada@example.com.")
    if len(addresses) > MOST_INVITES:
        raise ValueError(f"At most {MOST_INVITES} colleagues can be invited, and these are {len(addresses)}.")
    return tuple(addresses)


def clean_note(text: str) -> str:
    """A few lines of plain text."""
    note = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"A note has at most {LONGEST_NOTE:,} characters, and this has {len(note):,}.")
    if not _shows(note, and_also="\n\t"):
        raise ValueError("The note has invisible control characters. Type it anew, as plain text.")
    return note


def clean_name(text: str) -> str:
    """A person's name or address, on one line."""
    name = text.strip()
    if not name:
        raise ValueError("Write your name, so that your colleagues know who asks.")
    if len(name) > LONGEST_NAME or not _shows(name):
        raise ValueError(f"Write a name on one line, of at most {LONGEST_NAME} characters.")
    return name


def _shows(text: str, and_also: str = "") -> bool:
    """Whether nothing in it is invisible: marks that turn the direction of text around can show what is not there."""
    return all(character.isprintable() or character in _JOINERS or character in and_also for character in text)


def _mail_address(text: str) -> str:
    named = _NAMED_ADDRESS.fullmatch(text)
    address = named[1].strip() if named else text
    local = address.rpartition("@")[0]
    if not _MAIL_ADDRESS.fullmatch(address) or len(local) > 64 or len(address) > 254:
        shown = text if len(text) <= 60 and text.isprintable() else "This"
        raise ValueError(f"{shown} is not a mail address. Write it as in ada@example.com.")
    return address.rpartition("@")[0] + "@" + address.rpartition("@")[2].lower()
