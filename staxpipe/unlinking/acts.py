"""What people do to a link: stop it, let it go on, end it and keep its data, end it and have its data deleted.

Each is one transaction of the caller's with its row in the audit log, and returns whether it happened: who acts on a
page that is out of date changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from staxpipe.db import audit_log, deletion_receipts, links, results
from staxpipe.db.link_requests import OPERATOR
from staxpipe.db.links import Link
from staxpipe.model import Finding, Severity
from staxpipe.unlinking import words

KEPT = "link-ended"
"""The finding that marks an account whose data is kept and not kept up to date."""


def stop(
    connection: Connection, link: Link, by: str, now: datetime, source_ip: str | None = None, *, operator: bool = False
) -> bool:
    """Read nothing of the link from now on. No run begins; one that is under way stops at its next step, and what it
    has made until then is not published. `operator` says that `by` is one, who may be called by an address.
    """
    done = links.stop(connection, link.id, OPERATOR if operator else by, words.stopped(by, now), now)
    if done:
        _record(connection, link, by, "link.stopped", source_ip)
    return done


def go_on(connection: Connection, link: Link, by: str, now: datetime, source_ip: str | None = None) -> bool:
    """Read a stopped link again, once its role is proved anew: nobody has tried it since it was stopped, and what is
    not proved is not used, whoever asks.
    """
    done = links.go_on(connection, link.id, now, words.going_on(by, now))
    if done:
        _record(connection, link, by, "link.go-on-asked", source_ip)
    return done


def keep(connection: Connection, link: Link, by: str, now: datetime, source_ip: str | None = None) -> bool:
    """End the link; what was loaded stays, marked."""
    done = links.end(connection, link.id, words.kept(by, now))
    if done:
        _record(connection, link, by, "link.ended", source_ip, {"data": "kept"})
        message = f"Account {link.account_id}: {words.kept(by, now)} Its months are not kept up to date."
        results.add_finding(connection, Finding(KEPT, Severity.INFO, message), account_id=link.account_id)
    return done


def order_deletion(connection: Connection, link: Link, by: str, now: datetime, source_ip: str | None = None) -> bool:
    """End the link, if it has not ended, and order that what it has loaded is deleted.

    False where that was ordered before. It cannot be taken back: who deletes may begin at once.
    """
    ended = links.end(connection, link.id, words.being_deleted(by, now))
    if not deletion_receipts.ask(connection, link.id, link.account_id, by, now):
        return False
    if ended:
        _record(connection, link, by, "link.ended", source_ip, {"data": "to be deleted"})
    else:
        links.say_of_ended(connection, link.id, words.being_deleted(by, now))
    _record(connection, link, by, "data.deletion-ordered", source_ip)
    return True


def _record(
    connection: Connection,
    link: Link,
    by: str,
    action: str,
    source_ip: str | None,
    detail: Mapping[str, object] | None = None,
) -> None:
    about = {"account": link.account_id, **(detail or {})}
    audit_log.record(connection, by, action, f"link:{link.id}", "done", source_ip, about)
