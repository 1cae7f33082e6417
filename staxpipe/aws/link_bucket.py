"""The bucket of a link, read with the link's own role."""

from __future__ import annotations

from typing import Protocol

import boto3

from staxpipe.aws.bucket import CONNECTIONS, S3Bucket
from staxpipe.aws.session_policy import read_reports
from staxpipe.aws.sessions import client_config, link_session


class LinkedBucket(Protocol):
    """What of a link is needed to read its bucket."""

    @property
    def id(self) -> str:
        """The link's; shown in the account's CloudTrail."""

    @property
    def account_id(self) -> str:
        """The account that must own the bucket."""

    @property
    def role_arn(self) -> str:
        """The role that may read it."""

    @property
    def external_id(self) -> str:
        """What that role demands."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""

    @property
    def prefix(self) -> str:
        """The folder that may be read, without slashes at its ends; empty for the whole bucket."""

    @property
    def region(self) -> str:
        """The bucket's."""


def link_bucket(operator: boto3.Session, link: LinkedBucket, connections: int = CONNECTIONS) -> S3Bucket:
    """A link's bucket; credentials are made on first use and renew themselves for as long as it is read.

    Raises:
        OwnCredentialsError: staxpipe itself has no AWS credentials.
    """
    session = link_session(
        operator, link.role_arn, link.external_id, link.id, link.region, read_reports(link.bucket, link.prefix)
    )
    client = session.client("s3", config=client_config(connections + 1))  # one more for the thread that lists
    return S3Bucket(client, link.bucket, owner=link.account_id, connections=connections)
