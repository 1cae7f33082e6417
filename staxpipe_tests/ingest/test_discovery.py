"""What a look into a bucket leaves behind when the bucket is corrected meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from staxpipe.db import links
from staxpipe.db.tables import deliveries, findings
from staxpipe.exports.folder import FolderBucket
from staxpipe.ingest.discovery import Discovered, discover_link
from staxpipe.model import StoredObject
from staxpipe.settings import read_settings
from staxpipe_tests.ingest.test_sweep import make_link

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SETTINGS = read_settings({})


class CorrectedMeanwhile(FolderBucket):
    """A bucket; while it is listed, somebody says that another one was meant."""

    def __init__(self, folder: Path, engine: Engine, link_id: str) -> None:
        super().__init__(folder)
        self.engine = engine
        self.link_id = link_id

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with self.engine.begin() as connection:
            assert links.correct(connection, self.link_id, "meant", "", "eu-west-1", "ada@example.com", NOW)
        return super().list(prefix)


def test_what_was_found_in_a_bucket_that_was_not_meant_is_forgotten(engine: Engine, tmp_path: Path) -> None:
    link = make_link(engine, "222222222222")
    (tmp_path / "something.txt").write_text("no report")
    bucket = CorrectedMeanwhile(tmp_path, engine, link.id)
    assert discover_link(engine, SETTINGS, link, bucket, NOW) == Discovered(0, 0)
    with engine.connect() as connection:
        now = links.get(connection, link.id)
        assert (now.bucket, now.problem, now.discovered_at) == ("meant", None, None)
        assert connection.execute(select(findings)).all() == []
        assert connection.execute(select(deliveries)).all() == []
    # The same look into the bucket that the link names now does leave its finding.
    discover_link(engine, SETTINGS, now, FolderBucket(tmp_path), NOW)
    with engine.connect() as connection:
        assert links.get(connection, link.id).problem is not None
