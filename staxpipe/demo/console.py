"""What a person sees in the AWS console of an account, about a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import boto3


@dataclass(frozen=True)
class Screen:
    """The account in the top right, and a stack in CloudFormation's list: its status, or None where there is no such
    stack, and its parameters.
    """

    account_id: str
    stack: str
    status: str | None
    parameters: Mapping[str, str]


def look_at_stack(session: boto3.Session, stack: str) -> Screen:
    """What the console of the session's account shows of a stack."""
    account = session.client("sts").get_caller_identity()["Account"]
    for found in session.client("cloudformation").describe_stacks()["Stacks"]:
        if found["StackName"] == stack:
            given = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
            return Screen(account, stack, found["StackStatus"], given)
    return Screen(account, stack, None, {})
