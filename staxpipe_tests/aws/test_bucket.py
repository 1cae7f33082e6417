"""An S3 bucket read by a role that may do no more than the template grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from staxpipe.aws.bucket import S3Bucket
from staxpipe.aws.download import PIECE_BYTES
from staxpipe.aws.link_bucket import link_bucket
from staxpipe.errors import AccessError, PermanentError, TransientError
from staxpipe.local.aws_stand_in import AwsStandIn, StandInCredentials
from staxpipe.model import StoredObject
from staxpipe_tests.aws_stand_in import Customer

ABSENT = StoredObject("reports/absent", 3, "0" * 32, datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def operator_session(aws: AwsStandIn, operator_environment: StandInCredentials) -> boto3.Session:
    return aws.session(operator_environment)


@pytest.fixture
def bucket(operator_session: boto3.Session, customer: Customer) -> S3Bucket:
    customer.deploy()
    return link_bucket(operator_session, customer)


def stored(bucket: S3Bucket, key: str) -> StoredObject:
    found = bucket.head(key)
    assert found is not None
    return found


def test_it_has_an_address(bucket: S3Bucket, customer: Customer) -> None:
    assert bucket.url == f"s3://{customer.bucket}"


def test_every_page_is_listed(bucket: S3Bucket, customer: Customer) -> None:
    s3 = customer.session.client("s3")
    for number in range(1005):
        s3.put_object(Bucket=customer.bucket, Key=f"reports/{number:04d} a+b", Body=b"x")
    customer.put("elsewhere/secret")
    listed = list(bucket.list("reports/"))
    assert [item.key for item in listed] == [f"reports/{number:04d} a+b" for number in range(1005)]
    assert listed[0].size == 1
    assert listed[0].etag == "9dd4e461268c8034f5c8564e155c67a6"
    assert listed[0].last_modified.tzinfo is not None


def test_an_object_is_found_by_its_exact_key(bucket: S3Bucket, customer: Customer) -> None:
    customer.put("reports/name.longer", b"xyz")
    assert bucket.head("reports/name") is None
    assert stored(bucket, "reports/name.longer").size == 3


def test_reading(bucket: S3Bucket, customer: Customer) -> None:
    customer.put("reports/m.json", b"{}")
    found = stored(bucket, "reports/m.json")
    assert bucket.read(found, 2) == b"{}"
    with pytest.raises(PermanentError, match="2 bytes; at most 1"):
        bucket.read(found, 1)


@pytest.mark.parametrize("size", [0, 1, 3 * 1024 * 1024 + 17])
def test_fetching(bucket: S3Bucket, customer: Customer, tmp_path: Path, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    customer.put("reports/data", body)
    target = tmp_path / "data"
    target.write_bytes(b"of an earlier delivery")
    bucket.fetch(stored(bucket, "reports/data"), target)
    assert target.read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_large_object_in_parts_is_verified_by_their_etag(
    bucket: S3Bucket, customer: Customer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="staxpipe.aws.download")
    s3 = customer.session.client("s3")
    upload = s3.create_multipart_upload(Bucket=customer.bucket, Key="reports/parts")["UploadId"]
    parts = [b"ab" * (PIECE_BYTES // 2 + 1), b"c"]
    done = [
        s3.upload_part(Bucket=customer.bucket, Key="reports/parts", UploadId=upload, PartNumber=number, Body=part)
        for number, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(
        Bucket=customer.bucket,
        Key="reports/parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": n} for n, part in enumerate(done, 1)]},
    )
    found = stored(bucket, "reports/parts")
    assert "-" in found.etag
    bucket.fetch(found, tmp_path / "parts")
    assert (tmp_path / "parts").read_bytes() == b"".join(parts)
    assert caplog.messages == []  # it says there if S3 does not tell the size of a part, or if the ETag differs


def test_an_object_that_changed_since_it_was_listed_is_not_mixed_up(
    bucket: S3Bucket, customer: Customer, tmp_path: Path
) -> None:
    customer.put("reports/data", b"one")
    before = stored(bucket, "reports/data")
    customer.put("reports/data", b"two")
    with pytest.raises(TransientError, match="changed after it was listed"):
        bucket.fetch(before, tmp_path / "data")
    with pytest.raises(TransientError, match=r"reports/data .*changed"):
        bucket.read(before, 100)
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_gone_says_so(bucket: S3Bucket, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"reports/absent .*is not there"):
        bucket.fetch(ABSENT, tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_outside_the_prefix_it_is_refused_in_words(bucket: S3Bucket, customer: Customer, tmp_path: Path) -> None:
    customer.put("elsewhere/secret")
    for attempt in (
        lambda: list(bucket.list("elsewhere/")),
        lambda: bucket.head("elsewhere/secret"),
        lambda: bucket.fetch(replace(ABSENT, key="elsewhere/secret"), tmp_path / "x"),
    ):
        with pytest.raises(AccessError, match="refuses access") as refused:
            attempt()
        assert customer.bucket in str(refused.value)
        assert customer.account_id in str(refused.value)


def test_the_session_is_narrower_than_a_role_that_allows_everything(
    operator_session: boto3.Session, customer: Customer
) -> None:
    customer.put("reports/a")
    customer.put("elsewhere/secret")
    customer.deploy(BucketPrefix="")
    bucket = link_bucket(operator_session, customer)
    assert [item.key for item in bucket.list("reports/")] == ["reports/a"]
    with pytest.raises(AccessError, match="refuses access"):
        list(bucket.list(""))


def test_an_empty_prefix_reads_the_whole_bucket(operator_session: boto3.Session, customer: Customer) -> None:
    customer.put("a")
    customer.put("reports/b")
    customer.deploy(BucketPrefix="")
    bucket = link_bucket(operator_session, replace(customer, prefix=""))
    assert [item.key for item in bucket.list("")] == ["a", "reports/b"]
    assert bucket.read(stored(bucket, "a"), 10) == b"x"


def test_a_bucket_that_is_not_there_says_so(operator_session: boto3.Session, customer: Customer) -> None:
    customer.deploy(BucketName="no-such-bucket-anywhere")
    bucket = link_bucket(operator_session, replace(customer, bucket="no-such-bucket-anywhere"))
    with pytest.raises(AccessError, match=r"no such bucket.*no-such-bucket-anywhere"):
        list(bucket.list("reports/"))


def test_a_role_that_was_deleted_says_so(operator_session: boto3.Session, customer: Customer) -> None:
    bucket = link_bucket(operator_session, customer)  # never deployed: as after the stack's deletion
    with pytest.raises(AccessError, match="can no longer be assumed"):
        list(bucket.list("reports/"))
