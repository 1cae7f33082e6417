"""What the customer's role allows, action by action, and what each is for: the words of the help page.

The template in `cfn/` is what counts; a test holds that this list names exactly its actions.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """One IAM action. `scope` says on what; `without` what is lost without it; `optional` if it is by choice."""

    action: str
    reason: str
    scope: str
    without: str
    optional: bool = False


_ORGANIZATION = "They read the organisation's structure, in its management account. You choose them in the template."
_NAMES = "Without these, accounts are shown by number instead of by name and organisational unit."


def _organization(action: str, reason: str) -> Permission:
    return Permission(f"organizations:{action}", reason, _ORGANIZATION, _NAMES, optional=True)


PERMISSIONS = (
    Permission(
        "s3:ListBucket",
        "To see which billing reports AWS has delivered, and when a new one arrives.",
        "The one bucket that you name, below your prefix, while it belongs to your account.",
        "No report can be found.",
    ),
    Permission(
        "s3:GetObject",
        "To read the billing reports themselves.",
        "Files below your prefix in that bucket. No other bucket, no other folder.",
        "Nothing can be loaded.",
    ),
    Permission(
        "cur:DescribeReportDefinitions",
        "To know how your Cost and Usage Reports are set up: their format, and whether AWS overwrites old ones.",
        "Settings of reports, not their data.",
        "staxpipe knows the delivered files alone, and cannot warn you of settings that lose data.",
    ),
    Permission(
        "bcm-data-exports:ListExports",
        "To see which newer data exports (CUR 2.0, FOCUS) the account has.",
        "Names of exports, not their data.",
        "staxpipe cannot tell you that a better export of the same months exists.",
    ),
    Permission(
        "bcm-data-exports:GetExport",
        "To know how such an export is set up: its columns and where it is delivered.",
        "Settings of this account's exports, not their data.",
        "staxpipe cannot warn you of columns that an export lacks.",
    ),
    Permission(
        "kms:Decrypt",
        "To read reports in a bucket that is encrypted with a key of your own.",
        "The one key that you name, through S3 only. Left out if you name none.",
        "Reports in such a bucket cannot be read.",
        optional=True,
    ),
    Permission(
        "invoicing:ListInvoiceSummaries",
        "To compare each month with the totals of your invoices.",
        "Numbers, issuers, dates and totals of this account's invoices, not the invoices themselves. You choose it in "
        "the template.",
        "Months are compared with their report only, not with what AWS invoiced.",
        optional=True,
    ),
    Permission(
        "ce:GetCostAndUsage",
        "To compare each month with what Cost Explorer says it cost.",
        "Cost and usage of this account. staxpipe asks for a month's total, once for each delivery of a finished "
        "month; AWS charges you USD 0.01 for each request. You choose it in the template, and whoever runs staxpipe "
        "switches it on.",
        "Months are not compared with Cost Explorer.",
        optional=True,
    ),
    _organization("DescribeOrganization", "To know which organisation the account belongs to."),
    _organization("DescribeAccount", "To show an account by its name."),
    _organization("DescribeOrganizationalUnit", "To show an organisational unit by its name."),
    _organization("ListAccounts", "To know all accounts that the bill is about."),
    _organization("ListAccountsForParent", "To know which accounts are in an organisational unit."),
    _organization("ListChildren", "To walk through the organisation from its root."),
    _organization("ListOrganizationalUnitsForParent", "To know which organisational units are in another."),
    _organization("ListParents", "To know where an account stands in the organisation."),
    _organization("ListRoots", "To know where the organisation begins."),
    _organization("ListTagsForResource", "To read the tags of accounts, such as their owners or cost centres."),
)
