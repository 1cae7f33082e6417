"""How far the data of links is, in numbers alone: what a headline needs, asked for many links in two queries.

One link's months, with what they cost, are `progress`'s.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from staxpipe.db.tables import deliveries, exports, links
from staxpipe.model import DeliveryState, LinkState
from staxpipe.onboarding.progress import DONE_SHARE, Progress


@dataclass(frozen=True)
class Outline:
    """A link and the number of its months by what became of them; `newest_pending` is about the newest month."""

    link_state: LinkState
    problem: str | None
    discovered_at: datetime | None
    months: int = 0
    loaded: int = 0
    failed: int = 0
    pending: int = 0
    newest_pending: bool = False


def outline_of(progress: Progress) -> Outline:
    """The numbers of a link whose months are known."""
    pending = progress.pending
    return Outline(
        progress.link_state,
        progress.problem,
        progress.discovered_at,
        len(progress.months),
        len(progress.loaded),
        len(progress.failed),
        len(pending),
        bool(pending) and pending[0].period == progress.months[0].period,
    )


def read_outlines(connection: Connection, request_ids: Collection[str]) -> dict[str, Outline]:
    """By request, of those that came to a link. What it says of one is what `read_progress` would."""
    found = connection.execute(
        select(links.c.id, links.c.request_id, links.c.state, links.c.problem, links.c.discovered_at).where(
            links.c.request_id.in_(request_ids)
        )
    ).all()
    months = _months(connection, [link.id for link in found])
    return {
        link.request_id: Outline(
            LinkState(link.state), link.problem, link.discovered_at, *months.get(link.id, (0, 0, 0, 0, False))
        )
        for link in found
    }


def _months(connection: Connection, link_ids: Collection[str]) -> dict[str, tuple[int, int, int, int, bool]]:
    """By link: how many months there are, loaded, failed and pending, and whether the newest is pending."""
    if not link_ids:
        return {}
    is_loaded = deliveries.c.state == DeliveryState.LOADED
    shown = (
        select(exports.c.link_id, deliveries.c.period, deliveries.c.state)
        .ext(distinct_on(deliveries.c.export_id, deliveries.c.period))
        .select_from(deliveries)
        .join(exports, exports.c.id == deliveries.c.export_id)
        .join(links, links.c.id == exports.c.link_id)
        .where(links.c.id.in_(link_ids), deliveries.c.state != DeliveryState.SUPERSEDED)
        .where(or_(links.c.state != LinkState.ENDED, is_loaded))
        # Of a month, what readers see; the newest delivery where they see none yet.
        .order_by(
            deliveries.c.export_id,
            deliveries.c.period,
            is_loaded.desc(),
            deliveries.c.delivered_at.desc(),
            deliveries.c.id.desc(),
        )
        .subquery()
    )
    state, pending = shown.c.state, shown.c.state.in_(list(DONE_SHARE))
    newest_pending = func.max(shown.c.period).filter(pending) == func.max(shown.c.period)
    rows = connection.execute(
        select(
            shown.c.link_id,
            func.count(),
            func.count().filter(state == DeliveryState.LOADED),
            func.count().filter(state == DeliveryState.FAILED),
            func.count().filter(pending),
            func.coalesce(newest_pending, False),
        ).group_by(shown.c.link_id)
    )
    return {link: (months, loaded, failed, waiting, newest) for link, months, loaded, failed, waiting, newest in rows}
