"""A transfer under faults: what arrives is the object, whole, or nothing does."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from staxpipe.aws.bucket import FETCH_ATTEMPTS, S3Bucket
from staxpipe.aws.sessions import client_config
from staxpipe.errors import AccessError, OwnCredentialsError, PermanentError, StaxpipeError, TransientError
from staxpipe_tests.aws.faulty_s3 import Fault, FaultyS3
from staxpipe_tests.aws.transfers import fetched, noting

MEBI = 1024 * 1024
BODY = random.Random(1).randbytes(3 * MEBI + 12_345)
CUT = MEBI + 500  # in the middle of a chunk


@pytest.fixture
def body() -> bytes:
    return BODY


def test_without_faults_it_asks_once(bucket: S3Bucket, s3: FaultyS3, pauses: list[float], tmp_path: Path) -> None:
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges == [None]
    assert pauses == []


@pytest.mark.parametrize(
    "fault",
    [Fault(cut=CUT), Fault(cut=CUT, hang=True)],
    ids=["cut", "hang"],
)
def test_a_body_that_ends_early_goes_on_where_it_ended(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, fault: Fault
) -> None:
    s3.faults = deque([fault, replace(fault, cut=700_000)])
    assert fetched(bucket, s3, tmp_path) == BODY
    offsets = [int(asked.removeprefix("bytes=").split("-")[0]) for asked in s3.ranges if asked]
    assert len(s3.ranges) == 3
    assert offsets == sorted(offsets)
    assert 0 < offsets[-1] <= CUT + 700_000


def test_a_connection_that_is_reset_is_taken_up_again(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(cut=CUT, reset=True)] * 3)  # how much of it arrives is the network's choice
    assert fetched(bucket, s3, tmp_path) == BODY
    assert len(s3.ranges) == 4


def test_a_body_cut_before_its_first_byte(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(cut=0)])
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges == [None, None]


@pytest.mark.parametrize(
    "fault",
    [Fault(503, "SlowDown"), Fault(500, "InternalError"), Fault(429, "TooManyRequests"), Fault(400, "RequestTimeout")],
    ids=lambda fault: fault.code,
)
def test_passing_refusals_are_waited_out_longer_and_longer(
    bucket: S3Bucket, s3: FaultyS3, pauses: list[float], tmp_path: Path, fault: Fault
) -> None:
    s3.faults = deque([fault] * 3)
    assert fetched(bucket, s3, tmp_path) == BODY
    assert len(pauses) == 3
    assert pauses[2] > pauses[0] > 0


def test_a_range_that_is_ignored_does_not_spoil_the_file(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(cut=CUT), Fault(whole=True)])
    assert fetched(bucket, s3, tmp_path) == BODY


def test_a_flipped_bit_is_seen_and_read_again(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(flip=True)])
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges == [None, None]


def test_a_bit_flipped_before_a_cut_is_seen_at_the_end(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(flip=True, cut=CUT)])
    assert fetched(bucket, s3, tmp_path) == BODY
    assert len(s3.ranges) == 3


def test_under_kms_the_etag_is_not_taken_for_an_md5(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.etag = "0" * 32
    s3.faults = deque([Fault(header=("x-amz-server-side-encryption", "aws:kms"))])
    assert fetched(bucket, s3, tmp_path) == BODY


def test_a_wrong_md5_again_and_again_leaves_nothing(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.etag = "0" * 32
    with pytest.raises(TransientError, match="MD5"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_were_listed_are_not_taken(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="were listed"):
        bucket.fetch(replace(s3.stored, size=100), tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_it_gives_up_after_a_while_and_leaves_what_was_there(
    bucket: S3Bucket, s3: FaultyS3, pauses: list[float], tmp_path: Path
) -> None:
    s3.always = Fault(503, "SlowDown")
    target = tmp_path / "data"
    target.write_bytes(b"earlier")
    with pytest.raises(TransientError, match=rf"{FETCH_ATTEMPTS} attempts.*SlowDown"):
        bucket.fetch(s3.stored, target)
    assert len(s3.ranges) == FETCH_ATTEMPTS
    assert sum(pauses) < 60
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"data": b"earlier"}


def test_a_change_between_two_ranges_is_not_mixed(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.faults = deque([Fault(cut=CUT), Fault(412, "PreconditionFailed")])
    with pytest.raises(TransientError, match="changed after it was listed"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert len(s3.ranges) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(403, "AccessDenied"), AccessError, "refuses access"),
        (Fault(404, "NoSuchKey"), PermanentError, "is not there"),
        (Fault(404, "NoSuchBucket"), AccessError, "no such bucket"),
        (Fault(403, "InvalidObjectState"), PermanentError, "Glacier"),
        (Fault(400, "KMS.DisabledException"), AccessError, "KmsKeyArn"),
        (Fault(403, "InvalidAccessKeyId"), OwnCredentialsError, "does not accept the credentials"),
        (Fault(403, "RequestTimeTooSkewed"), OwnCredentialsError, "clock"),
    ],
    ids=lambda value: value.code if isinstance(value, Fault) else "",
)
def test_lasting_refusals_are_not_tried_again(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, fault: Fault, kind: type[StaxpipeError], words: str
) -> None:
    s3.always = fault
    with pytest.raises(kind, match=words) as refused:
        bucket.fetch(s3.stored, tmp_path / "data")
    assert "s3://bills" in str(refused.value)
    assert len(s3.ranges) <= 2  # an access that is denied is looked at once more, by listing
    assert list(tmp_path.iterdir()) == []


def test_nobody_listening_is_tried_again_and_told(
    session: boto3.Session, pauses: list[float], s3: FaultyS3, tmp_path: Path
) -> None:
    client = session.client("s3", endpoint_url="http://127.0.0.1:9", config=client_config(attempts=1))
    with pytest.raises(TransientError, match="could not be read whole"):
        S3Bucket(client, "bills", pause=noting(pauses)).fetch(s3.stored, tmp_path / "data")
    assert len(pauses) == FETCH_ATTEMPTS - 1
