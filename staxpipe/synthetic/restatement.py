"""Which restatement of a month is being written, and what every row of it says of the bill."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from staxpipe.model import BillingPeriod
from staxpipe.synthetic.organisation import Account, Organisation, digest

AWS_INC = "Amazon Web Services, Inc."
AWS_EMEA = "Amazon Web Services EMEA SARL"
ENVIRONMENTS = {
    "production": "Production",
    "staging": "Non-production",
    "data": "Production",
    "sandbox": "Sandbox",
    "mumbai": "Production",
}


def moment(value: datetime) -> str:
    """A moment as a CSV report prints it."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Restatement:
    """Which restatement is being written: fixes line-item ids and whether invoices are out."""

    organisation: Organisation
    period: BillingPeriod
    as_of: datetime
    assembly_id: str

    def invoiced(self, days_after_end: int) -> bool:
        """Whether so many days have passed since the period's end."""
        return self.as_of >= self.period.end + timedelta(days=days_after_end)

    def line_item_id(self, *parts: object) -> str:
        """52 letters and digits, new in every delivery, the same for every hour of one template."""
        raw = hashlib.sha256("\x1f".join((self.assembly_id, *map(str, parts))).encode()).digest()
        return base64.b32encode(raw).decode().lower()[:52]

    def account(self, account_id: str) -> Account:
        """The organisation's account with that id."""
        return next(account for account in self.organisation.accounts if account.id == account_id)

    def per_mille(self, account: Account, seller: str = "") -> int:
        """The discount, in thousandths, that net columns tell of: none on marketplace products and other companies'."""
        return 0 if seller or account.seller else self.organisation.features.net_per_mille

    def bill(self, account: Account, seller: str = "", bill_type: str = "Anniversary") -> dict[str, str]:
        """The bill/ columns and the legal entity. Marketplace invoices come two days after AWS's own."""
        own = AWS_EMEA if account.taxed else AWS_INC
        entity = account.seller.name if account.seller else own
        invoiced = bill_type == "Refund" or self.invoiced(5 if seller else 3)
        number = int(digest(self.organisation.seed, self.period, entity, bool(seller), bill_type)[:8], 16) % 10**9
        return {
            "bill/InvoiceId": f"{number + 10**9}" if invoiced else "",
            "bill/InvoicingEntity": entity,
            "bill/BillingEntity": "AWS Marketplace" if seller else "AWS",
            "bill/BillType": bill_type,
            "bill/PayerAccountId": self.organisation.payer.id,
            "bill/BillingPeriodStartDate": moment(self.period.start),
            "bill/BillingPeriodEndDate": moment(self.period.end),
            "lineItem/UsageAccountId": account.id,
            "lineItem/CurrencyCode": self.organisation.currency_of(account),
            "lineItem/LegalEntity": seller or entity,
            f"costCategory/{self.organisation.spelling.cost_category('Environment')}": ENVIRONMENTS.get(
                account.role, ""
            ),
        }
