"""koku's way with a legacy CUR, re-enacted from what is publicly known of it. Our own code, none of theirs.

First each file is read in chunks and split by usage day into daily CSV files. Then each daily file is read in chunks,
its columns are renamed and typed, tags and cost categories become JSON, columns that are always expected are added, and
each chunk becomes a Parquet file. What koku does afterwards (Trino, summaries in Postgres) is left out, and so is what
it uploads.

    python -m benchmarks.peers.koku_reenacted OUT FILE…
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

CHUNK_ROWS = 200_000
DAY = "lineItem/UsageStartDate"
PREFIXES = ("resourceTags/", "costCategory/")
KEPT_FAMILIES = ("bill/", "identity/", "lineItem/", "pricing/", "reservation/", "savingsPlan/", *PREFIXES)
KEPT_PRODUCT = (
    "product/ProductName", "product/productFamily", "product/instanceType", "product/region", "product/operatingSystem",
    "product/memory", "product/vcpu", "product/servicecode", "product/sku", "product/transferType",
)  # fmt: skip
NUMBER = re.compile(
    r"(Amount|Cost|Rate|Factor|Quantity|Units|Value|Fee|Commitment|ForBillingPeriod|ForUsage|NumberOfReservations"
    r"|CommitmentToDate|PerReservation)$"
)
TIMES = (DAY, "lineItem/UsageEndDate", "bill/BillingPeriodStartDate", "bill/BillingPeriodEndDate")
ALWAYS = ("savingsplan_savingsplaneffectivecost", "costcategory", "resourcetags", "lineitem_netunblendedcost")


def main(out: Path, files: Sequence[str]) -> None:
    """Daily files, then Parquet."""
    daily = out / "daily"
    daily.mkdir(parents=True)
    for number, file in enumerate(files):
        _split(file, daily, number)
    for path in sorted(daily.iterdir()):
        _to_parquet(path, out)
        path.unlink()


def _split(file: str, daily: Path, number: int) -> None:
    """Append every row of a file to the CSV of its day."""
    for chunk in pd.read_csv(
        file, chunksize=CHUNK_ROWS, usecols=_kept, dtype={"lineItem/UsageAccountId": str}, low_memory=False
    ):
        days = chunk[DAY].str.slice(0, 10)
        for day in days.unique():
            path = daily / f"{day}_{number}.csv"
            chunk[days == day].to_csv(path, mode="a", index=False, header=not path.exists())


def _to_parquet(path: Path, out: Path) -> None:
    names = list(pd.read_csv(path, nrows=0).columns)
    numbers = {name: _number for name in names if NUMBER.search(name)}
    texts = {name: object for name in names if name not in numbers}
    chunks = pd.read_csv(path, chunksize=CHUNK_ROWS, dtype=texts, converters=numbers, keep_default_na=False)
    for position, chunk in enumerate(chunks):
        for name in TIMES:
            chunk[name] = pd.to_datetime(chunk[name], utc=True)
        for prefix in PREFIXES:
            names = [name for name in chunk.columns if name.startswith(prefix)]
            keys = [name.removeprefix(prefix).removeprefix("user:") for name in names]
            chunk[prefix.rstrip("/")] = chunk[names].apply(
                lambda row, keys=keys: json.dumps({key: value for key, value in zip(keys, row, strict=True) if value}),
                axis=1,
            )
            chunk = chunk.drop(columns=names)
        chunk.columns = [re.sub(r"[^a-z0-9]+", "_", name.lower()) for name in chunk.columns]
        for name in ALWAYS:
            if name not in chunk.columns:
                chunk[name] = ""
        chunk.to_parquet(
            out / f"{path.stem}_{position}.parquet",
            allow_truncated_timestamps=True,
            coerce_timestamps="ms",
            index=False,
        )


def _kept(name: str) -> bool:
    return name.startswith(KEPT_FAMILIES) or name in KEPT_PRODUCT


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
