"""Files that a person already has: a bucket-like folder, a manifest, or bare data files, told apart.

Manifests win: they say which files count. Only where there is none do bare data files count (`loose.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from staxpipe.errors import PermanentError
from staxpipe.exports.discovery import Discovery, newest_deliveries
from staxpipe.exports.folder import FolderBucket
from staxpipe.exports.loose import loose_deliveries, loose_files
from staxpipe.exports.manifests import layout_of
from staxpipe.model import Finding, Severity, StoredObject


def find(path: Path) -> Discovery:
    """What a folder, a manifest or a data file holds; the findings say so where no manifest led the way.

    Raises:
        PermanentError: there is nothing at the path that staxpipe can load.
    """
    if not path.exists():
        raise PermanentError(f"There is nothing at {path}. Check the path.")
    if path.is_dir():
        bucket = FolderBucket(path)
        objects = list(bucket.list(""))
        return _by_manifests(bucket, objects) if _has_manifest(bucket, objects) else _without_manifest(path)
    bucket = FolderBucket(path.parent)
    stored = bucket.head(path.name)
    if stored is not None and _has_manifest(bucket, [stored]):
        return _of_one_manifest(path)
    return _said(loose_files(path.parent, [path]))


def find_all(paths: Sequence[Path]) -> tuple[Discovery, ...]:
    """The same of several paths; data files of one folder are taken together, as a shell's ``*.csv.gz`` means them.

    Raises:
        PermanentError: at one of the paths is nothing that staxpipe can load.
    """
    found: list[Discovery] = []
    together: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(path.resolve() for path in paths):
        if path.is_file() and not _is_manifest(path):
            together.setdefault(path.parent, []).append(path)
        else:
            found.append(find(path))
    found += [_said(loose_files(folder, files)) for folder, files in together.items()]
    return tuple(found)


def _is_manifest(path: Path) -> bool:
    return layout_of(f"file://{path.absolute()}") is not None


def _has_manifest(bucket: FolderBucket, objects: Iterable[StoredObject]) -> bool:
    return any(_is_manifest(bucket.folder / stored.key) for stored in objects)


def _by_manifests(bucket: FolderBucket, objects: Iterable[StoredObject]) -> Discovery:
    def locate(manifest: StoredObject, keys: Sequence[str]) -> dict[str, StoredObject | None]:
        return _locate(bucket, manifest, keys)

    return newest_deliveries(bucket, objects, locate, known={}, now=None)


def _of_one_manifest(path: Path) -> Discovery:
    """The delivery of one manifest, whatever else lies beside it.

    The folder to look in is the nearest one above from which its files can be found.
    """
    path = path.resolve()
    found: Discovery | None = None
    for folder in list(path.parents)[:8]:
        bucket = FolderBucket(folder)
        stored = bucket.head(path.relative_to(folder).as_posix())
        if stored is None:
            break
        here = _by_manifests(bucket, [stored])
        if here.deliveries:
            return here
        found = found or here
    if found is None:
        raise PermanentError(f"The manifest {path} cannot be read.")
    return found


def _locate(bucket: FolderBucket, manifest: StoredObject, keys: Sequence[str]) -> dict[str, StoredObject | None]:
    """Find the files that a manifest lists in a folder that may be a part of the bucket only.

    A person may have copied the whole bucket, one report, one month or one delivery. So the keys are looked for as
    they are, then without their first folders, below each folder that holds the manifest, the nearest first.
    The first place where any of them is found is the place of all, lest files of two deliveries get mixed.
    """
    parts = [key.strip("/").split("/") for key in keys]
    above = manifest.key.split("/")[:-1]
    depth_of_all = max(len(part) for part in parts)
    places = [(0, 0)] + [(depth, cut) for depth in range(len(above), -1, -1) for cut in range(depth_of_all)]
    for depth, cut in places:
        # Names without any folder are believed beside the manifest only.
        if (cut + 1 < depth_of_all or depth == len(above)) and _is_place(bucket, above[:depth], parts, cut):
            found = {
                key: bucket.head("/".join([*above[:depth], *part[cut:]])) if cut < len(part) else None
                for key, part in zip(keys, parts, strict=True)
            }
            if any(found.values()):
                return found
    return dict.fromkeys(keys)


def _is_place(bucket: FolderBucket, above: Sequence[str], parts: Iterable[Sequence[str]], cut: int) -> bool:
    """Whether any of the files is there. Of thousands, most lie in one folder: it is listed, they are not asked for."""
    files: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for part in parts:
        if cut < len(part):
            files[tuple(part[cut:-1])].add(part[-1])
    return any(not names.isdisjoint(bucket.names("/".join([*above, *folder]))) for folder, names in files.items())


def _without_manifest(path: Path) -> Discovery:
    return _said(loose_deliveries(path))


def _said(found: Discovery) -> Discovery:
    message = (
        "There is no manifest: every data file was taken to count, and the rows of each billing period to be "
        "one delivery."
    )
    return replace(found, findings=(Finding("no-manifest", Severity.INFO, message), *found.findings))
