"""For accounts without billing reports: how to have AWS write some, and how to ask for the months before."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from staxpipe.db import links
from staxpipe.db.link_requests import LinkRequest
from staxpipe.linking import export_stack
from staxpipe.linking.quick_create import template_text
from staxpipe.onboarding.corrections import EDITABLE
from staxpipe.onboarding.deployment import Deployment
from staxpipe.onboarding.site import AnyVisit, Visit

router = APIRouter()


@router.get("/requests/{request_id}/export")
def export(visit: AnyVisit, request_id: str) -> Response:
    """The reports of one request's account."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        editable = known.request.state in EDITABLE or links.nothing_found(connection, request_id)
    return _page(visit, known.request, editable=editable)


@router.get("/help/export")
def help_export(visit: AnyVisit) -> Response:
    """The same for anybody, with the template itself."""
    return _page(visit, None, editable=False)


@router.get(f"/{export_stack.TEMPLATE_NAME}")
def template() -> Response:
    """The template as a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{export_stack.TEMPLATE_NAME}"'}
    return Response(template_text(export_stack.TEMPLATE_NAME), media_type="application/yaml", headers=headers)


def _page(visit: Visit, request: LinkRequest | None, *, editable: bool) -> Response:
    bucket = export_stack.bucket_name(request.role_name) if request else None
    values = {
        "request": request,
        "editable": editable,
        "bucket": bucket,
        "prefix": export_stack.PREFIX,
        "region": export_stack.REGION,
        "stack": Deployment(
            stack_name=export_stack.STACK_NAME,
            region=export_stack.REGION,
            parameters=export_stack.parameters(bucket),
            command=export_stack.deploy_command(bucket),
            console_url=export_stack.create_url(visit.site.settings, bucket),
            template_url=export_stack.template_url(visit.site.settings),
            template_name=export_stack.TEMPLATE_NAME,
            asks_about_iam=False,
        ),
        "template": None if request else template_text(export_stack.TEMPLATE_NAME),
        "case": export_stack.backfill_case(request.account_id if request else None, bucket, visit.now),
    }
    return visit.page("export.html", values)
