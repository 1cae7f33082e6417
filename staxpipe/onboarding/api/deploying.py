"""What to create in AWS for a request, as programs get it."""

from __future__ import annotations

from fastapi import APIRouter

from staxpipe.linking.quick_create import TEMPLATE_NAME
from staxpipe.model import LinkState, RequestState
from staxpipe.onboarding.api.answered import Stack
from staxpipe.onboarding.api.answers import RequestId, read
from staxpipe.onboarding.api.bearer import TokenVisit
from staxpipe.onboarding.api.problems import ProblemError, documented
from staxpipe.onboarding.deployment import deployment
from staxpipe.onboarding.site import Visit
from staxpipe.onboarding.standing import Standing

router = APIRouter(tags=["requests"])

_OVER = {RequestState.EXPIRED, RequestState.CANCELLED}


@router.get(
    "/requests/{request_id}/deployment",
    summary="What to deploy",
    response_description="The stack.",
    responses=documented("not-found", "nothing-to-deploy"),
)
def read_deployment(visit: TokenVisit, request_id: RequestId) -> Stack:
    """The CloudFormation stack to create in the account: template, parameters, command, console page."""
    stack = stack_of(visit, read(visit, request_id))
    if isinstance(stack, str):
        raise ProblemError(409, "nothing-to-deploy", stack)
    return stack


def stack_of(visit: Visit, found: Standing) -> Stack | str:
    """What to create for the request, or why that cannot be said."""
    request, settings = found.request, visit.site.settings
    if request.state in _OVER or (found.progress is not None and found.progress.link_state is LinkState.ENDED):
        return f"{found.status.headline}. {found.status.text}"
    stack = deployment(settings, request)
    if isinstance(stack, str):
        return stack
    return Stack(
        stack_name=stack.stack_name,
        region=stack.region,
        capabilities=["CAPABILITY_NAMED_IAM"],
        parameters=dict(stack.parameters),
        template_download=f"{settings.base_url}/{TEMPLATE_NAME}",
        template_url=stack.template_url,
        command=stack.command,
        console_url=stack.console_url,
    )
