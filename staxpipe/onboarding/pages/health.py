"""``/healthz``: whether this process can serve, for whatever watches it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from staxpipe.onboarding.site import AnyVisit

router = APIRouter()


@router.get("/healthz")
def healthz(visit: AnyVisit) -> JSONResponse:
    """200 while the database answers, else 503."""
    try:
        with visit.transaction() as connection:
            connection.execute(select(1))
    except SQLAlchemyError:
        return JSONResponse({"status": "no database"}, status_code=503)
    return JSONResponse({"status": "ok"})
