"""The one place where AWS's failures become staxpipe's: by what helps, in words, with what to do.

It knows error codes and exception types. It makes no calls and decides nothing about links.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from staxpipe.aws.permissions import Permission
from staxpipe.aws.refusals import by_the_callers_own, not_granted, refused
from staxpipe.errors import (
    AccessError,
    KeyRefusedError,
    NotGrantedError,
    OwnCredentialsError,
    PermanentError,
    RoleRefusedError,
    StaxpipeError,
    TransientError,
)

ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedAccess", "403", "Forbidden"})
MISSING_OBJECT = frozenset({"NoSuchKey", "NotFound", "404"})
CHANGED_OBJECT = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "429",
    }
)
_PASSING = THROTTLED | {
    "DataUnavailableException",  # of Cost Explorer, while AWS prepares an account's data
    "InternalError",
    "InternalFailure",
    "OperationAborted",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
BAD_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_CLOCK = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_WRONG_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301"}
)
_OWN_CREDENTIALS = (
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
OPERATOR_ADVICE = (
    "Give the process that runs staxpipe AWS credentials (an instance or task role, AWS_PROFILE, or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) of the principal in STAXPIPE_OPERATOR_ROLE_ARN."
)


def error_code(error: ClientError) -> str:
    """AWS's code of the failure; empty when the answer had none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def http_status(error: ClientError) -> int:
    """The answer's HTTP status; 0 when unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_passing(error: ClientError) -> bool:
    """Whether the same call may succeed later with nothing changed: throttled, or a fault on AWS's side."""
    return error_code(error) in _PASSING or http_status(error) >= 500 or http_status(error) == 429


def _transfer_error() -> type[Exception]:
    # All of boto3 comes with it, and whoever only loads files of this machine has no use for that.
    from boto3.exceptions import Boto3Error

    return Boto3Error


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Raise AWS's failures inside the block as `translated`; other exceptions pass."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(error, what) from error
    except _transfer_error() as error:  # of managed transfers, which hide AWS's answer behind their own error
        cause = getattr(error, "last_exception", None) or error.__cause__ or error.__context__
        if isinstance(cause, ClientError | BotoCoreError):
            raise translated(cause, what) from error
        raise TransientError(f"The transfer of {what} failed ({_first_line(error)}). It is tried again.") from error


@contextmanager
def by_choice_in_words(what: str, permission: Permission) -> Iterator[None]:
    """As `in_words`, for what a role may lack: by its owner's choice, or because its stack is older than that.

    Args:
        what: as in ``the invoices of account 123456789012``.
        permission: what is needed.

    Raises:
        NotGrantedError: AWS refuses the action to the role. That the role itself cannot be assumed is no such thing.
    """
    try:
        with in_words(what):
            yield
    except AccessError as error:
        cause = error.__cause__
        if (
            isinstance(cause, ClientError)
            and cause.operation_name != "AssumeRole"
            and error_code(cause) in ACCESS_DENIED
        ):
            raise NotGrantedError(not_granted(what, permission, _said(cause))) from cause
        raise


def translated(error: ClientError | BotoCoreError, what: str) -> StaxpipeError:
    """The failure as a sentence that names `what` was used, as in ``the bucket s3://bills of account 123456789012``."""
    if isinstance(error, ClientError):
        return _answered(error, what)
    return _unanswered(error, what)


def _answered(error: ClientError, what: str) -> StaxpipeError:
    code, said = error_code(error), _said(error)
    if error.operation_name == "AssumeRole" and not is_passing(error):
        return _not_assumed(error, what)
    if is_passing(error):
        return TransientError(f"AWS could not serve {what} just now ({code or http_status(error)}). It is tried again.")
    if code in EXPIRED:
        return TransientError(f"The session for {what} expired in the middle. It is renewed and tried again.")
    if code in CHANGED_OBJECT or http_status(error) == 412:
        return TransientError(f"{_upper(what)} changed after it was listed. It is listed and read again.")
    if code in MISSING_OBJECT:
        return PermanentError(f"{_upper(what)} is not there (any more). Restore it, or wait for the next delivery.")
    if code == "NoSuchBucket":
        return AccessError(f"There is no such bucket: {what}. Check its name; if it was deleted, end the link.")
    if code == "InvalidObjectState":
        return PermanentError(
            f"{_upper(what)} is archived (S3 Glacier or Intelligent-Tiering). Restore it to S3 Standard, and exempt "
            "the billing reports from the lifecycle rule."
        )
    if code.startswith("KMS.") or "kms:" in said:
        return KeyRefusedError(
            f"The KMS key that encrypts {what} does not let the role decrypt. Update the stack with the key's ARN as "
            f"KmsKeyArn and allow the role kms:Decrypt in the key's policy. AWS said: {said}"
        )
    if code in ACCESS_DENIED:
        return AccessError(refused(what, error.operation_name, said))
    if code in BAD_CREDENTIALS:  # of a linked role that was deleted too, perhaps: the next AssumeRole will tell
        return OwnCredentialsError(
            f"AWS does not accept the credentials used for {what} ({code}): the role or key behind them was deleted or "
            f"changed. {OPERATOR_ADVICE}"
        )
    if code in _CLOCK:
        return _clock(what, said)
    if code in _WRONG_REGION:
        return AccessError(f"{_upper(what)} is in another region than the one given. AWS said: {said}")
    if http_status(error) == 403:  # of an account that is closed or suspended, for instance
        return AccessError(f"AWS refuses access to {what}: {code or 403}. AWS said: {said}")
    return PermanentError(f"AWS refused {what}: {code or http_status(error)}. AWS said: {said}")


def _not_assumed(error: ClientError, what: str) -> StaxpipeError:
    code, said = error_code(error), _said(error)
    if code in _CLOCK:
        return _clock(what, said)
    if code in ACCESS_DENIED and (own := by_the_callers_own(said)) is not None:
        return OwnCredentialsError(
            f"staxpipe's own {own} does not allow sts:AssumeRole on the role for {what}, so it was not tried. "
            "The README says, under “An identity for staxpipe”, which policy does."
        )
    if code in ACCESS_DENIED:
        return RoleRefusedError(
            f"The role for {what} can no longer be assumed: its stack was deleted, or its trust policy was changed. "
            "Create the stack again with the values on the link's page, or end the link."
        )
    if code in BAD_CREDENTIALS | EXPIRED:
        return OwnCredentialsError(
            f"staxpipe's own AWS credentials were refused ({code}), so {what} was not tried. {OPERATOR_ADVICE}"
        )
    if code == "RegionDisabledException":  # in either account: AWS does not say in which
        return AccessError(
            f"AWS STS is switched off in staxpipe's region for {what}. Activate it under IAM, Account settings, or set "
            "STAXPIPE_REGION to a region that is on by default."
        )
    return AccessError(f"The role for {what} could not be assumed: {code}. AWS said: {said}")


def _clock(what: str, said: str) -> OwnCredentialsError:
    return OwnCredentialsError(
        f"AWS refuses {what} because this machine's clock is wrong. Set it (NTP) and try again. AWS said: {said}"
    )


def _unanswered(error: BotoCoreError, what: str) -> StaxpipeError:
    if isinstance(error, _OWN_CREDENTIALS):
        return OwnCredentialsError(
            f"staxpipe has no AWS credentials of its own, so {what} was not tried. {OPERATOR_ADVICE}"
        )
    if isinstance(error, FlexibleChecksumError):
        return TransientError(f"{_upper(what)} arrived damaged (its checksum differs). It is read again.")
    if isinstance(error, HTTPClientError | NoConnectionError | IncompleteReadError | CredentialRetrievalError):
        return TransientError(f"The connection for {what} failed ({_first_line(error)}). It is tried again.")
    if isinstance(error, NoRegionError):
        return OwnCredentialsError(f"No AWS region is set for {what}. Set STAXPIPE_REGION.")
    if isinstance(error, ParamValidationError):
        return PermanentError(f"AWS cannot be asked for {what}: {_first_line(error)}")
    return PermanentError(f"{_upper(what)} could not be used: {_first_line(error)}")


def _said(error: ClientError) -> str:
    """AWS's words as a sentence: others follow."""
    words = str(error.response.get("Error", {}).get("Message", "")).strip() or "nothing more"
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _upper(what: str) -> str:
    return what[:1].upper() + what[1:]
