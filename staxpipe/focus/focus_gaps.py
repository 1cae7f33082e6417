"""Values that the lake needs and AWS's own FOCUS rows may lack: what is put there, never new money.

AWS lists what may be null ("FOCUS 1.2 with AWS columns conformance gaps"): InvoiceIssuerName and PublisherName are
the ones that our lake needs; in other gaps (unit prices, SKU) null stays null. The rest is for exports whose SQL left
a column out. The words are those of our CUR mapping, so that both kinds of source group alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.focus.coded import Coded, Codes, Mask, choose, coalesce, coded, combinations, constant
from staxpipe.focus.dimensions import AWS_ISSUER
from staxpipe.focus.focus_lines import FocusLines
from staxpipe.focus.services import OTHER_CATEGORY, OTHER_SUBCATEGORY, Service, counts, services

PAYER = "Payer Account"
PROVIDER = "AWS"
NO_SERVICE = "Unknown service"

SERVICE_CATEGORIES: frozenset[str] = frozenset(
    {
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Multicloud",
        "Networking",
        "Other",
        "Security",
        "Storage",
        "Web",
    }
)
"""FOCUS 1.2, ServiceCategory, allowed values. Each has a subcategory `Other (…)` with its name."""


@dataclass(frozen=True)
class Filled:
    """Columns without nulls where the lake allows none; rows by what was assumed; rows by unknown service code."""

    columns: dict[str, Coded | pa.Array]
    assumed: dict[str, int] = field(default_factory=dict)
    unknown_services: dict[str, int] = field(default_factory=dict)


def fill(lines: FocusLines) -> Filled:
    """Fill every gap; what AWS wrote stays as it is."""
    count = len(lines)
    issuer, publisher, aws = lines.text("InvoiceIssuerName"), lines.text("PublisherName"), constant(AWS_ISSUER, count)
    usage = lines.text("ChargeCategory").lookup(lambda word: word == "Usage", np.bool_, False)
    usual = choose(usage, constant("Usage-Based", count), constant("One-Time", count))
    contracted, listed = _costs(lines)
    name, category, subcategory, unknown = _service(lines)
    filled = Filled(
        {
            "BillingAccountType": coalesce((lines.text("BillingAccountType"), constant(PAYER, count))),
            "ChargeFrequency": coalesce((lines.text("ChargeFrequency"), usual)),
            "ContractedCost": contracted,
            # On marketplace rows the publisher is the seller, who does not bill.
            "InvoiceIssuerName": coalesce(
                (issuer, publisher.where(_of_amazon(publisher)), constant(AWS_ISSUER, count))
            ),
            "ListCost": listed,
            "ProviderName": coalesce((lines.text("ProviderName"), constant(PROVIDER, count))),
            "PublisherName": coalesce((publisher, issuer, aws)),
            "ServiceCategory": category,
            "ServiceName": name,
            "ServiceSubcategory": subcategory,
        },
        unknown_services=unknown,
    )
    empty = {
        "charge_frequency": ~lines.text("ChargeFrequency").present,
        "contracted_cost": _null(lines.amount("ContractedCost")),
        "list_cost": _null(lines.amount("ListCost")),
        "service_category": ~lines.text("ServiceCategory").present,
        "service_name": ~lines.text("ServiceName").present,
    }
    filled.assumed.update({column: int(rows.sum()) for column, rows in empty.items() if rows.any()})
    return filled


def _costs(lines: FocusLines) -> tuple[pa.Array, pa.Array]:
    """Contracted and list cost. Covered usage bills nothing, so its effective cost is the least that it is worth.

    A list cost of 0 below a real cost would show a negative discount; so nothing is assumed to be 0.
    """
    used = lines.text("CommitmentDiscountStatus").lookup(lambda word: word == "Used", np.bool_, False)
    own = pc.if_else(pa.array(used), lines.amount("EffectiveCost"), lines.amount("BilledCost"))
    contracted = pc.coalesce(lines.amount("ContractedCost"), own)
    return contracted, pc.coalesce(lines.amount("ListCost"), contracted)


def _service(lines: FocusLines) -> tuple[Coded, Coded, Coded, dict[str, int]]:
    """Name, category and subcategory, and rows by code of services that our table does not have.

    AWS's own name and category go first. A subcategory must belong to its category (FOCUS 1.2), and AWS and we may
    differ in that: where they do, it is the category's `Other (…)`.
    """
    count = len(lines)
    code = lines.text("x_ServiceCode")
    table = services()
    by_code = code.map(lambda text: table[text].name if text in table else None)
    name = coalesce((lines.text("ServiceName"), by_code, code, constant(NO_SERVICE, count)))
    pairs = combinations([code.codes, name.codes])
    codes, names = _texts(code, pairs.members[0]), _texts(name, pairs.members[1])
    found = [_known(one, other) for one, other in zip(codes, names, strict=True)]
    of_pair = pairs.of_row.astype(np.int32)
    ours = coded(of_pair, pa.array([service.category if service else None for service in found], pa.string()))
    category = coalesce((lines.text("ServiceCategory"), ours, constant(OTHER_CATEGORY, count)))
    finer = coded(of_pair, pa.array([service.subcategory if service else None for service in found], pa.string()))
    agree = combinations([ours.codes, category.codes])
    both = zip(_texts(ours, agree.members[0]), _texts(category, agree.members[1]), strict=True)
    same = np.array([one is not None and one == other for one, other in both], np.bool_)
    fitting = finer.where(same[agree.of_row])
    given = lines.text("ServiceSubcategory")
    subcategory = coalesce((given, fitting, category.map(_other)))
    # A marketplace product is in no table, and neither is a service that AWS itself puts into a subcategory.
    strange = coalesce((code, lines.text("ServiceName"))).where(
        ~ours.present & ~given.present & _of_amazon(lines.text("PublisherName"))
    )
    return name, category, subcategory, counts(strange)


def _known(code: str | None, name: str | None) -> Service | None:
    """The line of our table: by code, else by name (AWS writes codes here that no CUR has as product code)."""
    return services().get(code or "") or _by_name().get(name or "")


@cache
def _by_name() -> dict[str, Service]:
    return {service.name: service for service in services().values()}


def _other(category: str) -> str:
    return f"Other ({category})" if category in SERVICE_CATEGORIES else OTHER_SUBCATEGORY


def _of_amazon(publisher: Coded) -> Mask:
    """Rows that no seller of the marketplace publishes. A guess by name: a FOCUS row has no billing entity."""
    mask: Mask = publisher.lookup(lambda name: name.startswith(("Amazon", "AWS")), np.bool_, True)
    return mask


def _texts(column: Coded, codes: Codes) -> list[str | None]:
    values: list[str | None] = [*column.values.to_pylist(), None]  # code -1 reads the last element
    return [values[code] for code in codes]


def _null(amounts: pa.Array) -> Mask:
    mask: Mask = amounts.is_null().to_numpy(zero_copy_only=False)
    return mask
