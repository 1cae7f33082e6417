"""Taking apart what people paste where a bucket's name is asked: S3 addresses, ARNs, the console's URLs.

Pure. Whether a name is a good one is decided in `forms`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)(?:/(.*))?", re.DOTALL)
_HOST = r"s3[.-](?:(?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-[0-9])\.)?(?:[a-z0-9.-]+\.)?amazonaws\.com(?:\.cn)?"
_VIRTUAL_HOST = re.compile(rf"(.+)\.{_HOST}")
_PATH_HOST = re.compile(_HOST)
_CONSOLE_PATH = re.compile(r"/s3/(?:buckets|object)/([^/]+)/?(.*)", re.DOTALL)


@dataclass(frozen=True)
class BucketAddress:
    """A bucket's name, and the prefix (without slashes at its ends) and the region that stood with it, if any."""

    bucket: str
    prefix: str = ""
    region: str = ""


def take_apart(text: str) -> BucketAddress | None:
    """What the pasted text means, or None when it looks like an address and cannot be understood.

    A text that is no address at all is taken as a bucket's name, perhaps with a prefix behind a slash.
    """
    text = text.strip()
    lower = text.lower()
    if lower.startswith(("s3://", "s3a://", "s3n://")):
        return _split(text.split("://", 1)[1])
    if lower.startswith("arn:"):
        match = _ARN.fullmatch(text)
        return _address(match[1], match[2] or "") if match else None
    if lower.startswith(("http://", "https://")):
        return _from_url(text)
    return _split(text)


def _from_url(text: str) -> BucketAddress | None:
    try:
        url = urlsplit(text)
        host = url.hostname or ""
    except ValueError:  # an unclosed bracket in the host
        return None
    if host.endswith("console.aws.amazon.com"):
        match = _CONSOLE_PATH.fullmatch(url.path)
        asked = parse_qs(url.query)
        prefix, region = asked.get("prefix", [""])[0], asked.get("region", [""])[0]
        return _address(match[1], prefix, region) if match else None
    if match := _PATH_HOST.fullmatch(host):
        return _split(unquote(url.path).lstrip("/"), match[1] or "")
    match = _VIRTUAL_HOST.fullmatch(host)
    return _address(match[1], unquote(url.path), match[2] or "") if match else None


def _split(text: str, region: str = "") -> BucketAddress | None:
    bucket, _, prefix = text.partition("/")
    return _address(bucket, prefix, region)


def _address(bucket: str, prefix: str, region: str = "") -> BucketAddress | None:
    return BucketAddress(bucket, prefix.strip("/"), region) if bucket else None
