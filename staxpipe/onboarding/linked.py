"""A linked request, and what may be done with its link by whoever looks at it: for the page and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from staxpipe.db import deletion_receipts, links
from staxpipe.db.deletion_receipts import DeletionReceipt
from staxpipe.db.links import Link
from staxpipe.model import LinkState
from staxpipe.onboarding.progress import Progress, read_progress
from staxpipe.onboarding.site import Known, NotTheirsError, Visit

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
        """Whether the visitor runs staxpipe, began the request, or is told of the account's news: who linked it."""
        return self.known.operator or self.known.actor in {self.known.request.begun_by, self.link.contact}

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


def do(visit: Visit, connection: Connection, seen: Linked, act: Act, *, decides: bool = True) -> bool:
    """Do this to the link, and say whether it happened. `decides` is what only those may do who may decide.

    Raises:
        NotTheirsError: for everybody else.
    """
    if decides:
        refuse_others(visit, seen)
    return act(connection, seen.link, visit.signature(seen.known.actor), visit.now, visit.came_from)


def refuse_others(visit: Visit, seen: Linked) -> None:
    """Let only those go on who may decide about the link.

    Raises:
        NotTheirsError: for everybody else.
    """
    if not seen.may_decide:
        raise NotTheirsError(visit, "link.decided", f"link:{seen.link.id}")
