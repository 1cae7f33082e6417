"""Who pays: an organisation of accounts, and what it has committed to buy. Values only, made from a seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from staxpipe.model import AccountId, BillingPeriod, account_id
from staxpipe.synthetic.catalogue import money
from staxpipe.synthetic.features import INDIA, Features, Seller, Spelling


def digest(*parts: object) -> str:
    """Stable hexadecimal text for an identifier, 64 digits; never random."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


@dataclass(frozen=True)
class Account:
    """One AWS account, its role in the organisation, and where it runs.

    `seller` is the AWS company that invoices it, where that is not the organisation's own.
    """

    id: AccountId
    name: str
    role: str
    regions: tuple[str, ...]
    taxed: bool = False
    seller: Seller | None = None


@dataclass(frozen=True)
class ReservedInstance:
    """A one-year reservation of `count` instances. Money in units of 1E-10; upfront and hourly fees per instance."""

    id: str
    owner: AccountId
    offer: str
    region: str
    count: int
    upfront: int
    hourly: int
    opens_in_month: int  # months after the organisation opened
    option: str

    @property
    def amortised_hourly(self) -> int:
        """The upfront fee of one instance, spread over the hours of a year."""
        return self.upfront // 8760


@dataclass(frozen=True)
class SavingsPlan:
    """A one-year Savings Plan. `commitment` is what is to be used each hour, in units of 1E-10."""

    id: str
    owner: AccountId
    kind: str  # "ComputeSavingsPlans" or "EC2InstanceSavingsPlans"
    commitment: int
    discount_percent: int
    opens_in_month: int
    option: str
    family: str = ""
    region: str = ""

    @property
    def upfront(self) -> int:
        """The one-time fee, paid on opening."""
        return self.amortised_hourly * 8760

    @property
    def recurring_hourly(self) -> int:
        """The fee of each hour."""
        return {"All Upfront": 0, "Partial Upfront": self.commitment // 2}.get(self.option, self.commitment)

    @property
    def amortised_hourly(self) -> int:
        """The one-time fee, spread over the hours of a year."""
        return self.commitment - self.recurring_hourly


@dataclass(frozen=True)
class Organisation:
    """A payer, its members, and their commitments. `opened` is the first month that has any cost."""

    seed: int
    payer: Account
    members: tuple[Account, ...]
    opened: BillingPeriod
    reserved_instances: tuple[ReservedInstance, ...] = ()
    savings_plans: tuple[SavingsPlan, ...] = ()
    refunded_plan_fee: int = money("438.00")  # a Savings Plan bought by mistake and given back
    tax_percent: int = 19
    edp_percent: int = 0  # enterprise discount, as EdpDiscount rows; 0: there is none
    currency: str = "USD"
    growth_per_mille: int = 35  # a month
    features: Features = field(default_factory=Features)
    spelling: Spelling = Spelling.AWS_LIKE
    accounts: tuple[Account, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.edp_percent and self.features.net_per_mille:
            raise ValueError("discounts are either rows or net columns: choose edp_percent or net_per_mille")
        object.__setattr__(self, "accounts", (self.payer, *self.members))

    def currency_of(self, account: Account) -> str:
        """The currency in which an account is invoiced."""
        return account.seller.currency if account.seller else self.currency

    def months_open(self, period: BillingPeriod) -> int:
        """Whole months from the opening to the period; negative before it."""
        return (period.year - self.opened.year) * 12 + period.month - self.opened.month

    @classmethod
    def sample(cls, seed: int, opened: BillingPeriod, scale: float = 1.0, edp_percent: int = 0) -> Organisation:
        """A retailer with seven accounts, one id beginning with zeros; commitments grow with `scale`."""

        def number(name: str, lead: str = "") -> AccountId:
            return _account_number(seed, name, lead)

        payer = Account(number("payer"), "harbour-management", "management", ("us-east-1", "eu-central-1"))
        production = Account(number("production"), "shop-production", "production", ("eu-central-1", "us-east-1"), True)
        staging = Account(number("staging"), "shop-staging", "staging", ("eu-central-1",), True)
        data = Account(number("data"), "data-platform", "data", ("eu-west-1", "us-east-1"), True)
        sandbox = Account(number("sandbox", "004"), "sandbox", "sandbox", ("us-east-1", "eu-west-1"))
        security = Account(number("security"), "security-audit", "security", ("eu-central-1", "us-east-1"))
        tokyo = Account(number("tokyo"), "shop-tokyo", "production", ("ap-northeast-1",))
        return cls(
            seed=seed,
            payer=payer,
            members=(production, staging, data, sandbox, security, tokyo),
            opened=opened,
            edp_percent=edp_percent,
            reserved_instances=(
                ReservedInstance(
                    digest(seed, "ri", 1)[:36],
                    production.id,
                    "ec2.m5.large",
                    "eu-central-1",
                    max(1, round(4 * scale)),
                    money("292.00"),
                    money("0.0345"),
                    0,
                    "Partial Upfront",
                ),
                ReservedInstance(
                    digest(seed, "ri", 2)[:36],
                    data.id,
                    "ec2.r5.xlarge",
                    "eu-west-1",
                    max(1, round(2 * scale)),
                    0,
                    money("0.1724"),
                    0,
                    "No Upfront",
                ),
                ReservedInstance(
                    digest(seed, "ri", 3)[:36],
                    production.id,
                    "rds.db.m5.large",
                    "eu-central-1",
                    max(1, round(3 * scale)),
                    money("1051.20"),
                    0,
                    0,
                    "All Upfront",
                ),
            ),
            savings_plans=(
                SavingsPlan(
                    digest(seed, "sp", 1)[:36],
                    payer.id,
                    "EC2InstanceSavingsPlans",
                    round(money("0.65") * scale),
                    34,
                    1,
                    "All Upfront",
                    family="c5",
                    region="eu-central-1",
                ),
                SavingsPlan(
                    digest(seed, "sp", 2)[:36],
                    payer.id,
                    "ComputeSavingsPlans",
                    round(money("1.25") * scale),
                    27,
                    0,
                    "No Upfront",
                ),
            ),
        )

    @classmethod
    def everything(cls, seed: int, opened: BillingPeriod, scale: float = 1.0, net: bool = False) -> Organisation:
        """The same retailer with every feature: all line-item types, an account in India, a partly upfront plan.

        `net` tells of discounts by net columns; otherwise there is a row of each type of discount. Its second month
        has the most: a plan bought and refunded, the purchase of an upfront plan.
        """
        sample = cls.sample(seed, opened, scale, edp_percent=0 if net else 3)
        mumbai = Account(_account_number(seed, "mumbai"), "shop-mumbai", "mumbai", ("ap-south-1",), True, INDIA)
        # Multiples of 1E-4: halves and thousandths of a commitment are printed without rounding.
        partial = SavingsPlan(
            digest(seed, "sp", 3)[:36],
            sample.payer.id,
            "ComputeSavingsPlans",
            max(1, round(40 * scale)) * money("0.01"),
            27,
            1,
            "Partial Upfront",
        )
        return replace(
            sample,
            members=(*sample.members, mumbai),
            savings_plans=(
                *(replace(plan, commitment=plan.commitment // 10**6 * 10**6) for plan in sample.savings_plans),
                partial,
            ),
            features=Features(
                every_discount=not net,
                net_per_mille=65 if net else 0,
                every_refund=True,
                flat_rate=True,
                unknown_type=True,
                split_costs=True,
                capacity_reservations=True,
            ),
        )

    @classmethod
    def alike(cls, seed: int, opened: BillingPeriod, scale: float = 1.0, net: bool = False) -> Organisation:
        """Everything whose report says the same in each format of a Cost and Usage Report.

        That is: plain tag keys, and no capacity reservations, which only CUR 2.0 tells of. (A CUR 2.0 export must
        be without account names too, which a legacy report has not.)
        """
        everything = cls.everything(seed, opened, scale, net)
        return replace(
            everything,
            features=replace(everything.features, capacity_reservations=False),
            spelling=Spelling.PLAIN,
        )


def _account_number(seed: int, name: str, lead: str = "") -> AccountId:
    return account_id(lead + str(10**11 + int(digest(seed, name), 16) % (9 * 10**11))[len(lead) :])
