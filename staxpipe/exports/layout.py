"""The seam between kinds of exports: what every layout of manifests has to answer.

One module implements it for each layout (`legacy.py`, `data_exports.py`; `elsewhere.py` for what lies in none). Which
delivery is the newest, and whether its files are there, is the same question for all of them and is answered in
`manifests.py` and `discovery.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from staxpipe.errors import PermanentError
from staxpipe.model import AccountId, BillingPeriod, ExportKind, FileFormat

FORMAT_ENDINGS = (
    (".csv.gz", FileFormat.CSV_GZIP),
    (".zip", FileFormat.CSV_ZIP),
    (".csv", FileFormat.CSV),
    (".parquet", FileFormat.PARQUET),
)
"""How the names of data files end. Zipped reports are called ``….csv.zip`` by most of AWS's guides."""

DATA_FILES = ".csv, .csv.gz, .zip or .parquet"
"""The endings in words."""


@dataclass(frozen=True)
class Place:
    """Where a manifest stands, as far as its address tells.

    `source` is the export's address (see `staxpipe.model.Export`). `month` groups the manifests of one
    month; it is a hint for grouping, and the billing period only where the manifest itself does not tell; None where
    the address is not one that AWS makes. `version` is the folder of the delivery whose own, immutable manifest this
    is: its id, or a timestamp, a hyphen and its id. None for a manifest that the next delivery overwrites.
    """

    source: str
    month: str | None
    version: str | None


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. `keys` are its data files in order, each once; `repeated` those listed again.

    `kind` is what its layout or its columns tell, DATA_EXPORT where only a data file can.
    """

    name: str
    kind: ExportKind
    owner: AccountId | None
    period: BillingPeriod
    delivery_id: str
    keys: tuple[str, ...]
    repeated: tuple[str, ...]
    compression: str
    columns: tuple[str, ...]


class Layout(Protocol):
    """How manifests and data files are laid out. The address of an object is its bucket's url, '/' and its key."""

    def place(self, address: str) -> Place | None:
        """Where a manifest stands; None for an object that is not a manifest of this layout."""
        ...

    def parse(self, address: str, body: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            PermanentError: it is not what a manifest must be; names its address and what is missing or wrong.
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
    stated = {
        "GZIP": FileFormat.CSV_GZIP,
        "ZIP": FileFormat.CSV_ZIP,
        "PARQUET": FileFormat.PARQUET,
    }.get(compression.upper())
    formats = {key: format_of(key) or stated for key in keys}
    unknown = next((key for key, format in formats.items() if format is None), None)
    if unknown is not None:
        raise PermanentError(
            f"It is not clear how {unknown} is written: neither its name nor the manifest's compression "
            f"({compression[:40] or 'not given'}) says csv, csv.gz, zip or Parquet."
        )
    found = {format for format in formats.values() if format is not None}
    if len(found) != 1:
        kinds = ", ".join(sorted(found)) or "none"
        raise PermanentError(f"The data files of one delivery must be of one format, and these are of: {kinds}.")
    return found.pop()
