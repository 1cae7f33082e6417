"""The seam between kinds of exports: what every layout of manifests has to answer.

One module implements it for each `ExportKind` (`legacy.py`). Which delivery is the newest, and whether its files are
there, is the same question for all of them and is answered in `discovery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from staxpipe.errors import PermanentError
from staxpipe.model import AccountId, BillingPeriod, ExportKind, FileFormat

FORMAT_ENDINGS = ((".csv.gz", FileFormat.CSV_GZIP), (".csv", FileFormat.CSV), (".parquet", FileFormat.PARQUET))
"""How the names of data files end, the longest first."""


@dataclass(frozen=True)
class Place:
    """Where a manifest stands, as far as its address tells.

    `source` is the export's address (see `staxpipe.model.Export`). `month` groups the manifests of one
    month; it is a hint for grouping and never the billing period, which only the manifest itself tells; None where
    the address is not one that AWS makes. `version` is the delivery whose own, immutable manifest this is; None for
    a manifest that the next delivery overwrites.
    """

    source: str
    month: str | None
    version: str | None


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. `keys` are its data files in order, each once; `repeated` those listed again."""

    name: str
    owner: AccountId | None
    period: BillingPeriod
    delivery_id: str
    keys: tuple[str, ...]
    repeated: tuple[str, ...]
    compression: str
    columns: tuple[str, ...]


class Layout(Protocol):
    """How one kind of export lays out its manifests and data files."""

    @property
    def kind(self) -> ExportKind:
        """Which product of AWS delivers so."""
        ...

    def place(self, address: str) -> Place | None:
        """Where a manifest stands; None for an object that is not a manifest of this layout.

        `address` is a bucket's url, '/' and a key.
        """
        ...

    def parse(self, key: str, body: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            PermanentError: it is not what a manifest must be; names the key and what is missing or wrong.
            TransientError: it is written by half.
        """
        ...


def format_of(key: str) -> FileFormat | None:
    """The format that a data file's name tells; None for anything that is not a data file staxpipe reads."""
    lower = key.lower()
    return next((format for ending, format in FORMAT_ENDINGS if lower.endswith(ending)), None)


def common_format(keys: Sequence[str], compression: str) -> FileFormat:
    """The one format of a delivery's files, by their names, else by what the manifest says.

    Raises:
        PermanentError: files of several formats, or of one that staxpipe does not read.
    """
    if zipped := next((key for key in keys if key.lower().endswith(".zip")), None):
        raise PermanentError(
            f"The data files are ZIP archives ({zipped}), which this version does not read. "
            "Set the report's compression to GZIP or Parquet; AWS delivers it anew within a day."
        )
    stated = {"GZIP": FileFormat.CSV_GZIP, "PARQUET": FileFormat.PARQUET}.get(compression.upper())
    formats = {key: format_of(key) or stated for key in keys}
    unknown = next((key for key, format in formats.items() if format is None), None)
    if unknown is not None:
        raise PermanentError(
            f"It is not clear how {unknown} is written: neither its name nor the manifest's compression "
            f"({compression or 'not given'}) says csv, csv.gz or Parquet."
        )
    found = {format for format in formats.values() if format is not None}
    if len(found) != 1:
        kinds = ", ".join(sorted(found)) or "none"
        raise PermanentError(f"The data files of one delivery must be of one format, and these are of: {kinds}.")
    return found.pop()
