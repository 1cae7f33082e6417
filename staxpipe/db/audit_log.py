"""The audit log: who did what to what, from where, and whether it was allowed.

Queries only; each takes a Connection whose transaction the caller owns. Record an act in the transaction that does
it: then there is no act without its row and no row without its act. Rows are only ever added: the database itself
refuses to change or remove one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, cast, insert, literal, or_, select

from staxpipe.db.tables import audit_log, deliveries, link_requests, links

WE = "staxpipe"
"""The actor where nobody asked: a sensor, a schedule, a run."""

_ACCOUNT = re.compile(r"(?:account:)?([0-9]{12})")
_LONGEST = 500  # characters of one field: what comes from outside must not fill the disk


@dataclass(frozen=True)
class AuditEntry:
    """One act. `actor` is a mail address, ``operator``, ``anonymous`` or the name of one of our own processes.

    `source_ip` is where it came from: the client's address or, of a command, the user and the machine.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    result: str
    source_ip: str | None
    detail: Mapping[str, object]


def record(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    result: str,
    source_ip: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add one act.

    Control characters and line breaks are written as escapes, so that no value can pass for a row of its own in a
    text copy of the log. Keep secrets and ExternalIds out of every argument.

    Args:
        connection: inside the transaction that does what is recorded.
        actor: who, as in ``ada@example.com``.
        action: what, as a stable name: ``request.details-saved``.
        subject: to what, as in ``request:9fXk2…``.
        result: ``done``, ``refused``, or a verdict's code.
        source_ip: from where: the client's address or, of a command, the user and the machine.
        detail: a few JSON values more.
    """
    connection.execute(
        insert(audit_log).values(
            actor=_plain(actor),
            action=_plain(action),
            subject=_plain(subject),
            result=_plain(result),
            source_ip=None if source_ip is None else _plain(source_ip),
            detail={key: _plain(value) if isinstance(value, str) else value for key, value in (detail or {}).items()},
        )
    )


def entries(
    connection: Connection, subject: str | None = None, limit: int = 100, before: int | None = None
) -> list[AuditEntry]:
    """The newest entries first, of one subject or of all; with `before`, only those older than the entry of that id.

    An account (``account:…``, or its number alone) is also the subject of what was done to its requests, links and
    deliveries.
    """
    statement = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(_about(subject))
    if before is not None:
        statement = statement.where(audit_log.c.id < before)
    return [AuditEntry(**row) for row in connection.execute(statement).mappings()]


def _about(subject: str) -> ColumnElement[bool]:
    account = _ACCOUNT.fullmatch(subject)
    if account is None:
        return audit_log.c.subject == _plain(subject)  # as it was written
    number, told = account[1], audit_log.c.detail
    return or_(
        audit_log.c.subject == f"account:{number}",
        audit_log.c.subject.like(f"account:{number}/%"),
        told["account_id"].astext == number,
        told["account"].astext == number,
        *(
            audit_log.c.subject.in_(select(literal(f"{kind}:") + cast(table.c.id, Text)).where(of == number))
            for kind, table, of in (
                ("request", link_requests, link_requests.c.account_id),
                ("link", links, links.c.account_id),
                ("delivery", deliveries, deliveries.c.account_id),
            )
        ),
    )


def _plain(text: str) -> str:
    escaped = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
    return escaped if len(escaped) <= _LONGEST else escaped[: _LONGEST - 1] + "…"
