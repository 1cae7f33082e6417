"""What options of several commands name: accounts and months, checked alike and told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from staxpipe.model import AccountId, BillingPeriod


@overload
def parse_account(text: str) -> AccountId: ...
@overload
def parse_account(text: str | None) -> AccountId | None: ...
def parse_account(text: str | None) -> AccountId | None:
    """The account that an option names, if it is given.

    Raises:
        PermanentError: it is none.
    """
    from staxpipe.errors import PermanentError
    from staxpipe.model import account_id

    try:
        return None if text is None else account_id(text)
    except ValueError as error:
        raise PermanentError(f"--account: {error}.") from None


def parse_period(text: str | None) -> BillingPeriod | None:
    """The month that an option names, if it is given.

    Raises:
        PermanentError: it is none.
    """
    from staxpipe.errors import PermanentError
    from staxpipe.model import BillingPeriod

    try:
        return None if text is None else BillingPeriod.parse(text)
    except ValueError as error:
        raise PermanentError(f"--period: {error}.") from None
