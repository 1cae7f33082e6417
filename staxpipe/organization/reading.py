"""Asking AWS Organizations as a link's role, from the root down: two questions a unit, and one an account for its tags.

Thin. Requests are paced, for AWS counts those of everything that asks in the account together: a customer's own tools
must not be throttled because of us. The service is global, whatever a session's region: botocore knows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from staxpipe.aws.errors import ACCESS_DENIED, by_choice_in_words, error_code
from staxpipe.aws.link_bucket import LinkedBucket
from staxpipe.aws.permissions import granted
from staxpipe.aws.session_policy import READ_ORGANIZATION
from staxpipe.aws.sessions import client_config, link_session
from staxpipe.errors import NotGrantedError
from staxpipe.organization.members import (
    Answer,
    ManagedElsewhere,
    Member,
    NoOrganization,
    Organization,
    once,
    path_of,
    tagged,
    tags_first,
)

PERMISSION = granted("organizations:DescribeOrganization")
TAGS = granted("organizations:ListTagsForResource")

REQUESTS_A_SECOND = 6.0
TAGS_SECONDS = 900.0
"""So long after it began a reading asks for no more tags; the accounts that are left have their turn tomorrow."""

_READ_SECONDS = 30.0
_ATTEMPTS = 8  # of one request that is throttled: botocore waits longer each time


class Pace:
    """Lets so many requests through in a second and makes the others wait. Made for botocore's event before-send."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._span = 1 / per_second
        self._clock, self._sleep = clock, sleep
        self._next = clock()

    def __call__(self, **_ignored: object) -> None:
        """Wait until it is this request's turn."""
        now = self._clock()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._span


def read_as_link(operator: boto3.Session, link: LinkedBucket, tags_at: Mapping[str, datetime | None]) -> Answer:
    """The organisation that a link's account manages, asked in a session that can ask nothing else.

    Args:
        operator: whom the role trusts.
        link: whose role.
        tags_at: when the tags of accounts were read last.

    Raises:
        OwnCredentialsError: staxpipe itself has no AWS credentials.
        NotGrantedError, TransientError, PermanentError: as `read_organization` does.
    """
    session = link_session(operator, link.role_arn, link.external_id, link.id, link.region, READ_ORGANIZATION)
    make_client: Any = session.client  # its types know names alone that are literals
    client = make_client("organizations", config=client_config(1, _READ_SECONDS, _ATTEMPTS))
    client.meta.events.register("before-send.organizations", Pace(REQUESTS_A_SECOND))
    ends = time.monotonic() + TAGS_SECONDS
    return read_organization(client, link.account_id, tags_at, lambda: time.monotonic() >= ends)


def read_organization(
    client: Any, account: str, tags_at: Mapping[str, datetime | None], late: Callable[[], bool]
) -> Answer:
    """All accounts of the organisation that an account manages, or for which it is a delegated administrator.

    Args:
        client: of the service `organizations`.
        account: as whom is asked, by its 12 digits.
        tags_at: when the tags of accounts were read last: what was read longest ago comes first.
        late: whether no more tags are to be asked for.

    Raises:
        NotGrantedError: the role does not allow it.
        TransientError: AWS could not answer just now.
        PermanentError: AWS refuses.
    """
    what = f"the organisation of account {account}"
    with by_choice_in_words(what, PERMISSION):
        try:
            manager = client.describe_organization()["Organization"]["MasterAccountId"]
            members = once(_members(client))
        except ClientError as error:
            if error_code(error) == "AWSOrganizationsNotInUseException":
                return NoOrganization()
            # Who may know the organisation and not what is in it is a member: the role allows both or neither.
            if error.operation_name == "ListRoots" and error_code(error) in ACCESS_DENIED and manager != account:
                return ManagedElsewhere(manager)
            raise
    tags, untagged = _tags(client, what, tags_first(members, tags_at), late)
    return Organization(manager, tagged(members, tags), untagged)


def _members(client: Any) -> Iterator[Member]:
    units: deque[tuple[str, tuple[str, ...]]] = deque()
    units.extend((root["Id"], ()) for root in _all(client, "list_roots", "Roots"))
    while units:
        unit, names = units.popleft()
        for found in _within(client, "list_accounts_for_parent", "Accounts", unit):
            # AWS gives a state in the place of the status that it had for years.
            status = found.get("State") or found.get("Status") or ""
            yield Member(found["Id"], found.get("Name") or found["Id"], status, unit, path_of(names))
        for found in _within(client, "list_organizational_units_for_parent", "OrganizationalUnits", unit):
            units.append((found["Id"], (*names, found["Name"])))


def _within(client: Any, operation: str, of: str, unit: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from _all(client, operation, of, ParentId=unit)
    except ClientError as error:
        if error_code(error) != "ParentNotFoundException":  # deleted meanwhile, and so it was empty
            raise


def _tags(
    client: Any, what: str, members: Iterable[Member], late: Callable[[], bool]
) -> tuple[dict[str, dict[str, str]], str]:
    """Tags by account, and why there are not those of all."""
    found: dict[str, dict[str, str]] = {}
    try:
        with by_choice_in_words(f"the tags of accounts in {what}", TAGS):
            for member in members:
                if late():
                    return found, "There was no time to read the tags of all accounts; the others are read next time."
                try:
                    tags = list(_all(client, "list_tags_for_resource", "Tags", ResourceId=member.account_id))
                except ClientError as error:
                    if error_code(error) != "TargetNotFoundException":  # it left meanwhile
                        raise
                else:
                    found[member.account_id] = {tag["Key"]: tag["Value"] for tag in tags}
    except NotGrantedError as error:
        return found, str(error)
    return found, ""


def _all(client: Any, operation: str, of: str, **asked: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[of]
