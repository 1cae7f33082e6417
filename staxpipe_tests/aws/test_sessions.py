"""Sessions of ours and of linked roles: whose they are, how they renew themselves, what they may do at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from staxpipe.aws import sessions
from staxpipe.aws.session_policy import NOTHING, read_reports
from staxpipe.aws.sessions import SESSION_SECONDS, client_config, link_session, operator_session, role_arn, session_name
from staxpipe.errors import OwnCredentialsError
from staxpipe.local.aws_stand_in import StandInCredentials
from staxpipe.settings import read_settings
from staxpipe_tests.aws_stand_in import Customer

LINK_ID = "abcDEF-_0123456789abcd"


@pytest.fixture
def ours(operator_environment: StandInCredentials) -> boto3.Session:
    return operator_session(read_settings({"region": "eu-west-1"}))


def linked(ours: boto3.Session, customer: Customer) -> boto3.Session:
    policy = read_reports(customer.bucket, customer.prefix)
    return link_session(ours, customer.role_arn, customer.external_id, LINK_ID, "us-east-1", policy)


def test_our_session_is_the_operators_in_our_region(ours: boto3.Session, operator: StandInCredentials) -> None:
    assert ours.client("sts").get_caller_identity()["Arn"] == operator.arn
    assert ours.region_name == "eu-west-1"


def test_sts_is_asked_in_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    sts = operator_session(read_settings({"region": "us-east-1"})).client("sts")
    assert sts.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"


def test_a_links_session_shows_the_link_in_the_accounts_trail(ours: boto3.Session, customer: Customer) -> None:
    customer.deploy()
    arn = linked(ours, customer).client("sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{customer.account_id}:assumed-role/{customer.role_name}/staxpipe-{LINK_ID}"


def test_it_lasts_an_hour_and_is_used_again(ours: boto3.Session, customer: Customer) -> None:
    customer.deploy()
    customer.put("reports/a")
    session = linked(ours, customer)
    s3 = session.client("s3")
    s3.list_objects_v2(Bucket=customer.bucket, Prefix="reports/")
    credentials: Any = session.get_credentials()
    first = credentials.access_key
    lasts = credentials._expiry_time - datetime.now(UTC)
    assert timedelta(seconds=SESSION_SECONDS - 60) < lasts <= timedelta(seconds=SESSION_SECONDS)
    s3.list_objects_v2(Bucket=customer.bucket, Prefix="reports/")
    assert credentials.access_key == first


def test_it_renews_itself_before_it_ends(
    ours: boto3.Session, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer.deploy()
    customer.put("reports/a")
    monkeypatch.setattr(sessions, "SESSION_SECONDS", 900)  # botocore renews in the last 15 minutes: here, at each call
    session = linked(ours, customer)
    s3 = session.client("s3")
    used = set()
    for _ in range(3):
        assert s3.list_objects_v2(Bucket=customer.bucket, Prefix="reports/")["KeyCount"] == 1
        credentials: Any = session.get_credentials()
        used.add(credentials._frozen_credentials.access_key)
    assert len(used) == 3


def test_nothing_is_asked_of_aws_until_it_is_used(ours: boto3.Session, customer: Customer) -> None:
    session = linked(ours, customer)  # the role does not exist
    with pytest.raises(ClientError, match="AssumeRole"):
        session.client("sts").get_caller_identity()


def test_without_credentials_of_our_own_it_says_so(monkeypatch: pytest.MonkeyPatch, customer: Customer) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(OwnCredentialsError, match="no AWS credentials of its own"):
        linked(operator_session(read_settings()), customer)


def test_names_that_aws_accepts() -> None:
    assert session_name(LINK_ID) == f"staxpipe-{LINK_ID}"
    assert len(session_name("x" * 100)) == 64
    assert role_arn("012345678901", "staxpipe-link-a") == "arn:aws:iam::012345678901:role/staxpipe-link-a"


def test_every_wait_is_bounded() -> None:
    config: Any = client_config(connections=32, read_timeout=7, attempts=3)
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (5, 7, 32)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_a_sessions_policy_grants_reading_below_the_prefix_only() -> None:
    statements = {statement["Sid"]: statement for statement in read_reports("bills", "reports")["Statement"]}
    assert statements["ListReports"]["Resource"] == "arn:aws:s3:::bills"
    assert statements["ListReports"]["Condition"] == {"StringLike": {"s3:prefix": "reports/*"}}
    assert statements["ReadReports"]["Resource"] == "arn:aws:s3:::bills/reports/*"
    actions = {statement["Action"] for statement in statements.values()}
    assert actions == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}
    assert [statement["Action"] for statement in NOTHING["Statement"]] == ["sts:GetCallerIdentity"]
