"""What a listing holds, seen once and not kept: its manifests, and what to say where there is none.

A bucket may hold millions of objects; of those that are no manifests only numbers and a few names stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from staxpipe.exports.data_exports import is_of_other_table
from staxpipe.exports.layout import format_of
from staxpipe.exports.manifests import layout_of
from staxpipe.model import Finding, Severity, StoredObject

EXAMPLES = 3


@dataclass
class Some:
    """How many there are of something, and the first of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        """One more."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(key)


@dataclass
class Contents:
    """What was seen of a listing of the bucket at the address `url`."""

    url: str
    manifests: list[StoredObject] = field(default_factory=list)
    unread: Some = field(default_factory=Some)
    data: Some = field(default_factory=Some)
    all: Some = field(default_factory=Some)

    def see(self, stored: StoredObject) -> None:
        """One more object."""
        self.all.add(stored.key)
        address = f"{self.url}/{stored.key.lstrip('/')}"
        if layout_of(address) is not None:
            self.manifests.append(stored)
        elif is_of_other_table(address):
            self.unread.add(stored.key)
        elif format_of(stored.key) is not None:
            self.data.add(stored.key)

    def finding(self, prefix: str) -> Finding | None:
        """What is to be said of a prefix that holds no manifest that staxpipe reads; None where there is one."""
        where = f"{self.url}/{prefix.strip('/')}".rstrip("/")
        if self.manifests:
            return None
        if not self.all.count:
            return _warning(
                "nothing-there",
                f"There is nothing in {where} yet. Check bucket and prefix against Billing and Cost Management, Data "
                "Exports; AWS delivers the first report up to 24 hours after it is set up.",
                self.all,
            )
        if self.unread.count:
            message = (
                f"The exports in {where} are neither Cost and Usage Reports nor FOCUS: such as cost optimization "
                "recommendations or carbon emissions, which are not read."
            )
            return _warning("export-not-supported", message, self.unread)
        if self.data.count:
            message = (
                f"There are data files in {where} and no manifest (…-Manifest.json), so nobody can tell which of them "
                "count."
            )
            return _warning("data-without-manifest", message, self.data)
        message = (
            f"There is no cost report in {where}: none of its {self.all.count:,} objects is a manifest or a data file. "
            "Check the prefix against Billing and Cost Management, Data Exports."
        )
        return _warning("no-cost-report", message, self.all)


def contents(url: str, objects: Iterable[StoredObject]) -> Contents:
    """Of a whole listing."""
    seen = Contents(url)
    for stored in objects:
        seen.see(stored)
    return seen


def _warning(code: str, message: str, what: Some) -> Finding:
    return Finding(code, Severity.WARNING, message, max(what.count, 1), tuple(what.examples))
