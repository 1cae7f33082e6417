"""Where a request stands, all that is known of it in one look: for its page, the pieces that update, and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from staxpipe.db.link_requests import LinkRequest
from staxpipe.doctor.findings import as_json as doctor_as_json
from staxpipe.onboarding.checkup import Checkup, read_checkup
from staxpipe.onboarding.corrections import version
from staxpipe.onboarding.progress import Progress, read_progress
from staxpipe.onboarding.site import Visit
from staxpipe.onboarding.status import Status, describe


@dataclass(frozen=True)
class Standing:
    """A request, how far its data is, what that comes to in words, and what the doctor found."""

    request: LinkRequest
    progress: Progress | None
    status: Status
    checkup: Checkup | None


def read(visit: Visit, connection: Connection, request_id: str) -> Standing:
    """A request that the visitor may see.

    Raises:
        HTTPException: as `Visit.find` does.
    """
    return of(connection, visit.find(connection, request_id).request, visit.now)


def of(connection: Connection, request: LinkRequest, now: datetime) -> Standing:
    """How a request stands, for who may see it."""
    progress = read_progress(connection, request.id)
    return Standing(request, progress, describe(request, progress, now), read_checkup(connection, request))


def as_json(standing: Standing) -> dict[str, Any]:
    """For programs; money as text, times in ISO 8601. The ExternalId is not in it."""
    request, progress = standing.request, standing.progress
    return summary_as_json(request, standing.status) | {
        "verdict": request.verdict,
        "probes": request.probe_attempts,
        "fraction": round(progress.fraction, 4) if progress else 0.0,
        "rows": progress.rows if progress else 0,
        "doctor": doctor_as_json(standing.checkup.report) if standing.checkup else None,
        "months": [
            {
                "period": str(month.period),
                "export": month.export,
                "state": month.state,
                "rows": month.rows,
                "error": month.error,
                "provisional": month.provisional,
                "counted": month.counted,
                "totals": [{"currency": total.currency, "billed_cost": str(total.billed)} for total in month.totals],
            }
            for month in (progress.months if progress else ())
        ],
    }


def summary_as_json(request: LinkRequest, status: Status) -> dict[str, Any]:
    """The part of it that lists have: what is said of the request, without its data."""
    return {
        "id": request.id,
        "state": request.state,
        "stage": status.stage,
        "headline": status.headline,
        "text": status.text,
        "account_id": request.account_id,
        "bucket": request.bucket,
        "prefix": request.prefix,
        "region": request.region,
        "contact": request.contact,
        "version": version(request),
        "beside": request.group_id,
        "created_at": request.created_at.isoformat(),
        "updated_at": request.updated_at.isoformat(),
        "expires_at": request.expires_at.isoformat() if request.expires_at else None,
    }
