"""Which manifest counts: of every export and month the newest one, wherever it stands.

Only manifests, never data files: whether what they list is there is asked in `discovery.py`; how they look is a
layout's affair (`legacy.py`, `data_exports.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from staxpipe.errors import PermanentError, StaxpipeError, TransientError
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.data_exports import DataExports, OtherTableError
from staxpipe.exports.elsewhere import Elsewhere
from staxpipe.exports.layout import Layout, Manifest, Place
from staxpipe.exports.legacy import LegacyCur
from staxpipe.model import Finding, Severity, StoredObject

LAYOUTS: tuple[Layout, ...] = (DataExports(), LegacyCur(), Elsewhere())
"""Every layout that staxpipe reads; the first that claims a manifest reads it."""

MANIFEST_BYTES = 32 << 20
"""The largest manifest that is read; one of 10,000 files and 1,000 columns has about 2 MiB."""

POINTER_LAG = timedelta(hours=1)
"""How much later than the month's own manifest a versioned one must be to win over it.

AWS writes both within moments, and deliveries come hours apart; copying a bucket shuffles times by minutes.
"""


@dataclass(frozen=True)
class PlacedManifest:
    """A manifest of a listing, with its place."""

    stored: StoredObject
    place: Place
    layout: Layout
    manifest: Manifest | None = None  # where it had to be read to learn its place


def address_of(bucket: Bucket, stored: StoredObject) -> str:
    """An object's address, as layouts understand it: some tools' keys begin with a slash."""
    return f"{bucket.url}/{stored.key.lstrip('/')}"


def layout_of(address: str) -> tuple[Layout, Place] | None:
    """The layout that claims a manifest, and its place in it; None for an object that is no manifest."""
    return next(((layout, place) for layout in LAYOUTS if (place := layout.place(address))), None)


def read_manifest(bucket: Bucket, stored: StoredObject) -> Manifest:
    """Read an object as the layout does that claims it.

    Raises:
        PermanentError: it is no manifest that staxpipe reads.
        TransientError: it is written by half, or the bucket could not be read.
    """
    address = address_of(bucket, stored)
    found = layout_of(address)
    if found is None:
        raise PermanentError(f"{address} is no manifest.")
    return found[0].parse(address, bucket.read(stored, MANIFEST_BYTES))


class _BadManifestError(Exception):
    """One manifest is wrong: no reason to stop looking at the others, as a failing bucket would be."""


@contextmanager
def _told(findings: list[Finding]) -> Iterator[None]:
    """Make a finding of a bad manifest."""
    try:
        yield
    except _BadManifestError as error:
        if isinstance(error.__cause__, TransientError):
            findings.append(Finding("manifest-half-written", Severity.WARNING, str(error)))
        elif isinstance(error.__cause__, OtherTableError):
            findings.append(Finding("export-not-supported", Severity.WARNING, str(error)))
        else:
            findings.append(Finding("manifest-invalid", Severity.ERROR, str(error)))


def newest_manifests(
    bucket: Bucket, objects: Iterable[StoredObject], known: Mapping[str, str], findings: list[Finding]
) -> Iterator[tuple[PlacedManifest, Manifest]]:
    """The newest manifest of every export and month of a listing, read; those in `known` are left out.

    A manifest that is wrong is told of in `findings`, and the others go on.

    Raises:
        PermanentError, TransientError: the bucket cannot be read.
    """
    for manifests in _by_month(bucket, objects, known, findings):
        with _told(findings):
            if read := _newest(bucket, manifests, known):
                yield read


def _by_month(
    bucket: Bucket, objects: Iterable[StoredObject], known: Mapping[str, str], findings: list[Finding]
) -> list[list[PlacedManifest]]:
    """The manifests of a listing, those of one export and month together."""
    months: dict[tuple[str, str | None], list[PlacedManifest]] = {}
    for stored in objects:
        found = layout_of(address_of(bucket, stored))
        if found is None:
            continue
        placed = PlacedManifest(stored, found[1], found[0])
        with _told(findings):
            if placed.place.month is None:
                if _is_known(placed, known):
                    continue
                placed = _placed_by_contents(bucket, placed)
            months.setdefault((placed.place.source, placed.place.month), []).append(placed)
    return list(months.values())


def _placed_by_contents(bucket: Bucket, placed: PlacedManifest) -> PlacedManifest:
    """Where a manifest belongs whose address does not tell: a part of a bucket that somebody copied elsewhere."""
    manifest = _read(bucket, placed)
    above, _, last = placed.place.source.rpartition("/")
    month = str(manifest.period)
    if _is_version_of(last, manifest.delivery_id):
        return replace(placed, place=Place(above, month, last), manifest=manifest)
    return replace(placed, place=Place(placed.place.source, month, None), manifest=manifest)


def _newest(
    bucket: Bucket, manifests: Sequence[PlacedManifest], known: Mapping[str, str]
) -> tuple[PlacedManifest, Manifest] | None:
    """The newest manifest of one export and month, read; None where the ledger has it.

    A month's own manifest points to the newest delivery. The versioned one of the same delivery stands in its place
    where it is there, since it never changes. A versioned manifest that is clearly younger than the pointer wins over
    it; an older one, however late it appears, does not.
    """
    versions = [placed for placed in manifests if placed.place.version is not None]
    pointers = [placed for placed in manifests if placed.place.version is None]
    version = max(versions, key=_age, default=None)
    pointer = max(pointers, key=_age, default=None)
    if version is not None and (pointer is None or _modified(version) - _modified(pointer) > POINTER_LAG):
        return None if _is_known(version, known) else (version, _read(bucket, version))
    if pointer is None or _is_known(pointer, known):
        return None
    if version is not None and _is_known(version, known) and _is_copy(pointer, version):
        return None
    manifest = _read(bucket, pointer)
    own = next((placed for placed in versions if _is_version_of(placed.place.version, manifest.delivery_id)), None)
    if own is None:
        return pointer, manifest
    return None if _is_known(own, known) else (own, manifest)


def _is_version_of(folder: str | None, delivery_id: str) -> bool:
    """Whether a folder is a delivery's own: ``<id>``, or ``<timestamp>-<id>`` of Data Exports."""
    return folder is not None and (folder == delivery_id or folder.endswith(f"-{delivery_id}"))


def _is_copy(pointer: PlacedManifest, version: PlacedManifest) -> bool:
    """Whether a month's own manifest is that of its newest version, as far as can be told without reading it."""
    written_with_it = _modified(pointer) - _modified(version) <= POINTER_LAG
    return written_with_it and pointer.stored.size == version.stored.size


def _age(placed: PlacedManifest) -> tuple[datetime, str]:
    return _modified(placed), placed.stored.key


def _modified(placed: PlacedManifest) -> datetime:
    return placed.stored.last_modified


def _is_known(placed: PlacedManifest, known: Mapping[str, str]) -> bool:
    return known.get(placed.stored.key) == placed.stored.etag


def _read(bucket: Bucket, placed: PlacedManifest) -> Manifest:
    if placed.manifest is not None:
        return placed.manifest
    address = address_of(bucket, placed.stored)
    if placed.stored.size > MANIFEST_BYTES:
        raise _BadManifestError(f"The manifest {address} has {placed.stored.size:,} bytes: more than any has.")
    body = bucket.read(placed.stored, MANIFEST_BYTES)
    try:
        return placed.layout.parse(address, body)
    except StaxpipeError as error:
        raise _BadManifestError(str(error)) from error
