"""A delivery's files and format as JSON, as the ledger keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from staxpipe.model import BillingPeriod, Delivery, Export, FileFormat, StoredObject


def to_json(delivery: Delivery) -> dict[str, object]:
    """What the ledger's columns do not hold of a delivery."""
    return {
        "format": delivery.format,
        "columns": list(delivery.columns),
        "shared_files": delivery.shared_files,
        "manifest": _object_to_json(delivery.manifest) if delivery.manifest else None,
        "files": [_object_to_json(file) for file in delivery.files],
    }


def from_json(
    value: Mapping[str, Any], export: Export, period: BillingPeriod, delivery_id: str, delivered_at: datetime
) -> Delivery:
    """The delivery that was written by `to_json`, with what stands in columns of its own."""
    return Delivery(
        export=export,
        period=period,
        delivery_id=delivery_id,
        delivered_at=delivered_at,
        files=tuple(_object_from_json(file) for file in value["files"]),
        format=FileFormat(value["format"]),
        manifest=_object_from_json(value["manifest"]) if value["manifest"] else None,
        columns=tuple(value["columns"]),
        shared_files=value["shared_files"],
    )


def _object_to_json(stored: StoredObject) -> dict[str, object]:
    return {**asdict(stored), "last_modified": stored.last_modified.isoformat()}


def _object_from_json(value: Mapping[str, Any]) -> StoredObject:
    return StoredObject(value["key"], value["size"], value["etag"], datetime.fromisoformat(value["last_modified"]))
