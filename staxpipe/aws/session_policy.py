"""What a session of a linked role may do at most, as inline policies: always less than the role itself.

Pure. What the role itself may do is said in `permissions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}],
}
"""For probing: credentials that can say who they are and do nothing else, whatever the role allows."""


LIST_INVOICES: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "ListInvoices", "Effect": "Allow", "Action": "invoicing:ListInvoiceSummaries", "Resource": "*"}
    ],
}
"""For comparing a month with its invoices. AWS knows no narrower resource for the action."""

GET_COSTS: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "GetCosts", "Effect": "Allow", "Action": "ce:GetCostAndUsage", "Resource": "*"}],
}
"""For comparing a month with Cost Explorer. AWS's narrower resource, a billing view, is for requests that name one."""

DESCRIBE_REPORTS: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DescribeReports",
            "Effect": "Allow",
            "Action": [
                "cur:DescribeReportDefinitions",
                "bcm-data-exports:ListExports",
                "bcm-data-exports:GetExport",
            ],
            "Resource": "*",  # GetExport's exports are narrowed by the role itself
        }
    ],
}
"""For asking how the account's exports are set up."""


def read_reports(bucket: str, prefix: str) -> Mapping[str, Any]:
    """For listing and reading reports: one bucket below one prefix, and KMS through S3 alone."""
    listing: dict[str, Any] = {
        "Sid": "ListReports",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    if prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}/*"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            listing,
            {
                "Sid": "ReadReports",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*" if prefix else f"arn:aws:s3:::{bucket}/*",
            },
            {
                "Sid": "DecryptReports",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "*",  # which key is the role's decision; this session can use it only through S3
                "Condition": {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "s3.*.amazonaws.com.cn"]}},
            },
        ],
    }
