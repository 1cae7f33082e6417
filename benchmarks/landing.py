"""How fast a delivery lands from a real S3 server, and what that costs: CPU seconds a gigabyte, peak memory.

    python -m benchmarks.landing                    # the month of five million rows, and one object of 2 GB
    python -m benchmarks.landing --json FILE        # the same, and its rows for docs/performance.md

In turn, each a whole process that writes verified files to the disk: staxpipe's landing; the way that it had before,
one file after the other, each in one stream; boto3's `download_file`, one file after the other, which verifies nothing
of an object that it reads in ranges. The server runs on the same cores: it is part of every wall time, and its CPU time
is told apart. There is no TLS. Loopback has no distance either, so the month is read once more from a server that is
made to seem far away (`benchmarks.distance`); the server's CPU time is then the proxy's too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from benchmarks.arguments import parser_of
from benchmarks.distance import far
from benchmarks.inputs import WORK, generated
from benchmarks.measuring import Median, Run, in_turn, run
from benchmarks.seaweed import ACCESS_KEY, REGION, SECRET_KEY, SeaweedFS, find_program, seaweedfs
from staxpipe.aws.bucket import CONNECTIONS, S3Bucket
from staxpipe.aws.sessions import client_config
from staxpipe.db.deliveries import LedgerEntry
from staxpipe.ingest.landing import copy_files
from staxpipe.ingest.landing_store import FolderStore
from staxpipe.model import BillingPeriod, Delivery, DeliveryState, Export, ExportKind, FileFormat, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "bills"
MONTH = "month/"
LARGE = "large/"
LARGE_BLOCK = 64 * 1024 * 1024
LARGE_BLOCKS = 32
MEGA = 1_000_000
FAR_BYTES_A_SECOND = 15 * MEGA
FAR_SECONDS = 0.03
"""Less than a connection to Amazon S3 gives, so that two busy cores are never what limits it."""
_CHUNK = 1024 * 1024


def upload(client: S3Client, folder: Path) -> None:
    """Put the files of a month, each at once, and one large object, in parts."""
    client.create_bucket(Bucket=BUCKET)
    for path in sorted(folder.rglob("*.csv.gz")):
        with path.open("rb") as body:
            client.put_object(Bucket=BUCKET, Key=MONTH + path.name, Body=body)
    block = random.Random(4).randbytes(LARGE_BLOCK)  # noqa: S311 - the same in every run
    key = f"{LARGE}2GB"
    upload_id = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    parts = [
        client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=block)["ETag"]
        for number in range(1, LARGE_BLOCKS + 1)
    ]
    client.complete_multipart_upload(
        Bucket=BUCKET,
        Key=key,
        UploadId=upload_id,
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]},
    )


def landing(client: S3Client, prefix: str, target: Path) -> None:
    """As staxpipe lands a delivery."""
    bucket = S3Bucket(client, BUCKET)
    delivery = Delivery(
        export=Export("s3://bills/month", "month", ExportKind.LEGACY_CUR),
        period=BillingPeriod(2026, 9),
        delivery_id="bench",
        delivered_at=datetime(2026, 10, 5, tzinfo=UTC),
        files=tuple(bucket.list(prefix)),
        format=FileFormat.CSV_GZIP,
        manifest=None,
        columns=(),
    )
    entry = LedgerEntry(1, 1, None, None, DeliveryState.DISCOVERED, 0, None, delivery)
    copy_files(FolderStore(target), bucket, entry)


def one_stream(client: S3Client, prefix: str, target: Path) -> None:
    """As staxpipe did before: file by file in one request, hashed while it arrives, put on the disk."""
    for stored in S3Bucket(client, BUCKET).list(prefix):
        digest = hashlib.md5(usedforsecurity=False)
        body = client.get_object(Bucket=BUCKET, Key=stored.key, IfMatch=f'"{stored.etag}"')["Body"]
        with (target / _name(stored)).open("wb") as file:
            while chunk := body.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
            file.flush()
            os.fsync(file.fileno())
        if "-" not in stored.etag and digest.hexdigest() != stored.etag:
            sys.exit(f"{stored.key} is damaged")


def managed(client: S3Client, prefix: str, target: Path) -> None:
    """As boto3's own managed transfer does by default, with ten threads."""
    for stored in S3Bucket(client, BUCKET).list(prefix):
        path = target / _name(stored)
        client.download_file(BUCKET, stored.key, str(path))
        with path.open("rb") as file:
            os.fsync(file.fileno())


WAYS: dict[str, tuple[str, Callable[[S3Client, str, Path], None]]] = {
    "landing": ("staxpipe landing", landing),
    "one-stream": ("one file after the other, one stream", one_stream),
    "managed": ("boto3 `download_file`, file by file", managed),
}


def main() -> None:
    """Measure and print; or, in a process of its own, do one of the ways."""
    parser = parser_of(__doc__, runs=True, tables=True)
    parser.add_argument("--input", type=Path, help="a folder with a month's csv.gz (default: that of 5M)")
    parser.add_argument("--only", nargs="+", choices=["month", "2 GB", "far month"], help="some of the rows")
    parser.add_argument("--weed", type=Path, help="SeaweedFS's program; default: that of the benchmarks' environment")
    parser.add_argument("--do", nargs=3, metavar=("WAY", "PREFIX", "URL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.input = asked.input or generated("5M").folder
    if asked.do:
        way, prefix, where = asked.do
        return _do(way, prefix, where, asked.input)
    rows = []
    with seaweedfs(asked.weed or find_program(WORK), WORK) as server:
        run(_command("upload", "-", server, asked.input))
        with far(server.url, FAR_BYTES_A_SECOND, FAR_SECONDS) as url:
            places = {"month": (MONTH, server), "2 GB": (LARGE, server), "far month": (MONTH, replace(server, url=url))}
            for what in asked.only or places:
                prefix, place = places[what]
                ways = {way: partial(_measured, way, prefix, place, asked.input) for way in WAYS}
                rows += [
                    _row(what, WAYS[way][0], median)
                    for way, median in in_turn(ways, asked.runs).items()
                    if isinstance(median, Median)
                ]
    print(f"{'what':<9} {'way':<40} {'MB/s':>7} {'CPU s/GB':>9} {'server s/GB':>12} {'peak MiB':>9}")
    for row in rows:
        print(
            f"{row['what']:<9} {row['way']:<40} {row['mb_per_s']:>7.0f} {row['cpu_s_per_gb']:>9.2f} "
            f"{row['server_cpu_s_per_gb']:>12.2f} {row['peak_mib']:>9.0f}"
        )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _measured(way: str, prefix: str, server: SeaweedFS, folder: Path) -> Run:
    return run(_command(way, prefix, server, folder))


def _command(way: str, prefix: str, server: SeaweedFS, folder: Path) -> list[str | Path]:
    module: list[str | Path] = [sys.executable, "-m", "benchmarks.landing", "--input", folder.resolve()]
    return [*module, "--do", way, prefix, f"{server.url}#{server.pid}"]


def _row(what: str, way: str, median: Median) -> dict[str, str | float]:
    said = median.said
    gigabytes = said["bytes"] / 1000 / MEGA
    return {
        "what": what,
        "way": way,
        "gb": gigabytes,
        "seconds": said["seconds"],
        "mb_per_s": said["bytes"] / MEGA / said["seconds"],
        "cpu_s_per_gb": said["cpu_seconds"] / gigabytes,
        "server_cpu_s_per_gb": said["server_cpu_seconds"] / gigabytes,
        "peak_mib": median.peak_mib,
        "mib_above_start": said["mib_above_start"],
    }


def _do(way: str, prefix: str, where: str, folder: Path) -> None:
    """One of the ways, in this process; its last line says what it took, start of Python and imports apart."""
    url, _, pid = where.partition("#")
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
    client = session.client("s3", endpoint_url=url, config=client_config(CONNECTIONS + 2))
    if way == "upload":
        return upload(client, folder)
    client.head_bucket(Bucket=BUCKET)  # boto3 reads its service models at the first call
    server = SeaweedFS(url, int(pid))
    with tempfile.TemporaryDirectory(prefix="landing-", dir=WORK) as name:
        before, peak, served, begun = os.times(), _peak_mib(), server.cpu_seconds(), time.monotonic()
        WAYS[way][1](client, prefix, Path(name))
        seconds, after = time.monotonic() - begun, os.times()
        arrived = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
        took = {
            "bytes": arrived,
            "seconds": seconds,
            "cpu_seconds": after.user + after.system - before.user - before.system,
            "server_cpu_seconds": server.cpu_seconds() - served,
            "mib_above_start": _peak_mib() - peak,
        }
        shutil.rmtree(name, ignore_errors=True)
        Path(name).mkdir()
    print(json.dumps(took))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _name(stored: StoredObject) -> str:
    return stored.key.rpartition("/")[2]


if __name__ == "__main__":
    main()
