"""One name for every spelling of a column: what AWS calls a column, in whatever file.

Names only, never values. Which columns the mapping needs stands in `source_columns.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from staxpipe.errors import PermanentError

TAG_FAMILIES = ("resource_tags", "cost_category")
"""Families whose columns are named by the customer's own keys: ``resource_tags/<key>``."""


class NotACostReportError(PermanentError):
    """A data file that has none of the columns that are looked for."""


_UPPER = re.compile(r"([A-Z])")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
_SPELLED_ARN = re.compile(r"_arn$")


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
    ==========================================  =================================

    The rule is the one by which AWS names the Parquet columns (Cost and Usage Report guide, "Configuring Amazon
    Athena": an underscore before each capital, lower case, every other character an underscore, none doubled
    or at an edge). Keys of tags and cost categories stay as the customer wrote them, since two keys may
    differ by nothing but case. In Parquet AWS has already put them through the rule: the original key is lost,
    and ``user_name`` may have been ``user:Name`` or ``user:name``.

    An ARN is spelled ``a_r_n`` by the rule and ``arn`` by files whose header says ``…Arn``; here it is always the
    first. Headers in capitals only, as some warehouses unload them, are read as lower case.
    """
    name = header.removeprefix("\ufeff").strip()
    if name.isupper():
        name = name.lower()
    family, slash, key = name.partition("/")
    family = _snake(family)
    if slash and key and family in TAG_FAMILIES:
        return f"{family}/{key}"
    snake = _snake(name)
    for family in TAG_FAMILIES:
        if snake.startswith(family + "_"):
            return f"{family}/{snake.removeprefix(family + '_')}"
    return _SPELLED_ARN.sub("_a_r_n", snake)


def is_tag(canonical: str) -> bool:
    """Whether a canonical name is that of a tag's or a cost category's column."""
    return canonical.partition("/")[0] in TAG_FAMILIES and "/" in canonical


def choose_columns(headers: Sequence[str], wanted: Callable[[str], bool], file: str) -> dict[int, str]:
    """Position → canonical name of every wanted column of a file, in the file's order.

    Columns of tags or cost categories that come to the same name are all kept, the second as ``…#2``: which of
    them holds the value differs from row to row, and AWS merges such columns without saying which one won.

    Raises:
        PermanentError: another column is there twice: which one counts, nobody can tell.
        NotACostReportError: no column is wanted.
    """
    chosen: dict[int, str] = {}
    spelled: dict[str, str] = {}
    for position, header in enumerate(headers):
        name = canonical_name(header)
        if not name or not wanted(name):
            continue
        if name in spelled and not is_tag(name):
            twice = header if header == spelled[name] else f"{spelled[name]} and {header}"
            raise PermanentError(f"{file} has two columns for one thing: {twice}. It is not clear which one counts.")
        unique, number = name, 1
        while unique in spelled:
            number += 1
            unique = f"{name}#{number}"
        spelled[unique] = header
        chosen[position] = unique
    if not chosen:
        first = ", ".join(header for header in headers[:4] if header) or "without names"
        raise NotACostReportError(
            f"{file} is not a cost report: none of its {len(headers)} columns is one of a Cost and Usage Report. "
            f"Its first columns are {first}."
        )
    return chosen


def _snake(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("_", _UPPER.sub(r"_\1", name).lower()).strip("_")
