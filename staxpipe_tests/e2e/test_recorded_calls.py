"""The record itself: it names what a link's role asked for, also of a service that the stand-in does not have."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe_tests.e2e.recorded_calls import asked_of_link_roles, program

ROLE = "staxpipe-link-abcdefghij12"


def test_it_names_what_a_link_role_asked_for_whether_granted_or_not(tmp_path: Path) -> None:
    record = tmp_path / "asked"
    with AwsStandIn(program=program(record)) as aws:
        operator = aws.create_operator("111111111111")
        trust = {"Effect": "Allow", "Principal": {"AWS": operator.arn}, "Action": "sts:AssumeRole"}
        aws.session("222222222222").client("iam").create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        answer = (
            aws.session(operator)
            .client("sts")
            .assume_role(RoleArn=f"arn:aws:iam::222222222222:role/{ROLE}", RoleSessionName="try")
        )
        key = answer["Credentials"]
        role = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], "us-east-1")
        config = Config(retries={"total_max_attempts": 1})
        for service, call in (
            ("s3", "list_buckets"),
            ("bcm-data-exports", "list_exports"),
            ("cur", "list_tags_for_resource"),
        ):
            client = role.client(service, endpoint_url=aws.endpoint_url, config=config)  # type: ignore[call-overload]
            with suppress(ClientError):
                getattr(client, call)(**({"ReportName": "x"} if service == "cur" else {}))
    assert asked_of_link_roles(record) == {
        "s3:ListAllMyBuckets",
        "bcm-data-exports:ListExports",
        "cur:ListTagsForResource",
    }
