"""The StackSet's template: its roles deployed in members as AWS would, and tried; the StackSet held to AWS's words.

The stand-in has no StackSets. So what a StackSet does is done by hand there: the template within it is deployed in
each member with the same parameters. That AWS takes the StackSet is asked of AWS's own model of its API.
"""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from cfnlint import api as cfn_lint
from cfnlint import decode as cfn_decode

from staxpipe.aws.permissions import GRANTED_BY_MEMBERS
from staxpipe.aws.sessions import operator_session, role_arn
from staxpipe.db.member_roles import MemberRoles
from staxpipe.errors import PermanentError
from staxpipe.linking import members_stack
from staxpipe.linking.members_stack import bucket_of, external_id_of, is_of_member, parameters, role_name_of
from staxpipe.linking.probe import probe
from staxpipe.linking.quick_create import template_text
from staxpipe.linking.verdicts import NotYetAssumable, Safe
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.settings import Settings, read_settings

SETTINGS = Settings(operator_role_arn="arn:aws:iam::111111111111:role/staxpipe")  # type: ignore[call-arg]


def some_roles() -> MemberRoles:
    return MemberRoles(
        request_id="request",
        external_id=secrets.token_urlsafe(32),
        role_name=f"staxpipe-link-{secrets.token_hex(6)}",
        bucket="acme-{account}-reports",
        prefix="reports",
        region="us-east-1",
        stack_region="us-east-1",
        created_at=datetime.now(UTC),
    )


def decoded(text: str) -> dict[str, Any]:
    found, problems = cfn_decode.decode_str(text)
    assert problems == []
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def whole() -> dict[str, Any]:
    return decoded(template_text(members_stack.TEMPLATE_NAME))


def within() -> str:
    text: str = whole()["Resources"]["MemberRoles"]["Properties"]["TemplateBody"]
    return text


def handed_on(given: Mapping[str, str]) -> list[dict[str, str]]:
    """The parameters that the StackSet gives each member, by what its own stack was given."""
    declared = whole()["Parameters"]
    return [
        {
            "ParameterKey": each["ParameterKey"],
            "ParameterValue": given.get(
                each["ParameterValue"]["Ref"], declared[each["ParameterValue"]["Ref"]].get("Default", "")
            ),
        }
        for each in whole()["Resources"]["MemberRoles"]["Properties"]["Parameters"]
    ]


@dataclass(frozen=True)
class Member:
    """A member of the organisation, with its bucket; what a link request of it says."""

    session: boto3.Session
    roles: MemberRoles
    account_id: str
    id: str = "request"
    bucket: str = field(default="")

    @property
    def external_id(self) -> str:
        return external_id_of(self.roles, self.account_id)

    @property
    def role_arn(self) -> str:
        return role_arn(self.account_id, role_name_of(self.roles, self.account_id))

    def deploy(self, operator_arn: str) -> None:
        """What the StackSet does in it."""
        given = parameters(Settings(operator_role_arn=operator_arn), self.roles)  # type: ignore[call-arg]
        stacks = self.session.client("cloudformation")
        stacks.create_stack(
            StackName=f"StackSet-{self.roles.role_name}",
            TemplateBody=within(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=handed_on(given),  # type: ignore[arg-type]
        )
        stacks.get_waiter("stack_create_complete").wait(
            StackName=f"StackSet-{self.roles.role_name}", WaiterConfig={"Delay": 1}
        )


def a_member(aws: AwsStandIn, roles: MemberRoles) -> Member:
    account = "".join(secrets.choice("0123456789") for _ in range(12))
    session = aws.session(account)
    bucket = bucket_of(roles.bucket, account)
    session.client("s3").create_bucket(Bucket=bucket)
    session.client("s3").put_object(Bucket=bucket, Key="reports/a", Body=b"rows")
    session.client("s3").put_object(Bucket=bucket, Key="other/a", Body=b"secret")
    return Member(session, roles, account, bucket=bucket)


def test_each_member_s_role_is_safe_and_opened_by_its_own_external_id_alone(
    aws: AwsStandIn, operator: StandInCredentials, operator_environment: StandInCredentials
) -> None:
    roles = some_roles()
    one, two = a_member(aws, roles), a_member(aws, roles)
    ours = operator_session(read_settings())
    assert isinstance(probe(ours, one), NotYetAssumable)
    for member in (one, two):
        member.deploy(operator.arn)
        assert isinstance(probe(ours, member), Safe), "the probe proves each role by itself"
    sts = aws.session(operator).client("sts")
    for shown in (two.external_id, roles.external_id, f"{roles.external_id}-*"):
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=one.role_arn, RoleSessionName="try", ExternalId=shown)


def test_a_member_s_role_reads_below_the_prefix_of_its_own_bucket(
    aws: AwsStandIn, operator: StandInCredentials
) -> None:
    roles = some_roles()
    member, other = a_member(aws, roles), a_member(aws, roles)
    member.deploy(operator.arn)
    who: Any = aws.session(operator)
    key = who.client("sts").assume_role(RoleArn=member.role_arn, RoleSessionName="try", ExternalId=member.external_id)[
        "Credentials"
    ]
    pinned: Any = type(who)
    s3 = pinned(
        aws.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
        region_name="us-east-1",
    ).client("s3")
    assert s3.get_object(Bucket=member.bucket, Key="reports/a")["Body"].read() == b"rows"
    for bucket, name in ((member.bucket, "other/a"), (other.bucket, "reports/a")):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key=name)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=member.bucket, Key="reports/b", Body=b"")


@pytest.mark.parametrize("text", [template_text(members_stack.TEMPLATE_NAME), within()], ids=["whole", "within"])
def test_cfn_lint_accepts_both_templates(text: str) -> None:
    assert [str(match) for match in cfn_lint.lint(text, regions=["us-east-1"])] == []
    assert text.count("<<") == 0


def test_it_fits_into_one_request() -> None:
    assert len(template_text(members_stack.TEMPLATE_NAME).encode()) < 51_200


def test_members_grant_what_every_link_does_and_nothing_of_the_whole_bill() -> None:
    role = decoded(within())["Resources"]
    assert list(role) == ["LinkRole"], "one role and nothing else"
    [policy] = role["LinkRole"]["Properties"]["Policies"]
    statements = [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["PolicyDocument"]["Statement"]]
    assert [each["Action"] for each in statements] == [permission.action for permission in GRANTED_BY_MEMBERS]
    assert not [each for each in statements if each["Action"].startswith(("organizations:", "invoicing:", "ce:"))]


def test_the_stack_set_deploys_by_itself_and_takes_the_roles_away_with_the_member() -> None:
    properties = whole()["Resources"]["MemberRoles"]["Properties"]
    assert properties["PermissionModel"] == "SERVICE_MANAGED"
    assert properties["AutoDeployment"] == {"Enabled": True, "RetainStacksOnAccountRemoval": False}
    assert properties["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    [group] = properties["StackInstancesGroup"]
    assert group["DeploymentTargets"] == {"OrganizationalUnitIds": {"Ref": "OrganizationalUnitIds"}}
    assert group["Regions"] == [{"Ref": "AWS::Region"}]
    inner = decoded(within())["Parameters"]
    assert [each["ParameterKey"] for each in properties["Parameters"]] == list(inner)


def test_aws_s_own_model_takes_the_stack_set() -> None:
    roles = some_roles()
    given = parameters(SETTINGS, roles)
    properties = whole()["Resources"]["MemberRoles"]["Properties"]
    create: dict[str, Any] = {
        "StackSetName": roles.role_name,
        "Description": properties["Description"],
        "TemplateBody": properties["TemplateBody"],
        "Parameters": handed_on(given),
        "Capabilities": properties["Capabilities"],
        "PermissionModel": properties["PermissionModel"],
        "AutoDeployment": properties["AutoDeployment"],
        "CallAs": "SELF",
    }
    instances: dict[str, Any] = {
        "StackSetName": roles.role_name,
        "DeploymentTargets": {"OrganizationalUnitIds": ["ou-abcd-11112222"]},
        "Regions": ["us-east-1"],
        "OperationPreferences": properties["OperationPreferences"],
    }
    model = botocore.session.get_session().get_service_model("cloudformation")
    for operation, request in (("CreateStackSet", create), ("CreateStackInstances", instances)):
        shape = model.operation_model(operation).input_shape
        assert shape is not None
        validate_parameters(request, shape)


def test_names_follow_from_the_account_as_in_the_template() -> None:
    roles = some_roles()
    role = decoded(within())["Resources"]["LinkRole"]["Properties"]
    given = parameters(SETTINGS, roles)
    values = {**given, "AWS::AccountId": "123456789012"}

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    assert filled(role["RoleName"]["Fn::Sub"]) == role_name_of(roles, "123456789012")
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    demanded = statement["Condition"]["StringEquals"]["sts:ExternalId"]["Fn::Sub"]
    assert filled(demanded) == external_id_of(roles, "123456789012")
    assert "${BucketNameBefore}${AWS::AccountId}${BucketNameAfter}" in within()
    assert given["BucketNameBefore"] + "123456789012" + given["BucketNameAfter"] == "acme-123456789012-reports"
    assert filled("${BucketNameBefore}") == "acme-"


def test_a_request_of_a_member_is_known_by_its_role() -> None:
    @dataclass(frozen=True)
    class Named:
        role_name: str

    roles = some_roles()
    assert is_of_member(Named(role_name_of(roles, "123456789012")))
    assert not is_of_member(Named(roles.role_name))
    assert not is_of_member(Named("staxpipe-link-123456789012"))


def test_the_command_has_everything_but_the_units() -> None:
    roles = replace(some_roles(), bucket="acme-reports-{account}", prefix="")
    words = shlex.split(members_stack.deploy_command(SETTINGS, roles).replace("\\\n", " "))
    assert words[words.index("--template-file") + 1] == "staxpipe-members.yaml"
    assert "OrganizationalUnitIds=UNITS" in words
    assert f"ExternalId={roles.external_id}" in words
    assert words[-2:] == ["BucketNameAfter=", "BucketPrefix="]
    published = SETTINGS.model_copy(update={"template_url": "https://t.s3.amazonaws.com/v1/staxpipe-link.yaml"})
    url = str(members_stack.create_url(published, roles))
    assert "v1%2Fstaxpipe-members.yaml" in url
    assert "OrganizationalUnitIds" not in url
    assert members_stack.create_url(SETTINGS, roles) is None


@pytest.mark.parametrize("bucket", ["acme-reports", "{account}-{account}"])
def test_a_bucket_without_one_place_for_the_account_is_refused(bucket: str) -> None:
    with pytest.raises(PermanentError, match="once"):
        parameters(SETTINGS, replace(some_roles(), bucket=bucket))
