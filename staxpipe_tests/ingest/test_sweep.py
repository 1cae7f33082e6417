"""Looking into linked buckets: who is to blame for a failure, and whose turn it is next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from staxpipe.db import link_requests, links
from staxpipe.db.links import Link
from staxpipe.db.tables import links as table
from staxpipe.db.tables import outbox
from staxpipe.errors import AccessError, OwnCredentialsError, PermanentError, TransientError
from staxpipe.exports.folder import FolderBucket
from staxpipe.ingest import sweep
from staxpipe.ingest.sweep import TAKEN, look_into_buckets
from staxpipe.model import StoredObject
from staxpipe.settings import read_settings
from staxpipe_tests.small_reports import deliver

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SETTINGS = read_settings({"operator_email": "ops@example.com"})


@pytest.fixture
def link(engine: Engine) -> Link:
    return make_link(engine, "222222222222")


def make_link(engine: Engine, account: str) -> Link:
    with engine.begin() as connection:
        request = link_requests.create(connection, "ada@example.com", NOW, timedelta(days=14))
        link = links.create(
            connection,
            request_id=request.id,
            account_id=account,
            role_arn=f"arn:aws:iam::{account}:role/r",
            external_id=request.external_id,
            bucket="bills",
            prefix="",
            region="eu-west-1",
            contact="ada@example.com",
            now=NOW,
        )
        links.look_again_at(connection, link.id, NOW)
        return link


class Failing(FolderBucket):
    """A bucket that cannot be listed."""

    def __init__(self, folder: Path, error: Exception) -> None:
        super().__init__(folder)
        self.error = error

    def list(self, prefix: str) -> Iterator[StoredObject]:  # noqa: ARG002
        raise self.error


def failing(folder: Path, error: Exception) -> Callable[[Link], FolderBucket]:
    return lambda _: Failing(folder, error)


def mails(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(outbox.c.kind)).scalars())


def next_looks(engine: Engine) -> dict[str, datetime]:
    with engine.connect() as connection:
        return {row.account_id: row.next_look_at for row in connection.execute(select(table))}


@pytest.mark.parametrize("error", [AccessError("AWS refuses access."), PermanentError("That is no bucket's name.")])
def test_a_refused_bucket_is_told_to_the_customer(engine: Engine, link: Link, tmp_path: Path, error: Exception) -> None:
    looks = look_into_buckets(engine, SETTINGS, failing(tmp_path, error), NOW, 10)
    assert (looks.refused, looks.refused_links) == ([f"222222222222: {error}"], [link.id])
    assert mails(engine) == ["bucket_problem"]


@pytest.mark.parametrize("error", [OwnCredentialsError("staxpipe has no credentials."), TransientError("throttled")])
def test_what_is_not_the_customers_is_not_told_to_them(
    engine: Engine, link: Link, tmp_path: Path, error: Exception
) -> None:
    looks = look_into_buckets(engine, SETTINGS, failing(tmp_path, error), NOW, 10)
    assert (looks.refused, looks.unknown) == ([], [f"222222222222: {error}"])
    assert mails(engine) == []
    with engine.connect() as connection:
        assert links.get(connection, link.id).problem is None


def test_a_link_that_is_being_looked_into_is_not_looked_into_by_another(
    engine: Engine, link: Link, tmp_path: Path
) -> None:
    meanwhile: list[int] = []

    def bucket(_: Link) -> FolderBucket:
        meanwhile.append(look_into_buckets(engine, SETTINGS, lambda _: FolderBucket(tmp_path), NOW, 10).looked)
        return FolderBucket(tmp_path)

    assert look_into_buckets(engine, SETTINGS, bucket, NOW, 10).looked == 1
    assert meanwhile == [0]
    assert next_looks(engine) == {link.account_id: NOW + timedelta(minutes=SETTINGS.discovery_minutes)}


def test_one_that_hangs_is_not_first_again_and_those_not_begun_are(
    engine: Engine, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "WORKERS", 1)
    other = make_link(engine, "333333333333")
    with engine.begin() as connection:
        links.look_again_at(connection, link.id, NOW - timedelta(minutes=2))
        links.look_again_at(connection, other.id, NOW - timedelta(minutes=1))
    release = threading.Event()
    asked: list[str] = []

    def bucket(link: Link) -> FolderBucket:
        asked.append(link.account_id)
        release.wait(10)
        raise TransientError("late")

    looks = look_into_buckets(engine, SETTINGS, bucket, NOW, 0.2)
    waits = next_looks(engine)
    release.set()
    assert asked == [link.account_id]
    assert len(looks.unknown) == 1
    assert waits == {link.account_id: NOW + TAKEN, other.account_id: NOW - timedelta(minutes=1)}


def test_links_with_something_new_are_named(engine: Engine, link: Link, tmp_path: Path) -> None:
    deliver(tmp_path, [[{"lineItem/UnblendedCost": "1"}]], "assembly-1")
    named = []
    for minutes in (0, 20):
        looks = look_into_buckets(
            engine, SETTINGS, lambda _: FolderBucket(tmp_path), NOW + timedelta(minutes=minutes), 10
        )
        assert looks.looked == 1
        named.append([found.id for found in looks.new_links])
    assert named == [[link.id], []]


def test_links_whose_bucket_holds_nothing_are_named(engine: Engine, link: Link, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no report")
    assert look_into_buckets(engine, SETTINGS, lambda _: FolderBucket(tmp_path), NOW, 10).empty_links == [link]
    deliver(tmp_path, [[{"lineItem/UnblendedCost": "1"}]], "assembly-1")
    later = NOW + timedelta(minutes=20)
    assert look_into_buckets(engine, SETTINGS, lambda _: FolderBucket(tmp_path), later, 10).empty_links == []


class CorrectedMeanwhile(Failing):
    """A bucket that is refused, while somebody says that another one was meant."""

    def __init__(self, folder: Path, engine: Engine, link: Link) -> None:
        super().__init__(folder, AccessError("AWS refuses access."))
        self.engine = engine
        self.link = link

    def list(self, prefix: str) -> Iterator[StoredObject]:
        with self.engine.begin() as connection:
            assert links.correct(connection, self.link.id, "meant", "", "eu-west-1", "ada@example.com", NOW)
        return super().list(prefix)


def test_the_bucket_that_was_meant_is_due_at_once_and_not_blamed_for_another(
    engine: Engine, link: Link, tmp_path: Path
) -> None:
    look_into_buckets(engine, SETTINGS, lambda link: CorrectedMeanwhile(tmp_path, engine, link), NOW, 10)
    with engine.connect() as connection:
        assert links.get(connection, link.id).problem is None
    assert mails(engine) == []
    assert next_looks(engine) == {link.account_id: NOW}
