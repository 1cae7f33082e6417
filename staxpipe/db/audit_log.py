"""The audit log: who did what to what, from where, and whether it was allowed.

Queries only; each takes a Connection whose transaction the caller owns. Record an act in the transaction that does
it: then there is no act without its row and no row without its act. Rows are only ever added: the database itself
refuses to change or remove one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from staxpipe.db.tables import audit_log

WE = "staxpipe"
"""The actor where nobody asked: a sensor, a schedule, a run."""

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
    """The newest entries first, of one subject or of all; with `before`, only those older than the entry of that id."""
    statement = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(audit_log.c.subject == _plain(subject))  # as it was written
    if before is not None:
        statement = statement.where(audit_log.c.id < before)
    return [AuditEntry(**row) for row in connection.execute(statement).mappings()]


def _plain(text: str) -> str:
    escaped = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
    return escaped if len(escaped) <= _LONGEST else escaped[: _LONGEST - 1] + "…"
