"""What many rows have in common: the text that does not change, and what the books need to know of them.

Amounts are integers of 1E-10 of the row's currency; here is how they are rounded, discounted and printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from staxpipe.model import AccountId
from staxpipe.synthetic.catalogue import MONEY_UNITS

FULLY = 1000
"""Thousandths: what is bundled with something else is discounted by all of its price."""

_PAID_BY_NEGATION = frozenset({"SavingsPlanCoveredUsage", "SavingsPlanNegation"})


@dataclass(frozen=True)
class Template:
    """Static columns by header name, and what the books need.

    `category` is the FOCUS charge category of the row (of the first row, for fees that become two).
    `amortised_elsewhere` marks purchases whose effective cost is 0. `commitment` is the hourly commitment of a
    Savings Plan fee row, `unused` and `net_unused` the unused cost of an RIFee before and after discounts.
    `per_mille` is the discount that net columns tell of. `split` marks a pod's or task's share of an instance that
    has rows of its own: it costs nothing.
    """

    type: str
    account: AccountId
    code: str
    category: str
    text: Mapping[str, str]
    rate: int = 0
    public: bool = False  # has a public on-demand cost
    normalization_halves: int = 0
    amortised_elsewhere: bool = False
    commitment: int = 0
    unused: int = 0
    net_unused: int = 0
    taxable: bool = False
    per_mille: int = 0
    split: bool = False

    @property
    def currency(self) -> str:
        """The currency of the row's amounts."""
        return self.text["lineItem/CurrencyCode"]

    @property
    def charge_per_mille(self) -> int:
        """The discount on the unblended cost.

        A guess, for covered usage and its negation: AWS applies discounts after Savings Plans, so what they take
        off is the plan's fee and effective cost, and the on-demand cost that cancels out stays as it is.
        """
        return 0 if self.type in _PAID_BY_NEGATION else self.per_mille


Units = TypeVar("Units", int, npt.NDArray[np.int64])


def discount(units: Units, per_mille: Units) -> Units:
    """What a discount takes off an amount, or each of many, rounded down to a unit of 1E-10."""
    return units * per_mille // FULLY


def decimal_text(units: int) -> str:
    """An amount in units of 1E-10 as AWS prints rates: ten decimals, tiny ones in scientific notation."""
    if units == 0:
        return "0.0000000000"
    return str(Decimal(units).scaleb(-10))


def cents(units: int) -> int:
    """An amount rounded half up to whole cents, in units of 1E-10."""
    cent = MONEY_UNITS // 100
    return (units + cent // 2) // cent * cent
