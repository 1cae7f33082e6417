"""What manifests of every layout have in common: an object of JSON that lists files of the bucket that it lies in.

Every field may be of any type, or absent; what a layout cannot do without, it says itself. Whatever the bytes
are, the answer is a value or one of staxpipe's errors, with a sentence.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from staxpipe.errors import PermanentError, TransientError
from staxpipe.model import AccountId, BillingPeriod, account_id

KEY_BYTES = 1024
"""The longest key that Amazon S3 has."""

_MONTH = re.compile(r"(20[0-9]{2})-?(0[1-9]|1[0-2])(-?[0-9]{2})?([T ]|$)")
_SCHEME = "s3://"


@dataclass(frozen=True)
class FileList:
    """The keys that a manifest lists, in order, each once; `repeated` are those that it lists again."""

    keys: tuple[str, ...]
    repeated: tuple[str, ...]


def json_object(manifest: str, body: bytes) -> dict[str, Any]:
    """The object that a manifest is; `manifest` is its address, for the errors.

    Raises:
        PermanentError: it is no JSON object.
        TransientError: it is written by half.
    """
    try:
        text = body.decode("utf-8-sig").rstrip()
        content = json.loads(text)
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _half_written(manifest) from None
        raise PermanentError(f"The manifest {manifest} is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            raise _half_written(manifest) from None
        raise PermanentError(f"The manifest {manifest} is not JSON: {error}.") from None
    except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
        raise PermanentError(f"The manifest {manifest} is JSON of a shape that no manifest has.") from None
    if not isinstance(content, dict):
        raise PermanentError(f"The manifest {manifest} is not a JSON object, so it is not a report's manifest.")
    return content


def listed_files(manifest: str, content: Mapping[str, Any], *fields: str) -> FileList:
    """The data files under the first of some fields that is there, as keys of the manifest's own bucket.

    AWS writes them as ``s3://bucket/key`` or as bare keys; some tools begin a key with a slash that the object's does
    not have, and then both are one object.

    Args:
        manifest: the manifest's address: a bucket's url, '/' and a key.
        content: what it says.
        fields: the names that the list may have.

    Raises:
        PermanentError: there is no such list, it is empty, or it leads out of the bucket. Nobody but the owner of a
            bucket says what is read of it: a manifest elsewhere is not believed.
    """
    field = next((name for name in fields if name in content), fields[0])
    listed = content.get(field)
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise wrong(manifest, f"a list of file names under {field}")
    if not listed:
        raise wrong(manifest, f"any file under {field}")
    buckets = {item[len(_SCHEME) :].partition("/")[0] for item in listed if _is_uri(item)}
    # A folder of this machine is a copy: which bucket it is one of, nobody knows, but it is one.
    own = _bucket_of(manifest)
    if strangers := buckets - {own} if own is not None else (buckets if len(buckets) > 1 else set()):
        raise PermanentError(
            f"The manifest {manifest} lists files of another bucket (s3://{min(strangers)}). Only files of the bucket "
            "in which a manifest lies are read: link the bucket to which AWS delivers the export."
        )
    first: dict[str, str] = {}
    times: Counter[str] = Counter()
    for item in listed:
        key = item[len(_SCHEME) :].partition("/")[2] if _is_uri(item) else item
        name = key.lstrip("/")
        if not name.strip("/") or not _is_plain(key) or len(key.encode()) > KEY_BYTES:
            raise wrong(manifest, f"nothing but names of files under {field} ({item[:80]!r})")
        first.setdefault(name, key)
        times[name] += 1
    return FileList(tuple(first.values()), tuple(name for name, number in times.items() if number > 1))


def text_of(content: Mapping[str, Any], *names: str) -> str:
    """The first of some fields that holds text of a sensible length; empty where none does."""
    for name in names:
        value = content.get(name)
        if isinstance(value, str) and value and len(value) <= KEY_BYTES and _is_plain(value):
            return value
    return ""


def owner_of(text: str) -> AccountId | None:
    """An account id, where the text is one."""
    try:
        return account_id(text)
    except ValueError:
        return None


def month_of(value: object) -> BillingPeriod | None:
    """The month of a moment, a date or a month as manifests write them: ``20261001T000000.000Z``, ``2026-10``."""
    match = _MONTH.match(value) if isinstance(value, str) else None
    return None if match is None else BillingPeriod(int(match[1]), int(match[2]))


def content_id(body: bytes) -> str:
    """What stands for a delivery's id where its manifest has none."""
    return f"content-{blake2b(body, digest_size=16).hexdigest()}"


def wrong(manifest: str, missing: str) -> PermanentError:
    """The error of a manifest that lacks what it must have."""
    return PermanentError(f"The manifest {manifest} does not have {missing}, so it is not a report's manifest.")


def _half_written(manifest: str) -> TransientError:
    return TransientError(f"The manifest {manifest} stops in its middle: it is being written. It will be read again.")


def _is_uri(item: str) -> bool:
    return item[: len(_SCHEME)].lower() == _SCHEME


def _bucket_of(manifest: str) -> str | None:
    return manifest[len(_SCHEME) :].partition("/")[0] if _is_uri(manifest) else None


def _is_plain(text: str) -> bool:
    """Whether a text is one that S3, a file system and Postgres can hold: no NUL, no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
