"""One realistic payload of each kind, as the rooms that enqueue write them."""

from __future__ import annotations

from staxpipe.linking.verdicts import IgnoresExternalId

ACCOUNT = "123456789012"
_UNSAFE = IgnoresExternalId(f"arn:aws:iam::{ACCOUNT}:role/staxpipe-link-4f7q2m", accepts_wrong=True, accepts_none=True)
URL = "https://cost.example.com/requests/4fQm0cZkT1u9"

INVITE: dict[str, object] = {
    "to": "grace@example.com",
    "invited_by": "ada@example.com",
    "note": "You own the payer account, don't you?\nThe bucket is called <billing> & co.",
    "url": "https://cost.example.com/invite/eyJpZCI6",
    "expires_at": "2026-11-10T09:05:00+00:00",
}

LINKED: dict[str, object] = {"to": "ada@example.com", "account_id": ACCOUNT, "url": URL}

TROUBLE: dict[str, object] = {
    "to": ["ada@example.com"],
    "account_id": ACCOUNT,
    "reason": _UNSAFE.reason,
    "what_to_do": _UNSAFE.what_to_do,
    "url": URL,
}

INGEST_FAILED: dict[str, object] = {
    **TROUBLE,
    "period": "2026-09",
    "reason": "s3://acme-billing/cur/2026-09/report-3.csv.gz ends in the middle: the gzip stream has no end.",
    "what_to_do": "What was loaded of this month before is still there. Other months and accounts go on.",
}

DATA_READY: dict[str, object] = {
    "to": ["ada@example.com", "ops@example.com"],
    "account_id": ACCOUNT,
    "url": URL,
    "periods": [
        {
            "period": "2026-07",
            "rows": 119307,
            "billed_cost": "48211.503",
            "effective_cost": "47120.2299",
            "currency": "USD",
            "provisional": False,
            "findings": [],
        },
        {
            "period": "2026-08",
            "rows": 124340,
            "billed_cost": "51002.255",
            "effective_cost": "50000",
            "currency": "USD",
            "provisional": False,
            "findings": [
                {
                    "code": "marketplace-without-seller",
                    "severity": "info",
                    "message": "12 Marketplace rows name no seller.",
                },
                {
                    "code": "unknown-line-item-type",
                    "severity": "warning",
                    "message": "3 rows are of a line-item type that staxpipe does not know (PrivateRateDiscount): "
                    "they are loaded as purchases.",
                },
            ],
        },
        {
            "period": "2026-10",
            "rows": 98111,
            "billed_cost": "40120.1",
            "effective_cost": "39001.77",
            "currency": "CNY",
            "provisional": True,
            "findings": [],
        },
        {
            "period": "2026-10",
            "rows": 98111,
            "billed_cost": "-0.004",
            "effective_cost": "1234567.891",
            "currency": "USD",
            "provisional": True,
            "findings": [],
        },
    ],
    "gaps": ["2026-09"],
    "failed": [
        {
            "period": "2026-06",
            "error": "The manifest lists cur/2026-06/report-2.csv.gz, and the bucket has no such file.",
        }
    ],
}

DATA_DELETED: dict[str, object] = {
    "to": ["ada@example.com", "ops@example.com"],
    "account_id": ACCOUNT,
    "url": f"{URL}/unlink",
    "receipt": 7,
    "asked_by": "ada@example.com",
    "asked_at": "2026-11-03T11:58:00+00:00",
    "finished_at": "2026-11-03T12:01:30+00:00",
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/staxpipe-link-4f7q2m",
    "deleted": [
        "341,758 line items in the lake",
        "4 deliveries that could be read in the lake",
        "9 files of the lake",
        "18,002 daily costs",
    ],
    "checked": 19,
    "sources": ["s3://acme-billing/cur/reports/acme-cur"],
    "kept": ["s3://acme-billing/shared/<all>"],
}

SAMPLES: dict[str, dict[str, object]] = {
    "invite": INVITE,
    "linked": LINKED,
    "data_ready": DATA_READY,
    "data_deleted": DATA_DELETED,
    "link_refused": TROUBLE,
    "link_expired": {
        **TROUBLE,
        "reason": "In 14 days the role staxpipe-link-4f7q2m did not become usable.",
        "what_to_do": "If you still want to link the account, open the request again and create the stack.",
    },
    "bucket_problem": {
        **TROUBLE,
        "reason": "The bucket acme-billing holds no cost report below the prefix cur/.",
        "what_to_do": "The account's page says what was looked at, and what to change. staxpipe goes on looking.",
    },
    "ingest_failed": INGEST_FAILED,
}
