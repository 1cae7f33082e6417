"""What runs where: every resource of an organisation as one line, made from the seed.

A line is one resource's one usage type. Its hourly rhythm is a name here and a table in `usage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from staxpipe.synthetic.catalogue import CATALOGUE, QUANTITY_UNITS, REGIONS, Offer, Region
from staxpipe.synthetic.organisation import Account, Organisation, digest


class Rhythm(IntEnum):
    """How usage runs through a week, in local time."""

    ALWAYS = 0
    OFFICE = 1  # working hours on working days
    TRAFFIC = 2  # customers: a daily wave, quieter at weekends
    NIGHTLY = 3  # batch jobs
    SPORADIC = 4  # an hour here and there
    DAILY = 5  # one row a day


@dataclass(frozen=True)
class Line:
    """One resource's one usage type. `quantity` is an hour's usage at full rhythm, in units of 1E-6.

    A member of a scaling group runs (one full hour) while the group is larger than `member`; `group` is the
    group's size at the peak of the first month, 0 for what does not scale by members.
    """

    account: Account
    offer: Offer
    region: Region
    zone: str
    resource: str
    tags: Mapping[str, str]
    rhythm: Rhythm
    quantity: int
    member: int = 0
    group: int = 0
    metered: bool = True  # varies from hour to hour; otherwise exactly `quantity`

    @property
    def rate(self) -> int:
        """Price per unit in the account's currency, in units of 1E-10."""
        rate = self.offer.rate(self.region)
        return rate * self.account.seller.exchange if self.account.seller else rate


@dataclass(frozen=True)
class _Plan:
    offer: str
    count: int
    quantity: float
    rhythm: Rhythm
    project: str
    scaling: bool = False


A, O, T, N, S, D = Rhythm  # noqa: E741  # one letter each, so that the table below reads as a table

_PLANS: Mapping[str, tuple[_Plan, ...]] = {
    "management": (
        _Plan("trail", 2, 900, A, "audit"),
        _Plan("config", 1, 6, S, "audit"),
        _Plan("s3.storage", 1, 8.2, D, "billing"),
        _Plan("dns", 2, 41_000, T, "dns"),
    ),
    "production": (
        _Plan("ec2.m5.large", 6, 1, T, "checkout", scaling=True),
        _Plan("ec2.c5.xlarge", 5, 1, T, "search", scaling=True),
        _Plan("ec2.m6g.large", 3, 1, A, "checkout"),
        _Plan("spot.m5.2xlarge", 3, 1, N, "search", scaling=True),
        _Plan("gp3", 6, 0.27, A, "checkout"),
        _Plan("snapshots", 2, 0.9, D, "checkout"),
        _Plan("rds.db.m5.large", 3, 1, A, "orders"),
        _Plan("rds.storage", 3, 0.55, A, "orders"),
        _Plan("rds.backup", 1, 0.4, D, "orders"),
        _Plan("nat.hours", 2, 1, A, "network"),
        _Plan("nat.bytes", 2, 3.1, T, "network"),
        _Plan("ipv4", 3, 1, A, "network"),
        _Plan("alb.hours", 2, 1, A, "checkout"),
        _Plan("alb.lcu", 2, 2.4, T, "checkout"),
        _Plan("out", 5, 1.6, T, "checkout"),
        _Plan("in", 6, 2.2, T, "checkout"),
        _Plan("zones", 5, 3.0, T, "checkout"),
        _Plan("regions", 4, 0.02, T, "checkout"),
        _Plan("s3.storage", 3, 55, D, "media"),
        _Plan("s3.tier1", 3, 5_200, T, "media"),
        _Plan("s3.tier2", 3, 91_000, T, "media"),
        _Plan("s3.out", 3, 0.4, T, "media"),
        _Plan("lambda.time", 3, 5_100, T, "events"),
        _Plan("lambda.calls", 3, 46_000, T, "events"),
        _Plan("lambda.disk", 2, 1.3, T, "events"),
        _Plan("dynamo.read", 2, 260_000, T, "carts"),
        _Plan("dynamo.write", 2, 52_000, T, "carts"),
        _Plan("cdn.bytes", 1, 9.5, T, "media"),
        _Plan("cdn.calls", 1, 210_000, T, "media"),
        _Plan("watch.logs", 2, 0.7, T, "checkout"),
        _Plan("watch.metrics", 1, 0.35, A, "checkout"),
        _Plan("kms", 2, 1_900, T, "orders"),
        _Plan("eks", 1, 1, A, "checkout"),
        _Plan("fargate.cpu", 3, 2, T, "checkout", scaling=True),
        _Plan("fargate.memory", 3, 4, T, "checkout", scaling=True),
        _Plan("sqs", 2, 33_000, T, "events"),
        _Plan("sqs.free", 2, 800, T, "events"),
        _Plan("guard.free", 2, 300, A, "audit"),
        _Plan("trail", 2, 2_000, A, "audit"),
        _Plan("market", 1, 1, A, "search"),
    ),
    "staging": (
        _Plan("ec2.t3.medium", 4, 1, O, "checkout"),
        _Plan("ec2.m5.large", 1, 1, O, "checkout"),
        _Plan("gp3", 3, 0.11, A, "checkout"),
        _Plan("rds.db.m5.large", 1, 1, O, "orders"),
        _Plan("in", 3, 0.2, O, "checkout"),
        _Plan("zones", 2, 0.1, O, "checkout"),
        _Plan("alb.hours", 1, 1, A, "checkout"),
        _Plan("lambda.time", 1, 220, S, "events"),
        _Plan("lambda.calls", 1, 1_200, S, "events"),
        _Plan("watch.logs", 1, 0.05, O, "checkout"),
        _Plan("sqs.free", 1, 90, O, "events"),
        _Plan("trail", 1, 400, A, "audit"),
    ),
    "data": (
        _Plan("ec2.r5.xlarge", 3, 1, A, "warehouse"),
        _Plan("spot.c5.xlarge", 5, 1, N, "etl", scaling=True),
        _Plan("ec2.g4dn.xlarge", 1, 1, O, "models"),
        _Plan("rds.db.r5.xlarge", 1, 1, A, "warehouse"),
        _Plan("rds.storage", 1, 1.4, A, "warehouse"),
        _Plan("gp3", 4, 0.4, A, "warehouse"),
        _Plan("s3.storage", 2, 410, D, "lake"),
        _Plan("s3.tier1", 2, 21_000, N, "lake"),
        _Plan("s3.tier2", 2, 260_000, T, "lake"),
        _Plan("s3.out", 2, 0.2, S, "lake"),
        _Plan("glue", 2, 4, N, "etl"),
        _Plan("athena", 2, 0.04, O, "lake"),
        _Plan("regions", 3, 0.3, T, "lake"),
        _Plan("in", 2, 1.9, T, "lake"),
        _Plan("kms", 1, 700, A, "lake"),
        _Plan("trail", 1, 700, A, "audit"),
    ),
    "sandbox": (
        _Plan("ec2.t3.medium", 2, 1, S, ""),
        _Plan("spot.t3.medium", 1, 1, S, ""),
        _Plan("gp3", 2, 0.03, A, ""),
        _Plan("s3.tier2", 1, 40, S, ""),
        _Plan("in", 1, 0.01, S, ""),
        _Plan("lambda.calls", 1, 3, S, ""),
        _Plan("lambda.disk", 1, 0.4, S, ""),
        _Plan("sqs.free", 1, 5, S, ""),
    ),
    "mumbai": (
        _Plan("ec2.t3.medium", 2, 1, A, "checkout"),
        _Plan("spot.t3.medium", 1, 1, N, "search"),
        _Plan("gp3", 2, 0.05, A, "checkout"),
        _Plan("s3.tier2", 1, 700, T, "media"),
        _Plan("lambda.calls", 1, 900, T, "events"),
        _Plan("out", 1, 0.2, T, "checkout"),
        _Plan("sqs.free", 1, 12, S, "events"),
    ),
    "security": (
        _Plan("guard", 2, 61_000, A, "audit"),
        _Plan("guard.free", 2, 900, A, "audit"),
        _Plan("trail", 4, 3_000, A, "audit"),
        _Plan("config", 2, 21, S, "audit"),
        _Plan("s3.storage", 1, 61, D, "audit"),
        _Plan("s3.tier1", 1, 1_100, A, "audit"),
        _Plan("kms", 1, 350, A, "audit"),
        _Plan("watch.calls", 1, 60, A, "audit"),
    ),
}

_TEAMS = {
    "checkout": "Payments",
    "search": "Discovery",
    "orders": "Payments",
    "media": "Storefront, Web",
    "events": "Platform",
    "carts": "Payments",
    "network": "Platform",
    "warehouse": "データ基盤",
    "etl": "データ基盤",
    "models": "Zürich ML",
    "lake": "データ基盤",
    "audit": "Security",
}


def fleet(organisation: Organisation, scale: float = 1.0) -> tuple[Line, ...]:
    """Every line of the organisation, account by account; `scale` multiplies resources."""
    return tuple(line for account in organisation.accounts for line in _lines(organisation, account, scale))


def _lines(organisation: Organisation, account: Account, scale: float) -> Iterator[Line]:
    for plan in _PLANS[account.role]:
        offer = CATALOGUE[plan.offer]
        count = max(1, round(plan.count * scale))
        instances = offer.unit.lower() in {"hrs", "hours"}
        # A scaling group needs members to grow into: twice its first peak is enough for two years.
        for number in range(count * 2 if plan.scaling else count):
            region = REGIONS[_region(account, offer, number)]
            yield Line(
                account=account,
                offer=offer,
                region=region,
                zone=region.code + "abc"[number % 3] if offer.zonal else "",
                resource=_resource(organisation, account, offer, region, plan.project, number),
                tags=_tags(account, offer, plan, number),
                rhythm=plan.rhythm,
                quantity=round(plan.quantity * QUANTITY_UNITS),
                member=number if plan.scaling else 0,
                group=count if plan.scaling else 0,
                metered=not instances,
            )


def _region(account: Account, offer: Offer, number: int) -> str:
    if offer.code in {"AmazonCloudFront", "AmazonRoute53"}:
        return "global"
    # Three in four run in the account's first region.
    return account.regions[1] if len(account.regions) > 1 and number % 4 == 3 else account.regions[0]


def _resource(
    organisation: Organisation, account: Account, offer: Offer, region: Region, project: str, number: int
) -> str:
    return offer.resource.format(
        id=digest(organisation.seed, account.id, offer.key, number),
        region=region.code,
        account=account.id,
        project=project or "scratch",
    )


def _tags(account: Account, offer: Offer, plan: _Plan, number: int) -> dict[str, str]:
    creator = digest(account.id, plan.project)[:12].upper()
    tags = {"aws:createdBy": f"AssumedRole:AROA{creator}:terraform"} if offer.resource else {}
    if not plan.project or not offer.resource or number % 7 == 6:  # some things are never tagged
        return tags
    tags |= {
        "user:Environment": account.role,
        "user:Team": _TEAMS.get(plan.project, "Platform"),
        "user:project": plan.project,
    }
    if number % 2:
        tags["user:Cost Center"] = f"CC-{1000 + len(plan.project) * 10}"
    elif number % 3 == 0:
        tags["user:cost-center"] = f"cc{1000 + len(plan.project) * 10}"
    if plan.project == "models":
        tags["user:Ürün"] = "tavsiye"
    if offer.instance_type:
        tags["user:Name"] = f'{plan.project} "{"blue" if number % 2 else "green"}" {number + 1:02d}'
        tags["user:Owner"] = "ops@harbour.example"
    if plan.scaling:
        tags["aws:autoscaling:groupName"] = f"{plan.project}-{account.role}"
    if offer.code == "AmazonEKS":
        tags["aws:eks:cluster-name"] = plan.project
    if offer.code == "AWSELB":
        tags["aws:cloudformation:stack-name"] = f"{plan.project}-edge"
    return tags
