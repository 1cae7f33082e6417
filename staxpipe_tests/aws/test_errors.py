"""AWS's failures in words: what helps decides the type, and the sentence says where and what to do."""

from __future__ import annotations

import pytest
from botocore import exceptions as aws

from staxpipe.aws.errors import in_words, translated
from staxpipe.errors import (
    AccessError,
    KeyRefusedError,
    OwnCredentialsError,
    PermanentError,
    RoleRefusedError,
    StaxpipeError,
    TransientError,
)

WHERE = "the bucket s3://bills of account 222222222222"


def refusal(code: str, status: int = 400, operation: str = "GetObject", said: str = "as told") -> aws.ClientError:
    return aws.ClientError(
        {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


@pytest.mark.parametrize(
    "error",
    [
        refusal("SlowDown", 503),
        refusal("Throttling"),
        refusal("ThrottlingException"),
        refusal("TooManyRequestsException", 429),
        refusal("RequestLimitExceeded"),
        refusal("InternalError", 500),
        refusal("502", 502),
        refusal("NobodyKnows", 599),
        refusal("RequestTimeout"),
        refusal("ExpiredToken"),
        refusal("PreconditionFailed", 412),
        refusal("412", 412),
        refusal("Throttling", 400, "AssumeRole"),
        aws.EndpointConnectionError(endpoint_url="https://s3"),
        aws.ConnectTimeoutError(endpoint_url="https://s3"),
        aws.ReadTimeoutError(endpoint_url="https://s3"),
        aws.ConnectionClosedError(endpoint_url="https://s3"),
        aws.SSLError(endpoint_url="https://s3", error=OSError("handshake")),
        aws.ResponseStreamingError(error="cut"),
        aws.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        aws.FlexibleChecksumError(error_msg="differs"),
        aws.CredentialRetrievalError(provider="iam", error_msg="busy"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(error: aws.ClientError | aws.BotoCoreError) -> None:
    words = translated(error, WHERE)
    assert isinstance(words, TransientError)
    assert not isinstance(words, AccessError)
    assert "s3://bills" in str(words)
    assert str(words).endswith("again.")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (refusal("NoSuchKey", 404), "next delivery"),
        (refusal("404", 404, "HeadObject"), "next delivery"),
        (refusal("InvalidObjectState", 403), "Restore it to S3 Standard"),
        (refusal("Unheard"), "AWS said: as told"),
        (aws.ParamValidationError(report="Invalid bucket name"), "Invalid bucket name"),
        (aws.UnknownServiceError(service_name="s4", known_service_names="s3"), "s4"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_lasts_says_what_to_change(error: aws.ClientError | aws.BotoCoreError, advice: str) -> None:
    words = translated(error, WHERE)
    assert type(words) is PermanentError
    assert advice in str(words)
    assert "s3://bills" in str(words)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (refusal("AccessDenied", 403), "stack has this bucket and prefix"),
        (refusal("403", 403, "HeadObject"), "stack has this bucket and prefix"),
        (refusal("NoSuchBucket", 404), "Check its name"),
        (refusal("RegionDisabledException", 403, "AssumeRole"), "Activate it under IAM"),
        (refusal("PermanentRedirect", 301), "another region"),
        (refusal("MalformedPolicyDocument", 400, "AssumeRole"), "AWS said: as told"),
        (refusal("AccountProblem", 403), "AWS said: as told"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refused_access_is_no_fault_of_the_data(error: aws.ClientError | aws.BotoCoreError, advice: str) -> None:
    words = translated(error, WHERE)
    assert type(words) is AccessError
    assert advice in str(words)
    assert "s3://bills" in str(words)


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDenied", 403, said="not authorized to perform: kms:Decrypt on key"),
        refusal("KMS.DisabledException"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_key_that_refuses_is_told_apart_from_a_bucket_that_does(error: aws.ClientError) -> None:
    words = translated(error, WHERE)
    assert type(words) is KeyRefusedError
    assert isinstance(words, AccessError)
    assert "KmsKeyArn" in str(words)
    assert "s3://bills" in str(words)


def test_a_role_that_is_gone_says_nothing_about_the_bucket() -> None:
    words = translated(refusal("AccessDenied", 403, "AssumeRole"), WHERE)
    assert type(words) is RoleRefusedError
    assert "Create the stack again" in str(words)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            refusal("AccessDenied", 403, "AssumeRole", "with an explicit deny in a service control policy"),
            "own service",
        ),
        (refusal("SignatureDoesNotMatch", 403), "STAXPIPE_OPERATOR_ROLE_ARN"),
        (refusal("RequestTimeTooSkewed", 403), "clock"),
        (refusal("InvalidClientTokenId", 403, "AssumeRole"), "staxpipe's own AWS credentials"),
        (refusal("ExpiredToken", 400, "AssumeRole"), "staxpipe's own AWS credentials"),
        (aws.NoCredentialsError(), "AWS_PROFILE"),
        (aws.ProfileNotFound(profile="nobody"), "AWS_PROFILE"),
        (aws.UnauthorizedSSOTokenError(), "AWS_PROFILE"),
        (aws.NoRegionError(), "STAXPIPE_REGION"),
        (refusal("RequestTimeTooSkewed", 403, "AssumeRole"), "clock"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_our_own_credentials_are_no_matter_of_a_customer(
    error: aws.ClientError | aws.BotoCoreError, advice: str
) -> None:
    words = translated(error, WHERE)
    assert type(words) is OwnCredentialsError
    assert advice in str(words)
    assert "s3://bills" in str(words)


def test_the_cause_is_kept_for_the_log() -> None:
    with pytest.raises(StaxpipeError) as caught, in_words(WHERE):
        raise refusal("AccessDenied", 403)
    assert isinstance(caught.value.__cause__, aws.ClientError)


def test_bugs_pass_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError), in_words(WHERE):
        raise ZeroDivisionError
