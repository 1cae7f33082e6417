"""Links: accounts whose role is proved safe. Queries only; each takes a Connection whose transaction the caller owns.

Requests, from which links come, are in `link_requests`; when a link is made, paused or resumed is decided in
`staxpipe.linking`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Row,
    and_,
    bindparam,
    case,
    exists,
    insert,
    or_,
    select,
    update,
)

from staxpipe.db.tables import deliveries, exports, links
from staxpipe.errors import PermanentError
from staxpipe.model import AccountId, LinkState

PROOF_LASTS = timedelta(days=2)
"""Roles are proved every day. One that was not proved for so long, since nothing ran or AWS did not answer, is proved
before it is used again."""


@dataclass(frozen=True)
class Link:
    """One account's billing bucket, and the role by which it is read.

    `problem` says in words why the link is paused or why its bucket cannot be read; None when all is well.
    `verified_at` is when the role was last proved safe, `discovered_at` when the bucket was last listed whole,
    `stopped_at` when a person stopped it and `stopped_by` who (`OPERATOR` for any of them); None where nobody did.
    """

    id: str
    request_id: str
    account_id: AccountId
    role_arn: str
    external_id: str = field(repr=False)  # a secret of the link: never in a log
    bucket: str
    prefix: str
    region: str
    contact: str
    state: LinkState
    problem: str | None
    linked_at: datetime
    verified_at: datetime
    discovered_at: datetime | None
    stopped_at: datetime | None = None
    stopped_by: str | None = None

    @property
    def waits_for_role(self) -> bool:
        """Whether it is read again as soon as its role is proved safe: it did not hold, or a person lets it go on."""
        return self.state is LinkState.PAUSED and self.stopped_at is None

    def is_proved(self, now: datetime) -> bool:
        """Whether its role may be used: it held when it was last tried, and that is not long ago."""
        return self.state is not LinkState.PAUSED and self.verified_at > now - PROOF_LASTS


def create(
    connection: Connection,
    *,
    request_id: str,
    account_id: str,
    role_arn: str,
    external_id: str,
    bucket: str,
    prefix: str,
    region: str,
    contact: str,
    now: datetime,
) -> Link:
    """Add an active link, proved safe at `now`.

    Raises:
        sqlalchemy.exc.IntegrityError: the request has a link already, or the account has one with this role.
    """
    row = connection.execute(
        insert(links)
        .values(
            id=secrets.token_urlsafe(16),
            request_id=request_id,
            account_id=account_id,
            role_arn=role_arn,
            external_id=external_id,
            bucket=bucket,
            prefix=prefix,
            region=region,
            contact=contact,
            state=LinkState.ACTIVE,
            linked_at=now,
            verified_at=now,
        )
        .returning(links)
    ).one()
    return _link(row)


def get(connection: Connection, link_id: str) -> Link:
    """A link by its id.

    Raises:
        PermanentError: there is none.
    """
    row = connection.execute(select(links).where(links.c.id == link_id)).first()
    if row is None:
        raise PermanentError(f"There is no link {link_id}.")
    return _link(row)


def of_request(connection: Connection, request_id: str) -> Link | None:
    """The link that a request became, if it did."""
    row = connection.execute(select(links).where(links.c.request_id == request_id)).first()
    return _link(row) if row is not None else None


def active(connection: Connection) -> list[Link]:
    """Every link that is read, by account."""
    return _all(connection, links.c.state == LinkState.ACTIVE)


def of_account(connection: Connection, account_id: str) -> list[Link]:
    """Every link that an account ever had."""
    return _all(connection, links.c.account_id == account_id)


def by_account(connection: Connection, account_id: str) -> list[Link]:
    """An account's links that are read: usually one, more where several buckets are linked."""
    return _all(connection, links.c.account_id == account_id, links.c.state == LinkState.ACTIVE)


def unended(connection: Connection) -> list[Link]:
    """Every link that is active or paused, by account."""
    return _all(connection, links.c.state != LinkState.ENDED)


def has_kept_data(connection: Connection, account_id: str) -> bool:
    """Whether a link of the account has ended and an export that came by it is still there."""
    ended = exists().where(
        links.c.account_id == account_id, links.c.state == LinkState.ENDED, exports.c.link_id == links.c.id
    )
    return bool(connection.execute(select(ended)).scalar_one())


def take_looks(connection: Connection, now: datetime, until: datetime) -> dict[Link, datetime]:
    """Active links whose bucket is to be listed now, with when each was due, the one that waited longest first; none
    whose role was not proved for long.

    They are not due again before `until`, so that no other sweep lists them meanwhile and one that hangs does not
    come first again. See `look_again_at` and `give_back_looks`.
    """
    rows = connection.execute(
        select(links)
        .where(links.c.state == LinkState.ACTIVE, links.c.verified_at > now - PROOF_LASTS, links.c.next_look_at <= now)
        .order_by(links.c.next_look_at, links.c.id)
        .with_for_update(skip_locked=True)
    ).all()
    connection.execute(
        update(links).where(links.c.id.in_([row.id for row in rows])).values(next_look_at=until),
    )
    return {_link(row): row.next_look_at for row in rows}


def give_back_looks(connection: Connection, untouched: Mapping[Link, datetime], until: datetime) -> None:
    """Make links due again when they were, as far as they are still taken `until` then: nobody got to them."""
    if untouched:
        connection.execute(
            update(links)
            .where(links.c.id == bindparam("link"), links.c.next_look_at == until)
            .values(next_look_at=bindparam("due")),
            [{"link": link.id, "due": due} for link, due in untouched.items()],
        )


def take_trials(connection: Connection, now: datetime, until: datetime) -> list[Link]:
    """Links whose role is to be tried now: paused ones that nobody stopped, and active ones that were not proved for
    long. They are not due again before `until`.
    """
    paused = and_(links.c.state == LinkState.PAUSED, links.c.stopped_at.is_(None))
    outdated = and_(links.c.state == LinkState.ACTIVE, links.c.verified_at <= now - PROOF_LASTS)
    due = select(links).where(or_(paused, outdated), links.c.next_look_at <= now)
    rows = connection.execute(due.with_for_update(skip_locked=True)).all()
    connection.execute(
        update(links).where(links.c.id.in_([row.id for row in rows])).values(next_look_at=until),
    )
    return [_link(row) for row in rows]


def look_again_at(connection: Connection, link_id: str, moment: datetime) -> None:
    """When the link's bucket is to be listed next or, while it is paused, its role to be tried."""
    connection.execute(update(links).where(links.c.id == link_id).values(next_look_at=moment))


def pause(connection: Connection, link_id: str, reason: str) -> bool:
    """Stop reading an active link; `reason` is shown to people. False when it was not active."""
    return _change(connection, link_id, LinkState.ACTIVE, state=LinkState.PAUSED, problem=reason)


def say_why_paused(connection: Connection, link_id: str, reason: str) -> bool:
    """Why a link is still paused that nobody stopped. False when that was said before."""
    new = (links.c.stopped_at.is_(None), links.c.problem.is_distinct_from(reason))
    return _change(connection, link_id, LinkState.PAUSED, *new, problem=reason)


def resume(connection: Connection, link_id: str, now: datetime) -> bool:
    """Read a paused link again, at once: its role was proved safe at `now`. False when it was not paused, or by a
    person.
    """
    values = {"state": LinkState.ACTIVE, "problem": None, "verified_at": now, "next_look_at": now}
    return _change(connection, link_id, LinkState.PAUSED, links.c.stopped_at.is_(None), **values)


def stop(connection: Connection, link_id: str, by: str, reason: str, now: datetime) -> bool:
    """Stop reading a link because a person says so. False when somebody did before, or it has ended."""
    return bool(
        connection.execute(
            update(links)
            .where(links.c.id == link_id, links.c.state != LinkState.ENDED, links.c.stopped_at.is_(None))
            .values(state=LinkState.PAUSED, problem=reason, stopped_at=now, stopped_by=by)
        ).rowcount
    )


def go_on(connection: Connection, link_id: str, now: datetime, words: str) -> bool:
    """Take back that a person stopped a link: it is read again once its role is proved (`resume`), to be tried now.

    Until then it is paused as one whose role did not hold, with `words`. False when nobody had stopped it, or it has
    ended.
    """
    values = {"problem": words, "stopped_at": None, "stopped_by": None, "next_look_at": now}
    return _change(connection, link_id, LinkState.PAUSED, links.c.stopped_at.is_not(None), **values)


def end(connection: Connection, link_id: str, words: str | None = None) -> bool:
    """Stop for good. Its ExternalId is never used again. False when it had ended already.

    `words` say on the link's page why, and what became of the data.
    """
    return bool(
        connection.execute(
            update(links)
            .where(links.c.id == link_id, links.c.state != LinkState.ENDED)
            .values(state=LinkState.ENDED, problem=words)
        ).rowcount
    )


def say_of_ended(connection: Connection, link_id: str, words: str) -> None:
    """What became of the data of a link that has ended."""
    _change(connection, link_id, LinkState.ENDED, problem=words)


def is_wanted(connection: Connection, link_id: str, *, changing: bool = False) -> bool:
    """Whether nobody stopped or ended the link; it stays so until the caller's transaction ends.

    Whoever stops it meanwhile waits for that: what is committed under a link that was wanted was committed before. So
    ask late in a long transaction. `changing`: the caller is going to change the link in the same transaction; two who
    only asked and then changed it would wait for each other for ever.
    """
    wanted = select(links.c.id).where(
        links.c.id == link_id, links.c.state != LinkState.ENDED, links.c.stopped_at.is_(None)
    )
    return connection.execute(wanted.with_for_update(read=not changing, key_share=changing)).first() is not None


def set_problem(connection: Connection, link_id: str, problem: str | None) -> bool:
    """Say why an active link's bucket cannot be read, or that it can (None). False when nothing changed."""
    return bool(
        connection.execute(
            update(links)
            .where(links.c.id == link_id, links.c.state == LinkState.ACTIVE)
            .where(links.c.problem.is_distinct_from(problem))
            .values(problem=problem)
        ).rowcount
    )


def correct(
    connection: Connection, link_id: str, bucket: str, prefix: str, region: str, contact: str, now: datetime
) -> bool:
    """Have the same role read another bucket, and look into it soon. False where something was found already.

    What was found belongs to the bucket it was found in; another one is then another link.
    """
    # Whoever records what was found holds the link meanwhile. To wait for that comes first: a statement that waits
    # itself does not see what was committed by others since it began.
    connection.execute(select(links.c.id).where(links.c.id == link_id).with_for_update(key_share=True))
    changed = connection.execute(
        update(links)
        .where(links.c.id == link_id, links.c.state != LinkState.ENDED, ~_found())
        .values(
            bucket=bucket,
            prefix=prefix,
            region=region,
            contact=contact,
            problem=case((links.c.state == LinkState.ACTIVE, None), else_=links.c.problem),  # why it is paused stays
            discovered_at=None,
            next_look_at=now,
        )
    )
    return bool(changed.rowcount)


def nothing_found(connection: Connection, request_id: str) -> bool:
    """Whether the request is linked, and nothing was found in its bucket so far."""
    return request_id in empty(connection, [request_id])


def empty(connection: Connection, request_ids: Collection[str]) -> frozenset[str]:
    """Of these requests, those that are linked and in whose bucket nothing was found so far."""
    return _of_requests(connection, request_ids, links.c.state != LinkState.ENDED, ~_found())


def over(connection: Connection, request_ids: Collection[str]) -> frozenset[str]:
    """Of these requests, those whose link has ended."""
    return _of_requests(connection, request_ids, links.c.state == LinkState.ENDED)


def is_still(connection: Connection, link: Link) -> bool:
    """Whether the link names the bucket that it did; it goes on doing so until the caller's transaction ends."""
    statement = select(links.c.bucket, links.c.prefix, links.c.region).where(links.c.id == link.id)
    row = connection.execute(statement.with_for_update(key_share=True)).first()
    return row is not None and (row.bucket, row.prefix, row.region) == (link.bucket, link.prefix, link.region)


def touch_verified(connection: Connection, link_id: str, now: datetime) -> None:
    """An active link's role was proved safe again at `now`; what had to wait for that is read at once."""
    waited = links.c.verified_at <= now - PROOF_LASTS
    next_look = case((waited, now), else_=links.c.next_look_at)
    _change(connection, link_id, LinkState.ACTIVE, verified_at=now, next_look_at=next_look)


def touch_discovered(connection: Connection, link_id: str, now: datetime) -> None:
    """A link's bucket was listed whole at `now`."""
    connection.execute(update(links).where(links.c.id == link_id).values(discovered_at=now))


def _found() -> Exists:
    """Whether a delivery was ever found in a link's bucket."""
    return exists().where(exports.c.link_id == links.c.id, deliveries.c.export_id == exports.c.id)


def _change(
    connection: Connection, link_id: str, only: LinkState, *conditions: ColumnElement[bool], **values: object
) -> bool:
    """Change a link that is in the state `only`; False when it is not: somebody else was faster."""
    which = (links.c.id == link_id, links.c.state == only, *conditions)
    return bool(connection.execute(update(links).where(*which).values(**values)).rowcount)


def _of_requests(
    connection: Connection, request_ids: Collection[str], *conditions: ColumnElement[bool]
) -> frozenset[str]:
    asked = select(links.c.request_id).where(links.c.request_id.in_(request_ids), *conditions)
    return frozenset(connection.execute(asked).scalars())


def _all(connection: Connection, *conditions: Any) -> list[Link]:
    rows = connection.execute(
        select(links).where(*conditions).order_by(links.c.account_id, links.c.linked_at, links.c.id)
    )
    return [_link(row) for row in rows]


def _link(row: Row[Any]) -> Link:
    # By name: the table also has what only its sweeps need, such as when the bucket is looked into next.
    values = {field.name: row._mapping[field.name] for field in fields(Link)}
    return Link(**values | {"account_id": AccountId(row.account_id), "state": LinkState(row.state)})
