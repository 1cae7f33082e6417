"""What `staxpipe link --deploy` creates, by the AWS credentials of who types it: only what was asked for.

The template is that of this installation. Of what a staxpipe elsewhere answers, names and ExternalId are taken; a stack
of another kind of name, another bucket, or more than every link needs is refused, whoever asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from staxpipe.aws.stacks import Wanted
    from staxpipe.onboarding.api.client import Client

_NAME = re.compile(r"staxpipe-link-[a-z0-9]{12}")  # no other stack of the account is ever touched
_ALWAYS = ("OperatorPrincipalArn", "ExternalId", "RoleName", "BucketName", "BucketPrefix")


def deploy_stack(
    client: Client, details: Mapping[str, str], found: Mapping[str, Any], tell: Callable[[str], None]
) -> None:
    """Create the stack of a request, or bring it up to date, and have its role looked for.

    Raises:
        PermanentError: there is none to create, it is not what was asked for, or as `stacks.deploy` does.
        TransientError: as `stacks.deploy` does.
    """
    import boto3

    from staxpipe.aws.stacks import Deployed, deploy
    from staxpipe.errors import TransientError
    from staxpipe.onboarding.api.client import NotDoneError

    wanted = asked_for(details, found)
    tell(f"CloudFormation makes {wanted.where}.")
    try:
        done = deploy(boto3.Session(), wanted)
    except KeyboardInterrupt:
        tell("What CloudFormation has begun it goes on with; the same command finds it.")
        raise
    tell("The stack is there, as it should be." if done is Deployed.UNCHANGED else f"The stack is {done}.")
    with suppress(NotDoneError, TransientError):  # it is linked already, or looked for a little later
        client.look(found["id"])


def asked_for(details: Mapping[str, str], found: Mapping[str, Any]) -> Wanted:
    """The stack that belongs to what was typed.

    Raises:
        PermanentError: there is none, or the answer names something else.
    """
    from staxpipe.aws.stacks import Wanted
    from staxpipe.errors import PermanentError
    from staxpipe.linking.quick_create import template_text

    stack = found["deployment"]
    if stack is None:
        raise PermanentError(f"There is nothing to deploy: {found['deployment_missing']}")
    name, given = str(stack["stack_name"]), dict(stack["parameters"])
    expected = {"RoleName": name, "BucketName": details["bucket"], "BucketPrefix": details["prefix"]}
    differs = [key for key, value in expected.items() if given.get(key) != value]
    if not _NAME.fullmatch(name) or differs or set(given) != set(_ALWAYS):
        raise PermanentError(
            "staxpipe answered with a stack that is not what you asked for, so nothing was created. It is called "
            f"{name} and has {', '.join(f'{key}={given[key]}' for key in sorted(given) if key != 'ExternalId')}. "
            "Is this staxpipe of the same version, and the one that you mean?"
        )
    return Wanted(details["account_id"], stack["region"], name, template_text(), given)
