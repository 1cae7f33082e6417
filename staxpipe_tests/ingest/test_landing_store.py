from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from staxpipe.errors import AccessError, OwnCredentialsError, PermanentError, TransientError
from staxpipe.ingest.landing_store import FolderStore, LandingStore, Stored, open_landing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "export-1/2026-10/delivery-1/00000-report-1.csv.gz"


def hello(path: Path) -> None:
    path.write_bytes(b"hello")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LandingStore]:
    if request.param == "folder":
        yield open_landing(str(tmp_path / "landing"), None)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="ours")
        yield open_landing("s3://ours/landing", client)
        client.close()


def test_a_file_is_kept_and_read_back(store: LandingStore) -> None:
    assert not store.has(KEY, 5)
    store.put(KEY, hello)
    assert store.has(KEY, 5)
    with store.local(KEY) as path:
        assert path.read_bytes() == b"hello"


def test_a_file_of_another_size_is_not_the_file(store: LandingStore) -> None:
    store.put(KEY, hello)
    assert not store.has(KEY, 6)


def test_a_transfer_that_breaks_leaves_nothing(store: LandingStore) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"he")
        raise TransientError("the connection was cut")

    with pytest.raises(TransientError, match="cut"):
        store.put(KEY, broken)
    assert not store.has(KEY, 2)


def test_removing_a_delivery_leaves_its_neighbour(store: LandingStore) -> None:
    neighbour = KEY.replace("delivery-1", "delivery-10")
    for key in (KEY, neighbour):
        store.put(key, hello)
    store.remove("export-1/2026-10/delivery-1")
    assert not store.has(KEY, 5)
    assert store.has(neighbour, 5)


def test_what_is_stored_below_a_prefix_is_counted(store: LandingStore) -> None:
    for key in (KEY, KEY.replace("delivery-1", "delivery-2"), KEY.replace("export-1", "export-10")):
        store.put(key, hello)
    assert store.stored("export-1") == Stored(files=2, bytes=10)
    store.remove("export-1")
    assert store.stored("export-1") == Stored()
    assert store.stored("export-10") == Stored(files=1, bytes=5)


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(TransientError, match="is full"):
        FolderStore(tmp_path).put(KEY, full)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))
        yield client
        client.close()


USES: list[Callable[[LandingStore], object]] = [
    lambda store: store.has(KEY, 5),
    lambda store: store.put(KEY, hello),
    lambda store: store.local(KEY).__enter__(),
    lambda store: store.remove("export-1"),
    lambda store: store.stored("export-1"),
]


@pytest.mark.parametrize("use", USES, ids=["has", "put", "local", "remove", "stored"])
def test_a_landing_bucket_that_refuses_is_the_operators_matter(
    client: S3Client, use: Callable[[LandingStore], object]
) -> None:
    def refuse(**_: object) -> AWSResponse:
        body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        raw = SimpleNamespace(stream=lambda: iter([body]), read=lambda: body)
        return AWSResponse("https://s3", 403, HTTPHeaders(), raw)

    client.meta.events.register("before-send.s3", refuse)  # type: ignore[arg-type]
    with pytest.raises(OwnCredentialsError, match="its own landing bucket ours"):
        use(open_landing("s3://ours/landing", client))


@pytest.mark.parametrize("use", USES, ids=["has", "put", "local", "remove", "stored"])
def test_a_landing_bucket_that_does_not_answer_is_tried_again(
    client: S3Client, use: Callable[[LandingStore], object]
) -> None:
    def cut(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    client.meta.events.register("before-send.s3", cut)
    with pytest.raises(TransientError, match="landing bucket ours") as told:
        use(open_landing("s3://ours/landing", client))
    assert not isinstance(told.value, AccessError)


def test_a_landed_file_that_is_gone_is_not_there(client: S3Client) -> None:
    client.create_bucket(Bucket="ours")
    store = open_landing("s3://ours/landing", client)
    assert not store.has(KEY, 5)
    with pytest.raises(PermanentError, match="is not there"), store.local(KEY):
        pass
