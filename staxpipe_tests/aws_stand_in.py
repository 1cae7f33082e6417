"""Fixtures of a running AWS stand-in, for any room: `from staxpipe_tests.aws_stand_in import *` in its conftest.

One stand-in serves the whole session; tests take fresh account ids, so that they do not see each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from staxpipe.aws.sessions import role_arn
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials

__all__ = ["OPERATOR_ACCOUNT", "TEMPLATE", "Customer", "aws", "customer", "operator", "operator_environment"]

OPERATOR_ACCOUNT = "111111111111"
TEMPLATE = Path(__file__).resolve().parents[1] / "cfn" / "staxpipe-link.yaml"


@dataclass(frozen=True)
class Customer:
    """A fresh account with a bucket, and what a link request of it would say."""

    session: boto3.Session
    account_id: str
    operator_arn: str
    bucket: str
    prefix: str = "reports"
    region: str = "us-east-1"
    id: str = "request"
    external_id: str = ""
    role_name: str = ""

    @property
    def role_arn(self) -> str:
        return role_arn(self.account_id, self.role_name)

    def put(self, key: str, body: bytes = b"x") -> None:
        self.session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def deploy(self, template: str | None = None, **changed: str) -> None:
        """Create the stack as the person would, with some parameters changed; waits until it is there."""
        parameters = {
            "OperatorPrincipalArn": self.operator_arn,
            "ExternalId": self.external_id,
            "RoleName": self.role_name,
            "BucketName": self.bucket,
            "BucketPrefix": self.prefix,
        } | changed
        stacks = self.session.client("cloudformation")
        stacks.create_stack(
            StackName=self.role_name,
            TemplateBody=template or TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        stacks.get_waiter("stack_create_complete").wait(StackName=self.role_name, WaiterConfig={"Delay": 1})

    def update(self, template: str) -> None:
        """Update the stack with another template, its parameters as they are; waits until it is done."""
        stacks = self.session.client("cloudformation")
        given = stacks.describe_stacks(StackName=self.role_name)["Stacks"][0]["Parameters"]
        stacks.update_stack(
            StackName=self.role_name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in given],
        )
        stacks.get_waiter("stack_update_complete").wait(StackName=self.role_name, WaiterConfig={"Delay": 1})

    def delete_stack(self) -> None:
        stacks = self.session.client("cloudformation")
        stacks.delete_stack(StackName=self.role_name)
        stacks.get_waiter("stack_delete_complete").wait(StackName=self.role_name, WaiterConfig={"Delay": 1})


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsStandIn]:
    """The stand-in, running."""
    with AwsStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def operator(aws: AwsStandIn) -> StandInCredentials:
    """The principal that staxpipe runs as."""
    return aws.create_operator(OPERATOR_ACCOUNT)


@pytest.fixture
def operator_environment(
    aws: AwsStandIn, operator: StandInCredentials, monkeypatch: pytest.MonkeyPatch
) -> StandInCredentials:
    """This process is the operator, and its AWS calls go to the stand-in."""
    for name, value in aws.environment(operator).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return operator


@pytest.fixture
def customer(aws: AwsStandIn, operator: StandInCredentials) -> Customer:
    """A fresh account with an empty bucket and no stack yet."""
    account_id = "".join(secrets.choice("0123456789") for _ in range(12))
    session = aws.session(account_id)
    bucket = f"bills-{secrets.token_hex(6)}"
    session.client("s3").create_bucket(Bucket=bucket)
    return Customer(
        session,
        account_id,
        operator.arn,
        bucket,
        external_id=secrets.token_urlsafe(32),
        role_name=f"staxpipe-link-{secrets.token_hex(6)}",
    )
