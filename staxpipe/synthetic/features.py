"""What an organisation's report has beyond the ordinary, and how its tag keys are spelt. Switches only.

With every switch off a report is the default organisation's. What a switch brings is made in `adjustments`,
`split`, `hourly` and `text`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from staxpipe.synthetic.columns import parquet_name


@dataclass(frozen=True)
class Features:
    """The switches. `net_per_mille` is a discount in thousandths, told by net columns instead of discount rows.

    A report tells of discounts either by rows of their own (AWS's "manual discount compatibility") or by net
    columns and the discount columns or map; never by both, or they would be taken off twice.
    """

    every_discount: bool = False  # a row of each type of discount, beside EdpDiscount
    net_per_mille: int = 0
    every_refund: bool = False  # of tax and of a reservation's fee, beside usage and a Savings Plan's one-time fee
    flat_rate: bool = False  # FlatRateSubscription
    unknown_type: bool = False  # a line-item type that nobody has heard of
    split_costs: bool = False  # rows of EKS pods and ECS tasks
    capacity_reservations: bool = False  # and the rows of their unused hours

    def __post_init__(self) -> None:
        if self.net_per_mille and self.every_discount:
            raise ValueError("discounts are either rows or net columns: choose every_discount or net_per_mille")


@dataclass(frozen=True)
class Seller:
    """An AWS company other than the organisation's own: how it invoices, and how many of its currency a dollar is."""

    name: str
    currency: str
    exchange: int
    tax_type: str
    tax_percent: int


INDIA = Seller("Amazon Web Services India Private Limited", "INR", 84, "GST", 18)
"""AWS's company in India, which invoices in rupees."""


class Spelling(StrEnum):
    """How keys of tags and cost categories are written in legacy CSV, the only format that keeps them as they are.

    AWS_LIKE has capitals, blanks, letters outside ASCII, and keys that Parquet and CUR 2.0 merge into one.
    PLAIN keys survive every format's spelling, so that all formats say the same. AWS's own keys do not survive
    (`aws:createdBy` becomes `aws_created_by`), so the plain ones are not AWS's.
    """

    AWS_LIKE = "aws-like"
    PLAIN = "plain"

    def tag(self, key: str) -> str:
        """The spelling of a tag key, its ``user:`` or ``aws:`` included."""
        if self is Spelling.AWS_LIKE:
            return key
        kind, _, name = _APART.get(key, key).partition(":")
        return f"{kind}:{parquet_name(name)}"

    def cost_category(self, name: str) -> str:
        """The spelling of a cost category's name."""
        return name if self is Spelling.AWS_LIKE else parquet_name(name)


_APART = {"user:cost-center": "user:cost_code", "user:Ürün": "user:product_line"}
"""Keys that would otherwise become another key's spelling, or lose letters."""
