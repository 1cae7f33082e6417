"""The permission manifest: every IAM action that a linked account's role is asked for, and what each is for.

The one place where it is said. The template in `cfn/` is made of it (`tools/role_template.py`), the help page shows
it, and a refusal is explained by it. What nothing uses yet is here too and is not granted: to name its user in
`used_by` grants it. What a single session may do of all this is `session_policy`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from staxpipe.aws.switches import COST_EXPLORER, INVOICES, KMS_KEY, ORGANIZATIONS, Switch


@dataclass(frozen=True)
class Permission:
    """One IAM action.

    Attributes:
        action: as IAM writes it.
        operations: the calls of AWS's API that need it, as botocore names them; none where AWS itself asks for it.
        reason: why staxpipe asks for it.
        scope: on what, in words.
        without: what is lost without it.
        used_by: what uses it: assets, jobs and checks by their dotted names.
        sid: of its statement in the template. Neighbours that share one share its resource, condition and switch.
        resource: on what, as YAML of the template.
        condition: under which circumstances, as YAML of the template.
        switch: the parameter by which it is chosen; None where every link has it.
        remark: more for who reads the template: about the statement, or the first of several actions in it.
    """

    action: str
    operations: tuple[str, ...]
    reason: str
    scope: str
    without: str
    used_by: tuple[str, ...]
    sid: str
    resource: str = '"*"'
    condition: str = ""
    switch: Switch | None = None
    remark: str = ""

    @property
    def everywhere(self) -> bool:
        """Whether it is on every resource that its action knows."""
        return self.resource == '"*"'


_READERS = ("staxpipe.defs.assets.delivery", "staxpipe.defs.assets.landing")
_COMPARISON = ("staxpipe.defs.comparisons.compare",)
_DOCTOR = ("staxpipe.doctor.gather.look",)
_ORGANIZATION = ("staxpipe.defs.organizations.read_organizations",)

_WITHOUT_ORGANIZATION = "Accounts of a legacy report are shown by number alone, and none by organisational unit or tag."

_OWN_BUCKET = """
StringEquals:
  aws:ResourceAccount: !Ref AWS::AccountId"""


def _organization(name: str, reason: str, without: str = _WITHOUT_ORGANIZATION, remark: str = "") -> Permission:
    return Permission(
        f"organizations:{name}",
        operations=(name,),
        reason=reason,
        scope="The organisation, seen from its management account: names, states, units and tags of its accounts. AWS "
        "answers with their mail addresses too; staxpipe keeps none. You choose it in the template.",
        without=without,
        used_by=_ORGANIZATION,
        sid="ReadOrganization",
        switch=ORGANIZATIONS,
        remark=remark,
    )


MANIFEST = (
    Permission(
        "s3:ListBucket",
        operations=("ListObjectsV2", "HeadBucket"),
        reason="To see which billing reports AWS has delivered, and when a new one arrives.",
        scope="The one bucket that you name, below your prefix if you name one, while it belongs to your account.",
        without="No report can be found.",
        used_by=("staxpipe.linking.bucket_check.check_link", *_READERS, *_DOCTOR),
        sid="ListReports",
        resource='!Sub "arn:${AWS::Partition}:s3:::${BucketName}"',
        condition="""!If
- HasPrefix
- StringEquals:
    # The bucket must be this account's: a name that someone else takes later is not read.
    aws:ResourceAccount: !Ref AWS::AccountId
  StringLike:
    s3:prefix: !Sub "${BucketPrefix}/*"
- StringEquals:
    aws:ResourceAccount: !Ref AWS::AccountId""",
        remark="With a prefix, other parts of the bucket cannot even be listed.",
    ),
    Permission(
        "s3:GetObject",
        operations=("GetObject", "HeadObject"),
        reason="To read the billing reports themselves.",
        scope="Files below your prefix in that bucket, or in all of it if you name no prefix. No other bucket, and "
        "with a prefix no other folder.",
        without="Nothing can be loaded.",
        used_by=(*_READERS, *_DOCTOR),
        sid="ReadReports",
        resource="""!If
- HasPrefix
- !Sub "arn:${AWS::Partition}:s3:::${BucketName}/${BucketPrefix}/*"
- !Sub "arn:${AWS::Partition}:s3:::${BucketName}/*\"""",
        condition=_OWN_BUCKET,
    ),
    Permission(
        "cur:DescribeReportDefinitions",
        operations=("DescribeReportDefinitions",),
        reason="To know how your Cost and Usage Reports are set up: their format, and whether AWS overwrites old ones.",
        scope="Settings of reports, not their data.",
        without="staxpipe knows the delivered files alone, and cannot warn you of settings that lose data.",
        used_by=_DOCTOR,
        sid="DescribeLegacyReports",
        remark="AWS knows no narrower resource for this action.",
    ),
    Permission(
        "bcm-data-exports:ListExports",
        operations=("ListExports",),
        reason="To see which newer data exports (CUR 2.0, FOCUS) the account has.",
        scope="Names of exports, not their data.",
        without="staxpipe cannot tell you that a better export of the same months exists.",
        used_by=_DOCTOR,
        sid="ListDataExports",
        remark="AWS knows no narrower resource for this action.",
    ),
    Permission(
        "bcm-data-exports:GetExport",
        operations=("GetExport",),
        reason="To know how such an export is set up: its columns and where it is delivered.",
        scope="Settings of this account's exports, not their data.",
        without="staxpipe cannot warn you of columns that an export lacks.",
        used_by=_DOCTOR,
        sid="DescribeDataExports",
        resource='!Sub "arn:${AWS::Partition}:bcm-data-exports:*:${AWS::AccountId}:export/*"',
    ),
    Permission(
        "kms:Decrypt",
        operations=(),  # S3 asks KMS for it, in the role's name
        reason="To read reports in a bucket that is encrypted with a key of your own.",
        scope="The one key that you name, through S3 only. Left out if you name none.",
        without="Reports in such a bucket cannot be read.",
        used_by=(*_READERS, *_DOCTOR),
        sid="DecryptReports",
        resource="!Ref KmsKeyArn",
        condition="""
StringEquals:
  kms:ViaService: !Sub
    - "s3.${KeyRegion}.${AWS::URLSuffix}"
    - KeyRegion: !Select [3, !Split [":", !Sub "${KmsKeyArn}:::::"]]""",
        switch=KMS_KEY,
        remark="With that key alone, through S3, in the key's own region (the fourth part of its ARN; the colons keep "
        "an empty parameter harmless).",
    ),
    _organization(
        "DescribeOrganization",
        "To know which organisation the account belongs to, and which account manages it.",
        remark="To show accounts by name and organisational unit instead of by number. AWS answers with mail addresses "
        "too; staxpipe keeps none. AWS knows no narrower resource for the first two; the ids of units and accounts, "
        "which could narrow the others, are what they are asked for.",
    ),
    _organization("ListRoots", "To know where the organisation begins."),
    _organization(
        "ListOrganizationalUnitsForParent", "To know which organisational units are in another, from the root down."
    ),
    _organization("ListAccountsForParent", "To know the names and states of the accounts in an organisational unit."),
    _organization(
        "ListTagsForResource",
        "To read the tags of accounts, such as their owners or cost centres.",
        without="Costs cannot be told by tags of accounts. Names and units are read all the same.",
    ),
    Permission(
        "invoicing:ListInvoiceSummaries",
        operations=("ListInvoiceSummaries",),
        reason="To compare each month with the totals of your invoices.",
        scope="Numbers, issuers, dates and totals of this account's invoices, not the invoices themselves. You choose "
        "it in the template.",
        without="Months are compared with their report only, not with what AWS invoiced.",
        used_by=_COMPARISON,
        sid="ListInvoices",
        switch=INVOICES,
        remark="It lists their numbers, issuers, dates and totals, not the invoices themselves. AWS knows no narrower "
        "resource for this action.",
    ),
    Permission(
        "ce:GetCostAndUsage",
        operations=("GetCostAndUsage",),
        reason="To compare each month with what Cost Explorer says it cost.",
        scope="Cost and usage of this account. staxpipe asks for a month's total, once for each delivery of a finished "
        "month; AWS charges you USD 0.01 for each request. You choose it in the template, and whoever runs staxpipe "
        "switches it on.",
        without="Months are not compared with Cost Explorer.",
        used_by=_COMPARISON,
        sid="GetCosts",
        switch=COST_EXPLORER,
        remark="It can answer any question about cost and usage, and staxpipe asks for a month's total. AWS could "
        "narrow it to a billing view, but does not say what a request that names none, as ours, is checked against. "
        "AWS charges each request.",
    ),
)

GRANTED = tuple(permission for permission in MANIFEST if permission.used_by)
"""What the template grants: what something uses, and nothing else."""

GRANTED_BY_MEMBERS = tuple(permission for permission in GRANTED if permission.switch in {None, KMS_KEY})
"""What the roles of an organisation's members grant: the bill as a whole and the organisation are its manager's."""


def granted(action: str) -> Permission:
    """What the manifest says of an action that the template grants; a KeyError for any other."""
    return {permission.action: permission for permission in GRANTED}[action]


def needed_for(operation: str) -> Permission | None:
    """What a call of AWS's API needs; None where no link's role is asked for it."""
    return next((permission for permission in GRANTED if operation in permission.operations), None)


def switches(permissions: Iterable[Permission] = GRANTED) -> tuple[Switch, ...]:
    """The parameters by which some of them are chosen, each once, in their order."""
    return tuple(dict.fromkeys(permission.switch for permission in permissions if permission.switch))
