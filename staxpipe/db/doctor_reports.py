"""What the doctor last said of a link request and of its link. Queries only; the caller owns the transaction.

A report is kept as JSON (`staxpipe.doctor.findings`); when one is due is decided in `staxpipe.doctor.keeping`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects.postgresql import insert as upsert

from staxpipe.db.tables import doctor_reports, links
from staxpipe.model import LinkState


def save(connection: Connection, request_id: str, at: datetime, report: Mapping[str, Any]) -> None:
    """Keep a report in the place of an older one; one that is newer stays.

    Of a link that has ended none is kept: a look that was under way brings nothing back of what was deleted.
    """
    ended = exists().where(links.c.request_id == request_id, links.c.state == LinkState.ENDED)
    if connection.execute(select(ended)).scalar_one():
        return
    statement = upsert(doctor_reports).values(request_id=request_id, at=at, report=report)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["request_id"],
            set_={"at": statement.excluded.at, "report": statement.excluded.report},
            where=doctor_reports.c.at <= statement.excluded.at,
        )
    )


def latest(connection: Connection, request_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """The last report of each request that has one."""
    rows = connection.execute(
        select(doctor_reports.c.request_id, doctor_reports.c.report).where(doctor_reports.c.request_id.in_(request_ids))
    )
    return {row.request_id: row.report for row in rows}
