"""A data file's own columns, and what changed in them from one delivery to the next ("schema drift").

Columns and types as the file says them, not as the mapping reads them. The keys of tags inside maps are values,
no columns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from staxpipe.errors import PermanentError, TransientError
from staxpipe.focus.names import canonical_name
from staxpipe.focus.reading_bytes import parts_of
from staxpipe.focus.reading_csv import read_header
from staxpipe.model import FileFormat, Finding, Severity

TEXT = "text"
"""The type of every column of a CSV, which says nothing about types."""

_EXAMPLES = 5


@dataclass(frozen=True)
class SourceSchema:
    """The columns of a data file in its order: (header as written, type word).

    A type word is ``text`` for CSV and Arrow's name for Parquet (``double``, ``map<string, string>``). Empty where
    the file has no header: AWS overwrites surplus files of a shrunken report with nothing.
    """

    columns: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> list[list[str]]:
        """As lists, for a JSON column of the ledger."""
        return [list(column) for column in self.columns]

    @classmethod
    def of_json(cls, columns: Sequence[Sequence[str]]) -> SourceSchema:
        """Back from `as_json`."""
        return cls(tuple((name, type) for name, type in columns))


def read_schema(path: Path, format: FileFormat, file: str) -> SourceSchema:
    """The columns of one data file: of an archive those of its first member, then what only later ones have.

    Only a header or a footer is read.

    Raises:
        PermanentError: the file has neither; it is named as `file`.
        TransientError: this machine could not read it.
    """
    try:
        if path.stat().st_size == 0:
            return SourceSchema()
        if format is FileFormat.PARQUET:
            with pq.ParquetFile(path) as parquet:
                return SourceSchema(tuple((field.name, str(field.type)) for field in parquet.schema_arrow))
        columns: list[str] = []
        for part in parts_of(path, format, file):
            header = read_header(part)
            more = Counter(header.names if header else ())
            more.subtract(columns)
            for name in header.names if header else ():
                if more[name] > 0:
                    columns.append(name)
                    more[name] -= 1
        return SourceSchema(tuple((name, TEXT) for name in columns))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise PermanentError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0].rstrip('.')}.") from None
    except OSError as error:
        if error.errno is None:
            raise PermanentError(f"{file} is damaged and cannot be read: {str(error).splitlines()[0]}.") from None
        raise TransientError(
            f"{file} could not be read from {path}: {error.strerror}. It will be tried again."
        ) from None


def drift(before: SourceSchema, after: SourceSchema) -> tuple[Finding, ...]:
    """What is different in a delivery's columns from those of the delivery before it.

    Columns are the same if they come to one canonical name, whatever their spelling. Columns that are there twice
    are told of `after` alone, whatever was before; nothing else is said where either side has no columns.
    """
    findings = [_duplicated(after)]
    if before.columns and after.columns:
        old, new = _by_name(before), _by_name(after)
        findings += [
            _finding(
                "columns-new",
                [new[name][0] for name in new if name not in old],
                "{count} that the delivery before did not have. Rows of earlier deliveries have no values there: "
                "absent values stay absent, never zero.",
            ),
            _finding(
                "columns-dropped",
                [old[name][0] for name in old if name not in new],
                "{count} fewer than the delivery before: these are gone. Absent values stay absent, never zero.",
            ),
            _finding(
                "columns-reordered",
                [new[name][0] for name in _moved(list(old), list(new))],
                "{count} at another place than in the delivery before. Columns are read by name, so nothing changes.",
            ),
            _finding(
                "columns-retyped",
                [
                    f"{new[name][0]} ({old[name][1]} → {new[name][1]})"
                    for name in new
                    if name in old and _retyped(old[name][1], new[name][1])
                ],
                "{count} of another type than in the delivery before. Values are read as text, so all of them load; "
                "those that are no numbers where numbers belong are quarantined.",
                Severity.WARNING,
            ),
        ]
    return tuple(finding for finding in findings if finding is not None)


def _duplicated(schema: SourceSchema) -> Finding | None:
    headers: dict[str, list[str]] = {}
    for header, _ in schema.columns:
        headers.setdefault(canonical_name(header), []).append(header)
    return _finding(
        "columns-duplicated",
        [" and ".join(dict.fromkeys(same)) for name, same in headers.items() if name and len(same) > 1],
        "{count} that the file has more than once. Of tags each is kept; of others the first that has a value is "
        "taken, and rows on which they disagree are quarantined.",
        Severity.WARNING,
    )


def _by_name(schema: SourceSchema) -> dict[str, tuple[str, str]]:
    """The first column of each canonical name; of one that has none (``é``) the header itself names it."""
    columns: dict[str, tuple[str, str]] = {}
    for header, type in schema.columns:
        columns.setdefault(canonical_name(header) or header, (header, type))
    return columns


def _moved(old: list[str], new: list[str]) -> list[str]:
    """The fewest columns that would have to be moved to get from one order to the other.

    All that both have, but for the longest run of them that is in the same order in both.
    """
    place = {name: at for at, name in enumerate(old)}
    common = [name for name in new if name in place]
    ends: list[int] = []  # for each length of a run, the smallest place at which one ends
    lengths: list[int] = []
    for name in common:
        length = bisect_left(ends, place[name])
        ends[length : length + 1] = [place[name]]
        lengths.append(length)
    kept: set[str] = set()
    length, bound = len(ends) - 1, len(old)
    for name, longest in zip(reversed(common), reversed(lengths), strict=True):
        if longest == length and place[name] < bound:
            kept.add(name)
            length, bound = length - 1, place[name]
    return [name for name in common if name not in kept]


def _retyped(old: str, new: str) -> bool:
    """Whether values may look different. How a text or a time is stored is no other type, and a CSV has none."""
    return TEXT not in (old, new) and "null" not in (old, new) and _plain(old) != _plain(new)


def _plain(type: str) -> str:
    for start, plain in (("dictionary<values=", type[18:].partition(",")[0]), ("timestamp", "timestamp")):
        if type.startswith(start):
            return plain.removeprefix("large_")
    return "string" if type in ("string", "large_string", "string_view") else type


def _finding(code: str, columns: list[str], message: str, severity: Severity = Severity.INFO) -> Finding | None:
    if not columns:
        return None
    count = "1 column" if len(columns) == 1 else f"{len(columns):,} columns"
    return Finding(code, severity, message.format(count=count), len(columns), tuple(columns[:_EXAMPLES]))
