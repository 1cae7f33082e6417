"""Bare data files that come without a manifest: a report that somebody downloaded.

Without a manifest nobody says which files belong together, which period they are of, or which of two deliveries
is the newer. So every file counts, and all rows of one billing period, in whatever files, are one delivery;
but a period that is most likely there twice is refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.errors import PermanentError
from staxpipe.exports.beginning import Beginning, beginning
from staxpipe.exports.discovery import BrokenDelivery, Discovery
from staxpipe.exports.folder import FolderBucket
from staxpipe.exports.kinds import TITLES, kind_of_header
from staxpipe.exports.layout import DATA_FILES, format_of
from staxpipe.focus.names import NotACostReportError, canonical_name
from staxpipe.focus.reading import read_source
from staxpipe.model import BillingPeriod, Delivery, Export, ExportKind, FileFormat, Finding, Severity, StoredObject

CUR_COLUMNS = ("bill_billing_period_start_date", "line_item_usage_start_date")
"""What tells the period of a CUR's rows: reduced exports may lack the first."""

FOCUS_COLUMNS = ("billing_period_start",)
"""What tells the period of a FOCUS file's rows."""

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])-[0-9]{2}")
_MONTHS_FOLDER = re.compile(r"billing_period=.*|[0-9]{8}-[0-9]{8}", re.IGNORECASE)
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class _DataFile:
    """What was learnt of a data file: which periods it has rows of, or why it cannot be read."""

    stored: StoredObject
    format: FileFormat
    kind: ExportKind | None = None
    periods: frozenset[BillingPeriod] = frozenset()
    rows_without_period: int = 0
    trouble: str | None = None


def loose_deliveries(path: Path) -> Discovery:
    """One delivery a billing period of the data files in a folder, or of one data file.

    Only the columns that tell the period are read. A delivery's id is a digest of the names and contents of its
    files, so that loading the same files again is seen to be the same delivery.

    Raises:
        PermanentError: there is no data file.
        NotACostReportError: none of them is a cost report.
    """
    if path.is_file():
        return loose_files(path.parent, [path])
    bucket = FolderBucket(path)
    data = [stored for stored in bucket.list("") if format_of(stored.key) is not None]
    if not data:
        raise PermanentError(f"There is no data file ({DATA_FILES}) in {path}.")
    return _deliveries(bucket, data, bucket.url)


def loose_files(folder: Path, paths: Sequence[Path]) -> Discovery:
    """The same of some files of one folder, as a shell's ``*.csv.gz`` names them.

    They are an export of their own, not the folder's: another file of the same folder, named another time, would
    otherwise replace the months of these. Its address is that of the file, or the folder's with a digest of the names.

    Raises:
        PermanentError: one of them is not there or not a data file.
        NotACostReportError: none of them is a cost report.
    """
    bucket = FolderBucket(folder)
    data = []
    for path in paths:
        stored = bucket.head(path.name)
        if stored is None or format_of(path.name) is None:
            raise PermanentError(f"{path} is not a data file ({DATA_FILES}).")
        data.append(stored)
    names = sorted({stored.key for stored in data})
    own = names[0] if len(names) == 1 else f"files-{blake2b(chr(0).join(names).encode(), digest_size=8).hexdigest()}"
    return _deliveries(bucket, data, f"{bucket.url}/{own}")


def _deliveries(bucket: FolderBucket, data: Iterable[StoredObject], source: str) -> Discovery:
    name = source.rpartition("/")[2] or "/"
    files, findings = _examine(bucket, data)
    deliveries: list[Delivery] = []
    broken: list[BrokenDelivery] = []
    for period in sorted({period for file in files for period in file.periods}):
        own = [file for file in files if period in file.periods]
        stored = tuple(file.stored for file in own)
        delivered_at = max(item.last_modified for item in stored)
        delivery_id = _digest(bucket, stored)
        export = Export(source, name, own[0].kind or ExportKind.DATA_EXPORT)
        if reason := _trouble(bucket, period, own):
            broken.append(BrokenDelivery(export, period, delivery_id, None, reason, delivered_at))
            findings.append(Finding("delivery-broken", Severity.ERROR, reason))
        else:
            deliveries.append(
                Delivery(export, period, delivery_id, delivered_at, stored, own[0].format, shared_files=True)
            )
    return Discovery(bucket, tuple(deliveries), tuple(findings), tuple(broken))


def _trouble(bucket: FolderBucket, period: BillingPeriod, files: Sequence[_DataFile]) -> str | None:
    """Why a period is not loaded: a file of it is damaged, or its files look like the same cost twice."""
    troubles = [file.trouble for file in files if file.trouble]
    if troubles:
        return f"{period} is not loaded, because a file with rows of it cannot be read. {' '.join(troubles)}"
    for found in (
        {TITLES[file.kind] for file in files if file.kind is not None},
        {str(file.format) for file in files},
    ):
        if len(found) > 1:
            return (
                f"{period} is there as {' and as '.join(sorted(found))}: most likely the same cost twice. "
                "Load one of them, from a folder of its own."
            )
    if versions := _versions(bucket, files):
        return (
            f"{period} is there in several deliveries ({', '.join(versions[:3])}{' …' if len(versions) > 3 else ''}): "
            "most likely the same cost several times. Load the newest, from a folder of its own, or the folder that "
            "has the manifests, too."
        )
    return None


def _versions(bucket: FolderBucket, files: Sequence[_DataFile]) -> list[str]:
    """The folders of a month's deliveries, where an export that keeps them was copied without its manifests.

    AWS puts a month's files into the month's folder, or each delivery's into one of its own in there.
    """
    folders: dict[PurePosixPath, set[str]] = defaultdict(set)
    for file in files:
        folder = PurePosixPath(bucket.folder.as_posix(), file.stored.key).parent
        for month, own in ((folder, "."), (folder.parent, folder.name)):
            if _MONTHS_FOLDER.fullmatch(month.name):
                folders[month].add(own)
    return next((sorted(own) for own in folders.values() if len(own) > 1), [])


def _examine(bucket: FolderBucket, data: Iterable[StoredObject]) -> tuple[list[_DataFile], list[Finding]]:
    """Look into every data file; those that are no cost reports are only told of."""
    files: list[_DataFile] = []
    strangers: list[tuple[str, str]] = []
    empty: list[str] = []
    for stored in data:
        try:
            file = _look_into(bucket, stored)
        except NotACostReportError as error:
            strangers.append((stored.key, str(error)))
            continue
        files.append(file)
        if not file.periods and not file.trouble and not file.rows_without_period:
            empty.append(stored.key)
    if strangers and not files:
        more = f" Nor is any of the other {len(strangers) - 1} files." if len(strangers) > 1 else ""
        raise NotACostReportError(strangers[0][1] + more)
    findings = [
        Finding("file-unreadable", Severity.ERROR, f"{file.trouble} It is not known which period it is of.")
        for file in files
        if file.trouble and not file.periods
    ]
    for file in files:
        if file.rows_without_period:
            message = f"{file.stored.key} has rows that do not tell their billing period; no month contains them."
            findings.append(Finding("rows-without-period", Severity.ERROR, message, file.rows_without_period))
    if strangers:
        names = tuple(key for key, _ in strangers)
        message = "Some data files are no cost reports and were left out."
        findings.append(Finding("not-a-cost-report", Severity.WARNING, message, len(names), names[:3]))
    if empty:
        message = "Some data files have no rows."
        findings.append(Finding("empty-file", Severity.INFO, message, len(empty), tuple(empty[:3])))
    return files, findings


def _look_into(bucket: FolderBucket, stored: StoredObject) -> _DataFile:
    """Learn which billing periods a data file has rows of."""
    path = bucket.folder / stored.key
    format = format_of(stored.key)
    assert format is not None  # noqa: S101  # only data files are looked into
    start = beginning(path, format)
    kind = kind_of_header(start.header)
    columns = _period_columns(kind)
    periods: set[BillingPeriod] = set()
    without = 0
    try:
        for batch in read_source(path, format, file=stored.key, wanted=columns.__contains__):
            if kind is None:
                raise NotACostReportError(
                    f"{stored.key} is not a cost report: it has neither line items, as Cost and Usage Reports have, "
                    "nor BilledCost, as FOCUS has."
                )
            column = batch.rows[next(name for name in columns if name in batch.rows.schema.names)]
            months = [_month(text) for text in column.dictionary.to_pylist()]
            periods.update(month for month in months if month is not None)
            unknown = [code for code, month in enumerate(months) if month is None]
            rows = pc.is_in(column.indices, pa.array(unknown, column.indices.type))
            without += column.null_count + (pc.sum(rows).as_py() or 0)
    except NotACostReportError as error:
        if kind is None:
            raise
        raise NotACostReportError(
            f"{stored.key} is {TITLES[kind]} without {' or '.join(columns)}, so nobody can tell its billing period."
        ) from error
    except PermanentError as error:
        seen = frozenset(periods) | _period_of_first_row(start, columns)
        return _DataFile(stored, format, kind, seen, without, str(error))
    return _DataFile(stored, format, kind, frozenset(periods), without)


def _period_columns(kind: ExportKind | None) -> tuple[str, ...]:
    match kind:
        case None:
            return CUR_COLUMNS + FOCUS_COLUMNS
        case ExportKind.FOCUS_1_0 | ExportKind.FOCUS_1_2:
            return FOCUS_COLUMNS
        case _:
            return CUR_COLUMNS


def _month(text: str) -> BillingPeriod | None:
    """The month of a moment, in whatever of the forms that AWS and others write; all of them are UTC."""
    match = _MONTH.match(text)
    return BillingPeriod(int(match[1]), int(match[2])) if match else None


def _period_of_first_row(start: Beginning, columns: Sequence[str]) -> frozenset[BillingPeriod]:
    """The period of a damaged file's first row, so that its month is not loaded without it."""
    first = dict(zip(map(canonical_name, start.header), start.first_row, strict=False))
    month = _month(next((first[name] for name in columns if first.get(name)), ""))
    return frozenset() if month is None else frozenset({month})


def _digest(bucket: FolderBucket, files: Iterable[StoredObject]) -> str:
    """A digest of names and contents: the same files give the same delivery, wherever and whenever they are copied."""
    whole = blake2b(digest_size=16)
    for stored in files:
        content = blake2b(digest_size=32)
        with (bucket.folder / stored.key).open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                content.update(block)
        whole.update(f"{stored.key}\0{stored.size}\0".encode() + content.digest())
    return f"files-{whole.hexdigest()}"
