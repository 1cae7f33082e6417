"""Asking for several members of an organisation at once: one StackSet gives each its role, and each is proved alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from staxpipe.db import link_requests, links, member_roles
from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.member_roles import MemberRoles
from staxpipe.errors import PermanentError
from staxpipe.linking import members_stack
from staxpipe.linking.quick_create import template_text
from staxpipe.model import RequestState
from staxpipe.onboarding import saving
from staxpipe.onboarding.deployment import Deployment
from staxpipe.onboarding.forms import Errors
from staxpipe.onboarding.limits import BEGINNING, Use
from staxpipe.onboarding.member_forms import Members, check_members
from staxpipe.onboarding.member_plan import Plan, plan
from staxpipe.onboarding.outline import read_outlines
from staxpipe.onboarding.regions import REGIONS, default_region
from staxpipe.onboarding.site import AnyVisit, Known, Visit, see_other
from staxpipe.onboarding.status import describe
from staxpipe.settings import Settings

router = APIRouter()

Text = Annotated[str, Form()]


@router.get("/requests/{request_id}/members")
def members(visit: AnyVisit, request_id: str) -> Response:
    """Which members, where their reports are, and, once that is said, how to create the StackSet."""
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        if known.request.state is RequestState.CANCELLED:
            return see_other(f"/requests/{request_id}")
        roles = member_roles.of_request(connection, known.request)
        raw = {
            "bucket": roles.bucket if roles else f"staxpipe-reports-{members_stack.PLACE}",
            "prefix": roles.prefix if roles else "reports",
            "region": roles.region if roles else default_region(visit.site.settings.region),
            "accounts": "",
        }
        return _page(visit, connection, known.request, roles, raw, {})


@router.post("/requests/{request_id}/members")
def ask_for_members(
    visit: AnyVisit, request_id: str, bucket: Text = "", prefix: Text = "", region: Text = "", accounts: Text = ""
) -> Response:
    """Ask for members, each by a request of its own beside this one, and listen for their roles."""
    raw = {"bucket": bucket, "prefix": prefix, "region": region, "accounts": accounts}
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        roles = member_roles.of_request(connection, known.request)
        if known.request.state is RequestState.CANCELLED:
            return see_other(f"/requests/{request_id}")
        checked = check_members(raw, may_be_none=roles is not None)
        if isinstance(checked, Errors):
            return _page(visit, connection, known.request, roles, raw, checked.by_field)
    visit.spend(Use(BEGINNING, known.actor, max(1, len(checked.accounts))))
    with visit.transaction() as connection:
        known = visit.find(connection, request_id)
        if known.request.state is RequestState.CANCELLED:
            return see_other(f"/requests/{request_id}")
        link_requests.get(connection, known.request.first_id, lock=True)  # so that the cap holds for two forms at once
        planned = _plan(connection, known.request, checked)
        if isinstance(planned, Errors):
            roles = member_roles.of_request(connection, known.request)
            return _page(visit, connection, known.request, roles, raw, planned.by_field)
        _ask(visit, connection, known, checked, planned)
    return see_other(f"/requests/{request_id}/members")


@router.get(f"/{members_stack.TEMPLATE_NAME}")
def template() -> Response:
    """The template as a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{members_stack.TEMPLATE_NAME}"'}
    return Response(template_text(members_stack.TEMPLATE_NAME), media_type="application/yaml", headers=headers)


def _plan(connection: Connection, request: LinkRequest, asked: Members) -> Plan | Errors:
    group = link_requests.of_group(connection, request)
    ids = [other.id for other in group]
    planned = plan(asked, group, links.empty(connection, ids), links.over(connection, ids))
    if isinstance(planned, Errors):
        return planned
    own = dict.fromkeys(planned.begun, "") | {str(other.account_id): other.id for other in planned.corrected}
    linked = [
        account
        for account, request_id in own.items()
        if link_requests.already_linked(connection, asked.details(account), except_request=request_id)
    ]
    if linked:
        return Errors({"accounts": f"The reports of {', '.join(linked)} are linked already. Leave those out."})
    return planned


def _ask(visit: Visit, connection: Connection, known: Known, asked: Members, planned: Plan) -> None:
    lifetime = visit.site.request_lifetime
    roles = member_roles.save(connection, known.request, asked.bucket, asked.prefix, asked.region, visit.now)
    for account in planned.begun:
        details = asked.details(account)
        begun = member_roles.begin(connection, roles, known.request, details, visit.now, lifetime)
        if begun is not None:
            detail = {"beside": known.request.id, "account_id": account, "bucket": details.bucket}
            visit.record(connection, known.actor, "request.begun", f"request:{begun}", detail=detail)
    for other in planned.taken_up:
        if link_requests.resume(connection, other.id, visit.now, lifetime):
            visit.record(connection, known.actor, "request.resumed", f"request:{other.id}")
    # What was said last holds for all: it is one StackSet.
    for other in planned.corrected:
        now = link_requests.get(connection, other.id, lock=True)
        if now is not None and now.account_id is not None:
            details = asked.details(now.account_id)
            saving.save(visit, connection, Known(now, known.actor, known.operator), details, "")


def _page(
    visit: Visit,
    connection: Connection,
    request: LinkRequest,
    roles: MemberRoles | None,
    raw: Mapping[str, str],
    errors: Mapping[str, str],
) -> Response:
    stack: Deployment | None = None
    problem: str | None = None
    try:
        stack = _stack(visit.site.settings, roles) if roles else None
    except PermanentError as error:
        problem = str(error)
    members = [other for other in link_requests.of_group(connection, request) if members_stack.is_of_member(other)]
    outlines = read_outlines(connection, [member.id for member in members])
    values = {
        "stack": stack,
        "problem": problem,
        "request": request,
        "roles": roles,
        "raw": raw,
        "errors": errors,
        "regions": REGIONS,
        "unit_place": members_stack.UNITS,
        "place": members_stack.PLACE,
        "members": [(member, describe(member, outlines.get(member.id), visit.now)) for member in members],
    }
    return visit.page("members.html", values, 422 if errors else 200)


def _stack(settings: Settings, roles: MemberRoles) -> Deployment:
    """The stack that makes the StackSet, but for the units, which a person chooses.

    Raises:
        PermanentError: as `members_stack.parameters` does.
    """
    return Deployment(
        stack_name=roles.role_name,
        region=roles.stack_region,
        parameters=members_stack.parameters(settings, roles),
        command=members_stack.deploy_command(settings, roles),
        console_url=members_stack.create_url(settings, roles),
        template_url=members_stack.template_url(settings),
        template_name=members_stack.TEMPLATE_NAME,
        asks_about_iam=False,
    )
