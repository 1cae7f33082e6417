"""How a person creates the role: a console address with everything filled in, or one command. Pure.

The template itself is cfn/staxpipe-link.yaml; its parameters are named here once. Where a stack is updated and deleted
is here too, and what any template of ours needs for its console address and its command.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from staxpipe.aws.switches import Switch
from staxpipe.errors import PermanentError
from staxpipe.settings import Settings
from staxpipe.shipped import shipped

TEMPLATE_NAME = "staxpipe-link.yaml"


class Requested(Protocol):
    """What of a link request the template needs."""

    @property
    def external_id(self) -> str:
        """What the role is to demand."""

    @property
    def role_name(self) -> str:
        """The role's name, and the stack's."""

    @property
    def bucket(self) -> str | None:
        """What the role is to read; None while that is not said."""

    @property
    def prefix(self) -> str:
        """The folder below which it may read; empty for the whole bucket."""

    @property
    def region(self) -> str | None:
        """The bucket's; None while that is not said."""

    @property
    def stack_region(self) -> str | None:
        """Where the stack was first to be created; None where that is the bucket's region."""


@cache
def template_text(name: str = TEMPLATE_NAME) -> str:
    """A CloudFormation template of ours (the role's, if nothing else is said), as it is published and downloaded."""
    try:
        return shipped(f"cfn/{name}").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PermanentError(
            f"The template {name} is missing from this installation. Install staxpipe again."
        ) from None


def parameters(settings: Settings, request: Requested, chosen: Iterable[Switch] = ()) -> Mapping[str, str]:
    """The template's parameters for one request; `chosen` are switched on, and others are not named.

    Raises:
        PermanentError: the operator has not said as whom staxpipe runs, or the request is not complete.
    """
    principal = operator_principal(settings)
    if request.bucket is None or request.region is None:
        raise PermanentError("The bucket and its region are not known yet: fill in the details first.")
    return {
        "OperatorPrincipalArn": principal,
        "ExternalId": request.external_id,
        "RoleName": request.role_name,
        "BucketName": request.bucket,
        "BucketPrefix": request.prefix,
        **{switch.parameter: "true" for switch in chosen},
    }


def operator_principal(settings: Settings) -> str:
    """As whom staxpipe runs: the one principal that roles trust.

    Raises:
        PermanentError: the operator has not said it.
    """
    if settings.operator_role_arn is None:
        raise PermanentError(
            "STAXPIPE_OPERATOR_ROLE_ARN is not set, so no role can be made that trusts staxpipe and nobody else. Set "
            "it to the ARN of the role or user that staxpipe runs as."
        )
    return settings.operator_role_arn


def beside(settings: Settings, name: str) -> str | None:
    """Where another template of ours is published: beside the role's; None where that is not published."""
    if settings.template_url is None:
        return None
    parts = urlsplit(settings.template_url)
    folder = parts.path.rpartition("/")[0]
    return urlunsplit((parts.scheme, parts.netloc, f"{folder}/{name}", "", ""))


def quick_create_url(settings: Settings, request: Requested, chosen: Iterable[Switch] = ()) -> str | None:
    """The console's page that creates the stack with everything filled in; None without a published template.

    Raises:
        PermanentError: as `parameters` does.
    """
    if settings.template_url is None:
        return None
    # The stack's name is the role's: unique, and recognisable beside it.
    values = parameters(settings, request, chosen)
    return create_page(_region(request), settings.template_url, request.role_name, values)


def deploy_command(
    settings: Settings,
    request: Requested,
    template: str,
    chosen: Iterable[Switch] = (),
    *,
    update: bool = False,
) -> str:
    """One command for a shell that is signed in to the account; `template` is the path of the downloaded file.

    With `update`, for a stack that is there: then a parameter that is left out keeps its value, so none is.

    Raises:
        PermanentError: as `parameters` does.
    """
    given = parameters(settings, request, chosen)
    said = given if update else {name: value for name, value in given.items() if value}
    return command(_region(request), request.role_name, template, said, "CAPABILITY_NAMED_IAM")


def stack_url(request: Requested) -> str:
    """The console's page that shows the request's stack, where there is one."""
    query = f"filteringText={quote(request.role_name, safe='')}&filteringStatus=active"
    return f"{_cloudformation(_region(request))}#/stacks?{query}"


def upload_url(region: str) -> str:
    """The console's page that takes a template as a file, in the region where the stack belongs."""
    return f"{_cloudformation(region)}#/stacks/create"


def delete_command(request: Requested) -> str:
    """One command that deletes the stack, and with it the role."""
    return shlex.join(
        ["aws", "cloudformation", "delete-stack", "--region", _region(request), "--stack-name", request.role_name]
    )


def create_page(region: str, template_url: str, stack: str, values: Mapping[str, str]) -> str:
    """The console's page that creates a stack with its parameters filled in."""
    asked = {"templateURL": template_url, "stackName": stack}
    asked |= {f"param_{name}": value for name, value in values.items()}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
    return f"{_cloudformation(region)}#/stacks/quickcreate?{query}"


def command(region: str, stack: str, template: str, values: Mapping[str, str], capability: str | None = None) -> str:
    """One command that creates a stack, or updates the one that is there."""
    options = [
        ["aws", "cloudformation", "deploy"],
        ["--region", region],
        ["--stack-name", stack],
        ["--template-file", template],
    ]
    if capability is not None:
        options.append(["--capabilities", capability])
    if values:
        options.append(["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())])
    return " \\\n  ".join(shlex.join(option) for option in options)


def _region(request: Requested) -> str:
    return str(request.stack_region or request.region)


def _cloudformation(region: str) -> str:
    return f"https://{region}.{_console(region)}/cloudformation/home?region={region}"


def _console(region: str) -> str:
    if region.startswith("cn-"):
        return "console.amazonaws.cn"
    if region.startswith("us-gov-"):
        return "console.amazonaws-us-gov.com"
    return "console.aws.amazon.com"
