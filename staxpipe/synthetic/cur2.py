"""A month as CUR 2.0: the same rows as the legacy report, under a fixed schema with maps.

Keys of maps are spelt as AWS spells Parquet columns (public queries read ``resource_tags['user_cost_center']`` and
``product['instance_type_family']``), so keys may collide here as there. In CSV a map is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.synthetic.columns import CAPACITY_RESERVATION, parquet_name
from staxpipe.synthetic.cur2_schema import ACCOUNT_NAMES, MANUAL_DISCOUNT_REMOVES, TYPES
from staxpipe.synthetic.files import ParquetColumn
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.text import MonthText

_ARROW = {
    "string": pa.string(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("ms", tz="UTC"),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
}
_EDP, _EDP_KEY = "discount/EdpDiscount", "edp_discount"
"""The discount that is no column of its own. A guess: its key is the legacy column's name, as other maps' keys are."""

_CAPACITY = {
    parquet_name(f"capacityReservation/{name}"): f"capacityReservation/{name}" for name in CAPACITY_RESERVATION
}


@dataclass(frozen=True)
class Cur2Query:
    """What an export's SQL selects from the table.

    `merged_tags` selects the tags column instead of resource_tags and cost_category. `aliases` are new names by
    AWS's own. `zeros` writes missing values in Parquet as ``''`` and 0.0, as legacy reports have them; a guess either
    way, since no public file shows what AWS does.
    """

    account_names: bool = True
    merged_tags: bool = False
    dropped: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    zeros: bool = False


class Cur2Text:
    """The text of a CUR 2.0 export, to be written as CSV, and what its Parquet columns are made of."""

    def __init__(self, month_text: MonthText, query: Cur2Query) -> None:
        self.month_text = month_text
        self.month = month_text.month
        self._query = query
        selected = _selected(self.month, query)
        self.columns = tuple((query.aliases.get(name, name), TYPES[name]) for name in selected)
        self.header = tuple(name for name, _ in self.columns)
        self.quoted = frozenset(self._named(selected, "discount"))
        legacy = {parquet_name(header): header for header in month_text.header}
        self._varying = {
            out: legacy[name] for out, name in self._each(selected) if legacy.get(name) in month_text.varying_names
        }
        self._maps = {
            out: _maps(self.month, name) for out, name in self._each(selected) if TYPES[name] == "map<string,string>"
        }
        self._plain = {
            out: self._text_of(name, legacy.get(name, ""))
            for out, name in self._each(selected)
            if out not in self._varying and out not in self._maps and out not in self.quoted
        }
        types = dict(self.columns)
        self.static: Mapping[str, pa.Array] = {
            **{out: _moments(values) if types[out] == "timestamp" else values for out, values in self._plain.items()},
            **{out: pa.array([_json(each) for each in maps], pa.string()) for out, maps in self._maps.items()},
        }

    def varying(self, first: int, count: int) -> dict[str, pa.Array]:
        """The columns that differ from row to row, for `count` rows from `first`."""
        legacy, types = self.month_text.varying(first, count), dict(self.columns)
        columns = {
            out: _moments(legacy[header]) if types[out] == "timestamp" else legacy[header]
            for out, header in self._varying.items()
        }
        return columns | {out: _discount_text(legacy, count) for out in self.quoted}

    def parquet(self) -> list[ParquetColumn]:
        """The columns for Parquet: timestamps, doubles and maps, made from the legacy report's text."""
        columns = []
        for name, type_name in self.columns:
            kind = _ARROW[type_name]
            if name in self._maps:
                maps = pa.array([list(each.items()) for each in self._maps[name]], kind)
                columns.append(ParquetColumn(name, kind, maps))
            elif name in self.quoted:
                columns.append(ParquetColumn(name, kind, convert=_discount_maps))
            elif name in self._plain:
                columns.append(ParquetColumn(name, kind, self._typed(self._plain[name], kind)))
            else:
                columns.append(ParquetColumn(name, kind, convert=self._converter(self._varying[name], kind)))
        return columns

    def _converter(self, header: str, kind: pa.DataType) -> Callable[[Mapping[str, pa.Array]], pa.Array]:
        return lambda varying: self._typed(varying[header], kind)

    def _typed(self, values: pa.Array, kind: pa.DataType) -> pa.Array:
        if pa.types.is_timestamp(kind):
            return pc.cast(pc.cast(values, pa.timestamp("s", tz="UTC")), kind)
        values = pc.cast(values, kind)
        if not self._query.zeros:
            return values
        return pc.fill_null(values, 0.0 if pa.types.is_floating(kind) else "")

    def _each(self, selected: Iterable[str]) -> Iterable[tuple[str, str]]:
        return ((self._query.aliases.get(name, name), name) for name in selected)

    def _named(self, selected: Iterable[str], wanted: str) -> list[str]:
        return [out for out, name in self._each(selected) if name == wanted]

    def _text_of(self, name: str, header: str) -> pa.Array:
        templates = self.month.templates
        if name in ACCOUNT_NAMES:
            names = {str(account.id): account.name for account in self.month.organisation.accounts}
            column = "bill/PayerAccountId" if name.startswith("bill_") else "lineItem/UsageAccountId"
            return pa.array([names[template.text[column]] for template in templates], pa.string())
        if header := header or _CAPACITY.get(name, ""):
            return pa.array([template.text.get(header) or None for template in templates], pa.string())
        return pa.nulls(len(templates), pa.string())


def _selected(month: Month, query: Cur2Query) -> list[str]:
    """The columns that the table's configuration and the query leave, in the order of the alphabet."""
    features = month.organisation.features
    rows_of_discount = bool(features.every_discount or month.organisation.edp_percent)
    without = set(query.dropped)
    without |= {"resource_tags", "cost_category"} if query.merged_tags else {"tags"}
    without |= MANUAL_DISCOUNT_REMOVES if rows_of_discount else set()
    without |= set() if query.account_names else ACCOUNT_NAMES
    return [
        name
        for name in TYPES
        if name not in without
        and (features.split_costs or not name.startswith("split_line_item_"))
        and (features.capacity_reservations or name not in _CAPACITY)
    ]


def _maps(month: Month, name: str) -> list[dict[str, str]]:
    """A map column: one dictionary a template. Of keys that become one, the first that has a value stays."""
    keys = _keys(month, name)
    maps = []
    for template in month.templates:
        found: dict[str, str] = {}
        for header, key in keys:
            if value := template.text.get(header):
                found.setdefault(key, value)
        maps.append(found)
    return maps


def _keys(month: Month, name: str) -> list[tuple[str, str]]:
    """Legacy header and map key of what a map column holds.

    The merged tags keep their keys as typed, without ``user:``, as in the table dictionary's example
    (``resourceTags/department``).
    """
    if name == "tags":
        families = ("resourceTags/", "costCategory/")
        return [(header, header.replace("/user:", "/", 1)) for header in month.header if header.startswith(families)]
    family = {"product": "product/", "resource_tags": "resourceTags/", "cost_category": "costCategory/"}[name]
    return [
        (header, parquet_name(header).removeprefix(name + "_"))
        for header in month.header
        if header.startswith(family) and parquet_name(header) not in TYPES
    ]


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _moments(values: pa.Array) -> pa.Array:
    """Moments with milliseconds. A guess: no public CSV of CUR 2.0 shows them."""
    return pc.replace_substring(values, "Z", ".000Z")


def _discount_text(varying: Mapping[str, pa.Array], count: int) -> pa.Array:
    """The discount map as JSON."""
    none = pa.repeat(pa.scalar("{}"), count)
    if _EDP not in varying:
        return none
    return pc.coalesce(pc.binary_join_element_wise(f'{{"{_EDP_KEY}":', varying[_EDP], "}", ""), none)


def _discount_maps(varying: Mapping[str, pa.Array]) -> pa.Array:
    """The discount map, one entry where there is a discount."""
    values = varying[_EDP] if _EDP in varying else pa.nulls(len(varying["lineItem/UnblendedCost"]), pa.string())
    there = values.is_valid().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(there)]).astype(np.int32)
    amounts = pc.cast(values.drop_null(), pa.float64())
    return pa.MapArray.from_arrays(pa.array(offsets), pa.repeat(pa.scalar(_EDP_KEY), len(amounts)), amounts)
