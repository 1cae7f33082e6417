"""A linked request, and what may be done with its link by whoever looks at it: for the page and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from staxpipe.db import deletion_receipts, links
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.link_requests import OPERATOR
from staxpipe.db.links import Link
from staxpipe.model import LinkState
from staxpipe.onboarding.progress import Progress, read_progress
from staxpipe.onboarding.site import Known, NotTheirsError, Visit
from staxpipe.unlinking import acts

Act = Callable[[Connection, Link, str, datetime, str | None], bool]
"""One of `staxpipe.unlinking.acts`."""


@dataclass(frozen=True)
class Linked:
    """The request, its link, the receipt where its data was deleted, and how far its data is."""

    known: Known
    link: Link
    receipt: DeletionReceipt | None
    progress: Progress | None

    @property
    def may_decide(self) -> bool:
        """Whether the visitor may end the link: who runs staxpipe, or began the request.

        Not who is told of its news: every invited person can put themselves there.
        """
        return self.known.operator or self.known.actor == self.known.request.begun_by

    @property
    def may_go_on(self) -> bool:
        """Whether the visitor may take back that somebody stopped the link: their own stop, or that of an invited
        person if they began the request; an operator's stop is for operators.
        """
        stopped_by = self.link.stopped_by
        theirs = self.known.actor == stopped_by or (self.may_decide and stopped_by != OPERATOR)
        return self.known.operator or theirs

    @property
    def stage(self) -> str:
        """Where unlinking stands: linked, stopped, kept, deleting or deleted."""
        if self.receipt is not None:
            return "deleted" if self.receipt.finished_at else "deleting"
        if self.link.state is LinkState.ENDED:
            return "kept"
        return "linked" if self.link.stopped_at is None else "stopped"


def find(visit: Visit, connection: Connection, request_id: str, *, lock: bool = False) -> Linked | None:
    """The link of a request that the visitor may see; None where it is not linked.

    Raises:
        HTTPException: as `Visit.find` does.
    """
    known = visit.find(connection, request_id, lock=lock)
    link = links.of_request(connection, request_id)
    if link is None:
        return None
    receipt = deletion_receipts.of_link(connection, link.id)
    return Linked(known, link, receipt, read_progress(connection, request_id))


def stop(visit: Visit, connection: Connection, seen: Linked) -> bool:
    """Read nothing from now on, and say whether that is new. Whoever sees the request may: it can be taken back."""
    return _do(visit, connection, seen, partial(acts.stop, operator=seen.known.operator))


def go_on(visit: Visit, connection: Connection, seen: Linked) -> bool:
    """Take that back, and say whether it happened.

    Raises:
        NotTheirsError: for those who may not.
    """
    if not seen.may_go_on:
        raise _not_theirs(visit, seen)
    return _do(visit, connection, seen, acts.go_on)


def decide(visit: Visit, connection: Connection, seen: Linked, act: Act) -> bool:
    """End the link in this way, and say whether it happened.

    Raises:
        NotTheirsError: for those who may not decide.
    """
    refuse_others(visit, seen)
    return _do(visit, connection, seen, act)


def refuse_others(visit: Visit, seen: Linked) -> None:
    """Let only those pass who may decide about the link.

    Raises:
        NotTheirsError: for everybody else.
    """
    if not seen.may_decide:
        raise _not_theirs(visit, seen)


def _do(visit: Visit, connection: Connection, seen: Linked, act: Act) -> bool:
    return act(connection, seen.link, visit.signature(seen.known.actor), visit.now, visit.came_from)


def _not_theirs(visit: Visit, seen: Linked) -> NotTheirsError:
    return NotTheirsError(visit, "link.decided", f"link:{seen.link.id}")
