"""Which columns of AWS's own FOCUS exports are read, under their canonical names, and which there must be.

A column `BilledCost` is `billed_cost` to the reader (names.py); a map `Tags` is read as one column a key, `tags/Name`.
What becomes of each is in passthrough.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from staxpipe.errors import PermanentError
from staxpipe.focus.columns import FOCUS_COLUMNS, MOMENT, MONEY, TEXT, TEXT_MAP, FocusColumn
from staxpipe.focus.names import canonical_name

AWS_COLUMNS: tuple[FocusColumn, ...] = (
    FocusColumn("x_CostCategories", TEXT_MAP),  # 1.0 only
    FocusColumn("x_Discounts", TEXT_MAP),
    FocusColumn("x_Operation", TEXT),
    FocusColumn("x_ServiceCode", TEXT),
    FocusColumn("x_UsageType", TEXT),  # 1.0 only
)
"""AWS's own columns beside FOCUS's: five in its 1.0 table, three of them in its 1.2 table."""

_ALL = FOCUS_COLUMNS + AWS_COLUMNS

TEXTS: dict[str, str] = {canonical_name(column.name): column.name for column in _ALL if column.type == TEXT}
NUMBERS: dict[str, str] = {canonical_name(column.name): column.name for column in _ALL if column.type == MONEY}
MOMENTS: dict[str, str] = {canonical_name(column.name): column.name for column in _ALL if column.type == MOMENT}
MAPS: dict[str, str] = {canonical_name(column.name): column.name for column in _ALL if column.type == TEXT_MAP}
"""Canonical name to FOCUS name, by what the values are. The columns of a map are `<canonical name>/<key>`."""

REQUIRED: tuple[str, ...] = (
    "billed_cost",
    "billing_account_id",
    "billing_currency",
    "billing_period_start",
    "charge_category",
    "charge_period_end",
    "charge_period_start",
    "effective_cost",
)
"""Without one of these no row can be placed in an account, a currency, a time, or in what was billed and used.

A row in which one of them is empty is refused.
"""

ASSUMED: dict[str, str] = {
    "charge_frequency": "usage is taken for Usage-Based and everything else for One-Time",
    "contracted_cost": "it is taken to be the effective cost of what a commitment covers, else the billed cost",
    "focus_version": "rows are taken for FOCUS 1.0",  # no column, but what columns would tell
    "list_cost": "it is taken to be the contracted cost",
    "service_category": "it is looked up by the service's code or name, else Other",
    "service_name": "it is looked up by the service's code, else that code is the name",
}
"""What is assumed where a column is absent or empty that AWS always fills. Every assumption becomes a finding."""

NULL_WORD = "NULL"
"""How some tools that rewrite exports as CSV spell a missing value (FOCUS's published sample has it)."""


def wanted(canonical_name: str) -> bool:
    """Whether a FOCUS pass-through reads the column with this canonical name."""
    name, _, key = canonical_name.partition("/")
    if name in MAPS:
        return True
    return not key and (name in TEXTS or name in NUMBERS or name in MOMENTS)


def require_columns(names: Iterable[str]) -> None:
    """Refuse a file that lacks a column without which its rows cannot be costs.

    Raises:
        PermanentError: naming every column that is absent, as FOCUS spells it.
    """
    missing = set(REQUIRED).difference(names)
    if missing:
        spelled = sorted((TEXTS | NUMBERS | MOMENTS)[name] for name in missing)
        raise PermanentError(
            f"columns that every FOCUS export must have are absent: {', '.join(spelled)}. "
            "Was a column left out or renamed in the export's SQL? Add it to the export"
        )
