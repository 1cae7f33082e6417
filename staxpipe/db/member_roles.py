"""The roles that one StackSet gives the members of an organisation, and the requests of those members.

Queries only; each takes a Connection whose transaction the caller owns. A set belongs to the accounts that are asked
for together: to the first request of a group. What a member's role is called and demands is said in
`staxpipe.linking.members_stack`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db import link_requests as requests
from staxpipe.db.link_requests import Details, LinkRequest
from staxpipe.db.tables import link_requests, member_roles
from staxpipe.linking.members_stack import external_id_of, role_name_of
from staxpipe.model import RequestState


@dataclass(frozen=True)
class MemberRoles:
    """One StackSet: the beginnings of its roles' ExternalIds and names, and where members keep their reports.

    `region` is that of the buckets, `stack_region` where a person was first told to create the StackSet.
    """

    request_id: str
    external_id: str = field(repr=False)  # the beginning of secrets of links: never in a log
    role_name: str
    bucket: str
    prefix: str
    region: str
    stack_region: str
    created_at: datetime


def of_request(connection: Connection, request: LinkRequest) -> MemberRoles | None:
    """The set of a request's group, if there is one."""
    row = connection.execute(select(member_roles).where(member_roles.c.request_id == request.first_id)).first()
    return MemberRoles(**{each.name: row._mapping[each.name] for each in fields(MemberRoles)}) if row else None


def save(
    connection: Connection, request: LinkRequest, bucket: str, prefix: str, region: str, now: datetime
) -> MemberRoles:
    """Keep where the members of a group keep their reports. ExternalId and name are ours, and stay what they are.

    So does the StackSet's region, where the first buckets were: a StackSet does not move.
    """
    values = {"bucket": bucket, "prefix": prefix, "region": region}
    connection.execute(
        upsert(member_roles)
        .values(
            request_id=request.first_id,
            external_id=requests.make_external_id(),
            role_name=requests.make_role_name(),
            stack_region=region,
            created_at=now,
            **values,
        )
        .on_conflict_do_update(index_elements=["request_id"], set_=values)
    )
    found = of_request(connection, request)
    if found is None:
        raise AssertionError("a row that was just written cannot be read")
    return found


def begin(
    connection: Connection,
    roles: MemberRoles,
    beside: LinkRequest,
    details: Details,
    now: datetime,
    lifetime: timedelta,
) -> str | None:
    """Ask for a member and listen for its role at once; returns the request's id.

    None where that member was asked for by this set before: its ExternalId is never used for another request.
    """
    row = connection.execute(
        upsert(link_requests)
        .values(
            id=secrets.token_urlsafe(16),
            state=RequestState.LISTENING,
            requested_by=details.contact or beside.requested_by,
            account_id=details.account_id,
            bucket=details.bucket,
            prefix=details.prefix,
            region=details.region,
            stack_region=roles.stack_region,
            external_id=external_id_of(roles, details.account_id),
            role_name=role_name_of(roles, details.account_id),
            next_probe_at=now,
            created_at=now,
            updated_at=now,
            expires_at=now + lifetime,
            group_id=roles.request_id,
            begun_by=beside.begun_by,
        )
        .on_conflict_do_nothing(index_elements=["external_id"])
        .returning(link_requests.c.id)
    ).first()
    return None if row is None else str(row.id)
