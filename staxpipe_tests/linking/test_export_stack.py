"""What a person is given who has no billing reports: names that the template makes true, and the months before."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import pytest
from cfnlint import decode as cfn_decode

from staxpipe.linking import export_stack
from staxpipe.linking.quick_create import template_text
from staxpipe.settings import Settings

NOW = datetime(2026, 1, 15, tzinfo=UTC)
ROLE = "staxpipe-link-abcdefghij12"


def test_the_bucket_is_named_as_randomly_as_the_role() -> None:
    assert export_stack.bucket_name(ROLE) == "staxpipe-reports-abcdefghij12"


@pytest.mark.parametrize(
    ("link", "export"),
    [
        ("https://t.s3.amazonaws.com/staxpipe-link.yaml", "https://t.s3.amazonaws.com/staxpipe-export.yaml"),
        ("https://t.s3.amazonaws.com/a/b/role.yaml?v=1", "https://t.s3.amazonaws.com/a/b/staxpipe-export.yaml"),
    ],
)
def test_the_template_is_published_beside_the_roles(link: str, export: str) -> None:
    settings = Settings(template_url=link)  # type: ignore[call-arg]  # the others have defaults
    assert export_stack.template_url(settings) == export
    url = str(export_stack.create_url(settings, "my-bucket"))
    assert url.startswith("https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1#/stacks/")
    assert url.endswith("&param_BucketName=my-bucket")


def test_without_a_published_template_there_is_a_command() -> None:
    assert export_stack.create_url(Settings(template_url=None), "b") is None  # type: ignore[call-arg]
    words = shlex.split(export_stack.deploy_command("my-bucket"))
    assert words[words.index("--template-file") + 1] == "staxpipe-export.yaml"
    assert words[words.index("--parameter-overrides") + 1 :] == ["BucketName=my-bucket"]
    assert "--parameter-overrides" not in shlex.split(export_stack.deploy_command(None))
    assert "--capabilities" not in words  # it makes nothing of IAM


def test_names_are_those_of_the_template() -> None:
    template, _ = cfn_decode.decode_str(template_text(export_stack.TEMPLATE_NAME))
    export = template["Resources"]["Cur2Export"]["Properties"]["Export"]
    assert export["Name"] == export_stack.EXPORT_NAME
    assert export["DestinationConfigurations"]["S3Destination"]["S3Prefix"] == export_stack.PREFIX
    assert template["Resources"]["LegacyReport"]["Properties"]["S3Prefix"] == export_stack.PREFIX
    assert template["Outputs"]["BucketPrefix"]["Value"] == export_stack.PREFIX
    default = template["Resources"]["ReportsBucket"]["Properties"]["BucketName"]["Fn::If"][2]["Fn::Sub"]
    assert default == export_stack.bucket_name("${AWS::AccountId}")


def test_the_support_case_names_account_export_place_and_months() -> None:
    case = export_stack.backfill_case("123456789012", "my-bucket", NOW)
    assert "Account: 123456789012" in case.text
    assert "s3://my-bucket/reports/staxpipe-cur2/ in us-east-1" in case.text
    assert "Months: 2023-01 to 2025-12," in case.text
    assert export_stack.EXPORT_NAME in case.subject


def test_what_is_not_known_is_left_to_the_person() -> None:
    case = export_stack.backfill_case(None, None, NOW)
    assert "Account: (the 12 digits of your account)" in case.text
    assert "s3://staxpipe-reports-(the 12 digits of your account)/" in case.text
