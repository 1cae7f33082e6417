"""Generating an input of the benchmarks: a month of millions of rows, as AWS writes it.

What a row is comes from `staxpipe.synthetic`; here is what only size needs. Such a month is made of parts, each a whole
month of the same organisation with resources of its own, and each written file by file in as many processes as there
are cores. The same size gives the same bytes on every machine with the same zlib.

    python -m benchmarks.generating 5M 5M-parquet    # `make bench` makes what is missing
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.inputs import MARKER, SIZES, VERSION, Size, folder_of, unpacked_bytes
from staxpipe.model import BillingPeriod, FileFormat
from staxpipe.synthetic.files import CsvWriter, ParquetWriter, legacy_parquet
from staxpipe.synthetic.month import Month, generate_month
from staxpipe.synthetic.organisation import Organisation
from staxpipe.synthetic.report import Report, Versioning
from staxpipe.synthetic.tables import LegacyTable
from staxpipe.synthetic.text import MonthText

PERIOD = BillingPeriod(2026, 9)
SEED = 3
ROWS_PER_SCALE = 186_000
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
ID = "identity/LineItemId"
RESOURCE = "lineItem/ResourceId"
GROUP = "resourceTags/aws:autoscaling:groupName"


def generate(size: Size, folder: Path, processes: int) -> None:
    """Write the input of a size, in place of what is there; its marker last. The bytes do not depend on `processes`."""
    shutil.rmtree(folder, ignore_errors=True)
    organisation = Organisation.sample(SEED, BillingPeriod(2026, 6), size.rows_of_part / ROWS_PER_SCALE)
    scale = size.rows_of_part / ROWS_PER_SCALE
    month = generate_month(organisation, PERIOD, datetime(2026, 10, 25, tzinfo=UTC), scale)
    rows = len(month.rows)
    per_file = -(-rows // size.files_of_part)
    versioning = Versioning.ATHENA if size.parquet else Versioning.CREATE_NEW
    format = FileFormat.PARQUET if size.parquet else FileFormat.CSV_GZIP
    # Files are cut within each part, so the manifest must list as many as there are, whatever the rows of one.
    report = Report("bench", versioning=versioning, rows_per_file=per_file, format=format)
    keys = report.data_keys(month, size.parts * size.files_of_part * per_file)
    files = [
        (part, folder / "bucket" / keys[part * size.files_of_part + number], number * per_file)
        for part in range(size.parts)
        for number in range(size.files_of_part)
    ]
    text_of = lru_cache(1)(partial(BenchText, month))
    if processes == 1:
        written = sum(_write(text_of, per_file, format, file) for file in files)
    else:
        # Forked, so that the processes share the month's arrays; nothing has started a thread yet. A process takes a
        # whole part where there are several, since each part has a text of its own.
        share = size.files_of_part if size.parts > 1 else 1
        with multiprocessing.get_context("fork").Pool(processes, _Worker.begin, (text_of, per_file, format)) as pool:
            written = sum(pool.imap_unordered(_Worker.write, files, share))
    content = json.loads(report.manifest(month, LegacyTable(month, report.query))) | {"reportKeys": keys}
    for key in report.manifest_keys(month):
        target = folder / "bucket" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    marker = {"version": VERSION, "rows": rows * size.parts, "bytes_unpacked": written, "files": keys}
    (folder / MARKER).write_text(json.dumps(marker), encoding="utf-8")


class _Worker:
    """What a forked process has from the one that began it, so that nothing of it is sent."""

    given: ClassVar[tuple[Callable[[int], BenchText], int, FileFormat]]

    @classmethod
    def begin(cls, text_of: Callable[[int], BenchText], per_file: int, format: FileFormat) -> None:
        """Keep it."""
        cls.given = text_of, per_file, format

    @classmethod
    def write(cls, file: tuple[int, Path, int]) -> int:
        """Write one file."""
        return _write(*cls.given, file)


def _write(text_of: Callable[[int], BenchText], per_file: int, format: FileFormat, file: tuple[int, Path, int]) -> int:
    """Write one file; returns the bytes of its CSV, 0 for Parquet."""
    part, path, first = file
    text = text_of(part)
    count = min(per_file, len(text.month.rows) - first)
    path.parent.mkdir(parents=True, exist_ok=True)
    if format is FileFormat.PARQUET:
        ParquetWriter(text, legacy_parquet(text)).write(path, first, count)
        return 0
    CsvWriter(text).write(path, first, count)
    return unpacked_bytes(path)


class BenchText(MonthText):
    """A month's text with what makes real months hard: ids that no other row has, and resources that come and go.

    AWS makes line item ids unique in a partition of a delivery, so nearly each row has its own. Instances of scaling
    groups, and tasks, live for a day. Parts of a month are told apart by their resources' ids.
    """

    def __init__(self, month: Month, part: int) -> None:
        super().__init__(month)
        self._part = part
        static = dict(self.static)
        del static[ID]
        groups, resources = static[GROUP].to_pylist(), static.pop(RESOURCE).to_pylist()
        self.static: Mapping[str, pa.Array] = static
        days = [span.start[:10] for span in month.spans]
        self._day_names = sorted(set(days))
        self._day = np.array([self._day_names.index(day) for day in days], np.int64)
        self._resources = pa.array(
            _resource(text, f"{part} {day if group or 'task/' in (text or '') else ''}")
            for text, group in zip(resources, groups, strict=True)
            for day in self._day_names
        )

    def varying(self, first: int, count: int) -> dict[str, pa.Array]:
        """The columns that differ from row to row, for `count` rows from `first`."""
        rows = self.month.rows
        template, span = rows.template[first : first + count], rows.span[first : first + count]
        at = template.astype(np.int64) * len(self._day_names) + self._day[span]
        return super().varying(first, count) | {
            ID: _line_item_ids(self._part, first, count),
            RESOURCE: pc.take(self._resources, pa.array(at)),
        }


def _resource(text: str | None, salt: str) -> str | None:
    """A resource's id with other hexadecimal digits, as many as before; names stay as they are."""
    if text is None or salt == "0 ":
        return text
    return re.sub(
        r"[0-9a-f]{8,}", lambda found: hashlib.sha256(f"{salt} {found[0]}".encode()).hexdigest()[: len(found[0])], text
    )


def _line_item_ids(part: int, first: int, count: int) -> pa.Array:
    """52 letters and digits a row, as AWS's are."""
    random = np.random.Generator(np.random.Philox(key=[part, first])).integers(0, 32, (count, 52), np.uint8)
    offsets = np.arange(0, 52 * (count + 1), 52, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(LETTERS[random].tobytes()))


def main() -> None:
    """Make the inputs that are named."""
    for name in sys.argv[1:]:
        generate(SIZES[name], folder_of(name), os.cpu_count() or 1)


if __name__ == "__main__":
    main()
