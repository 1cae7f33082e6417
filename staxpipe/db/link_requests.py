"""Link requests: what was asked for, and what people change of it, for the pages and for linking alike.

Queries only; each takes a Connection whose transaction the caller owns, and the time from outside. Every change
names the states it may start from and returns whether it happened, so that two who act at once cannot undo each
other. What is found while a request listens for its role is in `staxpipe.db.probes`, and the links that come of
requests are in `staxpipe.db.links`.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import link_requests, links
from staxpipe.model import AccountId, LinkState, RequestState

OPERATOR = "operator"
"""`requested_by` of a request whose maker gave no mail address."""

_ROLE_NAME_ALPHABET = string.ascii_lowercase + string.digits
_EDITABLE = (RequestState.DRAFT, RequestState.LISTENING, RequestState.REFUSED)
_UNFINISHED = (RequestState.DRAFT, RequestState.LISTENING)


@dataclass(frozen=True)
class LinkRequest:
    """One request to link an account, as stored. `prefix` has no slash at its ends; times are aware UTC.

    `updated_at` moves with the details and the state, not with probes. `verdict` is the code of the last probe's
    verdict and `verdict_detail` the same in words. `stack_region` is where the person was first told to create the
    stack: it stays there when the bucket's region is corrected. `begun_by` is the address of who began it, where that
    was somebody signed in at the team's provider, or a linker's token that acts for them.
    """

    id: str
    state: RequestState
    requested_by: str
    account_id: AccountId | None
    bucket: str | None
    prefix: str
    region: str | None
    external_id: str = field(repr=False)  # a secret of the link: never in a log
    role_name: str
    probe_attempts: int
    next_probe_at: datetime | None
    verdict: str | None
    verdict_detail: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    group_id: str | None = None
    stack_region: str | None = None
    begun_by: str | None = None

    @property
    def first_id(self) -> str:
        """The request that the accounts of this one were added to: its own, where it is the first."""
        return self.group_id or self.id

    @property
    def role_arn(self) -> str | None:
        """The role that the customer's stack creates; None while the account is not known."""
        return f"arn:aws:iam::{self.account_id}:role/{self.role_name}" if self.account_id else None

    @property
    def complete(self) -> bool:
        """Whether everything is known that a probe needs."""
        return self.account_id is not None and self.bucket is not None and self.region is not None

    @property
    def contact(self) -> str | None:
        """The mail address to tell, or None where only the operator knows of the request."""
        return self.requested_by if "@" in self.requested_by else None


@dataclass(frozen=True)
class Details:
    """What a person says about an account. `contact` is a mail address, or None to leave the one that is there."""

    account_id: AccountId
    bucket: str
    prefix: str
    region: str
    contact: str | None = None


def create(connection: Connection, requested_by: str, now: datetime, lifetime: timedelta) -> LinkRequest:
    """Begin a request. Its id, ExternalId and role name are random and ours: a client never gives them."""
    request_id = secrets.token_urlsafe(16)
    begin_once(connection, request_id, requested_by, now, lifetime)
    request = get(connection, request_id)
    if request is None:
        raise AssertionError("a row that was just written cannot be read")
    return request


def begin_once(
    connection: Connection,
    request_id: str,
    requested_by: str,
    now: datetime,
    lifetime: timedelta,
    group_id: str | None = None,
    begun_by: str | None = None,
) -> bool:
    """Begin a request under an id that we made before (22 random characters); False when it is begun already.

    `group_id` is the first of several accounts that are asked for together. `begun_by` is the address of a person who
    signed in at the team's provider, or for whom a token acts: it stays, while `requested_by` becomes whoever is named
    as contact later.
    """
    added = connection.execute(
        upsert(link_requests)
        .values(
            id=request_id,
            state=RequestState.DRAFT,
            requested_by=requested_by,
            external_id=make_external_id(),
            role_name=make_role_name(),
            created_at=now,
            updated_at=now,
            expires_at=now + lifetime,
            group_id=group_id,
            begun_by=begun_by,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(link_requests.c.id)
    ).first()
    return added is not None


def get(connection: Connection, request_id: str, *, lock: bool = False) -> LinkRequest | None:
    """The request, or None. With `lock`, nobody else changes it until the caller's transaction ends."""
    statement = select(link_requests).where(link_requests.c.id == request_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    return from_row(row) if row else None


def of_group(connection: Connection, request: LinkRequest) -> list[LinkRequest]:
    """All accounts that were asked for together with this one, itself among them, in the order of asking."""
    first = request.first_id
    statement = (
        select(link_requests)
        .where(or_(link_requests.c.id == first, link_requests.c.group_id == first))
        .order_by(link_requests.c.created_at, link_requests.c.id)
    )
    return [from_row(row) for row in connection.execute(statement)]


def group_ids(request_id: str) -> Select[tuple[str]]:
    """The ids of a request's group, as a query to be used within another."""
    own, other = link_requests.alias(), link_requests.alias()
    first = func.coalesce(own.c.group_id, own.c.id)
    # Two conditions, for each has an index; an expression of both would be looked for in every request that there is.
    of_group = or_(other.c.id == first, other.c.group_id == first)
    return select(other.c.id).join(own, of_group).where(own.c.id == request_id)


def was_begun_by(connection: Connection, request_id: str, person: str) -> bool:
    """Whether this person, signed in at the team's provider or by a token, began the request."""
    same = (link_requests.c.id == request_id, link_requests.c.begun_by == person)
    return bool(connection.execute(select(exists().where(*same))).scalar_one())


def newest(connection: Connection, limit: int, after: int = 0, begun_by: str | None = None) -> list[LinkRequest]:
    """Requests in every state, the last begun first, `after` so many of them; all, or those that one person began."""
    statement = _newest_first(begun_by).limit(limit).offset(after)
    return [from_row(row) for row in connection.execute(statement)]


def matching(
    connection: Connection,
    limit: int,
    *,
    begun_by: str | None = None,
    account_id: str | None = None,
    state: RequestState | None = None,
    behind: str | None = None,
) -> list[LinkRequest]:
    """Requests that are asked for, the last begun first. With `behind`, those behind that one's place: then none is
    missed and none comes twice, whatever is begun while somebody reads page after page.
    """
    statement = _newest_first(begun_by).limit(limit)
    if account_id is not None:
        statement = statement.where(link_requests.c.account_id == account_id)
    if state is not None:
        statement = statement.where(link_requests.c.state == state)
    if behind is not None:
        place = link_requests.alias()
        began = select(place.c.created_at).where(place.c.id == behind).scalar_subquery()
        same_moment = and_(link_requests.c.created_at == began, link_requests.c.id > behind)
        statement = statement.where(or_(link_requests.c.created_at < began, same_moment))
    return [from_row(row) for row in connection.execute(statement)]


def listening(connection: Connection) -> list[LinkRequest]:
    """Every request whose role is being looked for, by account."""
    statement = (
        select(link_requests)
        .where(link_requests.c.state == RequestState.LISTENING)
        .order_by(link_requests.c.account_id, link_requests.c.created_at, link_requests.c.id)
    )
    return [from_row(row) for row in connection.execute(statement)]


def already_linked(connection: Connection, details: Details, except_request: str = "") -> bool:
    """Whether a link of another request reads these very reports, or will: a second one would only do the same, and
    would go around it where a person stopped the first.
    """
    same = (
        links.c.state != LinkState.ENDED,
        links.c.account_id == details.account_id,
        links.c.bucket == details.bucket,
        links.c.prefix == details.prefix,
        links.c.request_id != except_request,
    )
    return bool(connection.execute(select(exists().where(*same))).scalar_one())


def save_details(connection: Connection, request_id: str, details: Details, now: datetime, lifetime: timedelta) -> bool:
    """Keep what the person said and begin to listen; what earlier probes found is forgotten.

    Possible while the request is a draft, is listening, or was refused; not once it is linked, expired or cancelled.
    As long as the account stays, so do ExternalId, role name and the stack's region: a stack that is there needs only
    to be updated. Another account gets new ones, for what one account was told is not shown to another.
    """
    same_account = link_requests.c.account_id == details.account_id
    first_account = link_requests.c.account_id.is_(None)
    values: dict[str, object] = {
        "account_id": details.account_id,
        "bucket": details.bucket,
        "prefix": details.prefix,
        "region": details.region,
        "external_id": case((or_(first_account, same_account), link_requests.c.external_id), else_=make_external_id()),
        "role_name": case((or_(first_account, same_account), link_requests.c.role_name), else_=make_role_name()),
        "stack_region": case(
            (same_account, func.coalesce(link_requests.c.stack_region, details.region)), else_=details.region
        ),
    }
    if details.contact is not None:
        values["requested_by"] = details.contact
    return change(connection, request_id, _EDITABLE, **values, **_listening_from(now, lifetime))


def correct(connection: Connection, request_id: str, details: Details, now: datetime) -> bool:
    """Keep another bucket, prefix or region of a linked request; `links.correct` does the same to its link."""
    values: dict[str, object] = {"bucket": details.bucket, "prefix": details.prefix, "region": details.region}
    if details.contact is not None:
        values["requested_by"] = details.contact
    same_account = link_requests.c.account_id == details.account_id
    return change(connection, request_id, (RequestState.LINKED,), same_account, **values, updated_at=now)


def resume(connection: Connection, request_id: str, now: datetime, lifetime: timedelta) -> bool:
    """Take up an expired or refused request again, with the ExternalId and role name it had.

    It listens again where its details are known, and is a draft again where they are not.
    """
    state = case((link_requests.c.account_id.is_not(None), RequestState.LISTENING), else_=RequestState.DRAFT)
    values = {**_listening_from(now, lifetime), "state": state}
    return change(connection, request_id, (RequestState.EXPIRED, RequestState.REFUSED), **values)


def cancel(connection: Connection, request_id: str, now: datetime) -> bool:
    """Give a request up for good. A linked one is not cancelled but unlinked, by deleting its stack."""
    states = (*_EDITABLE, RequestState.EXPIRED)
    return change(connection, request_id, states, state=RequestState.CANCELLED, next_probe_at=None, updated_at=now)


def expire_overdue(connection: Connection, now: datetime) -> list[LinkRequest]:
    """Expire what nobody finished in time, drafts too (those have no account id), and return it as it is now."""
    rows = connection.execute(
        update(link_requests)
        .where(link_requests.c.state.in_(_UNFINISHED), link_requests.c.expires_at <= now)
        .values(state=RequestState.EXPIRED, next_probe_at=None, updated_at=now)
        .returning(link_requests)
    )
    return [from_row(row) for row in rows]


def make_external_id() -> str:
    """One that was never used: 256 random bits."""
    return secrets.token_urlsafe(32)


def make_role_name() -> str:
    """A role's name that was never used, of the one pattern that staxpipe may assume."""
    return "staxpipe-link-" + "".join(secrets.choice(_ROLE_NAME_ALPHABET) for _ in range(12))


def change(
    connection: Connection,
    request_id: str,
    states: Collection[RequestState],
    *conditions: ColumnElement[bool],
    **values: object,
) -> bool:
    """Change a request that is in one of these states and meets the conditions; False when it is not or does not."""
    guard = (link_requests.c.id == request_id, link_requests.c.state.in_(states), *conditions)
    return connection.execute(update(link_requests).where(*guard).values(**values)).rowcount == 1


def from_row(row: Row[tuple[object, ...]]) -> LinkRequest:
    """A whole row of the table as a value."""
    values = dict(row._mapping)
    values["state"] = RequestState(str(values["state"]))
    return LinkRequest(**values)


def _newest_first(begun_by: str | None) -> Select[Any]:
    statement = select(link_requests).order_by(link_requests.c.created_at.desc(), link_requests.c.id)
    return statement if begun_by is None else statement.where(link_requests.c.begun_by == begun_by)


def _listening_from(now: datetime, lifetime: timedelta) -> dict[str, object]:
    return {
        "state": RequestState.LISTENING,
        "probe_attempts": 0,
        "next_probe_at": now,
        "verdict": None,
        "verdict_detail": None,
        "updated_at": now,
        "expires_at": now + lifetime,
    }
