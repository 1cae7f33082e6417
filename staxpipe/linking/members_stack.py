"""Roles for members of an organisation that keep reports of their own: all by one StackSet of the payer. Pure.

The template itself is cfn/staxpipe-members.yaml. What each member's role is called and demands follows from the
account's number, here as there, and a test holds the two together; why that is safe is in docs/security.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from staxpipe.errors import PermanentError
from staxpipe.linking.quick_create import beside, command, create_page, operator_principal
from staxpipe.settings import Settings

TEMPLATE_NAME = "staxpipe-members.yaml"
PLACE = "{account}"
"""What stands in a bucket's name for the account's number."""

UNITS = "UNITS"
"""What a person writes over: the units' ids are not ours to know."""


_ROLE_OF_MEMBER = re.compile(r"staxpipe-link-[a-z0-9]{12}-[0-9]{12}")


class MemberRoles(Protocol):
    """What of a StackSet the template and the members' requests need."""

    @property
    def external_id(self) -> str:
        """What the ExternalIds of the members begin with."""

    @property
    def role_name(self) -> str:
        """What their roles' names begin with."""

    @property
    def bucket(self) -> str:
        """Their buckets' name, with `PLACE` where the account's number stands."""

    @property
    def prefix(self) -> str:
        """The folder in each bucket; empty for all of it."""

    @property
    def stack_region(self) -> str:
        """Where the StackSet is."""


class Named(Protocol):
    """What of a request tells whether its role comes from a StackSet."""

    @property
    def role_name(self) -> str:
        """What its role is called."""


def external_id_of(roles: MemberRoles, account: str) -> str:
    """The ExternalId that the role of one member demands: no other role of ours demands it."""
    return f"{roles.external_id}-{account}"


def role_name_of(roles: MemberRoles, account: str) -> str:
    """What the role of one member is called."""
    return f"{roles.role_name}-{account}"


def bucket_of(bucket: str, account: str) -> str:
    """The bucket of one member."""
    return bucket.replace(PLACE, account)


def is_of_member(request: Named) -> bool:
    """Whether a request's role comes from a StackSet: its name has the account's number, as no other has."""
    return _ROLE_OF_MEMBER.fullmatch(request.role_name) is not None


def parameters(settings: Settings, roles: MemberRoles) -> Mapping[str, str]:
    """The template's parameters, except the units that a person chooses.

    Raises:
        PermanentError: the operator has not said as whom staxpipe runs, or the bucket has no place for the account.
    """
    if roles.bucket.count(PLACE) != 1:
        raise PermanentError(f"The bucket's name must have {PLACE} in it once: {roles.bucket!r} has not.")
    before, after = roles.bucket.split(PLACE)
    return {
        "OperatorPrincipalArn": operator_principal(settings),
        "ExternalId": roles.external_id,
        "RoleName": roles.role_name,
        "BucketNameBefore": before,
        "BucketNameAfter": after,
        "BucketPrefix": roles.prefix,
    }


def template_url(settings: Settings) -> str | None:
    """Where the template is published: beside the role's; None where that is not published."""
    return beside(settings, TEMPLATE_NAME)


def create_url(settings: Settings, roles: MemberRoles) -> str | None:
    """The console's page that creates the StackSet; None without a published template.

    Raises:
        PermanentError: as `parameters` does.
    """
    address = template_url(settings)
    given = parameters(settings, roles)
    return None if address is None else create_page(roles.stack_region, address, roles.role_name, given)


def deploy_command(settings: Settings, roles: MemberRoles) -> str:
    """One command for a shell that is signed in to the management account, in the folder of the downloaded template.

    Raises:
        PermanentError: as `parameters` does.
    """
    values = {"OrganizationalUnitIds": UNITS, **parameters(settings, roles)}
    return command(roles.stack_region, roles.role_name, TEMPLATE_NAME, values)  # empty ones too: it also updates
