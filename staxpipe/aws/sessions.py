"""AWS sessions: staxpipe's own, and those of linked accounts' roles.

Endpoints come from boto3 alone (AWS_ENDPOINT_URL points demo and tests at the stand-in). What a session is
used for is not here; whether a role is safe is `staxpipe.linking.probe`'s question.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from staxpipe.aws.errors import OPERATOR_ADVICE
from staxpipe.errors import OwnCredentialsError
from staxpipe.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_making_clients = threading.Lock()

SESSION_SECONDS = 3600
"""How long a link's session lasts before it renews itself: the most for a role assumed by a role."""


def operator_session(settings: Settings) -> boto3.Session:
    """A session of the principal that staxpipe runs as, from the environment's usual AWS credentials."""
    session = botocore.session.Session()
    # STS in the operator's own region: the global endpoint is one region's, and its tokens fail in opt-in regions.
    session.set_config_variable("sts_regional_endpoints", "regional")
    return boto3.Session(botocore_session=session, region_name=settings.region)


def client_config(connections: int = 10, read_timeout: float = 60, attempts: int = 4) -> Config:
    """How every client of ours behaves: bounded waits, a few retries with back-off, one connection a thread."""
    return Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=connections,
    )


def sts_client(
    operator: boto3.Session,
    config: Config,
    *,
    aws_access_key_id: str | None = None,
    aws_secret_access_key: str | None = None,
    aws_session_token: str | None = None,
) -> STSClient:
    """A client of the operator's regional STS, or, given credentials, of the same STS as somebody else.

    Safe to call from many threads, which `boto3.Session.client` is not; so are the clients themselves.
    """
    with _making_clients:
        return operator.client(
            "sts",
            config=config,
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token,
        )


def session_name(link_id: str) -> str:
    """The name under which the account's CloudTrail shows our sessions: it carries the link id."""
    return f"staxpipe-{link_id}"[:64]


def role_arn(account_id: str, role_name: str) -> str:
    """The ARN of the role that a link's stack creates: it follows from the account, nobody pastes it."""
    return f"arn:aws:iam::{account_id}:role/{role_name}"


def link_session(
    operator: boto3.Session,
    role_arn: str,
    external_id: str,
    link_id: str,
    region: str,
    policy: Mapping[str, Any],
) -> boto3.Session:
    """A session of a linked role whose credentials are fetched on first use and renew themselves.

    Args:
        operator: whom the role trusts.
        role_arn: the link's role.
        external_id: the link's, which the role demands.
        link_id: shown in the account's CloudTrail.
        region: the bucket's region.
        policy: what this session may do at most; AWS grants what both it and the role allow.

    Raises:
        OwnCredentialsError: staxpipe itself has no AWS credentials.
    """
    source = operator.get_credentials()
    if source is None:
        raise OwnCredentialsError(f"staxpipe has no AWS credentials of its own. {OPERATOR_ADVICE}")

    def create_client(_service: str, **credentials: Any) -> STSClient:
        return sts_client(operator, client_config(read_timeout=15), **credentials)

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=create_client,
        source_credentials=source,
        role_arn=role_arn,
        extra_args={
            "ExternalId": external_id,
            "RoleSessionName": session_name(link_id),
            "DurationSeconds": SESSION_SECONDS,
            "Policy": json.dumps(policy),
        },
    )
    session: Any = botocore.session.Session()
    # botocore has no public way to set credentials that renew themselves; its own profiles do it like this.
    session._credentials = DeferredRefreshableCredentials(
        refresh_using=fetcher.fetch_credentials, method="staxpipe-assume-role"
    )
    return boto3.Session(botocore_session=session, region_name=region)
