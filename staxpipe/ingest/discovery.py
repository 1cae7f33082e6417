"""Comparing what a customer's bucket holds with the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete

from staxpipe.db import deliveries as ledger
from staxpipe.db import exports, results
from staxpipe.db import links as link_queries
from staxpipe.db.links import Link
from staxpipe.db.tables import findings
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.discovery import Discovery, discover
from staxpipe.ingest.announcement import announce_failure, announce_if_complete
from staxpipe.ingest.exclusive import refuse_unproved
from staxpipe.linking.bucket_check import BucketProblem, record_bucket_problem
from staxpipe.model import Delivery, FileFormat
from staxpipe.settings import Settings
from staxpipe.unlinking.acts import KEPT


@dataclass(frozen=True)
class Discovered:
    """What one look into a bucket brought: deliveries new to the ledger, and those that cannot be loaded.

    `empty` says that nothing was found in it, now or before.
    """

    new: int
    broken: int
    empty: bool = False


def discover_link(engine: Engine, settings: Settings, link: Link, bucket: Bucket, now: datetime) -> Discovered:
    """List a link's bucket and record every delivery that the ledger does not have.

    Raises:
        AccessError: the bucket is refused, gone, or not there.
        TransientError: it could not be read just now; nothing is concluded from that.
    """
    refuse_unproved(link, now)
    with engine.connect() as connection:
        known = ledger.known_manifests(connection, link.id)
    seen = discover(bucket, link.prefix, known)  # no transaction is open while S3 is listed
    with engine.begin() as connection:
        if not link_queries.is_wanted(connection, link.id, changing=True):
            return Discovered(0, 0)  # somebody stopped it while its bucket was listed
        if not link_queries.is_still(connection, link):
            return Discovered(0, 0)  # somebody corrected the bucket while the other one was listed
        named = [delivery.export for delivery in seen.deliveries] + [failed.export for failed in seen.broken]
        ids = exports.record_all(connection, named, link.id)
        new = broken = 0
        for delivery in seen.deliveries:
            new += ledger.record_delivery(connection, ids[delivery.export.source], link.account_id, delivery)
        for failed in seen.broken:
            export_id = ids[failed.export.source]
            delivery = Delivery(
                failed.export,
                failed.period,
                failed.delivery_id,
                failed.delivered_at,
                files=(),
                format=FileFormat.CSV_GZIP,  # nothing is read of it
                manifest=failed.manifest,
            )
            if ledger.record_delivery(connection, export_id, link.account_id, delivery, error=failed.reason):
                broken += 1
                entry = ledger.find(connection, export_id, delivery)
                announce_failure(connection, settings, entry, failed.reason)
        _replace_findings(connection, link, seen)
        link_queries.touch_discovered(connection, link.id, now)
        problem = _problem(seen, known)
        record_bucket_problem(connection, settings, link, problem, now)
        announce_if_complete(connection, settings, link.account_id)  # all of it may have been loaded before
    return Discovered(new, broken, empty=problem is not None)


def _problem(seen: Discovery, known: dict[str, str]) -> BucketProblem | None:
    if seen.deliveries or seen.broken or known:
        return None
    reason = " ".join(finding.message for finding in seen.findings)
    return BucketProblem("no-export", reason, "staxpipe goes on looking.") if reason else None


def _replace_findings(connection: Connection, link: Link, seen: Discovery) -> None:
    outdated = [findings.c.account_id == link.account_id, findings.c.delivery.is_(None)]
    if link_queries.has_kept_data(connection, link.account_id):
        outdated.append(findings.c.code != KEPT)  # of another link of the account: that one stays as it is
    connection.execute(delete(findings).where(*outdated))
    for finding in seen.findings:
        results.add_finding(connection, finding, account_id=link.account_id)
