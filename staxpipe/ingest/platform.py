"""What every ingest step needs, opened once: settings, database, lake, landing store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from staxpipe.ingest.landing_store import LandingStore, open_landing
from staxpipe.lake.table import Lake
from staxpipe.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Platform:
    """Our own side of the way: nothing here belongs to a customer's account."""

    settings: Settings
    engine: Engine
    lake: Lake
    landing: LandingStore

    @classmethod
    def open(cls, settings: Settings, engine: Engine, s3: S3Client | None = None) -> Platform:
        """Open lake and landing store; `s3` is the client for our own buckets, where they are in S3."""
        return cls(settings, engine, Lake.open(settings, engine), open_landing(settings.landing, s3))
