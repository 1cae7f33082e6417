"""Looking into many customers' buckets inside a deadline, fairly; one that is slow or refused delays nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from staxpipe.db import links as link_queries
from staxpipe.db.links import Link
from staxpipe.errors import AccessError, OwnCredentialsError, PermanentError, RoleRefusedError, TransientError
from staxpipe.exports.bucket import Bucket
from staxpipe.ingest.discovery import Discovered, discover_link
from staxpipe.linking.bucket_check import GOES_ON, BucketProblem, record_bucket_problem
from staxpipe.linking.fan_out import NoAnswer, ask_all
from staxpipe.settings import Settings

WORKERS = 16

PAUSE_AFTER_REFUSAL = timedelta(minutes=5)
"""At least: each refusal is a line in the customer's CloudTrail."""

TAKEN = timedelta(seconds=90)
"""How long a link that is being looked into is nobody else's: longer than a sweep may take (Dagster ends a tick after
60 seconds), so that one that hangs or whose process was killed comes again by itself soon, and not first."""


@dataclass
class Looks:
    """What one sweep of the buckets brought. `refused` and `unknown` are sentences that name the account,
    `refused_links` ids, `new_links` those with deliveries that are new or broken, `empty_links` those in whose bucket
    nothing was ever found."""

    looked: int = 0
    new: int = 0
    broken: int = 0
    refused: list[str] = field(default_factory=list)
    refused_links: list[str] = field(default_factory=list)
    new_links: list[Link] = field(default_factory=list)
    empty_links: list[Link] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def look_into_buckets(
    engine: Engine, settings: Settings, bucket: Callable[[Link], Bucket], now: datetime, seconds: float
) -> Looks:
    """List the buckets of the active links whose turn it is, those that waited longest first.

    What cannot be reached within `seconds` is first in the next sweep.
    """
    with engine.begin() as connection:
        due = link_queries.take_looks(connection, now, now + TAKEN)
    looks = Looks()
    untouched = dict(due)
    for answered in ask_all(list(due), lambda link: _look(engine, settings, bucket, link, now), WORKERS, seconds):
        link, answer = answered.item, answered.answer
        del untouched[link]
        if isinstance(answer, Discovered):
            looks.looked += 1
            looks.new += answer.new
            looks.broken += answer.broken
            if answer.new or answer.broken:
                looks.new_links.append(link)
            if answer.empty:
                looks.empty_links.append(link)
        elif isinstance(answer, BucketProblem):
            looks.refused.append(f"{link.account_id}: {answer.reason}")
            looks.refused_links.append(link.id)
        elif isinstance(answer, NoAnswer):
            looks.unknown.append(f"{link.account_id}: {answer.reason}")
    with engine.begin() as connection:
        link_queries.give_back_looks(connection, untouched, now + TAKEN)
    return looks


def _look(
    engine: Engine, settings: Settings, bucket: Callable[[Link], Bucket], link: Link, now: datetime
) -> Discovered | BucketProblem | NoAnswer:
    pause = timedelta(minutes=settings.discovery_minutes)
    seen: Discovered | BucketProblem | NoAnswer
    tell = True
    try:
        seen = discover_link(engine, settings, link, bucket(link), now)
    except OwnCredentialsError as error:
        seen = NoAnswer(str(error))  # the operator's matter, and no customer's
    except RoleRefusedError as error:
        seen, tell = BucketProblem("role-refused", str(error), GOES_ON), False  # told by who proves the role, once
        pause = max(pause, PAUSE_AFTER_REFUSAL)
    except (AccessError, PermanentError) as error:
        seen = BucketProblem("bucket-refused", str(error), GOES_ON)
        pause = max(pause, PAUSE_AFTER_REFUSAL)
    except TransientError as error:
        seen = NoAnswer(str(error))  # and nothing is concluded from that
    with engine.begin() as connection:
        if not link_queries.is_still(connection, link):
            return seen  # corrected meanwhile: what was seen is of another bucket, and the right one is due already
        link_queries.look_again_at(connection, link.id, now + pause)
        if isinstance(seen, BucketProblem) and tell:
            record_bucket_problem(connection, settings, link, seen, now)
    return seen
