"""What is to be created in AWS for a request: template, parameters, command, console address; or why not now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from staxpipe.aws.switches import Switch
from staxpipe.db.link_requests import LinkRequest
from staxpipe.errors import PermanentError
from staxpipe.linking import quick_create
from staxpipe.linking.members_stack import is_of_member
from staxpipe.settings import Settings


@dataclass(frozen=True)
class Deployment:
    """One CloudFormation stack. `console_url` and `template_url` need a template that the operator has published;
    `template_name` is the file that is downloaded; where it makes a role, the console asks about IAM.
    """

    stack_name: str
    region: str
    parameters: Mapping[str, str]
    command: str
    console_url: str | None
    template_url: str | None
    template_name: str = quick_create.TEMPLATE_NAME
    asks_about_iam: bool = True


def deployment(settings: Settings, request: LinkRequest, chosen: Iterable[Switch] = ()) -> Deployment | str:
    """The stack for this request, with what is `chosen` switched on; where that cannot be said, why, in a sentence."""
    if is_of_member(request):
        return "One StackSet creates this role and those of other members: the request's page says how."
    switches = tuple(chosen)
    try:
        return Deployment(
            stack_name=request.role_name,
            region=str(request.stack_region or request.region),
            parameters=quick_create.parameters(settings, request, switches),
            command=quick_create.deploy_command(settings, request, quick_create.TEMPLATE_NAME, switches),
            console_url=quick_create.quick_create_url(settings, request, switches),
            template_url=settings.template_url,
        )
    except PermanentError as error:
        return str(error)
