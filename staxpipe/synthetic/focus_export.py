"""A month as AWS's own FOCUS exports have it: one Arrow table a version, from the templates and the books' rules.

Deliberately ignorant of `staxpipe.focus`, like the books: tests compare the two. How the table becomes files is in
`focus_files`, where they lie in `delivery`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from staxpipe.synthetic.columns import parquet_name
from staxpipe.synthetic.focus_columns import (
    COST_CATEGORY_PREFIX,
    FOCUS_1_0,
    FOCUS_HEADERS,
    SERVICES,
    SKU_DETAILS,
    focus_type,
)
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.templates import Template
from staxpipe.synthetic.text import decimals
from staxpipe.synthetic.usage import Ints

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_COVERED = frozenset({"DiscountedUsage", "SavingsPlanCoveredUsage"})
_DOUBLED = frozenset({"RIFee", "SavingsPlanRecurringFee"})


def focus_table(month: Month, version: str) -> pa.Table:
    """The rows that AWS would deliver of a month in FOCUS 1.0 or 1.2 (`focus_columns.FOCUS_1_0`, `FOCUS_1_2`).

    One row for every row of the report but Savings Plan negations, then an Unused row for every fee of a commitment.
    Its sums are those of `month.expected.focus_by_category` to the last digit, if a double is read by its shortest
    text. Maps without a key are empty, not null.

    Raises:
        KeyError: another version.
    """
    header = FOCUS_HEADERS[version]
    types = np.array([template.type for template in month.templates])[month.rows.template]
    first = np.flatnonzero(types != "SavingsPlanNegation")
    second = np.flatnonzero(np.isin(types, tuple(_DOUBLED)))
    at: Positions = np.concatenate([first, second])
    unused = np.arange(len(at)) >= len(first)
    columns = _of_templates(month, at, unused, version) | _of_rows(month, at, unused)
    arrays = [columns[name] if name in columns else pa.nulls(len(at), focus_type(name)) for name in header]
    return pa.table([array.cast(focus_type(name)) for name, array in zip(header, arrays, strict=True)], list(header))


def _of_rows(month: Month, at: Positions, unused: Mask) -> dict[str, pa.Array]:
    """What differs from row to row: times, quantities and costs."""
    rows, templates = month.rows, month.templates
    template = rows.template[at]

    def each(value: Callable[[Template], int]) -> Ints:
        return np.array([value(one) for one in templates], np.int64)[template]

    covered = each(lambda one: one.type in _COVERED) == 1
    plan_fee = each(lambda one: one.type == "SavingsPlanRecurringFee") == 1
    used_elsewhere = each(lambda one: one.amortised_elsewhere or one.type in _DOUBLED) == 1
    public = each(lambda one: one.public) == 1
    priced = each(lambda one: one.category in {"Usage", "Purchase"} or one.type in _COVERED | _DOUBLED) == 1
    consumed = (each(lambda one: one.type == "Usage") == 1) | covered
    bought = rows.unblended[at]
    left_over = np.where(plan_fee, each(lambda one: one.commitment) - rows.effective[at], each(lambda one: one.unused))
    billed = np.where(covered | unused, 0, bought)
    effective = np.where(unused, left_over, np.where(covered, rows.effective[at], np.where(used_elsewhere, 0, billed)))
    listed = np.where(unused, 0, np.where(public, rows.public[at], billed))
    contracted = np.where(covered, listed, billed)
    quantity = decimals(rows.quantity[at] * 10_000).cast(pa.float64())
    starts = pa.array([span.start for span in month.spans]).take(pa.array(rows.span[at]))
    ends = pa.array([span.end for span in month.spans]).take(pa.array(rows.span[at]))
    period = month.period
    return {
        "BilledCost": decimals(billed).cast(pa.float64()),
        "EffectiveCost": decimals(effective).cast(pa.float64()),
        "ListCost": decimals(listed).cast(pa.float64()),
        "ContractedCost": decimals(contracted).cast(pa.float64()),
        "PricingCurrencyEffectiveCost": decimals(effective).cast(pa.float64()),
        "PricingQuantity": pc.if_else(pa.array(priced), quantity, None),
        "ConsumedQuantity": pc.if_else(pa.array(consumed & ~unused), quantity, None),
        "ChargePeriodStart": _moments(starts),
        "ChargePeriodEnd": _exclusive(_moments(ends)),
        "BillingPeriodStart": pa.repeat(pa.scalar(period.start, pa.timestamp("ms", tz="UTC")), len(at)),
        "BillingPeriodEnd": pa.repeat(pa.scalar(period.end, pa.timestamp("ms", tz="UTC")), len(at)),
    }


def _of_templates(month: Month, at: Positions, unused: Mask, version: str) -> dict[str, pa.Array]:
    """What follows from the template, and for some columns from whether the row is an Unused one."""
    texts = [_texts(month, one, unused=False) for one in month.templates]
    others = [_texts(month, one, unused=True) for one in month.templates]
    position = pa.array(month.rows.template[at].astype(np.int64) + np.where(unused, len(texts), 0))
    names = sorted(texts[0]) if texts else []
    columns = {
        name: pa.array([one[name] for one in (*texts, *others)], focus_type(name)).take(position) for name in names
    }
    for name, keys in _maps(month.templates, version).items():
        columns[name] = pa.array([*keys, *keys], focus_type(name)).take(position)
    return columns


def _texts(month: Month, template: Template, *, unused: bool) -> dict[str, str | float | None]:
    """The columns of a template's rows that are the same in all of them."""
    text: Mapping[str, str] = {name: value for name, value in template.text.items() if value}
    organisation = month.organisation
    names = {str(account.id): account.name for account in (organisation.payer, *organisation.members)}
    plan, reservation = text.get("savingsPlan/SavingsPlanARN"), text.get("reservation/ReservationARN")
    commitment = plan or reservation
    used = template.type in _COVERED
    category = "Usage" if unused or used else template.category
    priced = category in {"Usage", "Purchase"}
    credit = template.type == "Credit"  # AWS says that issuer and publisher may be null "for certain charges"
    service = SERVICES.get(template.code, ("Other", "Other (Other)"))
    region = text.get("product/regionCode")
    purchase = category == "Purchase" and commitment is not None
    list_price = text.get("pricing/publicOnDemandRate") if priced and not unused else None
    contracted_price = text.get("lineItem/UnblendedRate") if priced and not (unused or used) else list_price
    currency = organisation.currency
    frequency = "Recurring" if template.type in _DOUBLED else "One-Time"
    if category == "Usage":
        frequency = "Usage-Based"
    return {
        "AvailabilityZone": text.get("lineItem/AvailabilityZone"),
        "BillingAccountId": organisation.payer.id,
        "BillingAccountName": organisation.payer.name,
        "BillingAccountType": "Payer",
        "BillingCurrency": currency,
        "ChargeCategory": category,
        "ChargeDescription": text.get("lineItem/LineItemDescription"),
        "ChargeFrequency": frequency,
        "CommitmentDiscountCategory": None if commitment is None else ("Spend" if plan else "Usage"),
        "CommitmentDiscountId": commitment,
        "CommitmentDiscountStatus": "Unused" if unused else ("Used" if used else None),
        "CommitmentDiscountType": None if commitment is None else ("Savings Plan" if plan else "Reserved Instance"),
        "ConsumedUnit": text.get("pricing/unit") if category == "Usage" and not unused else None,
        "ContractedUnitPrice": None if contracted_price is None else float(contracted_price),
        "InvoiceId": text.get("bill/InvoiceId"),
        "InvoiceIssuerName": None if credit else text.get("bill/InvoicingEntity"),
        "ListUnitPrice": None if list_price is None else float(list_price),
        "PricingCategory": ("Committed" if unused or used else "Standard") if priced else None,
        "PricingCurrency": currency,
        "PricingCurrencyContractedUnitPrice": None if contracted_price is None else float(contracted_price),
        "PricingCurrencyListUnitPrice": None if list_price is None else float(list_price),
        "PricingUnit": text.get("pricing/unit") if priced else None,
        "ProviderName": "AWS",
        "PublisherName": None if credit else text.get("lineItem/LegalEntity"),
        "RegionId": region,
        "RegionName": text.get("product/location") if region else None,
        "ResourceId": commitment if purchase or unused else text.get("lineItem/ResourceId"),
        "ResourceType": text.get("product/productFamily") if text.get("lineItem/ResourceId") else None,
        "ServiceCategory": service[0],
        "ServiceName": text.get("product/ProductName", template.code),
        "ServiceSubcategory": service[1],
        "SkuId": text.get("product/sku"),
        "SkuMeter": text.get("lineItem/UsageType"),
        "SkuPriceId": text.get("pricing/RateCode"),
        "SubAccountId": template.account,
        "SubAccountName": names[template.account],
        "SubAccountType": "Linked",
        "x_Operation": text.get("lineItem/Operation"),
        "x_ServiceCode": text.get("product/servicecode", template.code),
        "x_UsageType": text.get("lineItem/UsageType"),
    }


def _maps(templates: Sequence[Template], version: str) -> dict[str, list[dict[str, str]]]:
    """The map columns, an object a template. Tags have the keys of CUR 2.0: `user_cost_center`.

    Of keys that become the same name the first that has a value stays, as in AWS's Parquet.
    """
    columns: dict[str, list[dict[str, str]]] = {"SkuPriceDetails": [], "Tags": [], "x_CostCategories": []}
    columns["x_Discounts"] = [{} for _ in templates]  # discounts are rows in these reports
    for template in templates:
        text = {name: value for name, value in template.text.items() if value}
        tags: dict[str, str] = {}
        categories: dict[str, str] = {}
        for name, value in sorted(text.items()):
            family, _, key = name.partition("/")
            if family == "resourceTags":
                tags.setdefault(parquet_name(key), value)
            elif family == "costCategory":
                categories[key] = value
        if version != FOCUS_1_0:
            tags |= {COST_CATEGORY_PREFIX + key: value for key, value in categories.items()}
        columns["Tags"].append(tags)
        columns["x_CostCategories"].append(categories)
        columns["SkuPriceDetails"].append({key: text[name] for name, key in SKU_DETAILS.items() if name in text})
    return columns


def _moments(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.timestamp("s", tz="UTC")).cast(pa.timestamp("ms", tz="UTC"))


def _exclusive(ends: pa.Array) -> pa.Array:
    """The end that a report's RIFee has a second too early."""
    later = pc.add(ends, pa.scalar(1_000, pa.duration("ms")))
    return pc.if_else(pc.equal(pc.second(ends), 59), later, ends)
