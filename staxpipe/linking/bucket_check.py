"""Whether a linked bucket can be read and holds billing reports; each problem as a sentence with what to do.

It looks at the beginning of the bucket only. What the reports say is `staxpipe.exports`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import boto3
from sqlalchemy import Connection

from staxpipe.aws.link_bucket import link_bucket
from staxpipe.db import audit_log, links
from staxpipe.db.links import Link
from staxpipe.errors import AccessError, OwnCredentialsError, PermanentError
from staxpipe.exports.contents import Contents
from staxpipe.exports.discovery import folder_prefix
from staxpipe.linking import announcements
from staxpipe.model import StoredObject
from staxpipe.settings import Settings

LOOK_AT_MOST = 20_000  # objects: 20 requests; a bucket of reports shows a manifest long before
GOES_ON = "staxpipe goes on looking."


@dataclass(frozen=True)
class BucketProblem:
    """Why nothing can be loaded from a bucket. `code`: bucket-refused, or that of a finding of `staxpipe.exports`."""

    code: str
    reason: str
    what_to_do: str

    def explain(self) -> str:
        """For the page and `status`."""
        return f"{self.reason} {self.what_to_do}".strip()


class Listable(Protocol):
    """What of a bucket a check needs (see `staxpipe.exports.bucket.Bucket`)."""

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`."""


def check_bucket(bucket: Listable, prefix: str, most: int = LOOK_AT_MOST) -> BucketProblem | None:
    """Look for a report's manifest below the prefix; None when there is one, or too much to tell.

    What is wrong is said as `staxpipe.exports` says it of the whole listing, lest people are told of it twice.

    Raises:
        OwnCredentialsError, TransientError: the bucket could not be listed just now; nothing follows from that.
    """
    seen = Contents(bucket.url)
    try:
        for stored in bucket.list(folder_prefix(prefix)):
            seen.see(stored)
            if seen.manifests or seen.all.count >= most:
                return None
    except OwnCredentialsError:
        raise  # the operator's matter: nothing is known about the bucket
    except (AccessError, PermanentError) as error:
        return BucketProblem("bucket-refused", str(error), GOES_ON)
    finding = seen.finding(prefix)
    return None if finding is None else BucketProblem(finding.code, finding.message, GOES_ON)


def check_link(operator: boto3.Session, link: Link) -> BucketProblem | None:
    """Check a link's bucket with the link's own role.

    Raises:
        OwnCredentialsError, TransientError: the bucket could not be listed just now; nothing follows from that.
    """
    return check_bucket(link_bucket(operator, link, connections=1), link.prefix)


def record_bucket_problem(
    connection: Connection, settings: Settings, link: Link, problem: BucketProblem | None, now: datetime
) -> bool:
    """Keep what a check found on the link, and tell people of a problem that is new; False when nothing changed.

    In the caller's transaction: the link, the mail that waits and the audit row are kept together or not at all.
    """
    if not links.set_problem(connection, link.id, problem.explain() if problem else None):
        return False
    result = problem.code if problem else "bucket-readable"
    audit_log.record(connection, announcements.WE, "link.bucket-checked", f"link:{link.id}", result)
    if problem is not None:
        announcements.bucket_problem(connection, settings, link, problem.reason, problem.what_to_do, now)
    return True
