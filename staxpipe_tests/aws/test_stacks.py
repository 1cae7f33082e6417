"""Stacks by a person's own credentials: created, updated, left alone, and refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from staxpipe.aws import stacks
from staxpipe.aws.stacks import Deployed, Wanted, deploy, reasons
from staxpipe.errors import PermanentError
from staxpipe.linking.quick_create import template_text
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe_tests.aws_stand_in import Customer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "SECONDS_APART", 0)


@pytest.fixture
def wanted(customer: Customer) -> Wanted:
    """The role's stack in a fresh account."""
    return Wanted(
        customer.account_id,
        customer.region,
        customer.role_name,
        template_text(),
        {
            "OperatorPrincipalArn": customer.operator_arn,
            "ExternalId": customer.external_id,
            "RoleName": customer.role_name,
            "BucketName": customer.bucket,
            "BucketPrefix": customer.prefix,
        },
    )


def parameters(customer: Customer) -> dict[str, str]:
    [stack] = customer.session.client("cloudformation").describe_stacks(StackName=customer.role_name)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def test_it_creates_then_leaves_alone_then_updates(customer: Customer, wanted: Wanted) -> None:
    assert deploy(customer.session, wanted) is Deployed.CREATED
    assert customer.session.client("iam").get_role(RoleName=customer.role_name)["Role"]["Arn"] == customer.role_arn
    assert deploy(customer.session, wanted) is Deployed.UNCHANGED
    moved = replace(wanted, parameters={**wanted.parameters, "BucketPrefix": "elsewhere"})
    assert deploy(customer.session, moved) is Deployed.UPDATED
    assert parameters(customer)["BucketPrefix"] == "elsewhere"


def test_what_an_owner_has_switched_on_stays_on(customer: Customer, wanted: Wanted) -> None:
    customer.deploy(IncludeOrganizations="true")
    moved = replace(wanted, parameters={**wanted.parameters, "BucketPrefix": "elsewhere"})
    assert deploy(customer.session, moved) is Deployed.UPDATED
    assert parameters(customer)["IncludeOrganizations"] == "true"


def test_in_another_account_nothing_is_created(aws: AwsStandIn, customer: Customer, wanted: Wanted) -> None:
    other = aws.session("222233334444")
    with pytest.raises(PermanentError, match="are of account 222233334444, and the stack belongs into account"):
        deploy(other, wanted)
    with pytest.raises(Exception, match="does not exist"):
        other.client("cloudformation").describe_stacks(StackName=wanted.name)


def test_what_cloudformation_could_not_make_is_told_with_its_reason(
    aws: AwsStandIn, customer: Customer, wanted: Wanted
) -> None:
    """Nothing of it is left in the way of the next attempt."""
    taken = f"taken-{customer.bucket}"
    aws.session("222233334444").client("s3").create_bucket(Bucket=taken)
    template = f"Resources: {{Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {taken}}}}}}}"
    with pytest.raises(PermanentError, match=r"could not make the stack .* took it back\. Bucket: .+\.$"):
        deploy(customer.session, replace(wanted, template=template, parameters={}))
    assert deploy(customer.session, wanted) is Deployed.CREATED


def test_what_the_template_does_not_take_is_told(customer: Customer, wanted: Wanted) -> None:
    wrong = replace(wanted, parameters={**wanted.parameters, "ExternalId": "short"})
    with pytest.raises(PermanentError, match=r"CloudFormation refused the stack .* ValidationError"):
        deploy(customer.session, wrong)


def test_who_may_not_is_told_what_is_needed(aws: AwsStandIn, operator: StandInCredentials, wanted: Wanted) -> None:
    """The operator may assume roles, and nothing else."""
    own = replace(wanted, account_id=operator.arn.split(":")[4])
    with pytest.raises(PermanentError, match=r"may not create the stack .* needs cloudformation:CreateStack"):
        deploy(aws.session(operator), own)


def test_without_credentials_it_says_how_to_get_some(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(PermanentError, match=r"Unable to locate credentials Sign in to the account"):
        deploy(boto3.Session(), wanted)


def event(name: str, status: str, reason: str, token: str = "now") -> Mapping[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "ClientRequestToken": token,
        "Timestamp": datetime(2026, 11, 3, tzinfo=UTC),
    }


def test_reasons_are_those_of_this_attempt_the_first_first() -> None:
    events = [
        event("stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Role]."),
        event("Policy", "CREATE_FAILED", "Resource creation cancelled"),
        event("Other", "CREATE_FAILED", "Access denied."),
        event("Role", "CREATE_FAILED", "It exists"),
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        event("Role", "CREATE_FAILED", "Long ago", token="before"),
        {"LogicalResourceId": "stack", "ResourceStatus": "CREATE_FAILED"},
    ]
    assert reasons(events, "now") == ["Role: It exists.", "Other: Access denied."]
