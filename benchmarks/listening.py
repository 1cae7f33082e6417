"""How soon a role is seen, and how long it takes to look for a thousand of them. Part of `benchmarks.pages`.

The AWS is the stand-in, which enforces trust, near and, by `benchmarks.distance`, as far away as AWS itself.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import Engine, select, text

from benchmarks.distance import far
from benchmarks.many_links import add_listening
from benchmarks.sections import Section
from staxpipe.aws.sessions import role_arn
from staxpipe.db import link_requests
from staxpipe.db.tables import links
from staxpipe.linking.probe import probe
from staxpipe.linking.sweep import sweep
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.local.runtime import running
from staxpipe.settings import read_settings

PENDING = 1000
PENDING_SECONDS = 60
SEEN_SECONDS = 10
ROLES = 8
DISTANCE_SECONDS = 0.06
OPERATOR_ACCOUNT = "111111111111"


def pending_section(engine: Engine, browser: httpx.Client, links: int) -> Section:
    """One sweep over a thousand roles that are not there, while somebody looks at pages."""
    rows = []
    with AwsStandIn() as stand_in:
        operator = stand_in.create_operator(OPERATOR_ACCOUNT)
        for title, seconds in (("on this machine", 0.0), (f"{DISTANCE_SECONDS * 1000:.0f} ms away", DISTANCE_SECONDS)):
            with far(stand_in.endpoint_url, 1e9, seconds) as url, acting_as(stand_in, operator, url):
                rows.append([title, *_swept(engine, browser)])
    return Section(
        f"{PENDING:,} pending requests probed in one sweep, beside {links:,} links",
        ["AWS", "seconds", "probed", "not answered", "pages meanwhile, median ms", "95th percentile ms"],
        rows,
        f"To reach: {PENDING_SECONDS} s. Nobody's role is there, as is usual for requests that wait.",
    )


def _swept(engine: Engine, browser: httpx.Client) -> list[str]:
    with engine.begin() as connection:
        connection.execute(text("UPDATE link_requests SET state = 'cancelled' WHERE state = 'listening'"))
        add_listening(connection, PENDING)
    times: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            begun = time.perf_counter()
            browser.get("/requests")
            times.append((time.perf_counter() - begun) * 1000)

    looking = threading.Thread(target=look)
    looking.start()
    begun = time.monotonic()
    report = sweep(engine, read_settings({"region": "us-east-1"}), probe, datetime.now(UTC), PENDING_SECONDS)
    seconds = time.monotonic() - begun
    over.set()
    looking.join()
    late = statistics.quantiles(times, n=20, method="inclusive")[-1]
    middle = statistics.median(times)
    return [f"{seconds:.1f}", str(len(report.waiting)), str(len(report.unknown)), f"{middle:.0f}", f"{late:.0f}"]


def seen_section(home: Path) -> Section:
    """The whole platform with its usual settings; roles become assumable at moments that nobody announced."""
    with AwsStandIn() as stand_in:
        operator = stand_in.create_operator(OPERATOR_ACCOUNT)
        settings = read_settings(
            {"home": home, "web_port": 0, "dagster_port": 0, "operator_role_arn": operator.arn, "region": "us-east-1"}
        )
        told = {"STAXPIPE_OPERATOR_ROLE_ARN": operator.arn, "STAXPIPE_REGION": "us-east-1"}
        with running(settings, variables={**told, **stand_in.environment(operator)}) as platform:
            waits = [_seen(platform.engine, stand_in, operator, 5 + 3.7 * turn) for turn in range(ROLES)]
    return Section(
        "From the moment that a role is assumable until its account is linked, with Dagster's daemon",
        ["roles", "median s", "longest s"],
        [[str(len(waits)), f"{statistics.median(waits):.1f}", f"{max(waits):.1f}"]],
        f"To reach: {SEEN_SECONDS} s. Each role was created 5 to {5 + 3.7 * (ROLES - 1):.0f} s after its request.",
    )


def _seen(engine: Engine, stand_in: AwsStandIn, operator: StandInCredentials, after: float) -> float:
    account = "".join(secrets.choice("0123456789") for _ in range(12))
    with engine.begin() as connection:
        [request_id] = add_listening(connection, 1, account)
        request = link_requests.get(connection, request_id)
    if request is None:
        raise AssertionError("a request that was just made is not there")
    time.sleep(after)
    _create_role(stand_in, operator, account, request.role_name, request.external_id)
    begun = time.monotonic()
    while True:
        with engine.connect() as connection:
            if connection.execute(select(links.c.id).where(links.c.request_id == request_id)).first():
                return time.monotonic() - begun
        if time.monotonic() - begun > 300:
            raise SystemExit(f"the role {role_arn(account, request.role_name)} was not seen in five minutes")
        time.sleep(0.1)


def _create_role(stand_in: AwsStandIn, operator: StandInCredentials, account: str, name: str, external_id: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": operator.arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    stand_in.session(account).client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


@contextmanager
def acting_as(stand_in: AwsStandIn, operator: StandInCredentials, url: str) -> Iterator[None]:
    """This process is the operator, and its AWS is at `url`."""
    before = dict(os.environ)
    os.environ.update({**stand_in.environment(operator), "AWS_ENDPOINT_URL": url})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
