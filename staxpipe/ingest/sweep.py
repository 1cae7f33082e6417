"""Looking into many customers' buckets inside a deadline, fairly; one that is slow or refused delays nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update

from staxpipe.db.links import Link
from staxpipe.db.outbox import enqueue
from staxpipe.db.tables import links
from staxpipe.errors import PermanentError, TransientError
from staxpipe.exports.bucket import Bucket
from staxpipe.ingest.announcement import recipients
from staxpipe.ingest.discovery import discover_link
from staxpipe.ingest.platform import Platform
from staxpipe.model import LinkState

WORKERS = 16


@dataclass
class Looks:
    """What one sweep of the buckets brought. `unknown` could not be read just now; `late` were not reached."""

    new: int = 0
    broken: int = 0
    looked: int = 0
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    late: int = 0

    def add(self, other: Looks) -> None:
        """Count another look in."""
        self.new += other.new
        self.broken += other.broken
        self.looked += other.looked
        self.refused += other.refused
        self.unknown += other.unknown
        self.late += other.late


def look_into_buckets(platform: Platform, bucket: Callable[[Link], Bucket], now: datetime, seconds: float) -> Looks:
    """List the buckets of the active links whose turn it is, those that waited longest first.

    What is not finished after `seconds` goes on in its thread but is not waited for; it comes first next time.
    """
    looks = Looks()
    due = _due(platform, now)
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="look")
    end = time.monotonic() + seconds
    futures = [pool.submit(_look, platform, bucket, link, now, end) for link in due]
    done, unfinished = wait(futures, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    looks.late = len(unfinished)
    for future in done:
        looks.add(future.result())  # raises what was a bug
    return looks


def _due(platform: Platform, now: datetime) -> Sequence[Link]:
    with platform.engine.connect() as connection:
        rows = connection.execute(
            select(links)
            .where(links.c.state == LinkState.ACTIVE, links.c.next_look_at <= now)
            .order_by(links.c.next_look_at, links.c.id)
        )
        return [Link.from_row(row) for row in rows]


def _look(platform: Platform, bucket: Callable[[Link], Bucket], link: Link, now: datetime, end: float) -> Looks:
    looks = Looks()
    if time.monotonic() > end:
        looks.late = 1
        return looks
    pause = timedelta(minutes=platform.settings.discovery_minutes)
    try:
        seen = discover_link(platform, link, bucket(link), now)
        looks.new += seen.new
        looks.broken += seen.broken
        looks.looked += 1
        problem = None
    except PermanentError as error:
        looks.refused.append(f"{link.account_id}: {error}")
        problem = str(error)
        pause = max(pause, timedelta(minutes=5))  # each refusal is a line in the customer's CloudTrail
    except TransientError as error:
        looks.unknown.append(f"{link.account_id}: {error}")
        problem = link.problem
    with platform.engine.begin() as connection:
        values: dict[str, object] = {"next_look_at": now + pause}
        if problem is not None:
            values["problem"] = problem
        connection.execute(update(links).where(links.c.id == link.id).values(values))
        if problem is not None and problem != link.problem:
            enqueue(
                connection,
                f"bucket_problem:{link.id}:{now:%Y-%m-%d}",  # at most one mail a day about one link
                "bucket_problem",
                {
                    "to": recipients(platform.settings, link.contact),
                    "account_id": link.account_id,
                    "reason": problem,
                    "what_to_do": "Put it right in AWS: staxpipe looks again by itself and goes on from there.",
                    "url": f"{platform.settings.base_url}/requests/{link.request_id}",
                },
            )
    return looks
