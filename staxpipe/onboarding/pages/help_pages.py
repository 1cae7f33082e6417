"""Answers for people who are asked for access: public, so that a security reviewer needs no invitation."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from staxpipe.aws.permissions import GRANTED
from staxpipe.linking.quick_create import TEMPLATE_NAME, template_text
from staxpipe.onboarding.api import reading
from staxpipe.onboarding.site import AnyVisit

router = APIRouter()


@router.get("/help")
def answers(visit: AnyVisit) -> Response:
    """Every question that linking raises."""
    return visit.page("help.html")


@router.get("/help/role")
def role(visit: AnyVisit) -> Response:
    """Exactly what the role allows: each action with its reason and what uses it, and the template itself."""
    values = {
        "permissions": GRANTED,
        "template": template_text(),
        "template_name": TEMPLATE_NAME,
    }
    return visit.page("role.html", values)


@router.get("/help/api")
def api(visit: AnyVisit, request: Request) -> Response:
    """What programs can do, made from the description that they read."""
    description = request.app.state.api.openapi()
    operations = reading.operations(description)
    values = {
        "description": description,
        "address": description["servers"][0]["url"],
        "operations": operations,
        "shapes": reading.shapes(description),
        "sent": reading.sent(description),
    }
    return visit.page("api.html", values)


@router.get(f"/{TEMPLATE_NAME}")
def template() -> Response:
    """The template as a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{TEMPLATE_NAME}"'}
    return Response(template_text(), media_type="application/yaml", headers=headers)
