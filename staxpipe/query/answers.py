"""How an answer's values are given: rounded in a table, exactly in CSV and JSON, as floats in a DataFrame. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas

SHOWN_DECIMALS = Decimal("0.0001")


def is_number(type_: pa.DataType) -> bool:
    """Whether a column's values stand at the right of their cells."""
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def as_frame(table: pa.Table) -> pandas.DataFrame:
    """An answer for a notebook: decimals become floats, which plots and statistics need, and maps dicts."""
    for at, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(at, field.name, pc.cast(table.column(at), pa.float64()))
    frame: pandas.DataFrame = table.to_pandas(maps_as_pydicts="lossy")
    return frame


def exact(value: object) -> object:
    """A value as JSON can hold it: nothing is lost. Decimals are text, as numbers of JSON are often read as floats."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): exact(inner) for key, inner in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Sequence):
        return [exact(inner) for inner in value]
    return str(value)  # an interval, a UUID


def plain(value: Decimal) -> str:
    """Every digit that says something, without an exponent: 1.50 of decimal(38, 18) is "1.5"."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: object) -> tuple[str, bool]:
    """A value for a person's eyes, and whether it was rounded.

    Decimals get four places and thousands separators; tiny ones keep their first two digits.
    """
    if value is None:
        return "", False
    if isinstance(value, Decimal):
        if value.as_tuple().exponent == 0:  # a count: DuckDB sums integers to decimals of no places
            return f"{value:,}", False
        if value != 0 and abs(value) < SHOWN_DECIMALS:
            return plain(value.quantize(Decimal(1).scaleb(value.adjusted() - 1))), len(
                value.normalize().as_tuple().digits
            ) > 2
        rounded = value.quantize(SHOWN_DECIMALS)
        return f"{rounded:,.4f}", rounded != value
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}", False
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S"), False
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={shown(inner)[0]}" for key, inner in value.items()), False
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(shown(inner)[0] for inner in value), False
    if isinstance(value, timedelta):
        return str(value), False
    return str(exact(value)), False
