"""What tests of transfers share: a bucket whose server misbehaves as it is told, and what arrives from it.

A module says with the fixture `body` what the object is, and with `in_pieces` how it is read, where that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import boto3
import pytest

from staxpipe.aws.bucket import CONNECTIONS, S3Bucket
from staxpipe.aws.download import PIECE_BYTES
from staxpipe.aws.sessions import client_config
from staxpipe_tests.aws.faulty_s3 import FaultyS3, serving

__all__ = ["bucket", "in_pieces", "pauses", "s3", "session"]


@pytest.fixture
def s3(body: bytes) -> Iterator[FaultyS3]:
    with serving(FaultyS3(body)) as faulty:
        yield faulty


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session("AKIDEXAMPLE", "secret", region_name="us-east-1")


@pytest.fixture
def in_pieces() -> tuple[int, int]:
    """How many connections there are, and how many bytes a piece has."""
    return CONNECTIONS, PIECE_BYTES


@pytest.fixture
def bucket(session: boto3.Session, s3: FaultyS3, pauses: list[float], in_pieces: tuple[int, int]) -> Iterator[S3Bucket]:
    # One attempt in botocore: what is tried again here is tried again by us.
    client = session.client("s3", endpoint_url=s3.url, config=client_config(read_timeout=0.5, attempts=1))
    connections, piece_bytes = in_pieces
    yield S3Bucket(client, "bills", connections=connections, piece_bytes=piece_bytes, pause=noting(pauses))
    client.close()


def noting(pauses: list[float]) -> Callable[[Event, float], bool]:
    """How a bucket pauses that takes no time over it."""

    def pause(stop: Event, seconds: float) -> bool:
        pauses.append(seconds)
        return stop.is_set()

    return pause


def fetched(bucket: S3Bucket, s3: FaultyS3, folder: Path) -> bytes:
    """What arrives in an empty folder, where there is nothing else afterwards."""
    bucket.fetch(s3.stored, folder / "data")
    assert [path.name for path in folder.iterdir()] == ["data"]
    return (folder / "data").read_bytes()
