from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from staxpipe.lake.orphans import remove_orphans
from staxpipe.lake.table import Lake, LakeFile
from staxpipe_tests.lake.line_item_batches import OCTOBER, costs

TOMORROW = datetime.now(UTC) + timedelta(days=2)


def written(lake: Lake, delivery: str) -> LakeFile:
    with lake.writer(1, OCTOBER, delivery) as writer:
        writer.write(costs(1, delivery=delivery))
    return writer.files[0]


def folder(file: LakeFile) -> str:
    return file.path.rsplit("/", 1)[0]


def exists(file: LakeFile) -> bool:
    return Path(file.path.removeprefix("file://")).exists()


def test_old_files_that_no_snapshot_names_are_removed(lake: Lake) -> None:
    named, orphan = written(lake, "d1"), written(lake, "d2")
    assert remove_orphans(lake.io, lake.folder_of(1, OCTOBER), {folder(named)}, TOMORROW) == 1
    assert exists(named)
    assert not exists(orphan)


def test_what_may_be_under_way_is_left_alone(lake: Lake) -> None:
    orphan = written(lake, "d1")
    assert remove_orphans(lake.io, lake.folder_of(1, OCTOBER), set()) == 0
    assert exists(orphan)


def test_a_month_that_was_never_written_has_none(lake: Lake) -> None:
    assert remove_orphans(lake.io, lake.folder_of(9, OCTOBER), set(), TOMORROW) == 0
