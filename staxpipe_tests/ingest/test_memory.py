"""One setting caps the memory of a load."""

from __future__ import annotations

import gzip
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staxpipe.errors import PermanentError
from staxpipe.ingest.memory import (
    ARROW,
    LARGEST_BATCH,
    PARQUET,
    SCANNER,
    SMALLEST_BATCH,
    Budget,
    Cost,
    budget,
    cost_of,
    least_mb,
    usable_cores,
)
from staxpipe.model import FileFormat
from staxpipe_tests.focus.batches import row
from staxpipe_tests.small_reports import csv_of

pytestmark = pytest.mark.long

READS = """
    import sys
    from contextlib import nullcontext
    from pathlib import Path
    from types import SimpleNamespace
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from staxpipe.focus.mapping import MappingContext
    from staxpipe.ingest.memory import budget_for
    from staxpipe.ingest.reading_delivery import read_delivery
    from staxpipe.lake.rollups import RollupWriter
    from staxpipe.lake.writer import LakeWriter
    from staxpipe.model import FileFormat
    from staxpipe.warehouse.rollup import ROLLUP_SCHEMA

    folder = Path(sys.argv[1])
    files = [SimpleNamespace(key=path.name, path=path) for path in sorted(folder.glob("*.csv.gz"))]
    named = {"export": SimpleNamespace(source="s3://bills/daily"), "period": "2026-10", "shared_files": False}
    delivery = SimpleNamespace(files=files, format=FileFormat.CSV_GZIP, **named)
    allowed = budget_for(delivery.format, int(sys.argv[2]))
    place = PyArrowFileIO(), f"file://{folder}/lake"
    with LakeWriter(*place, allowed.batch_rows) as writer, RollupWriter(*place, ROLLUP_SCHEMA) as kept:
        read_delivery(
            delivery, MappingContext("1", "d1"), writer.write, kept.write, lambda _, file: nullcontext(file.path),
            lambda *_: None, allowed,
        )
    assert sum(file.rows for file in writer.files) == int(sys.argv[3])
    # Not ru_maxrss: that begins with the peak of the process that started this one.
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    print(int(peak.split()[1]) >> 10)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak")
@pytest.mark.parametrize(("tags", "rows"), [(1, LARGEST_BATCH), (500, LARGEST_BATCH // 10)])
def test_peak_memory_stays_below_the_setting(tmp_path: Path, tags: int, rows: int) -> None:
    """Batches as large as they may be, were the setting, the groups or the tags ignored, take more than this."""
    tagged = {f"resource_tags_user_{number}": "tag-0000000" if number == 0 else "x" for number in range(tags)}
    one = row(line_item_resource_id="i-0000000", line_item_usage_type="type-0000000", **tagged)
    header, line = csv_of([one]).splitlines()
    lines = [line.replace(b"0000000", b"%07d" % number) for number in range(rows)]
    for name in ("1.csv.gz", "2.csv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"\n".join([header, *lines]), 1))
    setting = least_mb(cost_of(FileFormat.CSV_GZIP))
    command = [sys.executable, "-c", textwrap.dedent(READS), str(tmp_path), str(setting), str(2 * len(lines))]
    peak = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True).stdout
    assert int(peak) < setting


@given(st.integers(1, 20_000), st.integers(1, 64), st.sampled_from([SCANNER, PARQUET, ARROW]))
def test_more_memory_never_allows_less(memory_mb: int, cores: int, cost: Cost) -> None:
    least = least_mb(cost)
    if memory_mb < least:
        with pytest.raises(PermanentError, match=f"takes at least {least}"):
            budget(memory_mb, cores, cost)
        return
    allowed, more = (budget(mb, cores, cost) for mb in (memory_mb, memory_mb + 100))
    assert 1 <= allowed.workers <= cores
    assert SMALLEST_BATCH <= allowed.batch_rows <= LARGEST_BATCH
    assert more.workers >= allowed.workers
    assert more.workers > allowed.workers or more.batch_rows >= allowed.batch_rows


def test_the_cores_are_used_that_this_process_may_use() -> None:
    assert budget(800, 1, SCANNER) == Budget(1, LARGEST_BATCH)
    assert budget(100_000).workers == usable_cores()
