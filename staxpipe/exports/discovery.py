"""Which deliveries a bucket holds: of every export and every period the newest one.

The file list of a delivery comes from its manifest and from nowhere else: listing the data files of a report that
keeps its versions would count every cost several times. Which manifest counts is decided in `manifests.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from staxpipe.errors import PermanentError
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.contents import contents
from staxpipe.exports.layout import Manifest, common_format
from staxpipe.exports.manifests import PlacedManifest, newest_manifests, read_manifest
from staxpipe.model import BillingPeriod, Delivery, Export, Finding, Severity, StoredObject

SETTLE_SLACK = timedelta(minutes=10)
SETTLE_LIMIT = timedelta(hours=6)
"""A report that overwrites itself is being delivered while a data file is younger than its manifest by more than the
slack: AWS writes the manifest last. After the limit that cannot be the reason any more."""


@dataclass(frozen=True)
class BrokenDelivery:
    """A delivery that is there and cannot be loaded, with the reason in words."""

    export: Export
    period: BillingPeriod
    delivery_id: str
    manifest: StoredObject | None
    reason: str
    delivered_at: datetime


@dataclass(frozen=True)
class Discovery:
    """What was found in a bucket. The keys of the deliveries' files are keys of `bucket`."""

    bucket: Bucket
    deliveries: tuple[Delivery, ...] = ()
    findings: tuple[Finding, ...] = ()
    broken: tuple[BrokenDelivery, ...] = ()


Locate = Callable[[StoredObject, Sequence[str]], Mapping[str, StoredObject | None]]
"""From a manifest and the keys that it lists to the objects; None where there is none."""


def discover(
    bucket: Bucket,
    prefix: str,
    known: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Discovery:
    """The newest delivery of every period of every export below a prefix.

    Args:
        bucket: where to look.
        prefix: a folder of the bucket; empty for the whole of it.
        known: manifest key → ETag of deliveries that the ledger has. They are left out, mostly without being read.
            Leave out those of broken deliveries, or a file that arrives late is never noticed.
        now: for tests.

    Raises:
        PermanentError, TransientError: the bucket cannot be listed or read.
    """
    below = folder_prefix(prefix)
    seen = contents(bucket.url, bucket.list(below))

    def locate(_: StoredObject, keys: Sequence[str]) -> dict[str, StoredObject | None]:
        return _listed(bucket, below, keys)

    found = newest_deliveries(bucket, seen.manifests, locate, known or {}, now or datetime.now(UTC))
    about_the_whole = seen.finding(prefix)
    return found if about_the_whole is None else replace(found, findings=(*found.findings, about_the_whole))


def folder_prefix(prefix: str) -> str:
    """A prefix that means the folder and not its neighbours: ``cur`` is not ``cur-archive``."""
    return f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""


def newest_deliveries(
    bucket: Bucket,
    objects: Iterable[StoredObject],
    locate: Locate,
    known: Mapping[str, str],
    now: datetime | None,
) -> Discovery:
    """The newest delivery of every export and period among the manifests of a listing.

    `now` None says that nobody is writing: no delivery is waited for.
    """
    findings: list[Finding] = []
    newest: dict[tuple[str, BillingPeriod], Delivery | BrokenDelivery] = {}
    for placed, manifest in newest_manifests(bucket, objects, known, findings):
        outcome, remarks = _delivery(placed, manifest, locate, now)
        findings += remarks
        if outcome is not None:
            key = (outcome.export.source, outcome.period)
            if key not in newest or newest[key].delivered_at < outcome.delivered_at:
                newest[key] = outcome
    broken = tuple(outcome for outcome in newest.values() if isinstance(outcome, BrokenDelivery))
    return Discovery(
        bucket,
        tuple(outcome for outcome in newest.values() if isinstance(outcome, Delivery)),
        (*_once(findings), *(Finding("delivery-broken", Severity.ERROR, delivery.reason) for delivery in broken)),
        broken,
    )


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """The same said of several months of an export, once."""
    said: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        before = said.get((finding.code, finding.message))
        count = finding.count + (before.count if before else 0)
        said[finding.code, finding.message] = replace(finding, count=count)
    return list(said.values())


def still_current(bucket: Bucket, delivery: Delivery) -> bool:
    """Whether a delivery is still what it was when it was discovered.

    To be asked after its files were copied: AWS may have begun to overwrite them meanwhile, and then some belong to
    one delivery and some to the next. A manifest that was written again with the same contents counts as unchanged.

    Raises:
        PermanentError, TransientError: the bucket cannot be read.
    """
    if delivery.manifest is None:
        return all(_same(bucket.head(stored.key), stored) for stored in delivery.files)
    now = bucket.head(delivery.manifest.key)
    if now is None:
        return False
    if _same(now, delivery.manifest):
        return True
    try:
        manifest = read_manifest(bucket, now)
    except PermanentError:
        return False
    same_files = len(manifest.keys) == len(delivery.files)
    return same_files and manifest.delivery_id == delivery.delivery_id and manifest.period == delivery.period


def _listed(bucket: Bucket, below: str, keys: Sequence[str]) -> dict[str, StoredObject | None]:
    """A delivery's files, by listing the folder that holds them all: its month's or its own.

    Nothing is looked for outside of the prefix `below`: a role may list no more.
    """
    # Some tools write report keys with a leading slash that the objects' keys do not have, or the reverse.
    spellings = {key: (key, key.lstrip("/"), f"/{key}") for key in keys}
    wanted = {spelling for key in keys for spelling in spellings[key]}
    folder = _common_folder([key.lstrip("/") for key in keys])
    there: dict[str, StoredObject] = {}
    for start in (folder, f"/{folder}"):
        start = below if below.startswith(start) else start
        if start.startswith(below) and not all(there.keys() & set(spellings[key]) for key in keys):
            there |= {stored.key: stored for stored in bucket.list(start) if stored.key in wanted}
    return {key: next((there[name] for name in spellings[key] if name in there), None) for key in keys}


def _common_folder(keys: Sequence[str]) -> str:
    """The deepest folder that holds every key, with a slash at its end; empty where there is none."""
    common = ""
    for parts in zip(*(key.split("/")[:-1] for key in keys), strict=False):
        if len(set(parts)) > 1:
            break
        common += f"{parts[0]}/"
    return common


def _same(now: StoredObject | None, then: StoredObject) -> bool:
    return now is not None and now.etag == then.etag


def _delivery(
    placed: PlacedManifest, manifest: Manifest, locate: Locate, now: datetime | None
) -> tuple[Delivery | BrokenDelivery | None, list[Finding]]:
    """The delivery that a manifest describes, checked against what the bucket holds."""
    export = Export(placed.place.source, manifest.name, manifest.kind, manifest.owner)
    located = locate(placed.stored, manifest.keys)
    files = tuple(stored for key in manifest.keys if (stored := located[key]) is not None)
    missing = tuple(key for key in manifest.keys if located[key] is None)
    written = max((stored.last_modified for stored in files), default=placed.stored.last_modified)
    if now is not None and placed.place.version is None and _being_written(placed.stored, written, now):
        message = f"{export.name}, {manifest.period}: AWS is writing a new delivery; it is loaded when it is complete."
        return None, [Finding("delivery-in-progress", Severity.INFO, message)]
    try:
        if missing:
            raise PermanentError(
                f"The manifest {placed.stored.key} lists {len(missing)} of {len(manifest.keys)} data files that are "
                f"not there: {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}. It is loaded when they are."
            )
        if len(set(files)) < len(files):
            raise PermanentError(
                f"The manifest {placed.stored.key} lists {len(files)} data files, and here are only "
                f"{len(set(files))} in their places: files of the same name cannot be told apart without their folders."
            )
        format = common_format(manifest.keys, manifest.compression)
    except PermanentError as error:
        delivered_at = placed.stored.last_modified
        reason = f"{export.name}, {manifest.period}: {error}"
        broken = BrokenDelivery(export, manifest.period, manifest.delivery_id, placed.stored, reason, delivered_at)
        return broken, []
    delivery = Delivery(
        export=export,
        period=manifest.period,
        delivery_id=manifest.delivery_id,
        delivered_at=placed.stored.last_modified,
        files=files,
        format=format,
        manifest=placed.stored,
        columns=manifest.columns,
    )
    return delivery, _repeated(placed.stored.key, manifest)


def _being_written(manifest: StoredObject, written: datetime, now: datetime) -> bool:
    return written - manifest.last_modified > SETTLE_SLACK and now - written < SETTLE_LIMIT


def _repeated(key: str, manifest: Manifest) -> list[Finding]:
    if not manifest.repeated:
        return []
    message = f"The manifest {key} lists a data file more than once. It is read once."
    return [Finding("file-listed-twice", Severity.WARNING, message, len(manifest.repeated), manifest.repeated[:3])]
