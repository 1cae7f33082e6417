"""Data Exports (CUR 2.0, FOCUS 1.0 and 1.2): where their manifests stand, and what is in them.

Below ``<prefix>/<export>/`` (Data Exports guide, "Understanding export delivery"):

* overwrite: data in ``data/BILLING_PERIOD=yyyy-mm/``, the manifest in ``metadata/BILLING_PERIOD=yyyy-mm/``, both
  replaced by each delivery. Files that a smaller delivery does not need are overwritten with nothing in them.
* create-new: both below a folder of their own in there, ``<timestamp>-<execution id>/``, colons and all; a copy
  of the newest manifest in ``metadata/BILLING_PERIOD=yyyy-mm/`` points to it.

The guide calls the manifest ``<export>-Manifest.json`` in one place and ``Manifest.json`` in another; some exports
write ``billing_period=``. What the manifest holds, AWS tells in words only (columns, files, time period): the names
of its fields here are those that public readers of it use, and none but the list of files is relied on.

Which delivery is the newest is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from staxpipe.errors import PermanentError
from staxpipe.exports.kinds import kind_of_table
from staxpipe.exports.layout import Manifest, Place
from staxpipe.exports.manifest_json import content_id, json_object, listed_files, month_of, owner_of, text_of, wrong
from staxpipe.model import BillingPeriod, ExportKind

# Without "metadata" where somebody has copied a month's folder alone.
_PARTITION = re.compile(r"(?P<source>.*?)(/metadata)?/billing_period=(?P<month>[^/]*)(/(?P<version>[^/]+))?", re.I)
_OTHER_TABLE = re.compile(r".*/metadata/(?!billing_period=)[^/=]+=[^/]*(/[^/]+)?/[^/]*manifest\.json", re.I)
_ACCOUNT_OF_ARN = re.compile(r"arn:[^:]*:bcm-data-exports:[^:]*:([0-9]{12}):.*")


class OtherTableError(PermanentError):
    """A manifest of Data Exports whose table is neither a Cost and Usage Report nor FOCUS."""


class DataExports:
    """The layout of Data Exports."""

    def place(self, address: str) -> Place | None:
        """Where a manifest stands; None for an object that is not the manifest of an export of billing periods."""
        folder, _, name = address.rpartition("/")
        if not _is_manifest(name):
            return None
        found = _PARTITION.fullmatch(folder)
        month = month_of(found["month"]) if found else None
        return Place(found["source"], str(month), found["version"]) if found and month else None

    def parse(self, address: str, body: bytes) -> Manifest:
        """Read a manifest; only the list of files is indispensable, and a period that it or its address tells.

        Raises:
            OtherTableError: its columns are those of a table that is not read.
            PermanentError: it is not a Data Export's manifest; names it and what is missing or wrong.
            TransientError: it is written by half.
        """
        content = json_object(address, body)
        place = self.place(address)
        period = _period_said(content) or (month_of(place.month) if place else None)
        files = listed_files(address, content, "dataFiles", "reportKeys")
        if period is None:
            raise wrong(address, "its billing period")
        columns = _columns(content.get("columns"))
        kind = kind_of_table(columns)
        source = place.source if place else address.rpartition("/")[0]
        if kind is None and columns:
            raise OtherTableError(
                f"The export in {source} is neither a Cost and Usage Report nor FOCUS, so it is not read: its first "
                f"columns are {', '.join(columns[:4])}."
            )
        arn = _ACCOUNT_OF_ARN.fullmatch(text_of(content, "exportArn"))
        return Manifest(
            name=text_of(content, "exportName", "reportName") or source.rpartition("/")[2],
            kind=kind or ExportKind.DATA_EXPORT,
            owner=owner_of(arn[1] if arn else text_of(content, "account", "accountId")),
            period=period,
            delivery_id=text_of(content, "executionId", "assemblyId") or content_id(body),
            keys=files.keys,
            repeated=files.repeated,
            compression=text_of(content, "compression"),
            columns=columns,
        )


def is_of_other_table(address: str) -> bool:
    """Whether an object is the manifest of an export that has no billing periods.

    Those of cost optimization recommendations and other tables stand below ``metadata/<another partition>=…/``.
    """
    return _OTHER_TABLE.fullmatch(address) is not None and _is_manifest(address.rpartition("/")[2])


def _is_manifest(name: str) -> bool:
    lower = name.lower()
    return lower.endswith("manifest.json") and not lower.endswith("redshiftmanifest.json")


def _period_said(content: Mapping[str, Any]) -> BillingPeriod | None:
    """The billing period that a manifest tells, in whatever of the ways that have been seen."""
    for field in ("billingPeriod", "billing_period", "timePeriod"):
        value = content.get(field)
        starts = [value.get("start"), value.get("startDate")] if isinstance(value, dict) else [value]
        for start in starts:
            if period := month_of(start):
                return period
    return None


def _columns(columns: object) -> tuple[str, ...]:
    """The names of the columns, where they are listed as ``{name, type}`` or as names alone."""
    if not isinstance(columns, list):
        return ()
    named = [column if isinstance(column, dict) else {"name": column} for column in columns]
    return tuple(name for column in named if (name := text_of(column, "name")))
