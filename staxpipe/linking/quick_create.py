"""How a person creates the role: a console address with everything filled in, or one command. Pure.

The template itself is cfn/staxpipe-link.yaml; its parameters are named here once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from staxpipe.errors import PermanentError
from staxpipe.settings import Settings

TEMPLATE_NAME = "staxpipe-link.yaml"
_HERE = Path(__file__).resolve()
_PLACES = (
    _HERE.parents[1] / "shipped" / "cfn" / TEMPLATE_NAME,  # an installed package
    _HERE.parents[2] / "cfn" / TEMPLATE_NAME,  # a checkout
)


class Requested(Protocol):
    """What of a link request the template needs."""

    @property
    def external_id(self) -> str: ...  # noqa: D102
    @property
    def role_name(self) -> str: ...  # noqa: D102
    @property
    def bucket(self) -> str | None: ...  # noqa: D102
    @property
    def prefix(self) -> str: ...  # noqa: D102
    @property
    def region(self) -> str | None: ...  # noqa: D102


@cache
def template_text() -> str:
    """The role's CloudFormation template, as it is published and downloaded."""
    for place in _PLACES:
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise PermanentError(f"The template {TEMPLATE_NAME} is missing from this installation. Install staxpipe again.")


def parameters(settings: Settings, request: Requested) -> Mapping[str, str]:
    """The template's parameters for one request.

    Raises:
        PermanentError: the operator has not said as whom staxpipe runs, or the request is not complete.
    """
    if settings.operator_role_arn is None:
        raise PermanentError(
            "STAXPIPE_OPERATOR_ROLE_ARN is not set, so no role can be made that trusts staxpipe and nobody else. Set "
            "it to the ARN of the role or user that staxpipe runs as."
        )
    if request.bucket is None or request.region is None:
        raise PermanentError("The bucket and its region are not known yet: fill in the details first.")
    return {
        "OperatorPrincipalArn": settings.operator_role_arn,
        "ExternalId": request.external_id,
        "RoleName": request.role_name,
        "BucketName": request.bucket,
        "BucketPrefix": request.prefix,
    }


def quick_create_url(settings: Settings, request: Requested) -> str | None:
    """The console's page that creates the stack with everything filled in; None without a published template.

    Raises:
        PermanentError: as `parameters` does.
    """
    if settings.template_url is None:
        return None
    given = parameters(settings, request)
    region = str(request.region)
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in (
            ("templateURL", settings.template_url),
            ("stackName", request.role_name),  # unique, and recognisable beside its role
            *((f"param_{name}", value) for name, value in given.items()),
        )
    )
    return f"https://{region}.{_console(region)}/cloudformation/home?region={region}#/stacks/quickcreate?{query}"


def deploy_command(settings: Settings, request: Requested, template: str) -> str:
    """One command for a shell that is signed in to the account; `template` is the path of the downloaded file.

    Raises:
        PermanentError: as `parameters` does.
    """
    given = parameters(settings, request)
    options = [
        ["aws", "cloudformation", "deploy"],
        ["--region", str(request.region)],
        ["--stack-name", request.role_name],
        ["--template-file", template],
        ["--capabilities", "CAPABILITY_NAMED_IAM"],
        ["--parameter-overrides", *(f"{name}={value}" for name, value in given.items() if value)],
    ]
    return " \\\n  ".join(shlex.join(option) for option in options)


def _console(region: str) -> str:
    if region.startswith("cn-"):
        return "console.amazonaws.cn"
    if region.startswith("us-gov-"):
        return "console.amazonaws-us-gov.com"
    return "console.aws.amazon.com"
