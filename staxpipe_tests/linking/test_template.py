"""The role's template by its behaviour: deployed for real, then tried from inside and outside."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cfnlint import decode as cfn_decode

from staxpipe.aws.permissions import GRANTED
from staxpipe.linking.quick_create import template_text
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe_tests.aws_stand_in import OPERATOR_ACCOUNT, TEMPLATE, Customer

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

DENIED = "AccessDenied"


def assume(who: boto3.Session, customer: Customer, **arguments: Any) -> boto3.Session:
    """A session of the customer's role, with all that the role allows."""
    answer = who.client("sts").assume_role(RoleArn=customer.role_arn, RoleSessionName="try", **arguments)
    key = answer["Credentials"]
    return aws_session(who, key)


def aws_session(like: boto3.Session, key: CredentialsTypeDef) -> boto3.Session:
    """A session by temporary credentials that talks to the same stand-in."""
    pinned: Any = type(like)
    session: boto3.Session = pinned(
        like.client("sts").meta.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
        region_name="us-east-1",
    )
    return session


@pytest.fixture
def who(aws: AwsStandIn, operator: StandInCredentials) -> boto3.Session:
    return aws.session(operator)


@pytest.fixture
def role(who: boto3.Session, customer: Customer) -> boto3.Session:
    customer.deploy()
    return assume(who, customer, ExternalId=customer.external_id)


def keys(session: boto3.Session, bucket: str, prefix: str) -> list[str]:
    return [item["Key"] for item in session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]


def policy(customer: Customer) -> dict[str, Any]:
    answer = customer.session.client("iam").get_role_policy(
        RoleName=customer.role_name, PolicyName="read-billing-reports"
    )
    document: Any = answer["PolicyDocument"]
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_the_template_that_pages_hand_out_is_the_one_in_the_tree() -> None:
    assert TEMPLATE.read_text() == template_text()


def test_only_the_operator_with_the_right_external_id_gets_in(
    aws: AwsStandIn, who: boto3.Session, customer: Customer
) -> None:
    customer.deploy()
    assert assume(who, customer, ExternalId=customer.external_id).client("sts").get_caller_identity()["Account"] == (
        customer.account_id
    )
    wrong: list[dict[str, str]] = [{}, {"ExternalId": secrets.token_urlsafe(32)}, {"ExternalId": "**"}]
    for arguments in wrong:
        with pytest.raises(ClientError, match=DENIED):
            assume(who, customer, **arguments)
    others = (
        aws.session(OPERATOR_ACCOUNT),
        aws.session(aws.create_operator(OPERATOR_ACCOUNT, f"other-{secrets.token_hex(4)}")),
        aws.session("999999999999"),
    )
    for other in others:
        with pytest.raises(ClientError, match=DENIED):
            assume(other, customer, ExternalId=customer.external_id)


def test_deleting_the_stack_ends_access_and_sessions(who: boto3.Session, customer: Customer) -> None:
    customer.put("reports/a")
    customer.deploy()
    session = assume(who, customer, ExternalId=customer.external_id)
    assert keys(session, customer.bucket, "reports/") == ["reports/a"]
    customer.delete_stack()
    with pytest.raises(ClientError, match=DENIED):
        assume(who, customer, ExternalId=customer.external_id)
    with pytest.raises(ClientError):
        keys(session, customer.bucket, "reports/")


def test_it_reads_below_its_prefix(role: boto3.Session, customer: Customer) -> None:
    customer.put("reports/daily/one.csv.gz", b"rows")
    assert keys(role, customer.bucket, "reports/") == ["reports/daily/one.csv.gz"]
    answer = role.client("s3").get_object(Bucket=customer.bucket, Key="reports/daily/one.csv.gz")
    assert answer["Body"].read() == b"rows"


@pytest.mark.parametrize("prefix", ["", "other/", "reports", "reports-of-others/"])
def test_it_does_not_list_outside_its_prefix(role: boto3.Session, customer: Customer, prefix: str) -> None:
    customer.put("reports-of-others/secret")
    customer.put("other/secret")
    with pytest.raises(ClientError, match=DENIED):
        keys(role, customer.bucket, prefix)


@pytest.mark.parametrize("key", ["other/secret", "reports-of-others/secret", "secret"])
def test_it_does_not_read_outside_its_prefix(role: boto3.Session, customer: Customer, key: str) -> None:
    customer.put(key)
    with pytest.raises(ClientError, match=DENIED):
        role.client("s3").get_object(Bucket=customer.bucket, Key=key)


def test_it_does_not_touch_another_bucket_of_the_account(role: boto3.Session, customer: Customer) -> None:
    other = f"other-{secrets.token_hex(6)}"
    customer.session.client("s3").create_bucket(Bucket=other)
    customer.session.client("s3").put_object(Bucket=other, Key="reports/a", Body=b"")
    with pytest.raises(ClientError, match=DENIED):
        keys(role, other, "reports/")
    with pytest.raises(ClientError, match=DENIED):
        role.client("s3").get_object(Bucket=other, Key="reports/a")


def test_a_bucket_of_the_same_name_in_another_account_is_not_read(customer: Customer) -> None:
    # By the policy's text: the stand-in takes every bucket for the caller's own when it evaluates this key.
    customer.deploy()
    for statement in ("ListReports", "ReadReports"):
        equal = policy(customer)[statement]["Condition"]["StringEquals"]
        assert equal == {"aws:ResourceAccount": customer.account_id}


def test_it_writes_nothing(role: boto3.Session, customer: Customer) -> None:
    customer.put("reports/a")
    s3, iam = role.client("s3"), role.client("iam")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: s3.put_object(Bucket=customer.bucket, Key="reports/b", Body=b""),
        lambda: s3.delete_object(Bucket=customer.bucket, Key="reports/a"),
        lambda: s3.put_bucket_policy(Bucket=customer.bucket, Policy="{}"),
        lambda: s3.create_bucket(Bucket=f"new-{secrets.token_hex(6)}"),
        lambda: iam.delete_role_policy(RoleName=customer.role_name, PolicyName="read-billing-reports"),
        lambda: role.client("cur").delete_report_definition(ReportName="x"),
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match=DENIED):
            attempt()
    assert keys(role, customer.bucket, "reports/") == ["reports/a"]


def test_with_an_empty_prefix_it_reads_the_whole_bucket_and_no_other(who: boto3.Session, customer: Customer) -> None:
    customer.put("a/b")
    customer.put("c")
    customer.deploy(BucketPrefix="")
    session = assume(who, customer, ExternalId=customer.external_id)
    assert keys(session, customer.bucket, "") == ["a/b", "c"]
    assert session.client("s3").get_object(Bucket=customer.bucket, Key="c")["Body"].read() == b"x"
    with pytest.raises(ClientError, match=DENIED):
        session.client("s3").put_object(Bucket=customer.bucket, Key="d", Body=b"")


ALWAYS = {permission.sid for permission in GRANTED if permission.switch is None}


def test_options_are_off_unless_asked_for(customer: Customer) -> None:
    customer.deploy()
    assert set(policy(customer)) == ALWAYS
    role = customer.session.client("iam").get_role(RoleName=customer.role_name)["Role"]
    assert "PermissionsBoundary" not in role
    assert role["MaxSessionDuration"] == 3600


def test_a_key_is_used_through_s3_in_its_own_region_only(customer: Customer) -> None:
    key = f"arn:aws:kms:eu-west-1:{customer.account_id}:key/0f0e0d0c-1111-2222-3333-444455556666"
    customer.deploy(KmsKeyArn=key)
    statement = policy(customer)["DecryptReports"]
    assert statement["Resource"] == key
    assert statement["Action"] == "kms:Decrypt"
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}


@pytest.mark.parametrize(
    ("parameter", "statement", "action"),
    [
        ("IncludeInvoices", "ListInvoices", "invoicing:ListInvoiceSummaries"),
        ("IncludeCostExplorer", "GetCosts", "ce:GetCostAndUsage"),
    ],
)
def test_what_a_month_is_compared_with_is_read_when_asked_for(
    customer: Customer, parameter: str, statement: str, action: str
) -> None:
    # By the policy's text: the stand-in has neither service.
    customer.deploy(**{parameter: "true"})
    granted = policy(customer)
    assert granted[statement] == {"Sid": statement, "Effect": "Allow", "Action": action, "Resource": "*"}
    assert set(granted) == ALWAYS | {statement}


def test_a_permissions_boundary_is_set_when_given() -> None:
    # By the template's text: the stand-in's CloudFormation leaves boundaries out.
    template, _ = cfn_decode.decode_str(template_text())
    role = template["Resources"]["LinkRole"]["Properties"]
    assert role["PermissionsBoundary"] == {
        "Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]
    }
    assert template["Conditions"]["HasPermissionsBoundary"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundaryArn"}, ""]}]
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OperatorPrincipalArn", "*"),
        ("OperatorPrincipalArn", "arn:aws:iam::111111111111:root"),
        ("OperatorPrincipalArn", "111111111111"),
        ("ExternalId", "short"),
        ("ExternalId", "*" * 43),
        ("RoleName", "Administrator"),
        ("BucketName", "s3://bills"),
        ("BucketName", "bills/*"),
        ("BucketPrefix", "/reports"),
        ("BucketPrefix", "reports/"),
        ("BucketPrefix", "*"),
        ("BucketPrefix", "${aws:username}"),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:222222222222:alias/bills"),
        ("KmsKeyArn", "*"),
        ("IncludeInvoices", "yes"),
        ("IncludeOrganizations", "yes"),
        ("IncludeCostExplorer", "1"),
        ("PermissionsBoundaryArn", "boundary"),
    ],
)
def test_a_parameter_that_would_widen_or_break_the_role_is_refused_in_words(
    customer: Customer, name: str, value: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationError.*{name}") as refused:
        customer.deploy(**{name: value})
    assert "[" not in refused.value.response["Error"]["Message"].partition(":")[0]
    with pytest.raises(customer.session.client("iam").exceptions.NoSuchEntityException):
        customer.session.client("iam").get_role(RoleName=customer.role_name)
