"""The map columns of AWS's own FOCUS rows: Tags, cost categories, discounts, price details, and how keys are spelt.

Keys of tags are those that the CUR mapping has (maps.py), so that both kinds of source group alike; all others stay as
AWS wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from staxpipe.focus.coded import Coded, Rows
from staxpipe.focus.maps import Claim, distinct, fold, tag_key
from staxpipe.focus.numbers import plain_text

TAGS = "tags/"
CATEGORIES = "x_cost_categories/"
DISCOUNTS = "x_discounts/"
DETAILS = "sku_price_details/"

_RESOURCE = "resourceTags/"
_CATEGORY = "costCategory/"
_OTHERS = ("accountTag/", "userAttribute/")


def map_columns(source: Mapping[str, Coded], rows: Rows) -> dict[str, pa.Array]:
    """The four maps of these rows, folded from a column a key."""
    discounts = [(key, column.map(plain_text)) for key, column in _keyed(source, DISCOUNTS)]
    return {
        "SkuPriceDetails": fold(_keyed(source, DETAILS), rows),
        "Tags": fold(distinct(_tags(source)), rows),
        "x_CostCategories": fold(distinct(_categories(source)), rows),
        "x_Discounts": fold(discounts, rows),
    }


def _tags(source: Mapping[str, Coded]) -> list[Claim]:
    """The tags but cost categories.

    AWS's SQL for its 1.0 table reads `user_project`, as CUR 2.0's `resource_tags` has it. AWS documents prefixes by
    the kind of tag for CUR 2.0's `tags` ("Tags column": resourceTags/, accountTag/, userAttribute/, costCategory/); how
    far the Tags of 1.2 have them is a guess, so either spelling is understood.
    """
    claims = []
    for key, column in _keyed(source, TAGS):
        if key.startswith(_CATEGORY):
            continue
        short = key if key.startswith(_OTHERS) else tag_key(key.removeprefix(_RESOURCE))
        claims.append(Claim(column, key, (short, key, TAGS + key), TAGS))
    return claims


def _categories(source: Mapping[str, Coded]) -> list[Claim]:
    """Cost categories: a map of its own in 1.0, and in 1.2 among the Tags (AWS, "Migrating from FOCUS 1.0 to 1.2")."""
    claims = [Claim(column, key, (key, CATEGORIES + key), CATEGORIES) for key, column in _keyed(source, CATEGORIES)]
    for key, column in _keyed(source, TAGS):
        if key.startswith(_CATEGORY):
            claims.append(Claim(column, key, (key.removeprefix(_CATEGORY), key, TAGS + key), TAGS))
    return claims


def _keyed(source: Mapping[str, Coded], prefix: str) -> list[tuple[str, Coded]]:
    """Key and column of a map, in the order of the keys: which come first in a file must not show."""
    return sorted(
        ((name.removeprefix(prefix), column) for name, column in source.items() if name.startswith(prefix)),
        key=lambda entry: entry[0],
    )
