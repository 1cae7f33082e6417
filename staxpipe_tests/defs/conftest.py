"""Dagster in this process, on a real Postgres and lake; a customer's bucket is a folder.

Only the bucket stands in: assuming a role is tried for real in `staxpipe_tests.linking` and end to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult, materialize
from sqlalchemy import Engine

from staxpipe.db.links import Link
from staxpipe.defs.assets import delivery, landing, line_items, marts
from staxpipe.defs.partitions import ACCOUNTS, partition_key
from staxpipe.defs.resources import StaxpipeResource
from staxpipe.doctor.facts import Facts, Subject
from staxpipe.doctor.gather import look_into
from staxpipe.exports.folder import FolderBucket
from staxpipe.model import BillingPeriod
from staxpipe_tests.generated import bucket_folder, deliver_month
from staxpipe_tests.ledger import ACCOUNT, add_link

__all__ = ["bucket_folder", "deliver_month"]


class FolderStaxpipe(StaxpipeResource):
    """The product's resource, with folders in place of customers' buckets."""

    folder: str

    def bucket(self, link: Link) -> FolderBucket:
        """The folder, whoever asks."""
        del link
        return FolderBucket(Path(self.folder))

    def look(self, subject: Subject) -> Facts:
        """What the folder holds."""
        return Facts(look_into(FolderBucket(Path(self.folder)), subject.prefix))


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """A Dagster instance that lives for one test, with the account linked."""
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(ACCOUNTS.name or "", [ACCOUNT])
        yield instance


@pytest.fixture
def staxpipe(
    engine: Engine, database_url: str, bucket_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FolderStaxpipe:
    """The resource, for a linked account whose prefix is the one that the generator delivers to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAXPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAXPIPE_DATABASE_URL", database_url)
    monkeypatch.setenv("STAXPIPE_DISCOVERY_MINUTES", "0")
    with engine.begin() as connection:
        add_link(connection, prefix="billing")
    return FolderStaxpipe(folder=str(bucket_folder))


Run = Callable[..., ExecuteInProcessResult]


@pytest.fixture
def run(instance: DagsterInstance, staxpipe: FolderStaxpipe) -> Run:
    """Materialise the whole pipeline for a month, as a run from a sensor or the UI does."""

    def materialise(period: BillingPeriod, tags: dict[str, str] | None = None) -> ExecuteInProcessResult:
        return materialize(
            [delivery, landing, line_items, marts],
            instance=instance,
            partition_key=partition_key(ACCOUNT, period),
            resources={"staxpipe": staxpipe},
            tags=tags,
            raise_on_error=False,
        )

    return materialise
