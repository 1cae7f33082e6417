"""What a person does and sees in the AWS console of an account, about a stack."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.exceptions import ClientError

from staxpipe.errors import PermanentError, TransientError

_STACK_SECONDS = 60.0


@dataclass(frozen=True)
class Screen:
    """The account in the top right, and a stack in CloudFormation's list: its status, or None where there is no such
    stack, and its parameters.
    """

    account_id: str
    stack: str
    status: str | None
    parameters: Mapping[str, str]


def create_stack(session: boto3.Session, stack: str, template: str, parameters: Mapping[str, str]) -> None:
    """Create a stack in the session's account, and wait for it.

    Raises:
        PermanentError: CloudFormation refuses or rolls back.
        TransientError: it does not finish.
    """
    client = session.client("cloudformation")
    try:
        client.create_stack(
            StackName=stack,
            TemplateBody=template,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
    except ClientError as error:
        raise PermanentError(f"CloudFormation refused the stack: {error}") from error
    deadline = time.monotonic() + _STACK_SECONDS
    while time.monotonic() < deadline:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
        status = described["StackStatus"]
        if status == "CREATE_COMPLETE":
            return
        if not status.endswith("IN_PROGRESS"):
            reason = described.get("StackStatusReason", "no reason given")
            raise PermanentError(f"CloudFormation ended with {status}: {reason}")
        time.sleep(0.2)
    raise TransientError(f"The stack {stack} was not complete after {_STACK_SECONDS:.0f} seconds.")


def look_at_stack(session: boto3.Session, stack: str) -> Screen:
    """What the console of the session's account shows of a stack."""
    account = session.client("sts").get_caller_identity()["Account"]
    for found in session.client("cloudformation").describe_stacks()["Stacks"]:
        if found["StackName"] == stack:
            given = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
            return Screen(account, stack, found["StackStatus"], given)
    return Screen(account, stack, None, {})
