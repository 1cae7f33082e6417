"""Which FOCUS service an AWS product code is: name, category, subcategory.

The table is services.csv, one line a code: names as AWS uses them, categories and subcategories out of FOCUS 1.2's
lists, assigned by us. A code that is not in it is looked up once more without what AWS adds to codes by convention
(`_relatives`); what is unknown then is a service of its own name in category Other, and is reported.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from staxpipe.focus.coded import Coded, choose, coalesce, constant
from staxpipe.focus.dimensions import marketplace_rows
from staxpipe.focus.lines import Lines

OTHER_CATEGORY = "Other"
OTHER_SUBCATEGORY = "Other (Other)"
BEDROCK_EDITION = "(Amazon Bedrock Edition)"
"""How the product name of a third party's model ends that is used through Bedrock and sold in AWS Marketplace."""


class Service(NamedTuple):
    """One line of the table."""

    name: str
    category: str
    subcategory: str


MODEL = ("AI and Machine Learning", "Generative AI")


@cache
def services() -> dict[str, Service]:
    """The table, by AWS product code."""
    text = files("staxpipe.focus").joinpath("services.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Service(row["name"], row["category"], row["subcategory"])
        for row in csv.DictReader(text.splitlines())
    }


@cache
def _by_spelling() -> dict[str, Service]:
    """The table once more, by code without case and blanks: `AWSKMS` is `awskms`."""
    return {_spelling(code): service for code, service in services().items()}


@lru_cache(maxsize=65_536)
def service_of(code: str) -> Service | None:
    """The service of a product code, or None for one that is not known."""
    exact = services().get(code)
    if exact is not None:
        return exact
    table = _by_spelling()
    return next((table[spelling] for spelling in _relatives(code) if spelling in table), None)


def service_columns(lines: Lines) -> tuple[dict[str, Coded], dict[str, int]]:
    """ServiceName, ServiceCategory, ServiceSubcategory and x_ServiceCode; and rows by unknown product code.

    A marketplace product is named by its seller, and its code is a random identifier: Other, and not reported. But
    models of third parties on Bedrock are sold that way too, and are what Bedrock's own models are.
    """
    count = len(lines)
    code = lines.text("line_item_product_code")
    marketplace = marketplace_rows(lines)
    product = lines.text("product_product_name")
    own = code.where(~marketplace)
    known = code.map(lambda text: service.name if (service := service_of(text)) else None)
    first_party = coalesce(
        (known, lines.text("product_servicename"), product, code, constant("Unknown service", count))
    )
    name = choose(marketplace, coalesce((product, code, constant("AWS Marketplace", count))), first_party)
    model = product.where(marketplace)
    category = own.map(lambda text: service.category if (service := service_of(text)) else None)
    subcategory = own.map(lambda text: service.subcategory if (service := service_of(text)) else None)
    columns = {
        "ServiceName": name,
        "ServiceCategory": coalesce(
            (category, model.map(lambda text: _model(text, 0)), constant(OTHER_CATEGORY, count))
        ),
        "ServiceSubcategory": coalesce(
            (subcategory, model.map(lambda text: _model(text, 1)), constant(OTHER_SUBCATEGORY, count))
        ),
        "x_ServiceCode": coalesce((lines.text("product_servicecode"), code)),
    }
    strange = code.where(code.present & ~known.present & ~marketplace & ~lines.unused)
    return columns, counts(strange)


def counts(column: Coded) -> dict[str, int]:
    """How many rows have each value."""
    if column.empty:
        return {}
    rows = np.bincount(column.codes[column.present])
    return {column.values[int(code)].as_py(): int(rows[code]) for code in np.flatnonzero(rows)}


def _model(product: str, part: int) -> str | None:
    return MODEL[part] if product.endswith(BEDROCK_EDITION) else None


def _relatives(code: str) -> Iterator[str]:
    """Spellings under which the table may have a code that it does not have as written.

    `OCB` is AWS's out-of-cycle billing of a service (`OCBAmazonSageMaker`, `OCBPremiumSupport`). Some services are
    billed with and without the maker's name (`AmazonCodeBuild`, `CodeBuild`).
    """
    spelling = _spelling(code)
    yield spelling
    if spelling.startswith("ocb"):
        spelling = spelling.removeprefix("ocb")
        yield spelling
    bare = spelling.removeprefix("amazon").removeprefix("aws")
    if bare:
        yield from (bare, f"amazon{bare}", f"aws{bare}")


def _spelling(code: str) -> str:
    return "".join(code.split()).lower()
