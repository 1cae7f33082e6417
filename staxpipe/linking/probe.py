"""Proving that a role is safe to use, from outside, by trying to get in.

One role at a time, with calls to AWS STS alone. It writes nothing and reads nothing in the account; the
credentials it gets can do nothing (an inline session policy sees to that).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from staxpipe.aws.errors import ACCESS_DENIED, error_code, translated
from staxpipe.aws.refusals import by_the_callers_own
from staxpipe.aws.session_policy import NOTHING
from staxpipe.aws.sessions import client_config, session_name, sts_client
from staxpipe.errors import OwnCredentialsError
from staxpipe.linking.verdicts import (
    IgnoresExternalId,
    NotYetAssumable,
    OperatorRefused,
    Safe,
    Unknown,
    Verdict,
    WrongAccount,
)

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef

ACCUSATION_CALLS = 3
"""How often a forbidden way in must be open before the role is accused: trust changes take time to spread."""
_ACCUSATION_PAUSE = 2.0  # seconds between them
CONNECTIONS = 32
"""Probes that may be under way at a time without waiting for a connection."""


class Probeable(Protocol):
    """What has a role to be probed: a link request, or a link."""

    @property
    def id(self) -> str:
        """Of the request or link; shown in the account's CloudTrail."""

    @property
    def account_id(self) -> str | None:
        """Whose the role must be; None while that is not said."""

    @property
    def role_arn(self) -> str | None:
        """The role; None while the account is not known."""

    @property
    def external_id(self) -> str:
        """What the role must demand."""


@dataclass(frozen=True)
class _Target:
    id: str
    account_id: str
    role_arn: str
    external_id: str = field(repr=False)


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """AWS said AccessDenied: the only answer that means no."""


class _NotAllowedToAsk(Exception):  # noqa: N818 - likewise
    """A policy of our own account forbids the call: nothing was asked of the role. Its text is the kind of policy."""


def probe(operator: boto3.Session, request: Probeable, sleep: Callable[[float], None] = time.sleep) -> Verdict:
    """Try to use the role as it must be possible, then as it must not; safe to call from many threads.

    In this order (AWS's confused-deputy advice): the right ExternalId must open it, the account must be the one
    asked for, and a fresh wrong ExternalId and none at all must both be answered with AccessDenied. Any other
    failure says nothing about the role.
    """
    if request.account_id is None or request.role_arn is None:
        raise ValueError(f"{request.id} has no account id yet: there is no role to probe")
    target = _Target(request.id, request.account_id, request.role_arn, request.external_id)
    try:
        return _verdict(operator, target, sleep)
    except _NotAllowedToAsk as refused:
        return OperatorRefused(
            f"Its own {refused} does not allow sts:AssumeRole on {target.role_arn}. It must be allowed with any "
            "ExternalId and with none, so that what refuses a wrong one is the role: the README says, under “An "
            "identity for staxpipe”, which policy does."
        )
    except (ClientError, BotoCoreError) as error:
        return _inconclusive(error, target)


_made: WeakKeyDictionary[boto3.Session, STSClient] = WeakKeyDictionary()
_looking = threading.Lock()
_CONFIG = client_config(connections=CONNECTIONS, read_timeout=10, attempts=2)


def _sts_of(operator: boto3.Session) -> STSClient:
    """The session's one STS client, shared by all threads for as long as the session lives."""
    with _looking:
        if operator not in _made:
            _made[operator] = sts_client(operator, _CONFIG)
        return _made[operator]


def _verdict(operator: boto3.Session, target: _Target, sleep: Callable[[float], None]) -> Verdict:
    sts = _sts_of(operator)
    try:
        credentials = _assume(sts, target, target.external_id)
    except _Refused:
        return NotYetAssumable(target.role_arn)
    role = sts_client(
        operator,
        _CONFIG,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    found = role.get_caller_identity()["Account"]
    if found != target.account_id:
        return WrongAccount(target.account_id, found)
    # A wrong one made anew each time: a role that lists the wrong ones it has seen proves nothing.
    accepts_wrong = _lets_in(sts, target, lambda: secrets.token_urlsafe(32), sleep)
    accepts_none = _lets_in(sts, target, lambda: None, sleep)
    if accepts_wrong or accepts_none:
        return IgnoresExternalId(target.role_arn, accepts_wrong, accepts_none)
    return Safe()


def _lets_in(
    sts: STSClient, target: _Target, external_id: Callable[[], str | None], sleep: Callable[[float], None]
) -> bool:
    """Whether the role lets in who must not come in, again and again."""
    for call in range(ACCUSATION_CALLS):
        if call:
            sleep(_ACCUSATION_PAUSE)
        try:
            _assume(sts, target, external_id())
        except _Refused:
            return False
    return True


def _assume(sts: STSClient, target: _Target, external_id: str | None) -> CredentialsTypeDef:
    arguments: dict[str, Any] = {} if external_id is None else {"ExternalId": external_id}
    try:
        return sts.assume_role(
            RoleArn=target.role_arn,
            RoleSessionName=session_name(target.id),
            DurationSeconds=900,
            Policy=json.dumps(NOTHING),
            **arguments,
        )["Credentials"]
    except ClientError as error:
        if error_code(error) not in ACCESS_DENIED:
            raise
        ours = by_the_callers_own(str(error))
        raise (_Refused if ours is None else _NotAllowedToAsk(ours)) from error


def _inconclusive(error: ClientError | BotoCoreError, target: _Target) -> Verdict:
    words = translated(error, f"the role {target.role_arn}")
    # Any other call than AssumeRole is made with the role's credentials, not with ours.
    by_us = not isinstance(error, ClientError) or error.operation_name == "AssumeRole"
    return OperatorRefused(str(words)) if by_us and isinstance(words, OwnCredentialsError) else Unknown(str(words))
