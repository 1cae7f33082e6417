"""A CloudFormation stack created, or brought up to date, by whoever runs a command, with their own AWS credentials.

staxpipe's own identity is never asked for that: it may do nothing in an account but assume the role that such a stack
creates. What is deployed, and with which parameters, is the caller's to say.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, WaiterError
from botocore.exceptions import ConnectionError as NoConnectionError

from staxpipe.aws.errors import ACCESS_DENIED, BAD_CREDENTIALS, EXPIRED, error_code, is_passing
from staxpipe.aws.sessions import client_config
from staxpipe.errors import PermanentError, StaxpipeError, TransientError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

SECONDS_APART = 3
_MOST_LOOKS = 200
_MOST_REASONS = 3
_CAPABILITY: Final = "CAPABILITY_NAMED_IAM"  # the role's name is fixed
_NEEDED = (
    "cloudformation:CreateStack, UpdateStack, DescribeStacks and DescribeStackEvents, and iam:CreateRole, GetRole, "
    "PutRolePolicy, UpdateAssumeRolePolicy, TagRole and DeleteRole"
)


class Deployed(StrEnum):
    """What became of a stack."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Wanted:
    """A stack as it shall be, in which account and region. `parameters` that it has beside these keep their values."""

    account_id: str
    region: str
    name: str
    template: str
    parameters: Mapping[str, str]

    @property
    def where(self) -> str:
        """For sentences."""
        return f"the stack {self.name} in account {self.account_id}, {self.region}"


def deploy(session: boto3.Session, wanted: Wanted, seconds_apart: float = SECONDS_APART) -> Deployed:
    """Create the stack, or update the one of this name, and wait until that is done; look every so many seconds.

    Raises:
        PermanentError: the credentials are none, of another account, or may not; or CloudFormation refuses the stack,
            with the reasons that it gives.
        TransientError: AWS does not answer, or takes more than ten minutes.
    """
    with _in_words(wanted):
        _check_account(session, wanted)
        client = session.client("cloudformation", region_name=wanted.region, config=client_config())
        token = f"staxpipe-{secrets.token_hex(8)}"  # by which the events of this very attempt are known
        try:
            stack = client.create_stack(
                StackName=wanted.name,
                TemplateBody=wanted.template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()],
                Capabilities=[_CAPABILITY],
                OnFailure="DELETE",  # what is left of a failed one would only be in the way of the next attempt
                ClientRequestToken=token,
            )["StackId"]
        except client.exceptions.AlreadyExistsException:
            return _update(client, wanted, token, seconds_apart)
        _wait(client, "stack_create_complete", stack, token, wanted, seconds_apart)
        return Deployed.CREATED


def reasons(events: Iterable[Mapping[str, Any]], token: str) -> list[str]:
    """Why the attempt of this token failed, the first reason first. `events` are CloudFormation's, the newest first.

    What failed only since something else did says nothing.
    """
    failed = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason'].rstrip('.')}."
        for event in events
        if event.get("ClientRequestToken") == token
        and event["ResourceStatus"].endswith("_FAILED")
        and event.get("ResourceStatusReason")
        and "cancelled" not in event["ResourceStatusReason"]
    ]
    return failed[::-1][:_MOST_REASONS]


def _why(client: CloudFormationClient, stack: str, token: str) -> list[str]:
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    told = reasons((event for page in pages for event in page["StackEvents"]), token)
    if not any("DescribeEvents" in each for each in told):
        return told
    # CloudFormation looked before it made anything, and says only there what it found.
    try:
        events = client.describe_events(StackName=stack, Filters={"FailedEvents": True})["OperationEvents"]
    except ClientError:  # whoever deploys may not ask for these
        return told
    found = [
        f"{event['LogicalResourceId']}: {event['ValidationStatusReason'].rstrip('.')}."
        for event in events
        if event.get("ValidationStatusReason") and event.get("ClientRequestToken", token) == token
    ]
    return found[:_MOST_REASONS] or told


def _check_account(session: boto3.Session, wanted: Wanted) -> None:
    who = session.client("sts", region_name=wanted.region, config=client_config(read_timeout=15)).get_caller_identity()
    if who["Account"] != wanted.account_id:
        raise PermanentError(
            f"The AWS credentials here are of account {who['Account']}, and the stack belongs into account "
            f"{wanted.account_id}: nothing was created. Sign in to that one; AWS_PROFILE names a profile of yours."
        )


def _update(client: CloudFormationClient, wanted: Wanted, token: str, seconds_apart: float) -> Deployed:
    stack = client.describe_stacks(StackName=wanted.name)["Stacks"][0]
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS") or "FAILED" in status or status == "ROLLBACK_COMPLETE":
        waiting = "Wait until that is over" if status.endswith("_IN_PROGRESS") else "Delete it in the console"
        raise PermanentError(f"There is {wanted.where}, already, and it is {status}. {waiting}, then try again.")
    kept: list[ParameterTypeDef] = [
        {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
        for each in stack.get("Parameters", [])
        if each["ParameterKey"] not in wanted.parameters
    ]
    said: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in wanted.parameters.items()
    ]
    try:
        client.update_stack(
            StackName=wanted.name,
            TemplateBody=wanted.template,
            Parameters=[*said, *kept],
            Capabilities=[_CAPABILITY],
            ClientRequestToken=token,
        )
    except ClientError as error:
        if "No updates are to be performed" in str(error):  # CloudFormation has no code for it
            return Deployed.UNCHANGED
        raise
    _wait(client, "stack_update_complete", stack["StackId"], token, wanted, seconds_apart)
    return Deployed.UPDATED


def _wait(
    client: CloudFormationClient, until: Any, stack: str, token: str, wanted: Wanted, seconds_apart: float
) -> None:
    config: Any = {"Delay": seconds_apart, "MaxAttempts": _MOST_LOOKS}
    try:
        client.get_waiter(until).wait(StackName=stack, WaiterConfig=config)
    except WaiterError as error:
        if "Max attempts exceeded" in str(error):
            raise TransientError(
                f"CloudFormation is still busy with {wanted.where}, after ten minutes. Look at it in the console, or "
                "try again later."
            ) from error
        said = " ".join(_why(client, stack, token)) or "Its events in the console say why."
        raise PermanentError(f"CloudFormation could not make {wanted.where}, and took it back. {said}") from error


@contextmanager
def _in_words(wanted: Wanted) -> Iterator[None]:
    """Raise what AWS says of a person's own credentials as sentences for that person."""
    try:
        yield
    except ClientError as error:
        raise _refused(error, wanted) from error
    except (HTTPClientError, NoConnectionError) as error:
        said = " ".join(str(error).split())
        raise TransientError(f"AWS cannot be reached for {wanted.where}: {said} Try again.") from error
    except BotoCoreError as error:
        said = " ".join(str(error).split())
        raise PermanentError(
            f"AWS could not be asked for {wanted.where}: {said} Sign in to the account, as by `aws sso login` with "
            "AWS_PROFILE, or run the command that staxpipe link prints without --deploy where you are signed in."
        ) from error


def _refused(error: ClientError, wanted: Wanted) -> StaxpipeError:
    code, said = error_code(error), str(error.response.get("Error", {}).get("Message", "")) or "nothing more"
    if is_passing(error):
        return TransientError(f"AWS could not serve {wanted.where} just now ({code}). Try again in a minute.")
    if code in EXPIRED | BAD_CREDENTIALS:
        return PermanentError(f"AWS does not accept the credentials here ({code}). Sign in again. AWS said: {said}")
    if code in ACCESS_DENIED:
        return PermanentError(
            f"The AWS credentials here may not create {wanted.where}. Whoever does needs {_NEEDED}. AWS said: {said}"
        )
    return PermanentError(f"CloudFormation refused {wanted.where}: {code}. AWS said: {said}")
