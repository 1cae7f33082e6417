"""The template for accounts without reports: deployed as far as the stand-in knows it, else held to AWS's words."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from cfnlint import api as cfn_lint
from cfnlint import decode as cfn_decode

from staxpipe.exports.kinds import kind_of_table
from staxpipe.focus.source_columns import ASSUMED, NUMBERS, REQUIRED
from staxpipe.linking.export_stack import STACK_NAME, TEMPLATE_NAME
from staxpipe.linking.quick_create import template_text
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.model import ExportKind
from staxpipe.synthetic.cur2_schema import TYPES

ACCOUNT = "123456789012"


def template() -> dict[str, Any]:
    decoded, problems = cfn_decode.decode_str(template_text(TEMPLATE_NAME))
    assert problems == []
    plain: dict[str, Any] = json.loads(json.dumps(decoded))
    return plain


def resolved(resource: str, **changed: str) -> Any:
    """A resource's properties as CloudFormation would hand them to AWS, with some parameters changed."""
    whole = template()
    given = {name: str(parameter.get("Default", "")) for name, parameter in whole["Parameters"].items()} | changed
    names = given | {"AWS::AccountId": ACCOUNT, "AWS::Region": "us-east-1", "ReportsBucket": "my-bucket"}

    def value(node: Any) -> Any:
        match node:
            case {"Ref": name}:
                return names[name]
            case {"Fn::If": [condition, yes, no]}:
                return value(yes) if holds(whole["Conditions"][condition]) else value(no)
            case {"Fn::Sub": str()}:
                return node["Fn::Sub"]  # nothing that is asked here depends on it
            case {"Fn::Join": [glue, parts]}:
                return glue.join(value(part) for part in parts)
            case dict():
                return {name: value(part) for name, part in node.items()}
            case list():
                return [value(part) for part in node]
        return node

    def holds(node: Any) -> bool:
        match node:
            case {"Fn::Not": [inner]}:
                return not holds(inner)
            case {"Fn::Equals": [left, right]}:
                return bool(value(left) == value(right))
        raise AssertionError(node)

    return value(whole["Resources"][resource]["Properties"])


def taken_by(service: str, operation: str, request: Any) -> None:
    """Hold a request to the names and types of AWS's own model of the service."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    validate_parameters(request, shape)


def columns(**changed: str) -> list[str]:
    query: str = resolved("Cur2Export", **changed)["Export"]["DataQuery"]["QueryStatement"]
    assert query.startswith("SELECT ")
    assert query.endswith(" FROM COST_AND_USAGE_REPORT")
    return query.removeprefix("SELECT ").removesuffix(" FROM COST_AND_USAGE_REPORT").split(", ")


def test_cfn_lint_finds_nothing() -> None:
    path = Path(__file__).resolve().parents[2] / "cfn" / TEMPLATE_NAME
    assert path.read_text() == template_text(TEMPLATE_NAME)
    config = cfn_lint.ManualArgs(regions=["us-east-1"])  # the one region in which AWS has both kinds of reports
    assert [str(match) for match in cfn_lint.lint_file(path, config=config)] == []


@pytest.mark.parametrize("split", ["true", "false"])
def test_aws_takes_the_export_as_it_is_configured(split: str) -> None:
    export = resolved("Cur2Export", IncludeSplitCosts=split)
    taken_by("bcm-data-exports", "CreateExport", export)
    settings = export["Export"]["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert settings == {
        "TIME_GRANULARITY": "HOURLY",
        "INCLUDE_RESOURCES": "TRUE",
        "INCLUDE_SPLIT_COST_ALLOCATION_DATA": split.upper(),
        "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
    }
    assert len(export["Export"]["DataQuery"]["QueryStatement"]) <= 36_000


def test_aws_takes_the_legacy_report_as_it_is_configured() -> None:
    report = resolved("LegacyReport")
    taken_by("cur", "PutReportDefinition", {"ReportDefinition": report})
    assert (report["ReportVersioning"], report["RefreshClosedReports"]) == ("OVERWRITE_REPORT", True)
    assert report["AdditionalSchemaElements"] == ["RESOURCES", "SPLIT_COST_ALLOCATION_DATA"]
    assert resolved("LegacyReport", IncludeSplitCosts="false")["AdditionalSchemaElements"] == ["RESOURCES"]
    assert template()["Resources"]["LegacyReport"]["Condition"] == "HasLegacyReport"


def test_the_columns_are_those_of_the_table_and_all_that_is_read() -> None:
    selected = columns()
    assert len(selected) == len(set(selected))
    assert set(selected) <= set(TYPES)
    assert set(selected) >= REQUIRED | ASSUMED.keys()
    # A legacy report calls some of them otherwise; what CUR 2.0 has of the numbers that are read is selected.
    assert set(selected) >= NUMBERS & TYPES.keys()
    assert kind_of_table(selected) is ExportKind.CUR_2_0
    split = {name for name in TYPES if name.startswith("split_")}
    assert split <= set(selected)
    assert set(columns(IncludeSplitCosts="false")) == set(selected) - split


def test_only_the_reports_services_deliver_and_for_this_account_only() -> None:
    policy = template()["Resources"]["ReportsBucketPolicy"]["Properties"]["PolicyDocument"]
    deny, allow = policy["Statement"]
    assert (deny["Effect"], deny["Action"], deny["Principal"]) == ("Deny", "s3:*", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Principal"] == {"Service": ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"]}
    assert set(allow["Action"]) == {"s3:PutObject", "s3:GetBucketPolicy", "s3:GetBucketAcl"}
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    arns = [arn["Fn::Sub"] for arn in allow["Condition"]["StringLike"]["aws:SourceArn"]]
    assert all(":us-east-1:${AWS::AccountId}:" in arn for arn in arns)


def test_history_outlives_the_stack() -> None:
    resources = template()["Resources"]
    for name in ("ReportsBucket", "ReportsBucketPolicy"):
        assert resources[name]["DeletionPolicy"] == resources[name]["UpdateReplacePolicy"] == "Retain"
    assert resources["Cur2Export"]["DependsOn"] == resources["LegacyReport"]["DependsOn"] == "ReportsBucketPolicy"


def without_reports() -> str:
    """The template without what the stand-in's CloudFormation does not know."""
    whole = template()
    del whole["Resources"]["Cur2Export"], whole["Resources"]["LegacyReport"], whole["Outputs"]["ExportArn"]
    return json.dumps(whole)


def deploy(session: boto3.Session, **parameters: str) -> dict[str, str]:
    stacks = session.client("cloudformation")
    stacks.create_stack(
        StackName=STACK_NAME,
        TemplateBody=without_reports(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1})
    (stack,) = stacks.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def session(aws: AwsStandIn) -> boto3.Session:
    """A fresh account."""
    return aws.session("".join(secrets.choice("0123456789") for _ in range(12)))


def test_the_bucket_is_private_encrypted_and_versioned(session: boto3.Session) -> None:
    name = f"staxpipe-reports-{secrets.token_hex(6)}"
    assert deploy(session, BucketName=name) == {
        "BucketName": name,
        "BucketPrefix": "reports",
        "BucketRegion": "us-east-1",
    }
    s3 = session.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["OnlyThroughTls", "DeliverReports"]


def test_only_what_was_replaced_is_removed_after_a_while() -> None:
    # By the template's text: the stand-in's CloudFormation leaves lifecycles out.
    rules = resolved("ReportsBucket", KeepOldVersionsDays="7")["LifecycleConfiguration"]["Rules"]
    removed = {
        rule["Id"]: {name: value for name, value in rule.items() if name not in {"Id", "Status"}} for rule in rules
    }
    assert removed == {
        "remove-what-was-replaced": {"NoncurrentVersionExpiration": {"NoncurrentDays": "7"}},
        "remove-broken-uploads": {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    }
    assert {rule["Status"] for rule in rules} == {"Enabled"}


def test_without_a_name_the_bucket_is_called_after_the_account(session: boto3.Session) -> None:
    account = session.client("sts").get_caller_identity()["Account"]
    assert deploy(session)["BucketName"] == f"staxpipe-reports-{account}"


def test_in_another_region_it_says_where_to_go(aws: AwsStandIn) -> None:
    elsewhere = aws.session("".join(secrets.choice("0123456789") for _ in range(12)), region="eu-west-1")
    with pytest.raises(ClientError, match="Create this stack in the region US East"):
        deploy(elsewhere)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BucketName", "Reports"),
        ("BucketName", "s3://reports"),
        ("KeepOldVersionsDays", "0"),
        ("TimeGranularity", "MONTHLY"),
        ("IncludeSplitCosts", "yes"),
        ("IncludeLegacyReport", "yes"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(session: boto3.Session, name: str, value: str) -> None:
    with pytest.raises(ClientError, match=name):
        deploy(session, **{name: value})
