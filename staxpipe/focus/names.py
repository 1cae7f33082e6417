"""One name for every spelling of a column: what AWS calls a column, in whatever file.

Names only, never values. Which columns the mapping needs stands in `source_columns.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from staxpipe.errors import PermanentError

TAG_FAMILIES = ("resource_tags", "cost_category")
"""Families whose columns are named by the customer's own keys: ``resource_tags/<key>``."""

KEYED_MAPS = (*TAG_FAMILIES, "tags", "sku_price_details", "x_cost_categories", "x_discounts")
"""Map columns of CUR 2.0 and FOCUS that become one column a key, ``tags/<key>``, the key as it is written."""

ATTRIBUTE_MAPS = ("product", "discount")
"""Map columns of CUR 2.0 that hold what were columns of their own in a legacy CUR: ``product_<key in snake case>``."""

UNREADABLE = "#unreadable"
"""What follows a map column's name and a slash where its text is no JSON object."""

_AWS_FOCUS_EXTRAS = ("x_CostCategories", "x_Discounts", "x_Operation", "x_ServiceCode", "x_UsageType")


class NotACostReportError(PermanentError):
    """A data file that has none of the columns that are looked for."""


_UPPER = re.compile(r"([A-Z])")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_SPELLED_ARN = re.compile(r"_arn$")
_NUMBER = re.compile(r"#[0-9]+$")


def canonical_name(header: str) -> str:
    """Bring a column's name, as a file spells it, to the spelling that CUR 2.0 uses.

    ==========================================  =================================
    legacy CSV  ``lineItem/UnblendedCost``      ``line_item_unblended_cost``
    Parquet     ``line_item_unblended_cost``    the same
    ``savingsPlan/SavingsPlanARN`` or ``…Arn``  ``savings_plan_savings_plan_a_r_n``
    ``product/regionCode``                      ``product_region_code``
    ``resourceTags/user:Name``                  ``resource_tags/user:Name``
    ``costCategory/Team``                       ``cost_category/Team``
    Parquet     ``resource_tags_user_name``     ``resource_tags/user_name``
    FOCUS       ``BilledCost``                  ``billed_cost``
    FOCUS       ``x_ServiceCode``               ``x_service_code``
    ==========================================  =================================

    The rule is the one by which AWS names the Parquet columns (Cost and Usage Report guide, "Configuring Amazon
    Athena": an underscore before each capital, lower case, every other character an underscore, none doubled
    or at an edge). Keys of tags and cost categories stay as the customer wrote them, since two keys may
    differ by nothing but case. In Parquet AWS has already put them through the rule: the original key is lost,
    and ``user_name`` may have been ``user:Name`` or ``user:name``.

    An ARN is spelled ``a_r_n`` by the rule and ``arn`` by files whose header says ``…Arn``; here it is always the
    first. Headers in capitals only, as some warehouses unload them, are read as lower case. FOCUS columns that a
    warehouse has put into one case (``billedcost``; Glue does) are known by their letters.
    """
    name = header.removeprefix("\ufeff").strip()
    if name.isupper():
        name = name.lower()
    family, slash, key = name.partition("/")
    family = _snake(family)
    if slash and key and family in KEYED_MAPS:
        return f"{family}/{key}"
    snake = _snake(name)
    for family in TAG_FAMILIES:
        if snake.startswith(family + "_"):
            return f"{family}/{snake.removeprefix(family + '_')}"
    return _focus_in_one_case().get(snake) or _SPELLED_ARN.sub("_a_r_n", snake)


def is_tag(canonical: str) -> bool:
    """Whether a canonical name is that of a tag's or a cost category's column."""
    return canonical.partition("/")[0] in TAG_FAMILIES and "/" in canonical


def map_of(canonical: str) -> str | None:
    """The map that a column is by its name (``resource_tags``, and ``resource_tags#2`` too), if it is one."""
    name = _NUMBER.sub("", canonical)
    return name if name in KEYED_MAPS or name in ATTRIBUTE_MAPS else None


def expanded_name(map_name: str, key: str) -> str:
    """The canonical name of a map's key, as if the key were a column of its own.

    An attribute gets the name that it has in a legacy CUR: key ``instanceType`` or ``instance_type`` of ``product``
    is ``product_instance_type``. One without a letter or digit of ASCII stays as it is written: ``product/<key>``.
    """
    if map_name in ATTRIBUTE_MAPS and _snake(key):
        return canonical_name(f"{map_name}/{key}")
    return f"{map_name}/{key}"


class Namer:
    """Gives each column of a file a name of its own: the second of a name is ``name#2``, the third ``name#3``."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def name(self, wished: str) -> str:
        """A name that no other column has, the wished one if it is free."""
        unique, number = wished, 1
        while unique in self._taken:
            number += 1
            unique = f"{wished}#{number}"
        self._taken.add(unique)
        return unique


def choose_columns(headers: Sequence[str], wanted: Callable[[str], bool], file: str) -> dict[int, str]:
    """Position → canonical name of every wanted column of a file, in the file's order.

    Columns that come to the same name are all kept, the second as ``…#2``, the third as ``…#3``: which of them holds
    the value differs from row to row, and nothing is merged here.

    Raises:
        NotACostReportError: no column is wanted.
    """
    namer = Namer()
    chosen: dict[int, str] = {}
    for position, header in enumerate(headers):
        name = canonical_name(header)
        if name and wanted(name):
            chosen[position] = namer.name(name)
    if not chosen:
        first = ", ".join(header for header in headers[:4] if header) or "without names"
        raise NotACostReportError(
            f"{file} is not a cost report: none of its {len(headers)} columns is one of a Cost and Usage Report or a "
            f"FOCUS export. Its first columns are {first}."
        )
    return chosen


def _snake(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("_", _UPPER.sub(r"_\1", name).lower()).strip("_")


@cache
def _focus_in_one_case() -> Mapping[str, str]:
    from staxpipe.focus.columns import FOCUS_COLUMNS  # with Arrow: who names no column, like the pages, needs none

    return {name.lower(): _snake(name) for name in (*(column.name for column in FOCUS_COLUMNS), *_AWS_FOCUS_EXTRAS)}
