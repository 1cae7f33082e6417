"""The parameters of the role's template by which an account's owner grants more than what every link needs.

What each grants is said in `permissions`. Parameters that every stack is given are in the template's skeleton.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """A parameter that is off by default: true or false, or, with a `pattern`, a text that may be empty.

    Attributes:
        parameter: its name in the template.
        condition: the template's condition that holds where it is on.
        label: what the AWS console shows in its place.
        description: what it is for and what it costs, for the console and for our page.
        pattern: what a text must match; the empty one always may.
        constraint: the pattern in words, as the end of "it must".
    """

    parameter: str
    condition: str
    label: str
    description: str
    pattern: str = ""
    constraint: str = ""

    @property
    def turned_on(self) -> str:
        """What a person adds to the stack's parameters."""
        return f"{self.parameter}={'…' if self.pattern else 'true'}"


KMS_KEY = Switch(
    "KmsKeyArn",
    "HasKmsKey",
    "KMS key of the bucket, if it has one",
    "Needed for a bucket that is encrypted with a KMS key of your own: the key's ARN (not an alias). Without it such "
    "reports cannot be read. The key's policy must allow the role too.",
    pattern="arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
    constraint="be the ARN of one KMS key (not of an alias), or empty",
)

ORGANIZATIONS = Switch(
    "IncludeOrganizations",
    "ReadsOrganizations",
    "Read the names of the organisation's accounts?",
    "Lets staxpipe show accounts by name, and costs by organisational unit and by the tags of accounts. Only useful in "
    "the management account. AWS answers with the accounts' mail addresses too, which staxpipe does not keep.",
)

INVOICES = Switch(
    "IncludeInvoices",
    "ReadsInvoices",
    "Compare each month with AWS's invoices?",
    "Lets staxpipe compare what it shows with the totals of your invoices. Free of charge.",
)

COST_EXPLORER = Switch(
    "IncludeCostExplorer",
    "ReadsCostExplorer",
    "Compare each month with Cost Explorer, at USD 0.01 a request?",
    "Lets staxpipe compare finished months with Cost Explorer, where whoever runs staxpipe switched that on too. AWS "
    "charges this account USD 0.01 for each request.",
)
