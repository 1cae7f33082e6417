"""A large object, read in pieces at the same time: whatever befalls single pieces, it arrives whole or not at all."""

from __future__ import annotations

import hashlib
import os
import random
from collections import deque
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from staxpipe.aws.bucket import FETCH_ATTEMPTS, S3Bucket
from staxpipe.errors import AccessError, TransientError
from staxpipe_tests.aws.faulty_s3 import Fault, FaultyS3
from staxpipe_tests.aws.transfers import fetched

PIECE = 200_000
BODY = random.Random(2).randbytes(4 * PIECE + 777)
THIRD = 2 * PIECE
RANGES = [f"bytes={start}-{min(start + PIECE, len(BODY)) - 1}" for start in range(0, len(BODY), PIECE)]


@pytest.fixture
def body() -> bytes:
    return BODY


@pytest.fixture
def in_pieces() -> tuple[int, int]:
    return 3, PIECE


def in_parts(body: bytes, size: int) -> str:
    parts = [hashlib.md5(body[start : start + size]).digest() for start in range(0, len(body), size)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def test_every_piece_is_asked_for_once(bucket: S3Bucket, s3: FaultyS3, pauses: list[float], tmp_path: Path) -> None:
    assert fetched(bucket, s3, tmp_path) == BODY
    assert sorted(map(str, s3.ranges)) == sorted(RANGES)
    assert pauses == []


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_any_size_arrives(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, size: int) -> None:
    s3.body = BODY[:size]
    s3.etag = hashlib.md5(s3.body).hexdigest()
    assert fetched(bucket, s3, tmp_path) == s3.body
    assert len(s3.ranges) == max(1, -(-size // PIECE))


def test_a_piece_that_is_cut_goes_on_where_it_ended(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.at = {THIRD: deque([Fault(longer=-50_000)])}  # a shorter body, whole by its own header
    assert fetched(bucket, s3, tmp_path) == BODY
    assert sorted(map(str, s3.ranges)) == sorted([*RANGES, f"bytes={THIRD + 150_000}-{THIRD + PIECE - 1}"])


def test_a_connection_that_breaks_within_a_piece_costs_that_piece_at_most(
    bucket: S3Bucket, s3: FaultyS3, pauses: list[float], tmp_path: Path
) -> None:
    s3.at = {THIRD: deque([Fault(cut=1000), Fault(cut=0), Fault(cut=5000, reset=True)])}
    assert fetched(bucket, s3, tmp_path) == BODY
    assert len(pauses) >= 1
    again = [asked for asked in s3.ranges if asked not in RANGES]
    assert all(str(asked).endswith(f"-{THIRD + PIECE - 1}") for asked in again)
    assert [s3.ranges.count(asked) for asked in RANGES if str(THIRD) not in asked.split("-")[0]] == [1, 1, 1, 1]


@pytest.mark.parametrize("fault", [Fault(longer=1), Fault(shifted=5), Fault(503, "SlowDown")])
def test_a_piece_that_is_not_what_was_asked_for_is_read_again(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, fault: Fault
) -> None:
    s3.at = {PIECE: deque([fault, fault])}
    assert fetched(bucket, s3, tmp_path) == BODY


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(longer=1), "200,001 bytes arrived and 200,000 were asked for"),
        (Fault(shifted=5), "asked for the bytes from 400,000 and sent bytes 400005-"),
        (Fault(503, "SlowDown"), "SlowDown"),
        (Fault(cut=0), "could not be read whole"),
    ],
)
def test_a_piece_that_never_comes_is_given_up_with_the_whole(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, fault: Fault, words: str
) -> None:
    s3.at = {THIRD: deque([fault] * FETCH_ATTEMPTS)}
    with pytest.raises(TransientError, match=words):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert s3.ranges.count(RANGES[2]) == FETCH_ATTEMPTS
    assert list(tmp_path.iterdir()) == []


def test_an_object_of_another_size_than_the_listed_one_is_not_taken(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path
) -> None:
    with pytest.raises(TransientError, match=rf"{len(BODY):,} bytes and {len(BODY) - 5:,} were listed"):
        bucket.fetch(replace(s3.stored, size=len(BODY) - 5), tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_knows_no_ranges_is_read_in_one_piece(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.always = Fault(whole=True)
    s3.faults = deque([Fault(whole=True)] * 5 + [Fault(whole=True, cut=3 * PIECE)])
    assert fetched(bucket, s3, tmp_path) == BODY
    assert None in s3.ranges


def test_an_object_that_is_replaced_between_two_pieces_is_not_mixed(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path
) -> None:
    s3.at = {THIRD: deque([Fault(412, "PreconditionFailed")])}
    with pytest.raises(TransientError, match="changed after it was listed"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", [0, THIRD, 4 * PIECE])
def test_a_refusal_of_one_piece_ends_the_others(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, first: int) -> None:
    s3.at = {first: deque([Fault(403, "AccessDenied")])}
    with pytest.raises(AccessError, match="refuses access"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
    assert fetched(bucket, s3, tmp_path) == BODY  # the same bucket serves on


def test_a_failure_ends_the_pause_of_another_piece(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = Event()
    pauses: list[bool] = []

    def pause(stop: Event, _seconds: float) -> bool:
        pausing.set()
        pauses.append(stop.wait(30))
        return pauses[-1]

    def full(file: int, chunk: memoryview, offset: int) -> int:
        if offset == 0:
            pausing.wait(30)
            raise OSError(28, "No space left on device")
        return pwrite(file, chunk, offset)

    pwrite = os.pwrite
    monkeypatch.setattr(bucket, "_pause", pause)
    monkeypatch.setattr("os.pwrite", full)
    s3.at = {THIRD: deque([Fault(503, "SlowDown")])}
    with pytest.raises(OSError, match="No space left"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert pauses == [True]
    assert s3.ranges.count(RANGES[2]) == 1


def test_a_bit_flipped_in_one_piece_is_seen(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path) -> None:
    s3.at = {THIRD: deque([Fault(flip=True)])}
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges.count(RANGES[2]) == 2


@pytest.mark.parametrize("part", [PIECE, PIECE + 1, 70_001, len(BODY)])
def test_a_bit_flipped_in_an_object_of_parts_is_seen(bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, part: int) -> None:
    s3.etag, s3.part_bytes = in_parts(BODY, part), part
    s3.at = {THIRD: deque([Fault(flip=True)])}
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges.count(RANGES[2]) == 2


def test_parts_of_unequal_sizes_are_read_twice_and_believed(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    s3.etag, s3.part_bytes = f"{'0' * 32}-5", PIECE
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges.count(RANGES[2]) == 2
    assert "not made of equal parts" in caplog.text


@pytest.mark.parametrize("part", [0, PIECE, 2 * PIECE], ids=["unknown", "of another number", "too large"])
def test_where_the_parts_are_unknown_their_etag_proves_nothing(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, part: int
) -> None:
    s3.etag, s3.part_bytes = f"{'0' * 32}-7", part
    assert fetched(bucket, s3, tmp_path) == BODY
    assert s3.ranges.count(RANGES[2]) == 1


def test_a_disk_that_is_full_ends_it(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        bucket.fetch(s3.stored, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_little_at_a_time_gets_all(
    bucket: S3Bucket, s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr("os.pwrite", lambda file, chunk, offset: pwrite(file, chunk[:50_000], offset))
    assert fetched(bucket, s3, tmp_path) == BODY
