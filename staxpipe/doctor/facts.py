"""What the doctor's checks are made from: whose link it is, what its bucket holds, and how its exports are set up.

Frozen values. How they are come by is `gather`'s, what follows from them the checks'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from staxpipe.db.link_requests import LinkRequest
from staxpipe.db.links import Link
from staxpipe.model import AccountId, BillingPeriod, ExportKind, FileFormat, Finding


class Granularity(StrEnum):
    """How much time one row is about."""

    HOURLY = "hourly"
    DAILY = "daily"
    MONTHLY = "monthly"


class Versioning(StrEnum):
    """What a new delivery does to the one before."""

    CREATE_NEW = "create-new"
    OVERWRITE = "overwrite"


@dataclass(frozen=True)
class Subject:
    """Whom a look is about: a link, or a request whose role is being looked for. `id` is shown in CloudTrail."""

    id: str
    request_id: str
    account_id: AccountId
    role_arn: str
    external_id: str = field(repr=False)  # a secret of the link: never in a log
    bucket: str
    prefix: str
    region: str

    @property
    def role_name(self) -> str:
        """The role's name, which is also its stack's."""
        return self.role_arn.rpartition("/")[2]

    @property
    def address(self) -> str:
        """Where the reports are expected."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def of_link(link: Link) -> Subject:
    """A link, as the doctor sees it."""
    return Subject(
        link.id,
        link.request_id,
        link.account_id,
        link.role_arn,
        link.external_id,
        link.bucket,
        link.prefix,
        link.region,
    )


def of_request(request: LinkRequest) -> Subject:
    """A request that is complete, as the doctor sees it.

    Raises:
        ValueError: its details are missing.
    """
    if request.account_id is None or request.role_arn is None or request.bucket is None or request.region is None:
        raise ValueError(f"the request {request.id} is not complete: there is nothing to look at yet")
    return Subject(
        request.id,
        request.id,
        request.account_id,
        request.role_arn,
        request.external_id,
        request.bucket,
        request.prefix,
        request.region,
    )


@dataclass(frozen=True)
class ReportSettings:
    """How AWS is told to deliver one export; None where the service does not say, or has no such setting.

    `trouble` is AWS's code for why it cannot deliver.
    """

    name: str
    bucket: str
    prefix: str
    kind: ExportKind | None
    granularity: Granularity | None = None
    resource_ids: bool | None = None
    versioning: Versioning | None = None
    refresh_closed: bool | None = None
    split_cost: bool | None = None
    trouble: str = ""

    @property
    def source(self) -> str:
        """Where it delivers to, as `staxpipe.model.Export` names it."""
        return "/".join(part for part in (f"s3://{self.bucket}", self.prefix.strip("/"), self.name) if part)


@dataclass(frozen=True)
class ExportFacts:
    """One export, by what lies in the bucket.

    `columns` are those of its newest manifest, possibly none; `read` is False where that made no sense, or was refused.
    """

    source: str
    name: str
    kind: ExportKind
    months: tuple[BillingPeriod, ...]
    delivered_at: datetime
    format: FileFormat | None = None
    columns: tuple[str, ...] = ()
    versioning: Versioning | None = None
    granularity: Granularity | None = None
    read: bool = False


@dataclass(frozen=True)
class BucketFacts:
    """What a look into the bucket gave.

    `refused` says why it cannot be listed, `key_refused` and `read_refused` why a file cannot be read, by its KMS key
    or in another way; `read` is True where one was. `whole` is False where there was too much to list. `finding` is
    what `staxpipe.exports` says of a prefix without a report.
    """

    region: str | None = None
    refused: str | None = None
    objects: int = 0
    whole: bool = True
    exports: tuple[ExportFacts, ...] = ()
    finding: Finding | None = None
    read: bool = False
    key_refused: str | None = None
    read_refused: str | None = None

    @property
    def months(self) -> tuple[BillingPeriod, ...]:
        """Every month that some export has a report of, in order."""
        return tuple(sorted({month for export in self.exports for month in export.months}))


@dataclass(frozen=True)
class Facts:
    """What one full look gave. `unread` says, by service, why settings could not be asked for."""

    bucket: BucketFacts
    settings: tuple[ReportSettings, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def settings_of(self, export: ExportFacts) -> ReportSettings | None:
        """How AWS is told to deliver an export that lies in the bucket; None where that is not known."""
        return next((known for known in self.settings if known.source == export.source), None)
