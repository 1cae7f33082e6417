"""Which FOCUS service an AWS product code is: name, category, subcategory.

The table is services.csv, one line a code: names as AWS uses them, categories and subcategories out of FOCUS 1.2's
lists, assigned by us. A code that is not in it is a service of its own name in category Other, and is reported.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from staxpipe.focus.coded import Coded, choose, coalesce, constant
from staxpipe.focus.dimensions import marketplace_rows
from staxpipe.focus.lines import Lines

OTHER_CATEGORY = "Other"
OTHER_SUBCATEGORY = "Other (Other)"


class Service(NamedTuple):
    """One line of the table."""

    name: str
    category: str
    subcategory: str


@cache
def services() -> dict[str, Service]:
    """The table, by AWS product code."""
    text = files("staxpipe.focus").joinpath("services.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Service(row["name"], row["category"], row["subcategory"])
        for row in csv.DictReader(text.splitlines())
    }


def service_columns(lines: Lines) -> tuple[dict[str, Coded], dict[str, int]]:
    """ServiceName, ServiceCategory, ServiceSubcategory and x_ServiceCode; and rows by unknown product code.

    A marketplace product is named by its seller, and its code is a random identifier: Other, and not reported.
    """
    table = services()
    count = len(lines)
    code = lines.text("line_item_product_code")
    marketplace = marketplace_rows(lines)
    product = lines.text("product_product_name")
    known = code.map(lambda text: table[text].name if text in table else None)
    first_party = coalesce(
        (known, lines.text("product_servicename"), product, code, constant("Unknown service", count))
    )
    name = choose(marketplace, coalesce((product, code, constant("AWS Marketplace", count))), first_party)
    category = code.where(~marketplace).map(lambda text: table[text].category if text in table else None)
    subcategory = code.where(~marketplace).map(lambda text: table[text].subcategory if text in table else None)
    columns = {
        "ServiceName": name,
        "ServiceCategory": coalesce((category, constant(OTHER_CATEGORY, count))),
        "ServiceSubcategory": coalesce((subcategory, constant(OTHER_SUBCATEGORY, count))),
        "x_ServiceCode": coalesce((lines.text("product_servicecode"), code)),
    }
    strange = code.where(code.present & ~known.present & ~marketplace & ~lines.unused)
    return columns, counts(strange)


def counts(column: Coded) -> dict[str, int]:
    """How many rows have each value."""
    if column.empty:
        return {}
    found, rows = np.unique(column.codes[column.present], return_counts=True)
    return {column.values[int(code)].as_py(): int(many) for code, many in zip(found, rows, strict=True)}
