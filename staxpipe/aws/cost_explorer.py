"""What Cost Explorer says that an account's month cost. Each call is one request, and AWS charges USD 0.01 for it.

What follows from the answer is `staxpipe.comparison.costs`'s; that it is asked once only, `staxpipe.comparison.run`'s.
Give it a client that does not repeat requests by itself.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from staxpipe.aws.errors import by_choice_in_words
from staxpipe.aws.permissions import granted
from staxpipe.comparison.costs import METRICS, Costs
from staxpipe.errors import PermanentError
from staxpipe.model import BillingPeriod

PERMISSION = granted("ce:GetCostAndUsage")


def get_costs(client: Any, account: str, period: BillingPeriod) -> Costs:
    """A month's cost by currency, metric and record type, in one request.

    Args:
        client: of the service `ce`; its endpoint is in us-east-1, whatever its session's region.
        account: whose, for messages: the credentials decide.
        period: the month.

    Raises:
        NotGrantedError: the role does not allow it, or Cost Explorer is not switched on in the account.
        TransientError: AWS could not answer just now.
        PermanentError: AWS refuses, or the answer is not one of a single page with numbers.
    """
    what = f"Cost Explorer of account {account} for {period}"
    with by_choice_in_words(what, PERMISSION):
        answer = client.get_cost_and_usage(
            TimePeriod={"Start": f"{period.start:%Y-%m-%d}", "End": f"{period.end:%Y-%m-%d}"},
            Granularity="MONTHLY",
            Metrics=list(METRICS),
            GroupBy=[{"Type": "DIMENSION", "Key": "RECORD_TYPE"}],  # some twenty at most: one page
        )
    if answer.get("NextPageToken"):
        raise PermanentError(f"The answer of {what} has several pages. Each costs as much as a request: none is read.")
    by_currency: dict[str, dict[str, dict[str, Decimal]]] = {}
    for month in answer["ResultsByTime"]:
        for group in month.get("Groups", []):
            record_type = group["Keys"][0]
            for metric, value in group["Metrics"].items():
                types = by_currency.setdefault(value["Unit"], {}).setdefault(metric, {})
                types[record_type] = _decimal(value["Amount"], what)
    return Costs(by_currency, any(month.get("Estimated", False) for month in answer["ResultsByTime"]))


def _decimal(text: str, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise PermanentError(f"An amount of {what} is no number: {text[:50]!r}. It cannot be compared.")
    return number
