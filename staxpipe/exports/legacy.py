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

import re
from typing import Any

from staxpipe.exports.layout import Manifest, Place
from staxpipe.exports.manifest_json import content_id, json_object, listed_files, month_of, owner_of, text_of, wrong
from staxpipe.model import BillingPeriod, ExportKind

MANIFEST_ENDING = "-Manifest.json"  # with the hyphen: Redshift's own file is called RedshiftManifest.json

_DATE_RANGE = re.compile(r"([0-9]{4})(0[1-9]|1[0-2])[0-9]{2}-[0-9]{8}")
_YEAR = re.compile(r"year=([0-9]{4})", re.IGNORECASE)
_MONTH = re.compile(r"month=0?([1-9]|1[0-2])", re.IGNORECASE)


class LegacyCur:
    """The layout of legacy Cost and Usage Reports."""

    def place(self, address: str) -> Place | None:
        """Where a manifest stands; None for an object that is not a legacy report's manifest in its place."""
        folder, _, name = address.rpartition("/")
        if not name.endswith(MANIFEST_ENDING):
            return None
        *above, parent, last = folder.rsplit("/", 2)
        if dates := _DATE_RANGE.fullmatch(last):
            return Place("/".join([*above, parent]), f"{dates[1]}-{dates[2]}", None)
        if dates := _DATE_RANGE.fullmatch(parent):
            return Place("/".join(above), f"{dates[1]}-{dates[2]}", last)
        if (year := _YEAR.fullmatch(parent)) and (month := _MONTH.fullmatch(last)):
            return Place(_without_doubled_report("/".join(above)), f"{year[1]}-{int(month[1]):02d}", None)
        return None

    def parse(self, address: str, body: bytes) -> Manifest:
        """Read a manifest; only the billing period and the list of files are indispensable.

        Raises:
            PermanentError: it is not a legacy report's manifest; names it and what is missing or wrong.
            TransientError: it is written by half.
        """
        content = json_object(address, body)
        files = listed_files(address, content, "reportKeys")
        return Manifest(
            name=text_of(content, "reportName") or address.rpartition("/")[2].removesuffix(MANIFEST_ENDING),
            kind=ExportKind.LEGACY_CUR,
            owner=owner_of(text_of(content, "account")),
            period=_period(address, content),
            delivery_id=text_of(content, "assemblyId") or content_id(body),
            keys=files.keys,
            repeated=files.repeated,
            compression=text_of(content, "compression"),
            columns=_columns(content.get("columns")),
        )


def _without_doubled_report(source: str) -> str:
    """``prefix/report/report`` → ``prefix/report``: only the Athena layout names the report twice."""
    above, _, report = source.rpartition("/")
    return above if above.rpartition("/")[2] == report else source


def _period(address: str, content: dict[str, Any]) -> BillingPeriod:
    said = content.get("billingPeriod")
    period = month_of(said.get("start")) if isinstance(said, dict) else None
    if period is None:
        raise wrong(address, "a start of its billing period under billingPeriod")
    return period


def _columns(columns: object) -> tuple[str, ...]:
    """``category/name`` of each column, where the manifest lists them in the way that AWS does."""
    if not isinstance(columns, list):
        return ()
    named = [column for column in columns if isinstance(column, dict)]
    pairs = [(text_of(column, "category"), text_of(column, "name")) for column in named]
    return tuple(f"{category}/{name}" for category, name in pairs if category and name)
