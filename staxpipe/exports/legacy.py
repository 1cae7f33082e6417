"""Legacy Cost and Usage Reports: where their manifests stand, and what is in them.

Three layouts below ``<prefix>/<report>/`` (Cost and Usage Report guide, "Viewing your reports"):

* create-new: ``yyyymmdd-yyyymmdd/<assemblyId>/`` holds the data and a manifest that never changes;
  a copy of the newest one in ``yyyymmdd-yyyymmdd/`` points to it.
* overwrite: data and manifest in ``yyyymmdd-yyyymmdd/``, replaced by each delivery.
* with Athena (Parquet, always overwrite): ``<report>/year=yyyy/month=m/``, the month padded or not; the
  manifest there or in the date range's folder (the guide says both).

Which delivery is the newest is not decided here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import blake2b
from typing import Any

from staxpipe.errors import PermanentError, TransientError
from staxpipe.exports.layout import Manifest, Place
from staxpipe.model import AccountId, BillingPeriod, ExportKind, account_id

MANIFEST_ENDING = "-Manifest.json"  # with the hyphen: Redshift's own file is called RedshiftManifest.json

_DATE_RANGE = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])[0-9]{2}-[0-9]{8}")
_YEAR = re.compile(r"year=([0-9]{4})", re.IGNORECASE)
_MONTH = re.compile(r"month=0?([1-9]|1[0-2])", re.IGNORECASE)
_DATA_EXPORTS = re.compile(r"/metadata/BILLING_PERIOD=", re.IGNORECASE)
_MOMENT = re.compile(r"([0-9]{4})-?(0[1-9]|1[0-2])-?[0-9]{2}(T|$)")


class LegacyCur:
    """The layout of legacy Cost and Usage Reports."""

    kind = ExportKind.LEGACY_CUR

    def place(self, address: str) -> Place | None:
        """Where a manifest stands; None for an object that is not a legacy report's manifest."""
        folder, _, name = address.rpartition("/")
        if not name.endswith(MANIFEST_ENDING) or _DATA_EXPORTS.search(address):
            return None
        *above, parent, last = folder.rsplit("/", 2)
        if dates := _DATE_RANGE.fullmatch(last):
            return Place("/".join([*above, parent]), f"{dates[1]}-{dates[2]}", None)
        if dates := _DATE_RANGE.fullmatch(parent):
            return Place("/".join(above), f"{dates[1]}-{dates[2]}", last)
        if (year := _YEAR.fullmatch(parent)) and (month := _MONTH.fullmatch(last)):
            return Place(_without_doubled_report("/".join(above)), f"{year[1]}-{int(month[1]):02d}", None)
        return Place(folder, None, None)

    def parse(self, key: str, body: bytes) -> Manifest:
        """Read a manifest; only the billing period and the list of files are indispensable.

        Raises:
            PermanentError: it is not a legacy report's manifest; names the key and what is missing or wrong.
            TransientError: it is written by half.
        """
        content = _json_object(key, body)
        keys = content.get("reportKeys")
        if not isinstance(keys, list) or not all(isinstance(item, str) and item.strip("/") for item in keys):
            raise _wrong(key, "a list of file names under reportKeys")
        if not keys:
            raise _wrong(key, "any file under reportKeys")
        # Some tools begin a key with a slash that the object's does not have: then both are one object.
        first: dict[str, str] = {}
        for item in keys:
            first.setdefault(item.lstrip("/"), item)
        delivery_id = _text(content, "assemblyId") or f"content-{blake2b(body, digest_size=16).hexdigest()}"
        return Manifest(
            name=_text(content, "reportName") or key.rpartition("/")[2].removesuffix(MANIFEST_ENDING),
            owner=_owner(_text(content, "account")),
            period=_period(key, content),
            delivery_id=delivery_id,
            keys=tuple(first.values()),
            repeated=tuple(name for name, times in Counter(item.lstrip("/") for item in keys).items() if times > 1),
            compression=_text(content, "compression"),
            columns=_columns(content.get("columns")),
        )


def _without_doubled_report(source: str) -> str:
    """``prefix/report/report`` → ``prefix/report``: only the Athena layout names the report twice."""
    above, _, report = source.rpartition("/")
    return above if above.rpartition("/")[2] == report else source


def _json_object(key: str, body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8-sig").rstrip()
        content = json.loads(text)
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _half_written(key) from None
        raise PermanentError(f"The manifest {key} is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            raise _half_written(key) from None
        raise PermanentError(f"The manifest {key} is not JSON: {error}.") from None
    except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
        raise PermanentError(f"The manifest {key} is JSON of a shape that no manifest has.") from None
    if not isinstance(content, dict):
        raise PermanentError(f"The manifest {key} is not a JSON object, so it is not a report's manifest.")
    return content


def _half_written(key: str) -> TransientError:
    return TransientError(f"The manifest {key} stops in its middle: it is being written. It will be read again.")


def _wrong(key: str, missing: str) -> PermanentError:
    return PermanentError(f"The manifest {key} does not have {missing}, so it is not a Cost and Usage Report's.")


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _owner(text: str) -> AccountId | None:
    try:
        return account_id(text)
    except ValueError:
        return None


def _period(key: str, content: dict[str, Any]) -> BillingPeriod:
    period = content.get("billingPeriod")
    start = period.get("start") if isinstance(period, dict) else None
    moment = _MOMENT.match(start) if isinstance(start, str) else None
    if moment is None:
        raise _wrong(key, "a start of its billing period under billingPeriod")
    return BillingPeriod(int(moment[1]), int(moment[2]))


def _columns(columns: object) -> tuple[str, ...]:
    """``category/name`` of each column, where the manifest lists them in the way that AWS does."""
    if not isinstance(columns, list):
        return ()
    named = [column for column in columns if isinstance(column, dict)]
    return tuple(f"{column['category']}/{column['name']}" for column in named if {"category", "name"} <= column.keys())
