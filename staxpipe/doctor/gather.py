"""Looking: what a link's bucket holds, and what AWS says of its exports' settings, asked as the link's role.

Thin: it decides nothing. One look lists the prefix once, and reads one manifest of each export and, where AWS does not
tell how much time a row is about, the beginning of one small file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from staxpipe.aws.link_bucket import link_bucket
from staxpipe.aws.report_settings import data_exports, legacy_reports, settings_region
from staxpipe.aws.session_policy import DESCRIBE_REPORTS
from staxpipe.aws.sessions import client_config, link_session
from staxpipe.doctor.facts import (
    BucketFacts,
    ExportFacts,
    Facts,
    Granularity,
    ReportSettings,
    Subject,
    Versioning,
)
from staxpipe.doctor.row_span import granularity_of
from staxpipe.errors import (
    AccessError,
    KeyRefusedError,
    OwnCredentialsError,
    PermanentError,
    StaxpipeError,
    TransientError,
)
from staxpipe.exports.beginning import beginning
from staxpipe.exports.bucket import Bucket
from staxpipe.exports.contents import Contents
from staxpipe.exports.data_exports import OtherTableError
from staxpipe.exports.discovery import folder_prefix
from staxpipe.exports.layout import Manifest, Place, common_format
from staxpipe.exports.manifests import address_of, layout_of, read_manifest
from staxpipe.model import BillingPeriod, ExportKind, FileFormat, StoredObject

LIST_AT_MOST = 100_000  # objects: 100 requests
EXPORTS_AT_MOST = 20
ELSEWHERE_AT_MOST = 50  # manifests whose address does not tell their month are read for it
SMALL_FILE = 16 << 20
_SETTINGS_SECONDS = 10.0


def look(operator: boto3.Session, subject: Subject) -> Facts:
    """One full look, in sessions of the link's role that can do no more than this.

    Raises:
        OwnCredentialsError: staxpipe itself has no AWS credentials, or they are refused.
        TransientError: AWS could not be asked just now.
    """
    settings, unread = _settings(operator, subject)
    bucket = link_bucket(operator, subject, connections=1)
    facts = look_into(bucket, subject.prefix, {known.source for known in settings if known.granularity})
    return Facts(replace(facts, region=bucket.region()), settings, unread)


def look_into(bucket: Bucket, prefix: str, told: Collection[str] = ()) -> BucketFacts:
    """What a bucket holds below a prefix. `told` are the exports whose granularity AWS has told already.

    Raises:
        OwnCredentialsError, TransientError: it could not be listed just now; nothing follows from that.
    """
    seen = Contents(bucket.url)
    whole = True
    try:
        for stored in bucket.list(folder_prefix(prefix)):
            if seen.all.count >= LIST_AT_MOST:
                whole = False
                break
            seen.see(stored)
    except OwnCredentialsError:
        raise  # the operator's matter: nothing is known about the bucket
    except (AccessError, PermanentError) as error:
        return BucketFacts(refused=str(error))
    facts = BucketFacts(objects=seen.all.count, whole=whole, finding=seen.finding(prefix))
    try:
        exports = tuple(_exports(bucket, seen.manifests, told))
    except KeyRefusedError as error:
        return replace(facts, exports=_unread_exports(bucket, seen.manifests), key_refused=str(error))
    except OwnCredentialsError:
        raise
    except AccessError as error:
        return replace(facts, exports=_unread_exports(bucket, seen.manifests), read_refused=str(error))
    return replace(facts, exports=exports, read=any(export.read for export in exports))


def _settings(operator: boto3.Session, subject: Subject) -> tuple[tuple[ReportSettings, ...], Mapping[str, str]]:
    """What AWS says of the exports of the account, and why it does not where it does not.

    No failure is more than that: a role may be older than these permissions, and the services are not everywhere.
    """
    session = link_session(
        operator,
        subject.role_arn,
        subject.external_id,
        subject.id,
        settings_region(subject.region),
        DESCRIBE_REPORTS,
    )
    make_client: Any = session.client  # its types know names alone that are literals
    config = client_config(1, _SETTINGS_SECONDS, attempts=2)
    found: list[ReportSettings] = []
    unread: dict[str, str] = {}
    for service, read in (("cur", legacy_reports), ("bcm-data-exports", data_exports)):
        try:
            found += read(make_client(service, config=config))
        except StaxpipeError as error:
            unread[service] = str(error)
    return tuple(found), unread


@dataclass
class _Placed:
    """The manifests of one export: where they stand, and the months that they are of."""

    manifests: list[tuple[StoredObject, Place]]
    months: set[BillingPeriod]

    @property
    def newest(self) -> StoredObject:
        return max((stored for stored, _ in self.manifests), key=lambda stored: (stored.last_modified, stored.key))

    @property
    def versioning(self) -> Versioning | None:
        """By the newest month: an export that was changed counts as it is now."""
        places = [place for _, place in self.manifests if place.month is not None]
        if not places:
            return None
        last = max(place.month or "" for place in places)
        versions = any(place.version is not None for place in places if place.month == last)
        return Versioning.CREATE_NEW if versions else Versioning.OVERWRITE


def _by_source(bucket: Bucket, manifests: Sequence[StoredObject], read: bool) -> dict[str, _Placed]:
    sources: dict[str, _Placed] = {}
    left = ELSEWHERE_AT_MOST
    for stored in manifests:
        found = layout_of(address_of(bucket, stored))
        if found is None:
            continue
        place = found[1]
        placed = sources.setdefault(place.source, _Placed([], set()))
        placed.manifests.append((stored, place))
        if place.month is not None:
            placed.months.add(BillingPeriod.parse(place.month))
        elif read and left:
            left -= 1
            with suppress(OtherTableError):
                manifest = _read(bucket, stored)
                placed.months |= {manifest.period} if manifest else set()
    return sources


def _exports(bucket: Bucket, manifests: Sequence[StoredObject], told: Collection[str]) -> Iterator[ExportFacts]:
    sources = _by_source(bucket, manifests, read=True)
    newest_first = sorted(sources.items(), key=lambda item: item[1].newest.last_modified, reverse=True)
    for source, placed in newest_first[:EXPORTS_AT_MOST]:
        export = _export(source, placed)
        try:
            manifest = _read(bucket, placed.newest)
        except OtherTableError:
            continue
        if manifest is None:
            yield export
            continue
        yield replace(
            export,
            name=manifest.name,
            kind=manifest.kind,
            format=_format(manifest),
            columns=manifest.columns,
            granularity=None if source in told else _granularity(bucket, manifest),
            read=True,
        )


def _unread_exports(bucket: Bucket, manifests: Sequence[StoredObject]) -> tuple[ExportFacts, ...]:
    """The exports as far as the listing alone tells of them."""
    return tuple(_export(source, placed) for source, placed in _by_source(bucket, manifests, read=False).items())


def _export(source: str, placed: _Placed) -> ExportFacts:
    return ExportFacts(
        source=source,
        name=source.rpartition("/")[2],
        kind=ExportKind.DATA_EXPORT,
        months=tuple(sorted(placed.months)),
        delivered_at=placed.newest.last_modified,
        versioning=placed.versioning,
    )


def _read(bucket: Bucket, stored: StoredObject) -> Manifest | None:
    """A manifest; None where it is none, or half written.

    Raises:
        OtherTableError: it is of a table without costs.
        AccessError: it may not be read.
    """
    try:
        return read_manifest(bucket, stored)
    except (AccessError, OtherTableError):
        raise
    except (PermanentError, TransientError):
        return None


def _format(manifest: Manifest) -> FileFormat | None:
    try:
        return common_format(manifest.keys, manifest.compression)
    except PermanentError:
        return None


def _granularity(bucket: Bucket, manifest: Manifest) -> Granularity | None:
    """By the last file of a delivery, which is its smallest, where it is small enough to fetch for this."""
    format = _format(manifest)
    if format is None or format is FileFormat.PARQUET or not manifest.keys:
        return None
    try:
        stored = bucket.head(manifest.keys[-1].lstrip("/"))
        if stored is None or stored.size > SMALL_FILE:
            return None
        with tempfile.TemporaryDirectory(prefix="staxpipe-") as folder:
            path = Path(folder) / "file"
            bucket.fetch(stored, path)
            return granularity_of(beginning(path, format))
    except KeyRefusedError:
        raise
    except (PermanentError, TransientError):
        return None  # whether it can be loaded is said when it is
