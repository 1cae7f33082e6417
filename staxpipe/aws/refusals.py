"""What AWS refused to a linked account's role, in words: which action, what is lost without it, and what to do.

Pure. That an answer is a refusal is for `errors` to know; what each action is for is said in `permissions`. A role that
was made from an older template lacks what was added since, and AWS says so only when it is asked.
"""

from __future__ import annotations

import re

from staxpipe.aws.permissions import Permission, needed_for

_UPDATE = "update the role's stack with the current template"

_CALLERS_OWN = re.compile(
    r"(?:because no|with an explicit deny in an?) "
    r"(identity-based policy|permissions boundary|session policy|service control policy|VPC endpoint policy)",
    re.IGNORECASE,
)
"""How AWS names a policy of whoever calls: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""


def by_the_callers_own(said: str) -> str | None:
    """Which kind of policy of the caller's own account stands in the way; None where AWS names none.

    Of the other side's, a trust policy or a resource control policy, AWS tells another account nothing, or their name.
    """
    found = _CALLERS_OWN.search(said)
    return None if found is None else found[1]


def refused(what: str, operation: str, said: str) -> str:
    """Of a call that AWS refuses: `said` is its answer, `operation` the call as botocore names it."""
    permission = needed_for(operation)
    lost = f"AWS refuses access to {what}{_lost(permission)}"
    if permission is not None and _by_another_policy(said):
        return (
            f"{lost} What stands in the way is a policy beside the role's own: of the bucket (S3 → Buckets → the "
            "bucket → Permissions → Bucket policy), of the organisation, or a permissions boundary. "
            f"Whoever keeps it must let the role through. AWS said: {said}"
        )
    if _by_the_role_itself(said):
        return (
            f"{lost} The bucket is there, and the role's stack names another bucket or another prefix: see its "
            "parameters BucketName and BucketPrefix (CloudFormation → Stacks), and correct what differs; "
            f"if nothing does, {_UPDATE}. AWS said: {said}"
        )
    return (
        f"{lost} AWS gives no reason, and mostly gives none where the bucket belongs to another account: check that "
        "the bucket belongs to the linked account. If it does, check that the role's stack has this bucket and prefix "
        f"and that no bucket or organisation policy denies it; if all that is so, {_UPDATE}. AWS said: {said}"
    )


def not_granted(what: str, permission: Permission, said: str) -> str:
    """Of something that a role may lack and still be linked: by its owner's choice, or because its stack is older."""
    choice = f" and {permission.switch.turned_on}" if permission.switch else ""
    return (
        f"AWS does not show {what}: the role does not allow {permission.action}. {permission.without} To allow it, "
        f"{_UPDATE}{choice}. AWS said: {said}"
    )


def _lost(permission: Permission | None) -> str:
    return f": the role may not use {permission.action} there. {permission.without}" if permission else "."


def _by_the_role_itself(said: str) -> bool:
    """Whether AWS says that the role's own policy is what lacks it; it gives reasons for resources of one account."""
    return "no identity-based policy" in said


def _by_another_policy(said: str) -> bool:
    """Whether AWS names a policy that is not the role's own ("because no … policy allows", "with an explicit deny")."""
    return "explicit deny" in said or ("because no" in said and not _by_the_role_itself(said))
