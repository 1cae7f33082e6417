"""What operations on one request share: how it is named in the address, read and answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from staxpipe.onboarding import standing
from staxpipe.onboarding.api.answered import LinkRequestOut
from staxpipe.onboarding.api.sent import EXAMPLE_ID, REQUEST_ID
from staxpipe.onboarding.site import Visit
from staxpipe.onboarding.standing import Standing

PATH = "/api/v1"

RequestId = Annotated[
    str, Path(description="The request's id.", examples=[EXAMPLE_ID], json_schema_extra={"pattern": REQUEST_ID})
]


def read(visit: Visit, request_id: str) -> Standing:
    """A request that the token opens.

    Raises:
        HTTPException: there is none.
    """
    with visit.transaction() as connection:
        return standing.read(visit, connection, request_id)


def out(found: Standing) -> LinkRequestOut:
    """The answer about it."""
    return LinkRequestOut(**standing.as_json(found))
