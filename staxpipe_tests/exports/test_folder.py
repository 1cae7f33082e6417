import os
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError, TransientError
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.folder import FolderBucket
from staxpipe.model import StoredObject
from staxpipe_tests.exports.conftest import MORNING, ReportWriter


def _stored(bucket: FolderBucket, key: str) -> StoredObject:
    stored = bucket.head(key)
    assert stored is not None
    return stored


def test_keys_are_paths_below_the_folder_in_order(report: ReportWriter) -> None:
    for key in ("b/2.csv", "a.csv", "b/10.csv", "b-c/x.csv", ".hidden", ".git/config"):
        report.put(key, "x")
    bucket: Bucket = FolderBucket(report.folder)
    assert [stored.key for stored in bucket.list("")] == ["a.csv", "b-c/x.csv", "b/10.csv", "b/2.csv"]
    assert [stored.key for stored in bucket.list("b/")] == ["b/10.csv", "b/2.csv"]
    assert [stored.key for stored in bucket.list("b")] == ["b-c/x.csv", "b/10.csv", "b/2.csv"]
    assert [stored.key for stored in bucket.list("b/1")] == ["b/10.csv"]
    assert list(bucket.list("absent/")) == []
    assert bucket.url == f"file://{report.folder}"


def test_a_key_may_begin_with_a_slash(report: ReportWriter) -> None:
    report.put("cur/x.csv", "abc")
    bucket = FolderBucket(report.folder)
    stored = _stored(bucket, "/cur/x.csv")
    assert stored == _stored(bucket, "cur/x.csv")
    assert [item.key for item in bucket.list("/cur/")] == ["cur/x.csv"]
    assert bucket.read(stored, 10) == b"abc"


def test_an_etag_holds_until_the_file_changes(report: ReportWriter) -> None:
    report.put("x", "one")
    first = _stored(FolderBucket(report.folder), "x")
    assert _stored(FolderBucket(report.folder), "x") == first
    assert first.last_modified == MORNING
    os.utime(report.folder / "x", ns=(1, 1))
    assert _stored(FolderBucket(report.folder), "x").etag != first.etag


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "a/./x", "a//x", "", "/", "a/\0"])
def test_no_key_leads_out_of_the_folder(report: ReportWriter, key: str) -> None:
    report.put("a/x", "in")
    (report.folder.parent / "secret").write_text("out")
    bucket = FolderBucket(report.folder)
    assert bucket.head(key) is None
    with pytest.raises(PermanentError, match="leads out"):
        bucket.read(StoredObject(key, 3, "e", MORNING), 10)


def test_no_symbolic_link_leads_out_of_the_folder(report: ReportWriter, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("out")
    report.put("inside.csv", "in")
    (report.folder / "file.csv").symlink_to(outside / "secret.csv")
    (report.folder / "folder").symlink_to(outside)
    (report.folder / "loop").symlink_to(report.folder / "loop")
    (report.folder / "good.csv").symlink_to(report.folder / "inside.csv")
    bucket = FolderBucket(report.folder)
    assert [stored.key for stored in bucket.list("")] == ["good.csv", "inside.csv"]
    assert list(bucket.list("folder/")) == []
    assert bucket.head("file.csv") is None
    assert bucket.head("folder/secret.csv") is None


def test_fetching_copies_the_whole_file_or_nothing(report: ReportWriter, tmp_path: Path) -> None:
    report.put("x", "content")
    bucket = FolderBucket(report.folder)
    stored = _stored(bucket, "x")
    target = tmp_path / "landing" / "deep" / "x"
    bucket.fetch(stored, target)
    assert target.read_text() == "content"
    report.put("x", "changed")
    os.utime(report.folder / "x")
    with pytest.raises(TransientError, match="changed since it was listed"):
        bucket.fetch(stored, target)
    (report.folder / "x").unlink()
    with pytest.raises(PermanentError, match="There is no file"):
        bucket.fetch(stored, target)
    assert target.read_text() == "content"
    assert [path.name for path in target.parent.iterdir()] == ["x"]


def test_reading_is_for_small_files(report: ReportWriter) -> None:
    report.put("x", "0123456789")
    bucket = FolderBucket(report.folder)
    assert bucket.read(_stored(bucket, "x"), 10) == b"0123456789"
    with pytest.raises(PermanentError, match="10 bytes; at most 9"):
        bucket.read(_stored(bucket, "x"), 9)


def test_a_folder_that_is_not_there_or_not_a_folder(report: ReportWriter) -> None:
    with pytest.raises(PermanentError, match="no folder"):
        FolderBucket(report.folder / "absent")
    report.put("x", "x")
    with pytest.raises(PermanentError, match="is a file"):
        FolderBucket(report.folder / "x")
