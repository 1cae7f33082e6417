"""What the person is given: an address that opens the right page, and a command that a shell takes apart rightly."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest
from cfnlint import decode as cfn_decode

from staxpipe.errors import PermanentError
from staxpipe.linking.quick_create import (
    delete_command,
    deploy_command,
    parameters,
    quick_create_url,
    stack_url,
    template_text,
    upload_url,
)
from staxpipe.settings import Settings

OPERATOR = "arn:aws:iam::111111111111:role/ops/staxpipe"


@dataclass(frozen=True)
class Request:
    external_id: str = "-a_b" + "c" * 39
    role_name: str = "staxpipe-link-abcdefghij12"
    bucket: str | None = "bills"
    prefix: str = "cost reports/daily & monthly"
    region: str | None = "eu-west-1"
    stack_region: str | None = None


def settings(**changed: object) -> Settings:
    given: dict[str, object] = {
        "operator_role_arn": OPERATOR,
        "template_url": "https://templates.s3.eu-west-1.amazonaws.com/staxpipe link.yaml?v=1".replace(" ", "+"),
    }
    return Settings(**(given | changed))  # type: ignore[arg-type]  # pydantic checks the types


def taken_apart(url: str) -> tuple[str, dict[str, str]]:
    """The console's address without its fragment, and what the fragment asks for."""
    address, _, fragment = url.partition("#")
    path, _, query = fragment.partition("?")
    assert path == "/stacks/quickcreate"
    values = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    return address, {name: value for name, [value] in values.items()}


def test_the_link_opens_the_console_of_the_region_with_everything_filled_in() -> None:
    request, given = Request(), settings()
    address, asked = taken_apart(str(quick_create_url(given, request)))
    assert address == "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1"
    assert asked == {
        "templateURL": given.template_url,
        "stackName": request.role_name,
        "param_OperatorPrincipalArn": OPERATOR,
        "param_ExternalId": request.external_id,
        "param_RoleName": request.role_name,
        "param_BucketName": request.bucket,
        "param_BucketPrefix": request.prefix,
    }


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_every_partition_has_its_own_console(region: str, host: str) -> None:
    assert urlsplit(str(quick_create_url(settings(), replace(Request(), region=region)))).hostname == host
    assert upload_url(region) == f"https://{host}/cloudformation/home?region={region}#/stacks/create"


def test_without_a_published_template_there_is_no_link() -> None:
    assert quick_create_url(settings(template_url=None), Request()) is None


def test_the_command_gives_a_shell_the_same_values() -> None:
    request = Request()
    command = deploy_command(settings(), request, "my downloads/staxpipe-link.yaml")
    words = shlex.split(command)
    assert words[:3] == ["aws", "cloudformation", "deploy"]
    assert words[words.index("--region") + 1] == "eu-west-1"
    assert words[words.index("--stack-name") + 1] == request.role_name
    assert words[words.index("--template-file") + 1] == "my downloads/staxpipe-link.yaml"
    assert words[words.index("--capabilities") + 1] == "CAPABILITY_NAMED_IAM"
    given = dict(word.split("=", 1) for word in words[words.index("--parameter-overrides") + 1 :])
    assert given == parameters(settings(), request)


def test_a_prefix_cannot_end_the_command_and_begin_another() -> None:
    command = deploy_command(settings(), replace(Request(), prefix="x'; rm -rf / #"), "t.yaml")
    assert shlex.split(command)[-1] == "BucketPrefix=x'; rm -rf / #"


def test_an_empty_prefix_is_left_to_the_templates_default() -> None:
    assert "BucketPrefix" not in deploy_command(settings(), replace(Request(), prefix=""), "t.yaml")


def test_every_value_goes_to_a_parameter_that_the_template_has() -> None:
    template, _ = cfn_decode.decode_str(template_text())
    given = parameters(settings(), Request())
    assert set(given) <= set(template["Parameters"])
    without_default = {name for name, value in template["Parameters"].items() if "Default" not in value}
    assert without_default <= set(given)


def test_as_whom_staxpipe_runs_must_be_known() -> None:
    with pytest.raises(PermanentError, match="STAXPIPE_OPERATOR_ROLE_ARN"):
        deploy_command(settings(operator_role_arn=None), Request(), "t.yaml")


def test_the_details_must_be_known() -> None:
    with pytest.raises(PermanentError, match="details"):
        quick_create_url(settings(), replace(Request(), bucket=None))


def test_the_stack_stays_where_it_was_created_when_the_region_is_corrected() -> None:
    corrected = replace(Request(), region="eu-west-1", stack_region="us-east-2")
    address, _ = taken_apart(str(quick_create_url(settings(), corrected)))
    assert address == "https://us-east-2.console.aws.amazon.com/cloudformation/home?region=us-east-2"
    for line in (deploy_command(settings(), corrected, "t.yaml"), delete_command(corrected)):
        words = shlex.split(line)
        assert words[words.index("--region") + 1] == "us-east-2"
        assert words[words.index("--stack-name") + 1] == corrected.role_name
    assert stack_url(corrected).startswith(
        "https://us-east-2.console.aws.amazon.com/cloudformation/home?region=us-east-2#"
    )
    assert f"filteringText={corrected.role_name}" in stack_url(corrected)


def test_an_update_says_that_the_prefix_is_empty_now() -> None:
    # What is left out keeps the value that the stack has.
    command = deploy_command(settings(), replace(Request(), prefix=""), "t.yaml", update=True)
    assert "BucketPrefix=" in shlex.split(command)
